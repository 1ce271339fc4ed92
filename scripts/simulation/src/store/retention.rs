//! Retention in the reference model: all accounts in one step.

use std::sync::Arc;

use correio_proto::mail::{Mail, MailId, MailRef, Seq, Timestamp, Username};
use correio_server::{
    day::DAY,
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone,
        admin::{
            AccountState, AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout, postmaster,
        },
    },
};

use super::{
    settings::{MailsWarning, RetentionDays, Settings},
    state::State,
};

impl State {
    /// Does the one step of retention.
    pub(super) fn retain(&mut self, retention: &Retention) -> AdminDone {
        let (postmaster, _) = postmaster();
        if retention.is_on() && self.lists.find(&postmaster).is_some() {
            return AdminDone::Taken(vec![postmaster]);
        }
        let today = Some(retention.now.0 / DAY);
        if retention.is_on() && self.retention.last < today {
            self.retention = RetentionDays { last: today, count: self.retention.count + 1 };
        }
        let (mut mails, mut accounts, mut warned) = (0, Vec::new(), Vec::new());
        let concerned: Vec<(AccountId, Username)> = self
            .accounts
            .iter()
            .filter(|(_, account)| account.settings.state == AccountState::Enabled)
            .filter(|(_, account)| account.username != postmaster)
            .map(|(id, account)| (*id, account.username.clone()))
            .collect();
        for (id, username) in concerned {
            if self.is_unused(retention, (id, &username), &mut warned) {
                self.delete_all(id);
                accounts.push((id, username));
            } else {
                mails += self.retain_mails(retention, (id, &username), &mut warned);
            }
        }
        AdminDone::Retained { mails, accounts, warned, next: None }
    }

    /// Whether the days after a warning are over.
    fn is_over(&self, retention: &Retention, warned_on: u64) -> bool {
        self.retention.count - warned_on > u64::from(retention.warning_days)
    }

    fn settings(&mut self, id: AccountId) -> Option<&mut Settings> {
        self.accounts.get_mut(&id).map(|account| &mut account.settings)
    }

    fn is_unused(
        &mut self,
        retention: &Retention,
        (id, username): (AccountId, &Username),
        warned: &mut Vec<SentWarning>,
    ) -> bool {
        let today = self.retention.count;
        let Some(settings) = self.settings(id) else {
            return false;
        };
        let Some(before) = retention.accounts_before else {
            settings.warned_on = None;
            return false;
        };
        let known = settings.used_at.max(settings.created_at);
        let Some(last) = known.filter(|_| !retention.in_use.contains(&id)) else {
            settings.used_at = settings.used_at.max(Some(Timestamp(retention.now.0 / DAY * DAY)));
            settings.warned_on = None;
            return false;
        };
        if last >= soon(retention, before) {
            settings.warned_on = None;
            return false;
        }
        if let Some(warned_on) = settings.warned_on {
            return last < before && self.is_over(retention, warned_on);
        }
        self.warn(retention, (id, username), WarningAbout::Account, warned);
        if let Some(settings) = self.settings(id) {
            settings.warned_on = Some(today);
        }
        false
    }

    fn retain_mails(
        &mut self,
        retention: &Retention,
        (id, username): (AccountId, &Username),
        warned: &mut Vec<SentWarning>,
    ) -> u32 {
        let earlier = self.settings(id).and_then(|settings| settings.mails_warned);
        let Some(before) = retention.mails_before else {
            if let Some(settings) = self.settings(id) {
                settings.mails_warned = None;
            }
            return 0;
        };
        if earlier.is_some_and(|warned| !self.is_over(retention, warned.on)) {
            return 0;
        }
        let is_due = |mail: &Mail, at| {
            let covers = |it: MailsWarning| at < it.before && mail.seq <= it.last;
            at < before && earlier.is_some_and(covers)
        };
        let soon = soon(retention, before);
        // A mail has the latest time of those up to it: an earlier one is from a clock behind.
        let mut latest = Timestamp(0);
        let timed = self.mailbox(id).map(|mail| {
            latest = latest.max(mail.sent_at);
            (mail.clone(), latest)
        });
        let concerned: Vec<(Mail, Timestamp)> = timed.take_while(|(_, at)| *at < soon).collect();
        let (old, later): (Vec<_>, Vec<_>) =
            concerned.into_iter().partition(|(mail, at)| is_due(mail, *at));
        let later = later.iter().filter(|(mail, _)| mail.from.as_str() != POSTMASTER).count();
        let old: Vec<MailRef> = old.iter().map(|(mail, _)| mail.reference()).collect();
        let deleted = match self.confirm(id, &old) {
            StoreDone::Confirmed { deleted } => deleted,
            _ => 0,
        };
        let last = Seq(self.last_seq);
        if later > 0 {
            let later = u32::try_from(later).unwrap_or(u32::MAX).min(WarningAbout::MAILS_MAX);
            self.warn(retention, (id, username), WarningAbout::Mails(later), warned);
        }
        let today = self.retention.count;
        if let Some(settings) = self.settings(id) {
            settings.mails_warned =
                (later > 0).then_some(MailsWarning { on: today, before: soon, last });
        }
        deleted
    }

    fn warn(
        &mut self,
        retention: &Retention,
        (id, username): (AccountId, &Username),
        about: WarningAbout,
        warned: &mut Vec<SentWarning>,
    ) {
        let mail = Arc::new(warning((id, username), about, retention.now));
        let sender = self.postmaster(retention.now).expect("no list has the name");
        self.put_once(sender, &mail, retention.now, &[id]).expect("the id is new");
        let from_name = self.accounts.get(&sender).map(|account| account.full_name.clone());
        warned.push(SentWarning {
            account: id,
            username: username.clone(),
            about,
            subject: mail.subject.clone(),
            from_name: from_name.expect("the account was found"),
        });
    }
}

/// What is there now and before the bound once a warning of today is over.
fn soon(retention: &Retention, before: Timestamp) -> Timestamp {
    let period = (u64::from(retention.warning_days) + 1) * DAY;
    retention.now.min(Timestamp(before.0 + period))
}

fn warning(
    (id, username): (AccountId, &Username),
    about: WarningAbout,
    now: Timestamp,
) -> NewMailRecord {
    let text = match about {
        WarningAbout::Mails(mails) => format!("{mails} old mails will be deleted"),
        WarningAbout::Account => "the account will be deleted".to_owned(),
    };
    let mut rest = [0; 10];
    rest[1] = u8::from(about == WarningAbout::Account);
    rest[2..].copy_from_slice(&id.0.to_be_bytes());
    NewMailRecord::new(
        MailId::from_parts(now, rest),
        username.clone().into(),
        text.parse().expect("the text is a subject"),
        text.parse().expect("the text is a body"),
    )
}

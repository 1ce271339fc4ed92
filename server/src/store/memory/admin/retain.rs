//! Retention in the store in memory.

use std::sync::Arc;

use correio_proto::mail::{MailRef, Seq, Timestamp, Username};

use crate::{
    ids::AccountId,
    store::{
        admin::{
            AccountState, AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout, postmaster,
        },
        memory::{Account, Accounts, MemoryStore, mailbox::StoredMail, settings::AccountSettings},
        reached::Reached,
        retention::{
            ACCOUNTS_STEP, DELETED_STEP, STEP_WORK, WRITE_WORK, WarningPeriod,
            decision::{AccountDecision, AccountTimes, MailsDecision, WaitingMail, decide},
            warning,
        },
    },
};

/// One step, and what it has done so far.
struct Step<'a> {
    retention: &'a Retention,
    period: WarningPeriod,
    work: usize,
    mails: u32,
    accounts: Vec<(AccountId, Username)>,
    warned: Vec<SentWarning>,
}

/// Whether a step is done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    /// There are more mails to delete, in the next step.
    Unfinished,
}

impl Accounts {
    /// The ids after this one, given or not.
    fn ids_after(&self, after: Option<AccountId>) -> std::ops::RangeInclusive<i64> {
        let last = i64::try_from(self.places.len()).unwrap_or(i64::MAX);
        after.map_or(0, |AccountId(id)| id).saturating_add(1)..=last
    }
}

impl MemoryStore {
    /// Does one step of retention.
    pub(super) fn retain(&mut self, retention: &Retention) -> AdminDone {
        let (name, _) = postmaster();
        if retention.is_on() && self.lists.has_name(&name) {
            return AdminDone::Taken(vec![name]);
        }
        if retention.after.is_none() && retention.is_on() {
            self.retention_days.add(retention.now);
        }
        let period = WarningPeriod::new(self.retention_days.count, retention);
        let (accounts, warned) = (Vec::new(), Vec::new());
        let mut step = Step { retention, period, work: 0, mails: 0, accounts, warned };
        let ids = self.accounts.ids_after(retention.after);
        let last = *ids.end();
        let mut next = None;
        for (id, index) in ids.zip(1..) {
            if self.retain_account(&mut step, AccountId(id)) == Progress::Unfinished {
                next = Some(AccountId(id - 1));
                break;
            }
            if id < last && (step.work >= STEP_WORK || index >= ACCOUNTS_STEP) {
                next = Some(AccountId(id));
                break;
            }
        }
        let Step { mails, accounts, warned, .. } = step;
        AdminDone::Retained { mails, accounts, warned, next }
    }

    fn retain_account(&mut self, step: &mut Step<'_>, id: AccountId) -> Progress {
        let Some(account) = self.accounts.get(id).filter(|account| is_concerned(account)) else {
            return Progress::Done;
        };
        step.work += 1;
        let username = account.names.username.clone();
        let settings = &account.settings;
        let times = AccountTimes {
            used_at: settings.used_at,
            created_at: settings.created_at,
            warned_on: settings.warned_on,
        };
        match decide(id, times, step.retention, step.period) {
            AccountDecision::Keep => {}
            AccountDecision::TakeBack => self.change(id, |settings| settings.warned_on = None),
            AccountDecision::SetUsed => {
                self.change(id, |settings| settings.set_used(step.retention.now));
            }
            AccountDecision::Warn => {
                if self.warn(step, (id, &username), WarningAbout::Account) {
                    let today = step.period.today;
                    self.change(id, |settings| settings.warned_on = Some(today));
                }
            }
            AccountDecision::Delete => return self.delete_unused(step, (id, username)),
        }
        match step.retention.mails_before {
            Some(before) => self.retain_mails(step, (id, &username), before),
            None => {
                self.change(id, |settings| settings.mails_warned = None);
                Progress::Done
            }
        }
    }

    fn change(&mut self, id: AccountId, change: impl FnOnce(&mut AccountSettings)) {
        if let Some(account) = self.accounts.get_mut(id) {
            change(&mut account.settings);
        }
    }

    /// Deletes an account, after most of its mails.
    fn delete_unused(
        &mut self,
        step: &mut Step<'_>,
        (id, username): (AccountId, Username),
    ) -> Progress {
        let waiting = self.accounts.get(id).map_or(0, |account| account.mailbox.mails());
        if waiting > DELETED_STEP {
            let oldest: Vec<_> = self.oldest(id).take(DELETED_STEP).map(|(mail, _)| mail).collect();
            self.delete_old(step, id, &oldest);
            return Progress::Unfinished;
        }
        self.delete_all(id);
        step.work += (waiting + 1) * WRITE_WORK;
        step.accounts.push((id, username));
        Progress::Done
    }

    /// Deletes the mails that their owner was warned of, and warns of the next.
    fn retain_mails(
        &mut self,
        step: &mut Step<'_>,
        (id, username): (AccountId, &Username),
        before: Timestamp,
    ) -> Progress {
        let warned = self.accounts.get(id).and_then(|account| account.settings.mails_warned);
        let Some(mut decision) = MailsDecision::begin(before, warned, step.period) else {
            return Progress::Done;
        };
        for (mail, stored) in self.oldest(id) {
            step.work += 1;
            let is_postmaster = stored.from.username.as_str() == POSTMASTER;
            let next = WaitingMail { mail, sent_at: stored.sent_at, is_postmaster };
            if decision.see(&next).is_break() {
                break;
            }
        }
        self.delete_old(step, id, &decision.old);
        if decision.is_cut() {
            return Progress::Unfinished;
        }
        let warning = decision.warning(Seq(self.last_seq));
        let later = decision.later;
        let is_warned = later > 0 && self.warn(step, (id, username), WarningAbout::Mails(later));
        self.change(id, |settings| settings.mails_warned = is_warned.then_some(warning));
        Progress::Done
    }

    /// The mails of a mailbox, in the order in which they came.
    fn oldest(&self, id: AccountId) -> impl Iterator<Item = (MailRef, &StoredMail)> {
        let mailbox = self.accounts.get(id).map(|account| &account.mailbox);
        let mails = mailbox.into_iter().flat_map(|mailbox| mailbox.above(Seq(0)));
        mails.map(|(seq, stored)| (MailRef { seq, id: stored.mail.id }, stored))
    }

    fn delete_old(&mut self, step: &mut Step<'_>, id: AccountId, mails: &[MailRef]) {
        step.work += mails.len() * WRITE_WORK;
        step.mails += u32::try_from(mails.len()).unwrap_or(u32::MAX);
        self.confirm(id, mails);
    }

    /// Puts a warning into a mailbox. Returns whether the mailbox has it.
    fn warn(
        &mut self,
        step: &mut Step<'_>,
        (id, username): (AccountId, &Username),
        about: WarningAbout,
    ) -> bool {
        let retention = step.retention;
        let Some(mail) = warning((id, username), about, retention) else {
            return false;
        };
        let Ok(sender) = self.postmaster(retention.now) else {
            return false;
        };
        let Some(from) = self.accounts.get(sender).map(|account| account.names.clone()) else {
            return false;
        };
        if self.bytes + mail.quota_bytes() > self.limits.bytes {
            return false;
        }
        step.work += WRITE_WORK;
        step.warned.push(SentWarning {
            account: id,
            username: username.clone(),
            about,
            subject: mail.subject.clone(),
            from_name: from.full_name.clone(),
        });
        let mail = Arc::new(mail);
        self.record(sender, mail.id, mail.digest(), retention.now);
        self.put(&from, &mail, None, retention.now, &Reached::from(vec![id]));
        true
    }
}

/// Whether retention may concern an account.
fn is_concerned(account: &Account) -> bool {
    account.settings.state == AccountState::Enabled && account.names.username.as_str() != POSTMASTER
}

//! The operator, who disables and enables accounts, sets their quotas, and announces.

use std::sync::Arc;

use correio_proto::{mail::Username, message::Send};
use correio_server::store::{
    EVERYBODY, NewMailRecord, Quota,
    admin::{AccountState, AdminJob, DisabledMail, POSTMASTER},
};

use super::World;
use crate::check::Violation;

impl World {
    /// Does a few jobs of the operator.
    pub(super) fn operate(&mut self) {
        for _ in 0..self.rng.within(1..=4) {
            self.operate_once();
        }
        self.note_disabled();
    }

    /// Does one job of the operator, mostly about an honest user.
    fn operate_once(&mut self) {
        let usernames = self.usernames.clone();
        let Some(username) = usernames.get(self.rng.below(usernames.len())).cloned() else {
            return;
        };
        let job = match self.rng.below(5) {
            0 => {
                let disabled = AccountState::Disabled(DisabledMail::Kept);
                AdminJob::SetState { username, state: disabled }
            }
            1 => AdminJob::SetState { username, state: AccountState::Enabled },
            2 | 3 => {
                let (mails, bytes) = (self.rng.within(0..=2) as u32, self.plan.bounds.quota.bytes);
                AdminJob::SetQuota { username, quota: Some(Quota { mails, bytes }) }
            }
            _ => match self.announcement() {
                Some(job) => job,
                None => return,
            },
        };
        self.trace.note("operator", format_args!("{job:?}"));
        let number = self.any_server();
        if let Some(server) = self.servers.get(number) {
            server.store.run_admin_job(job);
        }
    }

    /// A short mail to everybody.
    fn announcement(&mut self) -> Option<AdminJob> {
        let id = self.rng.mail_id();
        let to = EVERYBODY.parse::<Username>().ok()?.into();
        let subject = format!("announcement {id}").parse().ok()?;
        let mail = Send { id, to, subject, content: "announced".parse().ok()? };
        self.ledger.note_sent(POSTMASTER.parse().ok()?, &mail);
        let Send { id, to, subject, content } = mail;
        let mail = Arc::new(NewMailRecord::new(id, to, subject, content));
        Some(AdminJob::Announce { mail, after: None, now: self.clock.wall() })
    }

    /// Takes back what keeps users from their mail.
    pub(super) fn undo_operator(&mut self) -> Result<(), Violation> {
        for username in self.usernames.clone() {
            let state = AccountState::Enabled;
            self.store.run_admin_job(AdminJob::SetState { username: username.clone(), state });
            self.store.run_admin_job(AdminJob::SetQuota { username, quota: None });
        }
        self.note_disabled();
        self.store.commit();
        self.look_at_store()
    }

    /// Tells the oracle which accounts are disabled, also after a crash has undone a job.
    pub(super) fn note_disabled(&mut self) {
        let disabled = self.store.pending(crate::store::State::disabled);
        self.ledger.note_disabled(disabled, self.clock.tick());
    }
}

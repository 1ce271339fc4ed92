//! News between the servers on one database, as the lanes, the news thread and the loop share it.
//!
//! Mails travel by NOTIFY, on a connection of their own and some milliseconds after the mail's
//! commit: a NOTIFY within the mail's transaction would hold a lock that all other transactions
//! with a NOTIFY wait for, until the standby has the commit. News of a mail may therefore be lost;
//! the mail is not. Sessions that must end are rows (`ended_sessions.rs`), and a NOTIFY only says
//! that there are new ones.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    ids::AccountId,
    mutex::lock,
    store::{
        StoreDone, StoreJob,
        admin::AdminDone,
        admin::AdminJob,
        news::{ArrivedMail, News},
    },
};

/// News of mails that may wait to be sent; with more, the oldest are dropped.
const OUTGOING_MAX: usize = 10_000;

/// What the lanes, the news thread and the loop share.
#[derive(Debug, Default)]
pub(super) struct NewsBoard {
    /// Mails that arrived through this server.
    pub(super) outgoing: Mutex<VecDeque<(Vec<AccountId>, ArrivedMail)>>,
    /// Whether this server has added rows to `ended_session`.
    pub(super) has_ended: AtomicBool,
    /// News of other servers.
    pub(super) incoming: Mutex<Vec<News>>,
    /// Whether there are other servers: otherwise nothing is sent.
    pub(super) has_others: AtomicBool,
}

impl NewsBoard {
    /// Records what a job that is committed means for other servers.
    pub(super) fn committed(&self, job: &StoreJob, done: &StoreDone) {
        if !self.has_others.load(Ordering::Relaxed) {
            return;
        }
        match (job, done) {
            (StoreJob::Send { mail, .. }, StoreDone::Sent { recipients, from, .. }) => {
                let (from, from_name) = from.clone();
                let subject = mail.subject.clone();
                self.arrived(recipients.clone(), ArrivedMail { from, from_name, subject });
            }
            (
                StoreJob::Admin(AdminJob::Announce { mail, .. }),
                StoreDone::Admin(AdminDone::Announced { accounts, .. }),
            ) => {
                let (from, from_name) = crate::store::admin::postmaster();
                let subject = mail.subject.clone();
                self.arrived(accounts.clone(), ArrivedMail { from, from_name, subject });
            }
            (StoreJob::Admin(_), _)
            | (
                StoreJob::SetHash { .. }
                | StoreJob::DeleteAccount { .. }
                | StoreJob::Recover { .. }
                | StoreJob::AppPassword(_),
                _,
            ) => self.has_ended.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    fn arrived(&self, accounts: Vec<AccountId>, mail: ArrivedMail) {
        if accounts.is_empty() {
            return;
        }
        let mut outgoing = lock(&self.outgoing);
        if outgoing.len() >= OUTGOING_MAX {
            outgoing.pop_front();
        }
        outgoing.push_back((accounts, mail));
    }

    /// Takes the news of other servers.
    pub(super) fn take(&self, news: &mut Vec<News>) {
        news.append(&mut lock(&self.incoming));
    }
}

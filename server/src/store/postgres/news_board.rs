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
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    ids::AccountId,
    limits::throttle::LoginNews,
    metrics::shared::Number,
    mutex::lock,
    store::{
        StoreDone, StoreJob,
        admin::AdminDone,
        admin::AdminJob,
        news::{ArrivedMail, News},
    },
};

/// Accounts that news of mails which wait to be sent may name together, and such news themselves;
/// with more, the oldest are dropped. The last one may name any number.
const OUTGOING_ACCOUNTS_MAX: usize = 200_000;
const OUTGOING_MAX: usize = 10_000;

/// News of logins that may wait to be sent; with more, the oldest are dropped. They are sent each
/// second, in which the workers of a large machine check fewer passwords.
const LOGINS_MAX: usize = 1_000;

/// News of other servers that may wait for the loop; with more, those that may be lost are dropped.
const INCOMING_MAX: usize = 10_000;

/// How long a commit may still become visible whose connection was lost: it may wait for a standby
/// after the failover of others.
const UNSETTLED: Duration = Duration::from_mins(10);

/// News of a mail.
#[derive(Debug)]
pub(super) struct MailNews {
    /// The accounts that it has reached.
    pub(super) accounts: Vec<AccountId>,
    /// What their notices show.
    pub(super) mail: ArrivedMail,
}

/// News of mails that wait to be sent.
#[derive(Debug, Default)]
struct Outbox {
    news: VecDeque<MailNews>,
    /// Accounts that `news` names.
    accounts: usize,
}

/// What the lanes, the news thread and the loop share.
#[derive(Debug, Default)]
pub(super) struct NewsBoard {
    /// Mails that arrived through this server.
    outgoing: Mutex<Outbox>,
    /// Logins that failed at this server, and its operator's `unblock`.
    logins: Mutex<VecDeque<LoginNews>>,
    /// News of logins that were dropped.
    logins_dropped: AtomicU64,
    /// Whether this server has added rows to `ended_session`.
    pub(super) has_ended: AtomicBool,
    /// For how long this server's own rows in `ended_session` are still news for itself, too.
    unsettled: Mutex<Duration>,
    /// News of other servers.
    incoming: Mutex<Vec<News>>,
    /// Whether there are other servers: otherwise nothing is sent.
    pub(super) has_others: AtomicBool,
    /// Sessions that are open here, for the other servers.
    pub(super) sessions: AtomicU64,
    /// Servers that were seen lately, this one included; unknown while the database is out of
    /// reach.
    pub(super) nodes: Number,
}

/// Whether a job may end sessions on all servers.
fn may_end_sessions(job: &StoreJob) -> bool {
    matches!(
        job,
        StoreJob::SetHash { .. }
            | StoreJob::DeleteAccount { .. }
            | StoreJob::Recover { .. }
            | StoreJob::AppPassword(_)
            | StoreJob::Admin(_)
    )
}

impl NewsBoard {
    /// Whether the news thread has counted the servers on its present connection. It notices that
    /// the connection is lost with its next statement.
    pub(super) fn has_counted_nodes(&self) -> bool {
        self.nodes.get().is_some()
    }

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
            (job, _) if may_end_sessions(job) => self.has_ended.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Records that nobody knows whether a job is committed. If it ends sessions, those of this
    /// server are ended as if another server had done the job: the session that asked for it has
    /// heard of no success.
    pub(super) fn given_up(&self, job: &StoreJob) {
        if may_end_sessions(job) {
            *lock(&self.unsettled) = UNSETTLED;
        }
    }

    /// Whether this server's own rows in `ended_session` are news for itself.
    pub(super) fn is_unsettled(&self) -> bool {
        !lock(&self.unsettled).is_zero()
    }

    /// Records that they were read, this time after the last reading.
    pub(super) fn settle(&self, since: Duration) {
        let mut unsettled = lock(&self.unsettled);
        *unsettled = unsettled.saturating_sub(since);
    }

    fn arrived(&self, accounts: Vec<AccountId>, mail: ArrivedMail) {
        if accounts.is_empty() {
            return;
        }
        let mut outgoing = lock(&self.outgoing);
        while outgoing.news.len() >= OUTGOING_MAX
            || outgoing.accounts + accounts.len() > OUTGOING_ACCOUNTS_MAX
        {
            let Some(dropped) = outgoing.news.pop_front() else { break };
            outgoing.accounts -= dropped.accounts.len();
        }
        outgoing.accounts += accounts.len();
        outgoing.news.push_back(MailNews { accounts, mail });
    }

    /// Takes the news of mails that wait to be sent.
    pub(super) fn take_outgoing(&self) -> VecDeque<MailNews> {
        std::mem::take(&mut *lock(&self.outgoing)).news
    }

    /// Records what other servers must count.
    pub(super) fn tell(&self, news: LoginNews) {
        if !self.has_others.load(Ordering::Relaxed) {
            return;
        }
        let mut logins = lock(&self.logins);
        if logins.len() >= LOGINS_MAX {
            logins.pop_front();
            self.logins_dropped.fetch_add(1, Ordering::Relaxed);
        }
        logins.push_back(news);
    }

    /// Takes the news of logins that wait to be sent.
    pub(super) fn take_logins(&self) -> Vec<LoginNews> {
        std::mem::take(&mut *lock(&self.logins)).into()
    }

    /// News of logins that were dropped, because too many waited.
    pub(super) fn logins_dropped(&self) -> u64 {
        self.logins_dropped.load(Ordering::Relaxed)
    }

    /// Adds news of other servers. Returns whether there were any.
    pub(super) fn hear(&self, news: impl IntoIterator<Item = News>) -> bool {
        let mut incoming = lock(&self.incoming);
        let before = incoming.len();
        for news in news {
            let may_be_lost = matches!(news, News::MailArrived { .. } | News::Logins(_));
            if !may_be_lost || incoming.len() < INCOMING_MAX {
                incoming.push(news);
            }
        }
        incoming.len() > before
    }

    /// Takes the news of other servers.
    pub(super) fn take(&self, news: &mut Vec<News>) {
        news.append(&mut lock(&self.incoming));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(number: usize) -> ArrivedMail {
        let subject = format!("{number}").parse().unwrap();
        ArrivedMail {
            from: "tony".parse().unwrap(),
            from_name: "Tony Stark".parse().unwrap(),
            subject,
        }
    }

    #[test]
    fn news_that_cannot_be_sent_are_bounded_by_their_number_and_by_their_accounts() {
        let board = NewsBoard::default();
        for number in 0..OUTGOING_MAX + 5 {
            board.arrived(vec![AccountId(1)], mail(number));
        }
        let waiting = board.take_outgoing();
        assert_eq!(waiting.len(), OUTGOING_MAX);
        assert_eq!(waiting.front().unwrap().mail, mail(5), "the oldest are dropped");
        let many = vec![AccountId(1); OUTGOING_ACCOUNTS_MAX / 2];
        for number in 0..5 {
            board.arrived(many.clone(), mail(number));
        }
        let waiting = board.take_outgoing();
        assert_eq!(
            waiting.into_iter().map(|news| news.mail).collect::<Vec<_>>(),
            [mail(3), mail(4)]
        );
        // A mail to more accounts than that is told all the same.
        board.arrived(vec![AccountId(1); OUTGOING_ACCOUNTS_MAX + 1], mail(6));
        assert_eq!(board.take_outgoing().len(), 1);
    }

    #[test]
    fn news_of_logins_that_cannot_be_sent_are_bounded_and_those_that_are_dropped_are_counted() {
        let board = NewsBoard::default();
        let unblocked =
            |number: usize| LoginNews::AccountUnblocked(format!("u{number}").parse().unwrap());
        board.tell(unblocked(0));
        assert_eq!(board.take_logins(), [], "there are no other servers");
        board.has_others.store(true, Ordering::Relaxed);
        (0..LOGINS_MAX + 5).for_each(|number| board.tell(unblocked(number)));
        assert_eq!(board.logins_dropped(), 5);
        let waiting = board.take_logins();
        assert_eq!((waiting.len(), waiting.first()), (LOGINS_MAX, Some(&unblocked(5))));
        assert_eq!(board.take_logins(), []);
    }

    #[test]
    fn news_that_the_loop_does_not_take_are_bounded_and_no_end_of_a_session_is_dropped() {
        let board = NewsBoard::default();
        let arrived = || News::MailArrived { accounts: vec![AccountId(1)], mail: mail(1) };
        assert!(board.hear((0..INCOMING_MAX).map(|_| arrived())));
        assert!(!board.hear([arrived()]));
        assert!(!board.hear([News::Logins(Vec::new())]));
        assert!(board.hear([News::SessionsEnded { account: AccountId(1) }]));
        let mut news = Vec::new();
        board.take(&mut news);
        assert_eq!(news.len(), INCOMING_MAX + 1);
    }
}

//! The mails of a run, with the times of their operations.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use correio_proto::mail::{MailId, Username};

/// Number of a virtual user.
pub type UserId = usize;

/// The history of all mails of the users. Mails of hostile clients are not in it.
#[derive(Debug, Default)]
pub struct History {
    pub(super) users: HashMap<Username, UserId>,
    pub(super) hostile: HashSet<Username>,
    pub(super) mails: HashMap<MailId, SentMail>,
}

/// A mail with the times of its operations.
#[derive(Debug)]
pub(super) struct SentMail {
    pub(super) from: UserId,
    pub(super) send: OperationTimes,
    /// The confirmation of each recipient's copy; `None` if it was never asked for.
    pub(super) copies: Vec<(UserId, Option<OperationTimes>)>,
}

/// The times of an operation, repetitions included.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperationTimes {
    /// When the first request was made.
    pub(super) begun: Duration,
    /// When the first answer was read; `None` without an answer.
    pub(super) ended: Option<Duration>,
}

impl OperationTimes {
    fn begin(now: Duration) -> Self {
        Self { begun: now, ended: None }
    }

    fn end(&mut self, now: Duration) {
        self.ended.get_or_insert(now);
    }

    pub(super) fn has_ended_before(self, moment: Duration) -> bool {
        self.ended.is_some_and(|ended| ended < moment)
    }
}

impl History {
    /// Records the user of a username.
    pub fn enter(&mut self, username: Username, user: UserId) {
        self.users.insert(username, user);
    }

    /// Records the username of a hostile client, whose mails are not compared.
    pub fn enter_hostile(&mut self, username: Username) {
        self.hostile.insert(username);
    }

    /// Records that a mail is about to be sent, perhaps again.
    pub fn sending(
        &mut self,
        from: UserId,
        id: MailId,
        to: impl Iterator<Item = UserId>,
        now: Duration,
    ) {
        self.mails.entry(id).or_insert_with(|| SentMail {
            from,
            send: OperationTimes::begin(now),
            copies: to.map(|user| (user, None)).collect(),
        });
    }

    /// Records that the server has acknowledged a mail.
    pub fn sent(&mut self, id: MailId, now: Duration) {
        if let Some(mail) = self.mails.get_mut(&id) {
            mail.send.end(now);
        }
    }

    /// Records that a recipient is about to confirm its copies of these mails, perhaps again.
    pub fn confirming(&mut self, by: UserId, ids: &[MailId], now: Duration) {
        for id in ids {
            if let Some(confirmation) = self.confirmation(by, *id) {
                confirmation.get_or_insert(OperationTimes::begin(now));
            }
        }
    }

    /// Records that the server has acknowledged these confirmations.
    pub fn confirmed(&mut self, by: UserId, ids: &[MailId], now: Duration) {
        for id in ids {
            if let Some(Some(confirmation)) = self.confirmation(by, *id) {
                confirmation.end(now);
            }
        }
    }

    fn confirmation(&mut self, by: UserId, id: MailId) -> Option<&mut Option<OperationTimes>> {
        let copies = &mut self.mails.get_mut(&id)?.copies;
        copies.iter_mut().find(|(user, _)| *user == by).map(|(_, confirmation)| confirmation)
    }
}

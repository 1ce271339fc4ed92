//! Tracks every mail: each acknowledged mail must be received exactly once by each of its
//! recipients, unchanged, and by nobody else.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    time::Duration,
};

use correio_proto::{
    mail::{Content, ContentHasher, ContentKind, LargeContent, Mail, MailId, Username},
    message::Send,
};

use crate::history::History;
pub use crate::history::UserId;

/// Most mail ids named in a report.
const EXAMPLES_MAX: usize = 10;

/// The ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    mails: HashMap<MailId, Entry>,
    users: HashMap<Username, UserId>,
    counts: MailCounts,
    /// The times of all operations, if backups are compared with them.
    history: Option<History>,
}

#[derive(Debug)]
struct Entry {
    from: UserId,
    digest: u64,
    acknowledged: bool,
    /// Recipients that no other recipient may see.
    hidden: Box<[Username]>,
    /// The state of each recipient's copy.
    copies: Vec<(UserId, CopyState)>,
}

/// The state of a recipient's copy of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyState {
    /// Not received yet.
    Waiting,
    /// Received. The copy may come again until the server has acknowledged its deletion.
    Received,
    /// Deleted on the server; the copy must not come again.
    Confirmed,
}

/// Counts of delivered and lost copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// Copies of acknowledged mails, one for each recipient.
    pub acknowledged: u64,
    /// Copies that were received.
    pub received: u64,
    /// Copies of acknowledged mails that never came.
    pub lost: u64,
    /// Copies that came again after their deletion.
    pub doubled: u64,
    /// Copies that came to the wrong recipient, or that no user has sent.
    pub misdelivered: u64,
    /// Copies that came with another sender, subject or content, or that name a hidden recipient to
    /// another one.
    pub changed: u64,
    /// Mailboxes that were not emptied, whose contents could not be compared.
    pub unemptied: u64,
    /// Some of the wrong mails, with their ids.
    pub examples: Vec<String>,
}

impl MailCounts {
    /// Whether every acknowledged mail was received exactly once, unchanged, by its recipients, and
    /// every mailbox was emptied to verify that.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lost + self.doubled + self.misdelivered + self.changed + self.unemptied == 0
    }

    fn example(&mut self, what: &str, id: MailId) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{what} {id}"));
        }
    }
}

impl Ledger {
    /// Makes a ledger without mails, which also keeps this history.
    #[must_use]
    pub fn new(history: Option<History>) -> Self {
        Self { history, ..Self::default() }
    }

    /// The history so far; the ledger does not go on with it.
    pub fn take_history(&mut self) -> Option<History> {
        self.history.take()
    }

    /// Records the user of a username.
    pub fn enter(&mut self, username: Username, user: UserId) {
        if let Some(history) = &mut self.history {
            history.enter(username.clone(), user);
        }
        self.users.insert(username, user);
    }

    /// Records the username of a hostile client, which has no copies to count.
    pub fn enter_hostile(&mut self, username: Username) {
        if let Some(history) = &mut self.history {
            history.enter_hostile(username);
        }
    }

    /// Records a mail before it is sent.
    pub fn begin(&mut self, from: UserId, mail: &Send, now: Duration) {
        self.begin_to(from, mail, mail.to.as_slice(), now);
    }

    /// As [`Ledger::begin`], for a mail that will reach these users, as members of a list for
    /// instance.
    pub fn begin_to(&mut self, from: UserId, mail: &Send, reached: &[Username], now: Duration) {
        let recipients = reached.iter().filter_map(|name| self.users.get(name));
        let copies: Vec<_> = recipients.map(|user| (*user, CopyState::Waiting)).collect();
        if let Some(history) = &mut self.history {
            history.sending(from, mail.id, copies.iter().map(|(user, _)| *user), now);
        }
        let digest = digest(mail.subject.as_str(), &mail.content);
        let hidden = Box::default();
        self.mails.insert(mail.id, Entry { from, digest, acknowledged: false, hidden, copies });
    }

    /// As [`Ledger::begin`], for a mail of whose recipients these are hidden (Bcc): a copy may name
    /// its own recipient among them, and no other.
    pub fn begin_hiding(
        &mut self,
        from: UserId,
        mail: &Send,
        hidden: Box<[Username]>,
        now: Duration,
    ) {
        self.begin(from, mail, now);
        if let Some(entry) = self.mails.get_mut(&mail.id) {
            entry.hidden = hidden;
        }
    }

    /// Records an acknowledgement.
    pub fn acknowledged(&mut self, id: MailId, now: Duration) {
        if let Some(history) = &mut self.history {
            history.sent(id, now);
        }
        if let Some(entry) = self.mails.get_mut(&id)
            && !mem::replace(&mut entry.acknowledged, true)
        {
            self.counts.acknowledged += entry.copies.len() as u64;
        }
    }

    /// Records that a user has received a mail, with the SHA-256 of what was read of a large
    /// content.
    pub fn received(&mut self, by: UserId, mail: &Mail) {
        let id = key(mail);
        let Some(entry) = self.mails.get_mut(&id) else {
            self.counts.misdelivered += 1;
            return self.counts.example("nobody has sent", id);
        };
        let Some((_, copy)) = entry.copies.iter_mut().find(|(user, _)| *user == by) else {
            self.counts.misdelivered += 1;
            return self.counts.example("came to somebody else:", id);
        };
        let is_whole = entry.digest == digest(mail.subject.as_str(), &mail.content)
            && self.users.get(&mail.from) == Some(&entry.from);
        if !is_whole {
            self.counts.changed += 1;
            self.counts.example("changed:", id);
        }
        let is_hidden =
            |name: &&Username| entry.hidden.contains(*name) && self.users.get(*name) != Some(&by);
        if mail.to.iter().any(|name| is_hidden(&name)) {
            self.counts.changed += 1;
            self.counts.example("names a hidden recipient:", id);
        }
        match copy {
            CopyState::Waiting => {
                *copy = CopyState::Received;
                self.counts.received += 1;
            }
            CopyState::Received => {}
            CopyState::Confirmed => {
                self.counts.doubled += 1;
                self.counts.example("came again after its deletion:", id);
            }
        }
    }

    /// Records that a user is about to ask for deletions.
    pub fn confirming(&mut self, by: UserId, ids: &[MailId], now: Duration) {
        if let Some(history) = &mut self.history {
            history.confirming(by, ids, now);
        }
    }

    /// Records that the server has acknowledged deletions.
    pub fn confirmed(&mut self, by: UserId, ids: &[MailId], now: Duration) {
        if let Some(history) = &mut self.history {
            history.confirmed(by, ids, now);
        }
        for id in ids {
            let copies = self.mails.get_mut(id).map(|entry| &mut entry.copies);
            for (user, copy) in copies.into_iter().flatten() {
                if *user == by {
                    *copy = CopyState::Confirmed;
                }
            }
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> &MailCounts {
        &self.counts
    }

    /// Closes the ledger. Acknowledged copies that did not come to a mailbox in `drained` are lost;
    /// `unemptied` is the number of the other mailboxes.
    #[must_use]
    pub fn close(mut self, drained: &HashSet<UserId>, unemptied: u64) -> MailCounts {
        self.counts.unemptied = unemptied;
        for (id, entry) in self.mails.iter().filter(|(_, entry)| entry.acknowledged) {
            for (user, copy) in &entry.copies {
                if *copy == CopyState::Waiting && drained.contains(user) {
                    self.counts.lost += 1;
                    self.counts.example("lost:", *id);
                }
            }
        }
        self.counts
    }
}

/// The id under which a mail is in the ledger. The sender puts it into the subject, since the
/// server makes the id of a mail that a mail program sends.
#[must_use]
pub fn key(mail: &Mail) -> MailId {
    mail.subject.as_str().parse().unwrap_or(mail.id)
}

/// Digest of a subject and a content. The SHA-256 of a large content stands for its bytes, and so
/// does the SHA-256 of every message, since the server decides whether a program's message is
/// large.
fn digest(subject: &str, content: &Content) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    match content {
        Content::Body(body) => body.as_str().hash(&mut hasher),
        Content::Message(message) => {
            let mut sha256 = ContentHasher::new();
            sha256.update(message.as_bytes());
            let (kind, size) = (ContentKind::Message {}, message.as_bytes().len() as u64);
            (mem::discriminant(&kind), size, sha256.finish()).hash(&mut hasher);
        }
        Content::Large(LargeContent { kind, size, sha256 }) => {
            (mem::discriminant(kind), size.get(), sha256).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use correio_proto::mail::{Seq, Sha256, Timestamp};

    use super::*;

    /// Time of everything: the counts do not depend on it.
    const NOW: Duration = Duration::ZERO;

    fn send(to: &str) -> Send {
        Send {
            id: crate::new_id().unwrap(),
            to: to.parse().unwrap(),
            subject: "x".parse().unwrap(),
            content: "y".parse().unwrap(),
        }
    }

    fn mail(from: &str, send: &Send) -> Mail {
        Mail {
            seq: Seq(1),
            id: send.id,
            from: from.parse().unwrap(),
            from_name: "Tony Stark".parse().unwrap(),
            to: send.to.clone(),
            sent_at: Timestamp(1),
            subject: send.subject.clone(),
            content: send.content.clone(),
        }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for (user, name) in ["tony", "pepper", "happy"].into_iter().enumerate() {
            ledger.enter(name.parse().unwrap(), user);
        }
        ledger
    }

    fn everybody() -> HashSet<UserId> {
        (0..3).collect()
    }

    #[test]
    fn a_mail_that_comes_once_to_each_closes_the_ledger() {
        let mut ledger = ledger();
        let sent = send("pepper, happy");
        ledger.begin(0, &sent, NOW);
        // A copy may come before the acknowledgement, and again before its confirmation.
        ledger.received(1, &mail("tony", &sent));
        ledger.received(1, &mail("tony", &sent));
        ledger.acknowledged(sent.id, NOW);
        ledger.confirmed(1, &[sent.id], NOW);
        ledger.received(2, &mail("tony", &sent));
        let unanswered = send("pepper");
        ledger.begin(0, &unanswered, NOW);
        let counts = ledger.close(&everybody(), 0);
        assert!(counts.is_closed(), "{counts:?}");
        assert_eq!((counts.acknowledged, counts.received), (2, 2));
    }

    #[test]
    fn everything_that_can_go_wrong_is_found() {
        let mut ledger = ledger();
        let (lost, doubled, changed) = (send("pepper"), send("pepper"), send("pepper"));
        for sent in [&lost, &doubled, &changed] {
            ledger.begin(0, sent, NOW);
            ledger.acknowledged(sent.id, NOW);
        }
        ledger.received(1, &mail("tony", &doubled));
        ledger.confirmed(1, &[doubled.id], NOW);
        ledger.received(1, &mail("tony", &doubled));
        ledger.received(1, &mail("happy", &changed));
        ledger.received(2, &mail("tony", &lost));
        ledger.received(1, &mail("tony", &send("pepper")));
        let counts = ledger.close(&everybody(), 0);
        assert!(!counts.is_closed());
        assert_eq!(
            (counts.lost, counts.doubled, counts.changed, counts.misdelivered),
            (1, 1, 1, 2)
        );
        assert!(counts.examples.contains(&format!("lost: {}", lost.id)), "{counts:?}");
    }

    #[test]
    fn a_copy_that_names_a_hidden_recipient_to_another_one_is_found() {
        let mut ledger = ledger();
        let sent = send("pepper, happy");
        ledger.begin_hiding(0, &sent, ["happy".parse().unwrap()].into(), NOW);
        ledger.acknowledged(sent.id, NOW);
        let seen = |to: &str| Mail { to: to.parse().unwrap(), ..mail("tony", &sent) };
        ledger.received(1, &seen("pepper"));
        ledger.received(2, &seen("pepper, happy"));
        assert_eq!(ledger.counts().changed, 0);
        ledger.received(1, &seen("pepper, happy"));
        let counts = ledger.close(&everybody(), 0);
        assert_eq!((counts.changed, counts.lost), (1, 0));
        assert_eq!(counts.examples, [format!("names a hidden recipient: {}", sent.id)]);
    }

    #[test]
    fn a_large_content_that_was_read_as_another_is_found() {
        let mut ledger = ledger();
        let large = |byte: u8| {
            let (size, sha256) = (9_u64.try_into().unwrap(), Sha256([byte; 32]));
            Content::Large(LargeContent { kind: Default::default(), size, sha256 })
        };
        let sent = Send { content: large(1), ..send("pepper, happy") };
        ledger.begin(0, &sent, NOW);
        ledger.acknowledged(sent.id, NOW);
        ledger.received(1, &mail("tony", &sent));
        assert_eq!(ledger.counts().changed, 0);
        ledger.received(2, &Mail { content: large(2), ..mail("tony", &sent) });
        assert_eq!(ledger.close(&everybody(), 0).changed, 1);
    }

    #[test]
    fn a_message_that_comes_with_other_bytes_or_as_a_text_is_found() {
        let mut ledger = ledger();
        let message = |bytes: &[u8]| Content::Message(bytes.try_into().unwrap());
        let large = |kind| {
            let (size, sha256) = (9_u64.try_into().unwrap(), Sha256([1; 32]));
            Content::Large(LargeContent { kind, size, sha256 })
        };
        let large_message = large(ContentKind::Message {});
        let as_large = |bytes: &[u8]| {
            let mut hasher = ContentHasher::new();
            hasher.update(bytes);
            let (kind, size) = (ContentKind::Message {}, (bytes.len() as u64).try_into().unwrap());
            Content::Large(LargeContent { kind, size, sha256: hasher.finish() })
        };
        let sent = Send { content: message(b"a\xff"), ..send("pepper") };
        ledger.begin(0, &sent, NOW);
        ledger.received(1, &Mail { content: as_large(b"a\xff"), ..mail("tony", &sent) });
        assert_eq!(ledger.counts().changed, 0);
        for (sent, changed) in [
            (message(b"a\xff"), message(b"a\xfe")),
            (message(b"a\xff"), as_large(b"a\xfe")),
            (message(b"a"), "a".parse().unwrap()),
            (large_message, large(ContentKind::Text {})),
        ] {
            let sent = Send { content: sent, ..send("pepper, happy") };
            ledger.begin(0, &sent, NOW);
            ledger.acknowledged(sent.id, NOW);
            let before = ledger.counts().changed;
            ledger.received(1, &mail("tony", &sent));
            assert_eq!(ledger.counts().changed, before);
            ledger.received(2, &Mail { content: changed, ..mail("tony", &sent) });
            assert_eq!(ledger.counts().changed, before + 1);
        }
    }

    #[test]
    fn what_was_not_drained_is_not_lost_but_leaves_the_ledger_open() {
        let mut ledger = ledger();
        let sent = send("pepper");
        ledger.begin(0, &sent, NOW);
        ledger.acknowledged(sent.id, NOW);
        let counts = ledger.close(&[0].into(), 1);
        assert_eq!((counts.lost, counts.unemptied), (0, 1));
        assert!(!counts.is_closed());
    }
}

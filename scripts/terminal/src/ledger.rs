//! The oracle: mails that may or must be on the server, and text that must be kept.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, bail, ensure};
use correio_proto::mail::{Content, Mail};

/// State of a mail that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailState {
    /// No key has asked to send it.
    Written,
    /// Sending was requested, and the result is not known.
    Open,
    /// The client has reported that it was sent.
    Sent,
    /// Its draft was deleted deliberately.
    Deleted,
}

/// A mail that was written with keys.
#[derive(Clone, Debug)]
struct Entry {
    state: MailState,
    /// Whether sending was ever requested: the mail may arrive even if its draft is deleted later.
    was_asked: bool,
    /// The body so far, which is exact: keys only add to its end.
    body: String,
    /// Words that must be kept: typed long enough ago, or before an orderly end.
    words: Vec<String>,
}

/// Mails by number, which is in the subject, and the mails sent to the client's user.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    written: BTreeMap<u32, Entry>,
    delivered: Vec<String>,
}

impl Ledger {
    /// Starts a mail and returns its number.
    pub(crate) fn begin(&mut self) -> u32 {
        let number = self.written.len() as u32 + 1;
        let entry = Entry {
            state: MailState::Written,
            was_asked: false,
            body: String::new(),
            words: vec![],
        };
        self.written.insert(number, entry);
        number
    }

    pub(crate) fn subject(number: u32) -> String {
        format!("m{number}-assunto")
    }

    /// The mail number in a text that holds a subject.
    pub(crate) fn number_in(text: &str) -> Option<u32> {
        let (before, _) = text.split_once("-assunto")?;
        before.rsplit_once('m')?.1.parse().ok()
    }

    /// Records text typed at the end of a body.
    pub(crate) fn typed(&mut self, number: u32, text: &str) {
        if let Some(entry) = self.written.get_mut(&number) {
            entry.body.push_str(text);
            let words = text.split_whitespace().filter(|word| word.starts_with("palavra"));
            entry.words.extend(words.map(str::to_owned));
        }
    }

    /// Sets a mail's state. A sent mail stays sent.
    pub(crate) fn set_state(&mut self, number: u32, state: MailState) {
        if let Some(entry) = self.written.get_mut(&number)
            && entry.state != MailState::Sent
        {
            entry.was_asked |= matches!(state, MailState::Open | MailState::Sent);
            entry.state = state;
        }
    }

    /// Records a mail to the client's user and returns its subject.
    pub(crate) fn deliver(&mut self) -> String {
        let subject = format!("r{}-recado", self.delivered.len() + 1);
        self.delivered.push(subject.clone());
        subject
    }

    /// Number of mails written, and of those that the client reported as sent.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let sent = self.written.values().filter(|entry| entry.state == MailState::Sent);
        (self.written.len(), sent.count())
    }

    /// Compares the mails that have arrived, and the drafts, with what was written.
    pub(crate) fn check(&self, arrived: &[Mail], drafts: &str) -> Result<()> {
        let mut times: BTreeMap<u32, usize> = BTreeMap::new();
        for mail in arrived {
            let subject = mail.subject.as_str();
            let entry =
                Self::number_in(subject).and_then(|number| self.written.get_key_value(&number));
            let Some((number, entry)) = entry else {
                bail!("nobody has written the mail {subject:?}: {:?}", mail.content);
            };
            ensure!(entry.was_asked, "mail {number} was sent, and nobody asked for that");
            // Trailing blank lines do not count: the end of a body removes one, a draft keeps it.
            let expected = entry.body.trim_end_matches('\n');
            let Content::Body(body) = &mail.content else {
                bail!("mail {number} has a large content, and none so long was typed");
            };
            let found = body.as_str().trim_end_matches('\n');
            ensure!(found == expected, "mail {number} says {found:?}, and {expected:?} was typed");
            *times.entry(*number).or_default() += 1;
        }
        for (number, entry) in &self.written {
            let times = times.get(number).copied().unwrap_or(0);
            ensure!(times <= 1, "mail {number} is there {times} times");
            match entry.state {
                MailState::Sent => ensure!(times == 1, "mail {number} was sent and is not there"),
                MailState::Deleted => {}
                MailState::Open | MailState::Written if times == 1 => {}
                MailState::Open | MailState::Written => {
                    let lost = entry.words.iter().find(|word| !drafts.contains(word.as_str()));
                    ensure!(lost.is_none(), "{lost:?} of mail {number} is in no draft");
                }
            }
        }
        Ok(())
    }

    /// Compares the mails that the client has received, and those left on the server, with those
    /// that were delivered.
    pub(crate) fn check_received(&self, received: &[String], left: &[String]) -> Result<()> {
        for subject in &self.delivered {
            let times = received.iter().filter(|found| *found == subject).count();
            ensure!(times <= 1, "{subject} was received {times} times");
            let is_there = times == 1 || left.contains(subject);
            ensure!(is_there, "{subject} is neither on the server nor with the client");
        }
        Ok(())
    }
}

/// All drafts below a data directory, as text.
pub(crate) fn drafts(data: &Path) -> String {
    let mut text = String::new();
    let mut folders = vec![data.join("drafts")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => text += &String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default()),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // It is all test.

    use correio_client::new_mail_id;
    use correio_proto::mail::{Seq, Timestamp};

    use super::*;

    fn mail(number: u32, body: &str) -> Mail {
        Mail {
            seq: Seq(1),
            id: new_mail_id(),
            from: "tony".parse().unwrap(),
            from_name: "Tony Stark".parse().unwrap(),
            to: "pepper".parse().unwrap(),
            sent_at: Timestamp::default(),
            subject: Ledger::subject(number).parse().unwrap(),
            content: body.parse().unwrap(),
        }
    }

    #[test]
    fn a_deleted_draft_that_was_never_sent_must_not_arrive() {
        let mut ledger = Ledger::default();
        let number = ledger.begin();
        ledger.typed(number, "palavra1x1\n");
        let arrived = [mail(number, "palavra1x1\n")];
        ledger.set_state(number, MailState::Deleted);
        assert!(ledger.check(&arrived, "").is_err(), "nobody has asked for it");
        assert!(ledger.check(&[], "").is_ok());
        ledger.set_state(number, MailState::Open);
        ledger.set_state(number, MailState::Deleted);
        assert!(ledger.check(&arrived, "").is_ok(), "it was asked for before it was deleted");
    }

    #[test]
    fn a_word_that_is_nowhere_is_noticed() {
        let mut ledger = Ledger::default();
        let number = ledger.begin();
        ledger.typed(number, "palavra1x1 e mais\n");
        assert!(ledger.check(&[], "").is_err());
        assert!(ledger.check(&[], "{\"body\":\"palavra1x1 e mais\"}").is_ok());
        ledger.set_state(number, MailState::Sent);
        assert!(ledger.check(&[], "palavra1x1").is_err(), "sent, and not there");
        assert_eq!(Ledger::number_in("  1) 2026-11-26 10:00:00 UTC pepper: m12-assunto"), Some(12));
    }
}

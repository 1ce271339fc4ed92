//! What was meant: the mails that may or must be on the server, and the text that must be kept.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, bail, ensure};
use correio_proto::mail::Mail;

/// How far a mail that is being written may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nobody has asked for it to be sent.
    Written,
    /// It was asked for, and the answer is not known.
    Open,
    /// The client has said that it was sent.
    Sent,
    /// Its draft was deleted deliberately.
    Deleted,
}

/// A mail that was written with keys.
#[derive(Clone, Debug)]
struct Entry {
    fate: Fate,
    /// Whether it was ever asked for that it be sent: a draft may be deleted after that.
    was_asked: bool,
    /// The body so far. Where it was only changed by keys that add to its end, it is exact.
    body: String,
    /// Words typed so long ago, or before so orderly an end, that they must be kept.
    words: Vec<String>,
}

/// All of them by their number, which is in the subject, and the mails that others sent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    written: BTreeMap<u32, Entry>,
    delivered: Vec<String>,
}

impl Ledger {
    /// Begins a mail and returns its number.
    pub(crate) fn begin(&mut self) -> u32 {
        let number = self.written.len() as u32 + 1;
        let entry =
            Entry { fate: Fate::Written, was_asked: false, body: String::new(), words: vec![] };
        self.written.insert(number, entry);
        number
    }

    pub(crate) fn subject(number: u32) -> String {
        format!("m{number}-assunto")
    }

    /// The number of the mail whose subject is in a text.
    pub(crate) fn number_in(text: &str) -> Option<u32> {
        let (before, _) = text.split_once("-assunto")?;
        before.rsplit_once('m')?.1.parse().ok()
    }

    /// Notes what was typed at the end of a body.
    pub(crate) fn typed(&mut self, number: u32, text: &str) {
        if let Some(entry) = self.written.get_mut(&number) {
            entry.body.push_str(text);
            let words = text.split_whitespace().filter(|word| word.starts_with("palavra"));
            entry.words.extend(words.map(str::to_owned));
        }
    }

    /// Notes what has become of a mail. What was sent stays sent.
    pub(crate) fn becomes(&mut self, number: u32, fate: Fate) {
        if let Some(entry) = self.written.get_mut(&number)
            && entry.fate != Fate::Sent
        {
            entry.was_asked |= matches!(fate, Fate::Open | Fate::Sent);
            entry.fate = fate;
        }
    }

    /// Notes a mail to the client's person.
    pub(crate) fn deliver(&mut self) -> String {
        let subject = format!("r{}-recado", self.delivered.len() + 1);
        self.delivered.push(subject.clone());
        subject
    }

    /// How many mails were begun, and how many of them the client says it sent.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let sent = self.written.values().filter(|entry| entry.fate == Fate::Sent);
        (self.written.len(), sent.count())
    }

    /// Holds the other person's mails, and the drafts, against what was meant.
    pub(crate) fn check(&self, arrived: &[Mail], drafts: &str) -> Result<()> {
        let mut times: BTreeMap<u32, usize> = BTreeMap::new();
        for mail in arrived {
            let subject = mail.subject.as_str();
            let entry =
                Self::number_in(subject).and_then(|number| self.written.get_key_value(&number));
            let Some((number, entry)) = entry else {
                bail!("nobody has written the mail {subject:?}: {:?}", mail.body.as_str());
            };
            ensure!(entry.was_asked, "mail {number} was sent, and nobody asked for that");
            // Blank lines at the end are no text: the end of a body takes one, a draft keeps it.
            let expected = entry.body.trim_end_matches('\n');
            let found = mail.body.as_str().trim_end_matches('\n');
            ensure!(found == expected, "mail {number} says {found:?}, and {expected:?} was typed");
            *times.entry(*number).or_default() += 1;
        }
        for (number, entry) in &self.written {
            let times = times.get(number).copied().unwrap_or(0);
            ensure!(times <= 1, "mail {number} is there {times} times");
            match entry.fate {
                Fate::Sent => ensure!(times == 1, "mail {number} was sent and is not there"),
                Fate::Deleted => {}
                Fate::Open | Fate::Written if times == 1 => {}
                Fate::Open | Fate::Written => {
                    let lost = entry.words.iter().find(|word| !drafts.contains(word.as_str()));
                    ensure!(lost.is_none(), "{lost:?} of mail {number} is in no draft");
                }
            }
        }
        Ok(())
    }

    /// Holds what the client has received, and what was left for it, against what was delivered.
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
            body: body.parse().unwrap(),
        }
    }

    #[test]
    fn a_deleted_draft_that_was_never_sent_must_not_arrive() {
        let mut ledger = Ledger::default();
        let number = ledger.begin();
        ledger.typed(number, "palavra1x1\n");
        let arrived = [mail(number, "palavra1x1\n")];
        ledger.becomes(number, Fate::Deleted);
        assert!(ledger.check(&arrived, "").is_err(), "nobody has asked for it");
        assert!(ledger.check(&[], "").is_ok());
        ledger.becomes(number, Fate::Open);
        ledger.becomes(number, Fate::Deleted);
        assert!(ledger.check(&arrived, "").is_ok(), "it was asked for before it was deleted");
    }

    #[test]
    fn a_word_that_is_nowhere_is_noticed() {
        let mut ledger = Ledger::default();
        let number = ledger.begin();
        ledger.typed(number, "palavra1x1 e mais\n");
        assert!(ledger.check(&[], "").is_err());
        assert!(ledger.check(&[], "{\"body\":\"palavra1x1 e mais\"}").is_ok());
        ledger.becomes(number, Fate::Sent);
        assert!(ledger.check(&[], "palavra1x1").is_err(), "sent, and not there");
        assert_eq!(Ledger::number_in("  1) 2026-11-26 10:00:00 UTC pepper: m12-assunto"), Some(12));
    }
}

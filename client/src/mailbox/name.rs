//! Names of the files in a mailbox.
//!
//! A name says which mail a file holds, so that neither ordering mails nor knowing one again
//! takes opening a file: `<seconds>.<milliseconds>_<seq>_<id>.<sender>`, and behind it, in `cur`,
//! what every mail program adds: `:2,` and flags.

use correio_proto::mail::{Mail, MailId, Seq, Timestamp, Username};
use uuid::Uuid;

/// What parts a name from its flags (version 2 of the convention, the only one in use).
const FLAGS: &str = ":2,";

/// Flag of a mail that was read.
const READ: char = 'S';

/// What a name says. The order is that of a mailbox: by the server's clock, since the numbers
/// of a server's store may start anew when that is replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) sent_at: Timestamp,
    pub(super) seq: Seq,
    pub(super) id: MailId,
    pub(super) sender: Username,
}

impl Name {
    pub(super) fn of(mail: &Mail) -> Self {
        Self { sent_at: mail.sent_at, seq: mail.seq, id: mail.id, sender: mail.from.clone() }
    }

    /// The name of a file in `new`: the part that never changes.
    pub(super) fn base(&self) -> String {
        format!(
            "{}.{:03}_{}_{}.{}",
            self.sent_at.0 / 1000,
            self.sent_at.0 % 1000,
            self.seq.0,
            Uuid::from_bytes(*self.id.as_bytes()).simple(),
            self.sender
        )
    }

    /// Reads the name of a file; `None` where it is no mail of ours.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let (base, _) = split(file);
        let mut parts = base.splitn(3, '.');
        let (seconds, middle, sender) = (parts.next()?, parts.next()?, parts.next()?);
        let mut middle = middle.split('_');
        let (millis, seq, id) = (middle.next()?, middle.next()?, middle.next()?);
        let seconds: u64 = seconds.parse().ok()?;
        let millis: u64 = millis.parse().ok().filter(|millis| *millis < 1000)?;
        let name = Self {
            sent_at: Timestamp(seconds.checked_mul(1000)?.checked_add(millis)?),
            seq: Seq(seq.parse().ok()?),
            id: id.parse().ok()?,
            sender: sender.parse().ok()?,
        };
        // One mail, one name: anything else is not our writing.
        (name.base() == base).then_some(name)
    }
}

/// A file's name without its flags, and the flags.
pub(super) fn split(file: &str) -> (&str, &str) {
    file.split_once(FLAGS).unwrap_or((file, ""))
}

/// Whether a file's flags say that the mail was read.
pub(super) fn is_read(file: &str) -> bool {
    split(file).1.contains(READ)
}

/// The name in `cur` of a mail that was shown.
pub(super) fn shown(base: &str) -> String {
    format!("{base}{FLAGS}")
}

/// A file's name in `cur` with the flag of a mail that was read, flags in order as the
/// convention wants them.
pub(super) fn read(file: &str) -> String {
    let (base, flags) = split(file);
    let mut flags: Vec<char> = flags.chars().filter(|flag| *flag != READ).collect();
    flags.push(READ);
    flags.sort_unstable();
    flags.into_iter().fold(shown(base), |mut name, flag| {
        name.push(flag);
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "1700000000.007_42_01890a5dac96774bbcceb302099a8057.tony.stark_x";

    #[test]
    fn names_are_read_as_they_are_written() {
        let name = Name::parse(BASE).unwrap();
        assert_eq!(name.sent_at, Timestamp(1_700_000_000_007));
        assert_eq!((name.seq, name.sender.as_str()), (Seq(42), "tony.stark_x"));
        assert_eq!(name.base(), BASE);
        assert_eq!(Name::parse(&format!("{BASE}:2,RS")), Some(name));
    }

    #[test]
    fn other_names_are_none_of_ours() {
        let max = u64::MAX;
        for file in [
            String::new(),
            "1700000000.M1P2.host".to_owned(),
            BASE.replace("_42_", "_042_"),
            BASE.replace("tony", "Tony"),
            BASE.replace(".007_", ".7_"),
            BASE.replace("774b", "474b"),
            BASE.replace("1700000000", &max.to_string()),
        ] {
            assert_eq!(Name::parse(&file), None, "{file}");
        }
    }

    #[test]
    fn flags_stay_in_order() {
        assert_eq!(read("a:2,"), "a:2,S");
        assert_eq!(read("a"), "a:2,S");
        assert_eq!(read("a:2,FT"), "a:2,FST");
        assert_eq!(read("a:2,RS"), "a:2,RS");
        assert!(is_read("a:2,RS") && !is_read("aS:2,R") && !is_read("S"));
    }
}

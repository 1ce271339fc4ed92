//! The name of a mail's file in a Maildir.
//!
//! The name identifies the mail in the file, so that mails are ordered and recognised without
//! opening files: `<seconds>.<milliseconds>_<seq>_<id>_<arrival>.<sender>`. Other mail programs
//! append fields (`,U=7`, `,S=1024`) and, after a separator, flags (`:2,S`).

use uuid::Uuid;

use crate::mail::{Mail, MailId, Seq, Timestamp, Username};

/// Separators between a name and its flags: Maildir's `:`, the `;` that isync and NeoMutt offer for
/// file systems such as FAT and NTFS, and the `!` of Python's documentation.
pub const FLAG_SEPARATORS: [char; 3] = [':', ';', '!'];

/// Start of a field that another program appends.
const FIELD: char = ',';

/// A parsed name, without fields and flags. Names sort in the order of the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    /// Number of the mail in the order of saving. It sorts first, since the server's clock may be
    /// set back and its store may be replaced. A name without the number has 0: such mails come
    /// first, in the order of `sent_at`.
    pub arrival: u64,
    /// When the server accepted the mail.
    pub sent_at: Timestamp,
    /// The mail's number in the store.
    pub seq: Seq,
    /// The mail's id.
    pub id: MailId,
    /// Username of the sender.
    pub sender: Username,
}

impl FileName {
    /// The name of a mail that was saved as the `arrival`th; 0 for a mail without such a number.
    #[must_use]
    pub fn of(mail: &Mail, arrival: u64) -> Self {
        let Mail { sent_at, seq, id, .. } = *mail;
        Self { arrival, sent_at, seq, id, sender: mail.from.clone() }
    }

    /// The name of a file in `new`: the part that never changes.
    #[must_use]
    pub fn base(&self) -> String {
        let arrival = match self.arrival {
            0 => String::new(),
            arrival => format!("_{arrival}"),
        };
        format!(
            "{}.{:03}_{}_{}{arrival}.{}",
            self.sent_at.0 / 1000,
            self.sent_at.0 % 1000,
            self.seq.0,
            Uuid::from_bytes(*self.id.as_bytes()).simple(),
            self.sender
        )
    }

    /// Parses the name of a file; `None` if it is not a mail of correio.
    #[must_use]
    pub fn parse(file: &str) -> Option<Self> {
        let is_end = |c: char| c == FIELD || FLAG_SEPARATORS.contains(&c);
        let base = file.split(is_end).next()?;
        let mut parts = base.splitn(3, '.');
        let (seconds, middle, sender) = (parts.next()?, parts.next()?, parts.next()?);
        let mut middle = middle.split('_');
        let (millis, seq, id) = (middle.next()?, middle.next()?, middle.next()?);
        let arrival = middle.next().map_or(Some(0), |arrival| arrival.parse().ok())?;
        let seconds: u64 = seconds.parse().ok()?;
        let millis: u64 = millis.parse().ok().filter(|millis| *millis < 1000)?;
        let name = Self {
            arrival,
            sent_at: Timestamp(seconds.checked_mul(1000)?.checked_add(millis)?),
            seq: Seq(seq.parse().ok()?),
            id: id.parse().ok()?,
            sender: sender.parse().ok()?,
        };
        // A mail has exactly one name: correio writes no other spelling.
        (name.base() == base).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1700000000.007_42_01890a5dac96774bbcceb302099a8057.tony.stark_x";
    const BASE: &str = "1700000000.007_42_01890a5dac96774bbcceb302099a8057_3.tony.stark_x";

    #[test]
    fn names_are_read_as_they_are_written() {
        for (base, arrival) in [(OLD, 0), (BASE, 3)] {
            let name = FileName::parse(base).unwrap();
            assert_eq!((name.sent_at, name.arrival), (Timestamp(1_700_000_000_007), arrival));
            assert_eq!((name.seq, name.sender.as_str()), (Seq(42), "tony.stark_x"));
            assert_eq!(name.base(), base);
            assert_eq!(FileName::parse(&format!("{base}:2,RS")), Some(name));
        }
        assert!(FileName::parse(OLD) < FileName::parse(BASE));
    }

    #[test]
    fn what_other_programs_append_is_no_part_of_the_name() {
        let name = FileName::parse(BASE);
        assert!(name.is_some());
        for appended in
            [",U=7", ",U=7:2,S", ",S=10,W=12:2,", ";2,S", "!2,S", ":1,x", ":", ",U=7:2,Sa,b"]
        {
            assert_eq!(FileName::parse(&format!("{BASE}{appended}")), name, "{appended}");
        }
    }

    #[test]
    fn names_that_correio_does_not_write_are_refused() {
        let max = u64::MAX;
        for file in [
            String::new(),
            "1700000000.M1P2.host".to_owned(),
            format!("{BASE}~"),
            format!("{BASE} (1)"),
            BASE.replace("_42_", "_042_"),
            BASE.replace("_3.", "_03."),
            BASE.replace("_3.", "_0."),
            BASE.replace("_3.", "_3_4."),
            BASE.replace("tony", "Tony"),
            BASE.replace(".007_", ".7_"),
            BASE.replace("774b", "474b"),
            BASE.replace("1700000000", &max.to_string()),
        ] {
            assert_eq!(FileName::parse(&file), None, "{file}");
        }
    }
}

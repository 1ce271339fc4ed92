//! Names of the files in a mailbox.
//!
//! A name identifies the mail in a file, so that mails are ordered and recognised without opening
//! files: `<seconds>.<milliseconds>_<seq>_<id>_<arrival>.<sender>`. Other mail programs append
//! fields (`,U=7`, `,S=1024`), which are kept. In `cur` every mail program adds `:2,` and flags, or
//! `;2,` where a file system allows no `:` in names.

use correio_proto::mail::{Mail, MailId, Seq, Timestamp, Username};
use uuid::Uuid;

/// Separators between a name and its flags, in the order in which they are tried: the convention's,
/// and the one that isync and NeoMutt offer for file systems such as FAT and NTFS.
pub(super) const SEPARATORS: [char; 2] = [':', ';'];

/// A further separator, from Python's documentation.
const OTHER_SEPARATOR: char = '!';

/// The text between separator and flags: version 2 of the convention, the only one in use.
const VERSION: &str = "2,";

/// Start of a field that another program appends.
const FIELD: char = ',';

/// Flag of a mail that was read.
const READ: char = 'S';

/// A parsed name. Names sort in the order of the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Number of the mail in the order of saving. It sorts first, since the server's clock may be
    /// set back and its store may start over. 0 for names of older versions, which lack it; those
    /// mails come first, by the clock.
    pub(super) arrival: u64,
    pub(super) sent_at: Timestamp,
    pub(super) seq: Seq,
    pub(super) id: MailId,
    pub(super) sender: Username,
}

impl Name {
    pub(super) fn of(mail: &Mail, arrival: u64) -> Self {
        let Mail { sent_at, seq, id, .. } = *mail;
        Self { arrival, sent_at, seq, id, sender: mail.from.clone() }
    }

    /// The name of a file in `new`: the part that never changes.
    pub(super) fn base(&self) -> String {
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
    pub(super) fn parse(file: &str) -> Option<Self> {
        let is_end = |c: char| c == FIELD || c == OTHER_SEPARATOR || SEPARATORS.contains(&c);
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
        // A mail has exactly one name; other spellings were not written by correio.
        (name.base() == base).then_some(name)
    }
}

/// A file's name up to the separator, and the flags after it with whatever follows them.
fn split(file: &str) -> (&str, &str) {
    let flags = file.rmatch_indices(VERSION).find_map(|(at, _)| {
        let (before, flags) = (file.get(..at)?, file.get(at + VERSION.len()..)?);
        let is_separator = |c: char| c == OTHER_SEPARATOR || SEPARATORS.contains(&c);
        Some((before.strip_suffix(is_separator)?, flags))
    });
    flags.unwrap_or((file, ""))
}

/// Whether a file's flags say that the mail was read.
pub(super) fn is_read(file: &str) -> bool {
    letters(split(file).1).0.contains(READ)
}

/// The file name in `cur` of a mail that was shown.
pub(super) fn shown(file: &str, separator: char) -> String {
    let (stem, flags) = split(file);
    format!("{stem}{separator}{VERSION}{flags}")
}

/// The file name in `cur` of a mail that was read. Flags are in alphabetical order, as the
/// convention requires.
pub(super) fn read(file: &str, separator: char) -> String {
    let (stem, info) = split(file);
    let (flags, appended) = letters(info);
    let mut flags: Vec<char> = flags.chars().filter(|flag| *flag != READ).collect();
    flags.push(READ);
    flags.sort_unstable();
    let flags: String = flags.into_iter().collect();
    format!("{stem}{separator}{VERSION}{flags}{appended}")
}

/// The flags at the start of what follows the separator, and what another program appended.
fn letters(info: &str) -> (&str, &str) {
    let end = info.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(info.len());
    info.split_at_checked(end).unwrap_or((info, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1700000000.007_42_01890a5dac96774bbcceb302099a8057.tony.stark_x";
    const BASE: &str = "1700000000.007_42_01890a5dac96774bbcceb302099a8057_3.tony.stark_x";

    #[test]
    fn names_are_read_as_they_are_written() {
        for (base, arrival) in [(OLD, 0), (BASE, 3)] {
            let name = Name::parse(base).unwrap();
            assert_eq!((name.sent_at, name.arrival), (Timestamp(1_700_000_000_007), arrival));
            assert_eq!((name.seq, name.sender.as_str()), (Seq(42), "tony.stark_x"));
            assert_eq!(name.base(), base);
            assert_eq!(Name::parse(&format!("{base}:2,RS")), Some(name));
        }
        assert!(Name::parse(OLD) < Name::parse(BASE));
    }

    #[test]
    fn what_other_programs_append_is_no_part_of_the_name() {
        let name = Name::parse(BASE);
        assert!(name.is_some());
        for appended in
            [",U=7", ",U=7:2,S", ",S=10,W=12:2,", ";2,S", "!2,S", ":1,x", ":", ",U=7:2,Sa,b"]
        {
            assert_eq!(Name::parse(&format!("{BASE}{appended}")), name, "{appended}");
        }
        assert_eq!(shown("a,U=7", ':'), "a,U=7:2,");
        assert_eq!(read("a,U=7:2,F", ':'), "a,U=7:2,FS");
        assert_eq!(read("a,W=12,U=2,", ':'), "a,W=12,U=2,:2,S");
    }

    #[test]
    fn other_names_are_none_of_ours() {
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
            assert_eq!(Name::parse(&file), None, "{file}");
        }
    }

    #[test]
    fn flags_stay_in_order() {
        assert_eq!(read("a:2,", ':'), "a:2,S");
        assert_eq!(read("a", ':'), "a:2,S");
        assert_eq!(read("a:2,FT", ';'), "a;2,FST");
        assert_eq!(read("a!2,RS", ':'), "a:2,RS");
        assert_eq!(read("a:2,F,X=S", ':'), "a:2,FS,X=S");
        assert!(is_read("a:2,RS,X=1") && !is_read("a:2,R,X=S"));
        assert!(is_read("a:2,RS") && !is_read("aS:2,R") && !is_read("S"));
    }
}

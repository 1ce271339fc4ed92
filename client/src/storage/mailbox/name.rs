//! Flags in the names of the files in a mailbox ([`correio_proto::rfc5322::FileName`] is the rest).
//!
//! In `cur` every mail program adds `:2,` and flags to a name, or `;2,` where a file system allows
//! no `:` in names. Fields that other programs append (`,U=7`, `,S=1024`) are kept.

use correio_proto::rfc5322::FLAG_SEPARATORS;

use super::flags::{Flag, FlagChange, Flags};

/// Separators between a name and its flags, in the order in which they are tried: the convention's,
/// and the one that isync and NeoMutt offer for file systems such as FAT and NTFS.
pub(super) const SEPARATORS: [char; 2] = [':', ';'];

/// The text between separator and flags: version 2 of the convention, the only one in use.
const VERSION: &str = "2,";

/// A file's name up to the separator, and the flags after it with whatever follows them.
fn split(file: &str) -> (&str, &str) {
    let flags = file.rmatch_indices(VERSION).find_map(|(at, _)| {
        let (before, flags) = (file.get(..at)?, file.get(at + VERSION.len()..)?);
        Some((before.strip_suffix(FLAG_SEPARATORS)?, flags))
    });
    flags.unwrap_or((file, ""))
}

/// The flags in a file's name.
pub(super) fn flags(file: &str) -> Flags {
    Flags::of_letters(letters(split(file).1).0)
}

/// The file name in `cur` of a mail that was shown.
pub(super) fn shown(file: &str, separator: char) -> String {
    let (stem, flags) = split(file);
    format!("{stem}{separator}{VERSION}{flags}")
}

/// The file name in `cur` of a mail whose flag was changed. Flags are in alphabetical order, as the
/// convention requires; those of other programs stay.
pub(super) fn changed(file: &str, flag: Flag, change: FlagChange, separator: char) -> String {
    let (stem, info) = split(file);
    let (flags, appended) = letters(info);
    let mut flags: Vec<char> = flags.chars().filter(|letter| *letter != flag.letter()).collect();
    if change == FlagChange::Set {
        flags.push(flag.letter());
    }
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

    fn read(file: &str, separator: char) -> String {
        changed(file, Flag::Seen, FlagChange::Set, separator)
    }

    fn is_read(file: &str) -> bool {
        flags(file).has(Flag::Seen)
    }

    #[test]
    fn what_other_programs_append_is_kept() {
        assert_eq!(shown("a,U=7", ':'), "a,U=7:2,");
        assert_eq!(read("a,U=7:2,F", ':'), "a,U=7:2,FS");
        assert_eq!(read("a,W=12,U=2,", ':'), "a,W=12,U=2,:2,S");
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
    #[test]
    fn a_flag_is_set_and_cleared_and_the_others_stay() {
        let set = |file, flag| changed(file, flag, FlagChange::Set, ':');
        let clear = |file, flag| changed(file, flag, FlagChange::Clear, ':');
        assert_eq!(set("a:2,S", Flag::Important), "a:2,FS");
        assert_eq!(set("a:2,ST", Flag::Replied), "a:2,RST");
        assert_eq!(set("a:2,S", Flag::Forwarded), "a:2,PS");
        assert_eq!(clear("a:2,FST", Flag::Seen), "a:2,FT");
        assert_eq!(clear("a:2,x", Flag::Seen), "a:2,x");
        assert_eq!(clear("a,U=7:2,FS,X=F", Flag::Important), "a,U=7:2,S,X=F");
        let all = flags("a:2,FPRS");
        assert!(Flag::ALL.into_iter().all(|flag| all.has(flag)));
        let other = flags("a:2,DTfprs");
        assert!(!Flag::ALL.into_iter().any(|flag| other.has(flag)));
    }
}

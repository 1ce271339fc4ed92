//! How a sender is named if full names could be confused with one another.
//!
//! A user chooses the full name; the server vouches for the username. A list shows the full name
//! alone as long as it can mean only one account, and else adds the username.

use std::collections::{HashMap, HashSet};

use correio_client::{Folder, Stored, WhiteSpace, sanitize};
use correio_proto::{
    mail::{FullName, Username},
    rfc5322::FileName,
};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_security::skeleton;

use crate::flag_marks::is_flag_marks;

/// Since when the reader knows an account under a name. Later ones are greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Since {
    /// The reader's own account, one of the address book, or one that the reader has written to.
    Always,
    /// The mail in this file.
    Mail(FileName),
    /// This moment: a notice, or an answer of the server's directory.
    Now,
}

/// The accounts that a reader may know, by the looks of their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    looks: HashMap<String, HashMap<Username, Since>>,
    /// The accounts that are known since [`Since::Always`]: no mail of theirs is a stranger's.
    chosen: HashSet<Username>,
    /// The pairs that were added already: a sender has many mails.
    added: HashMap<(Username, FullName), Since>,
}

impl Names {
    /// Adds the sender of a mail. The sender of a sent mail is the reader.
    pub(crate) fn add_sender(&mut self, mail: &Stored) {
        let since = match mail.folder {
            Folder::Received => Since::Mail(mail.file_name().clone()),
            Folder::Sent => Since::Always,
        };
        self.add(&mail.from, &mail.from_name, &since);
    }

    /// Adds an account with a full name that it has or had. Its username counts as a name, too,
    /// because another account may take it as its full name.
    pub(crate) fn add(&mut self, username: &Username, full_name: &FullName, since: &Since) {
        let pair = (username.clone(), full_name.clone());
        if self.added.get(&pair).is_some_and(|known| known <= since) {
            return;
        }
        self.added.insert(pair, since.clone());
        self.add_looks(username, full_name.as_str(), since);
        self.add_username(username, since);
    }

    /// Adds an account whose full name is not known.
    pub(crate) fn add_username(&mut self, username: &Username, since: &Since) {
        if *since == Since::Always {
            self.chosen.insert(username.clone());
        }
        self.add_looks(username, username.as_str(), since);
    }

    fn add_looks(&mut self, username: &Username, name: &str, since: &Since) {
        for look in looks(name) {
            lower(self.looks.entry(look).or_default(), username, since);
        }
    }

    /// The accounts whose names a stranger's full name looks like, in the order of their usernames.
    /// A stranger is an account that is not of the address book, that the reader has not written
    /// to, and that bears this name later than another account does: since `at`, or since an
    /// earlier mail that is known. Returns nothing for any other account. A stranger stays one,
    /// however many mails it sends.
    pub(crate) fn resembled(
        &self,
        username: &Username,
        full_name: &FullName,
        at: &Since,
    ) -> Vec<Username> {
        if self.chosen.contains(username) {
            return Vec::new();
        }
        let looks = looks(full_name.as_str());
        let accounts: Vec<_> = looks.iter().filter_map(|look| self.looks.get(look)).collect();
        let own = accounts.iter().filter_map(|accounts| accounts.get(username));
        let own = own.chain([at]).min().unwrap_or(at);
        let others = accounts.iter().flat_map(|accounts| accounts.iter());
        let known = others.filter(|(account, since)| *account != username && *since < own);
        let mut known: Vec<Username> = known.map(|(account, _)| account.clone()).collect();
        known.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        known.dedup();
        known
    }

    /// As [`Self::resembled`], for the sender of a mail.
    pub(crate) fn resembled_by(&self, mail: &Stored) -> Vec<Username> {
        self.resembled(&mail.from, &mail.from_name, &Since::Mail(mail.file_name().clone()))
    }

    /// Whether the reader could take an account that is to be chosen for another that the reader
    /// knows: it is a stranger's, as in [`Self::resembled`].
    pub(crate) fn may_be_mistaken(&self, username: &Username, full_name: &FullName) -> bool {
        !self.resembled(username, full_name, &Since::Now).is_empty()
    }

    /// The full name. The username is added if the name looks like another account's name, or
    /// contains characters that a sender's line uses.
    pub(crate) fn sender(&self, username: &Username, full_name: &FullName) -> String {
        let is_anothers = looks(full_name.as_str()).iter().any(|look| {
            let accounts = self.looks.get(look);
            accounts.is_some_and(|accounts| accounts.keys().any(|account| account != username))
        });
        if is_anothers || imitates(full_name.as_str()) {
            return with_username(username, full_name);
        }
        sanitize(full_name.as_str(), WhiteSpace::OneLine)
    }
}

/// Sets the time of an account, unless an earlier one is set.
fn lower(times: &mut HashMap<Username, Since>, username: &Username, since: &Since) {
    match times.get_mut(username) {
        Some(known) if *known <= *since => {}
        Some(known) => *known = since.clone(),
        None => _ = times.insert(username.clone(), since.clone()),
    }
}

/// The full name and the username, as in the header of a mail. A name with characters that a
/// sender's line uses stands in quotation marks.
pub(crate) fn with_username(username: &Username, full_name: &FullName) -> String {
    let name = full_name.as_str();
    if imitates(name) {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{}\" <{username}>", sanitize(&name, WhiteSpace::OneLine));
    }
    format!("{} <{username}>", sanitize(name, WhiteSpace::OneLine))
}

/// Two normal forms (UTS 39 skeletons) of a name, without spaces and without case; names that look
/// alike share at least one. Case is folded after the skeleton in the first form (catches a
/// Cyrillic capital, and I for l) and before it in the second (catches I for i).
fn looks(name: &str) -> [String; 2] {
    let name: String = name.nfkc().filter(|c| !is_blank(*c)).collect();
    let lower = name.to_lowercase();
    [skeleton(&name).collect::<String>().to_lowercase(), skeleton(&lower).collect()]
}

/// Whether a character shows nothing, or only a space, on a screen.
fn is_blank(c: char) -> bool {
    let is_filler = matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    c.is_whitespace() || is_filler
}

/// Whether a character is a bracket or a quotation mark of any script: some look like those of a
/// sender's line.
fn is_bracket(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, FinalPunctuation, InitialPunctuation, OpenPunctuation,
    };
    // Names contain apostrophes.
    let is_apostrophe = matches!(c, '\u{2018}' | '\u{2019}');
    let category = c.general_category();
    !is_apostrophe
        && matches!(
            category,
            OpenPunctuation | ClosePunctuation | InitialPunctuation | FinalPunctuation
        )
}

/// Whether a name contains a character that a sender's line uses (`[1] name <username>: subject`),
/// or a character that looks like it, or begins like the marks of a mail's flags (`[1] !r name`).
fn imitates(name: &str) -> bool {
    let is_mark = |c: char| {
        // A letter of another script may look like a colon, and is a letter.
        let is_letter = c.is_alphanumeric() && c.script() != Script::Common;
        !is_letter
            && skeleton(c.encode_utf8(&mut [0; 4]))
                .chain(c.nfkc())
                .any(|c| matches!(c, '<' | '>' | '@' | ':' | '[' | ']' | '"' | '(' | ')'))
            || is_bracket(c)
    };
    name.chars().any(is_mark) || begins_like_flags(name)
}

/// Whether the first of several words of a name looks like marks of flags.
fn begins_like_flags(name: &str) -> bool {
    let name: String = skeleton(&name.nfkc().collect::<String>()).collect();
    let Some((first, _)) = name.trim_matches(is_blank).split_once(is_blank) else {
        return false;
    };
    is_flag_marks(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(known: &[(&str, &str)], username: &str, full_name: &str) -> String {
        let mut names = Names::default();
        for (username, full_name) in known {
            names.add(&username.parse().unwrap(), &full_name.parse().unwrap(), &Since::Always);
        }
        let (username, full_name) = (username.parse().unwrap(), full_name.parse().unwrap());
        names.add(&username, &full_name, &Since::Now);
        names.sender(&username, &full_name)
    }

    #[test]
    fn a_name_that_nobody_else_has_stands_alone() {
        let known = [("steve", "Steve Rogers"), ("tony", "Anthony Stark"), ("joao", "João")];
        assert_eq!(sender(&known, "tony", "Tony Stark"), "Tony Stark");
        assert_eq!(sender(&known, "joao", "João"), "João");
        // Accents are seen.
        assert_eq!(sender(&known, "peter", "Joáo"), "Joáo");
        // A full name may be the account's own username.
        assert_eq!(sender(&known, "peter", "Peter"), "Peter");
        assert_eq!(sender(&known, "bruce", "Bruce O'Neil-Banner Jr."), "Bruce O'Neil-Banner Jr.");
    }

    #[test]
    fn names_that_look_alike_have_their_usernames() {
        let known = [("tony", "Tony Stark")];
        let names = [
            "Tony Stark",
            "Tony  Stark",
            "Tony\u{a0}Stark",
            "Tony\u{2800}Stark",
            "TONY STARK",
            "Ｔｏｎｙ Stark",
            "Tоny Stark", // Cyrillic o
            "Тony Stark", // Cyrillic capital T
            "Tony St\u{ad}ark",
            "Tony S\u{200b}tark",
            "tony",
        ];
        for name in names {
            let shown = sanitize(name, WhiteSpace::OneLine);
            assert_eq!(sender(&known, "loki", name), format!("{shown} <loki>"), "{name:?}");
        }
        assert_eq!(sender(&[("loki", "Tony Stark")], "tony", "Tony Stark"), "Tony Stark <tony>");
        assert_eq!(sender(&[("il", "Ilya")], "loki", "llya"), "llya <loki>");
        // Two full names of one account cannot be confused with one another.
        assert_eq!(sender(&[("tony", "TONY STARK")], "tony", "Tony Stark"), "Tony Stark");
    }

    #[test]
    fn a_name_that_looks_like_more_than_a_name_is_quoted() {
        let cases = [
            ("Tony Stark <tony>", "\"Tony Stark <tony>\" <loki>"),
            ("Tony Stark: Oi", "\"Tony Stark: Oi\" <loki>"),
            ("Tony Stark\u{ff1a}", "\"Tony Stark\u{ff1a}\" <loki>"),
            ("\u{2039}tony\u{203a}", "\"\u{2039}tony\u{203a}\" <loki>"),
            ("tony@stark", "\"tony@stark\" <loki>"),
            ("[1] Tony", "\"[1] Tony\" <loki>"),
            ("x\" <tony>", "\"x\\\" <tony>\" <loki>"),
            ("! Tony Stark", "\"! Tony Stark\" <loki>"),
            ("!r\u{a0}Tony", "\"!r\u{a0}Tony\" <loki>"),
            ("г Tony", "\"г Tony\" <loki>"), // Cyrillic letter that looks like an r
            ("\u{1c3} Tony", "\"\u{1c3} Tony\" <loki>"), // letter that looks like a mark
        ];
        for (name, shown) in cases {
            assert_eq!(sender(&[], "loki", name), shown);
        }
        for name in ["Rf Tony", "r", "R. F. Kuang", "Frr Tony", "fritz r"] {
            assert_eq!(sender(&[], "loki", name), name);
        }
        // A Devanagari sign that looks like a colon is a letter.
        assert_eq!(sender(&[], "ram", "रामः"), "रामः");
    }

    fn file(arrival: u64, sender: &str) -> Since {
        let id = "01890a5dac96774bbcceb302099a8057";
        let name = format!("1700000000.007_42_{id}_{arrival}.{sender}");
        Since::Mail(FileName::parse(&name).unwrap())
    }

    fn resembled(names: &Names, username: &str, full_name: &str, at: &Since) -> Vec<String> {
        let found = names.resembled(&username.parse().unwrap(), &full_name.parse().unwrap(), at);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stranger_with_a_known_name_stays_one_until_the_reader_has_chosen_it() {
        let mut names = Names::default();
        let mut add = |username: &str, full_name: &str, since: &Since| {
            names.add(&username.parse().unwrap(), &full_name.parse().unwrap(), since);
        };
        add("pepper", "Pepper Potts", &Since::Always);
        add("tony", "Tony Stark", &file(1, "tony"));
        add("loki", "Tony Stark", &file(2, "loki"));
        add("loki", "Tony Stark", &file(3, "loki"));
        add("ultron", "Pepper\u{a0}Potts", &file(4, "ultron"));
        let none: [&str; 0] = [];
        // Tony's own mail came first.
        assert_eq!(resembled(&names, "tony", "Tony Stark", &file(1, "tony")), none);
        assert_eq!(resembled(&names, "loki", "Tony Stark", &file(2, "loki")), ["tony"]);
        assert_eq!(resembled(&names, "loki", "Tony Stark", &file(3, "loki")), ["tony"]);
        assert_eq!(resembled(&names, "tony", "Tony Stark", &file(9, "tony")), none);
        assert_eq!(
            resembled(&names, "ultron", "Pepper\u{a0}Potts", &file(4, "ultron")),
            ["pepper"]
        );
        // In the directory, and in a notice.
        assert_eq!(resembled(&names, "hela", "Tоny Stark", &Since::Now), ["loki", "tony"]);
        assert_eq!(resembled(&names, "loki", "Tony Stark", &Since::Now), ["tony"]);
        assert_eq!(resembled(&names, "hela", "Hela", &Since::Now), none);
        // An account that was known under a name of its own takes that of another later.
        names.add(&"hela".parse().unwrap(), &"Hela".parse().unwrap(), &file(5, "hela"));
        names.add(&"thor".parse().unwrap(), &"Thor".parse().unwrap(), &file(6, "thor"));
        names.add(&"hela".parse().unwrap(), &"Thor".parse().unwrap(), &file(7, "hela"));
        assert_eq!(resembled(&names, "hela", "Thor", &file(7, "hela")), ["thor"]);
        assert_eq!(resembled(&names, "hela", "Thor", &file(8, "hela")), ["thor"]);
        assert_eq!(resembled(&names, "thor", "Thor", &file(9, "thor")), none);
        // Where a recipient is chosen, mails alone make nobody known.
        let mistaken = |names: &Names, username: &str, full_name: &str| {
            names.may_be_mistaken(&username.parse().unwrap(), &full_name.parse().unwrap())
        };
        assert!(mistaken(&names, "ultron", "Pepper\u{a0}Potts"));
        assert!(mistaken(&names, "hela", "Tony Stark"));
        assert!(mistaken(&names, "loki", "Tony Stark"));
        assert!(!mistaken(&names, "pepper", "Pepper Potts"));
        assert!(!mistaken(&names, "tony", "Tony Stark") && !mistaken(&names, "fury", "Fury"));
        // The reader has written to the account, or has it in the address book.
        names.add_username(&"loki".parse().unwrap(), &Since::Always);
        assert_eq!(resembled(&names, "loki", "Tony Stark", &file(2, "loki")), none);
    }
}

//! How a sender is named if full names could be confused with one another.
//!
//! A user chooses the full name; the server vouches for the username. A list shows the full name
//! alone as long as it can mean only one account, and else adds the username.

use std::collections::{HashMap, HashSet};

use correio_client::{Folder, Mailbox, MailboxError, Stored, WhiteSpace, sanitize};
use correio_proto::mail::{FullName, Username};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_security::skeleton;

/// The accounts that a reader may know, by the looks of their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    looks: HashMap<String, HashSet<Username>>,
    /// The pairs that were added already: a sender has many mails.
    added: HashSet<(Username, FullName)>,
}

impl Names {
    /// The names of the senders of all mails in a local mailbox.
    pub(crate) fn of_mailbox(mailbox: &Mailbox) -> Result<Self, MailboxError> {
        let mut names = Self::default();
        for (username, full_name) in mailbox.senders()? {
            names.add(&username, &full_name);
        }
        Ok(names)
    }

    /// The names of the senders of these mails and of all received mails.
    pub(crate) fn among_received(mailbox: &Mailbox, mails: &[Stored]) -> Self {
        // The sender of sent mail is the user.
        if mails.iter().all(|mail| mail.folder == Folder::Sent) {
            return Self::of_mails(mails);
        }
        let received = mailbox.in_folder(Folder::Received);
        Self::of_mailbox(&received).unwrap_or_else(|_| Self::of_mails(mails))
    }

    /// The names of the senders of mails.
    pub(crate) fn of_mails(mails: &[Stored]) -> Self {
        let mut names = Self::default();
        mails.iter().for_each(|mail| names.add(&mail.from, &mail.from_name));
        names
    }

    /// Adds an account with a full name that it has or had. Its username counts as a name, too,
    /// because another account may take it as its full name.
    pub(crate) fn add(&mut self, username: &Username, full_name: &FullName) {
        if !self.added.insert((username.clone(), full_name.clone())) {
            return;
        }
        for name in [username.as_str(), full_name.as_str()] {
            for look in looks(name) {
                let accounts = self.looks.entry(look).or_default();
                if !accounts.contains(username) {
                    accounts.insert(username.clone());
                }
            }
        }
    }

    /// The full name. The username is added if the name looks like another account's name, or
    /// contains characters that a sender's line uses.
    pub(crate) fn sender(&self, username: &Username, full_name: &FullName) -> String {
        let is_anothers = looks(full_name.as_str()).iter().any(|look| {
            let accounts = self.looks.get(look);
            accounts.is_some_and(|accounts| accounts.iter().any(|account| account != username))
        });
        if is_anothers || imitates(full_name.as_str()) {
            return with_username(username, full_name);
        }
        sanitize(full_name.as_str(), WhiteSpace::OneLine)
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
/// or a character that looks like it.
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
    name.chars().any(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(known: &[(&str, &str)], username: &str, full_name: &str) -> String {
        let mut names = Names::default();
        for (username, full_name) in known {
            names.add(&username.parse().unwrap(), &full_name.parse().unwrap());
        }
        let (username, full_name) = (username.parse().unwrap(), full_name.parse().unwrap());
        names.add(&username, &full_name);
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
        ];
        for (name, shown) in cases {
            assert_eq!(sender(&[], "loki", name), shown);
        }
        // A Devanagari sign that looks like a colon is a letter.
        assert_eq!(sender(&[], "ram", "रामः"), "रामः");
    }
}

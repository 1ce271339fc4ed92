//! Reads the addresses of a field such as `To` (RFC 5322, section 3.4), which may stand among
//! names, comments, quoted strings and groups.

/// White space that may stand around names and addresses; programs show other white space.
const BLANKS: [char; 2] = [' ', '\t'];

/// The addresses of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressList {
    /// The mailboxes, in their order.
    pub mailboxes: Vec<Mailbox>,
    /// Whether the field has a group, such as `undisclosed-recipients:;`.
    pub has_group: bool,
    /// Places between commas, those without a mailbox among them.
    places: usize,
}

/// An address with its name, and whether all programs read them alike. Neither is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The text before the angle brackets, without comments; empty where there is none.
    pub name: String,
    /// The address without angle brackets and comments.
    pub address: String,
    /// Whether the text has the standard's form.
    pub form: Form,
}

/// The form of a mailbox, from the strictest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A name and an address in angle brackets, or an address: no comment, no white space in the
    /// brackets, and around them and the name nothing but spaces and tabs.
    #[default]
    Bare,
    /// That of the standard, with comments or other white space.
    Plain,
    /// Another form, in which some programs may find other addresses.
    Odd,
}

/// The construct that the next character stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// None of the following.
    Outside,
    /// A quoted string.
    Quoted,
    /// Angle brackets.
    Angle,
    /// A quoted string in angle brackets.
    QuotedInAngle,
    /// Comments that are nested this deep.
    Comment(u32),
}

/// A mailbox that is being read.
#[derive(Debug, Default)]
struct Draft {
    /// The text outside of angle brackets, without comments.
    text: String,
    /// The text in angle brackets.
    angle: Option<String>,
    form: Form,
}

impl AddressList {
    /// Reads the value of a field, unfolded.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let mut list = Self::default();
        let mut draft = Draft::default();
        let mut place = Place::Outside;
        let mut after_comment = Place::Outside;
        let mut characters = value.chars();
        while let Some(c) = characters.next() {
            if c.is_control() && c != '\t' {
                draft.form = Form::Odd;
            }
            match (place, c) {
                (Place::Comment(_), '\\') => drop(characters.next()),
                (Place::Comment(depth), '(') => place = Place::Comment(depth.saturating_add(1)),
                (Place::Comment(1), ')') => place = after_comment,
                (Place::Comment(depth), ')') => place = Place::Comment(depth - 1),
                (Place::Comment(_), _) => {}
                (Place::Quoted | Place::QuotedInAngle, '\\') => {
                    draft.push(place, c);
                    characters.next().into_iter().for_each(|next| draft.push(place, next));
                }
                (Place::Quoted | Place::QuotedInAngle, c) => {
                    draft.push(place, c);
                    place = match (place, c) {
                        (Place::Quoted, '"') => Place::Outside,
                        (Place::QuotedInAngle, '"') => Place::Angle,
                        (place, _) => place,
                    };
                }
                (Place::Outside | Place::Angle, '(') => {
                    draft.form = draft.form.max(Form::Plain);
                    after_comment = place;
                    place = Place::Comment(1);
                }
                (Place::Outside, '"') => {
                    draft.push(place, c);
                    place = Place::Quoted;
                }
                (Place::Angle, '"') => {
                    draft.push(place, c);
                    place = Place::QuotedInAngle;
                }
                (Place::Outside, '<') => {
                    if draft.angle.replace(String::new()).is_some() {
                        draft.form = Form::Odd;
                    }
                    place = Place::Angle;
                }
                (Place::Angle, '>') => place = Place::Outside,
                (Place::Outside, ',' | ';') => {
                    std::mem::take(&mut draft).finish(&mut list);
                }
                (Place::Outside, ':') => {
                    list.has_group = true;
                    draft = Draft::default();
                }
                (Place::Outside | Place::Angle, c) => draft.push(place, c),
            }
        }
        if place != Place::Outside {
            draft.form = Form::Odd;
        }
        draft.finish(&mut list);
        list
    }

    /// The mailbox of a field that has one and nothing else.
    #[must_use]
    pub fn only(&self) -> Option<&Mailbox> {
        match self.mailboxes.as_slice() {
            [mailbox] if self.places == 1 && !self.has_group => Some(mailbox),
            _ => None,
        }
    }
}

impl Draft {
    fn push(&mut self, place: Place, c: char) {
        match (place, &mut self.angle) {
            (Place::Angle | Place::QuotedInAngle, Some(angle)) => angle.push(c),
            (_, None) => self.text.push(c),
            // Text after the angle brackets.
            (_, Some(_)) if BLANKS.contains(&c) => {}
            (_, Some(_)) if c.is_whitespace() => self.form = self.form.max(Form::Plain),
            (_, Some(_)) => self.form = Form::Odd,
        }
    }

    /// Adds the mailbox, unless there is none: the standard permits empty places between commas.
    fn finish(self, list: &mut AddressList) {
        let Self { text, angle, form } = self;
        list.places = list.places.saturating_add(1);
        let trimmed = text.trim();
        let (name, address) = match &angle {
            Some(address) => (trimmed, address.trim()),
            None if trimmed.is_empty() && form != Form::Odd => return,
            None => ("", trimmed),
        };
        let is_bare = trimmed == text.trim_matches(BLANKS)
            && angle.as_ref().is_none_or(|angle| address == angle);
        let form = match is_phrase(name) {
            true if is_bare => form,
            true => form.max(Form::Plain),
            false => Form::Odd,
        };
        list.mailboxes.push(Mailbox { name: name.to_owned(), address: address.to_owned(), form });
    }
}

/// Whether a text can be the name before an address: words and quoted strings.
fn is_phrase(text: &str) -> bool {
    let mut is_quoted = false;
    let mut is_escaped = false;
    text.chars().all(|c| {
        let escaped = std::mem::take(&mut is_escaped);
        match c {
            _ if escaped => true,
            '\\' if is_quoted => {
                is_escaped = true;
                true
            }
            '"' => {
                is_quoted = !is_quoted;
                true
            }
            _ if is_quoted => true,
            c => !"@<>[]\\".contains(c),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: &str) -> Vec<String> {
        let list = AddressList::parse(value);
        assert!(list.mailboxes.iter().all(|mailbox| mailbox.form != Form::Odd), "{value}");
        list.mailboxes.iter().map(|mailbox| mailbox.address.clone()).collect()
    }

    #[test]
    fn addresses_are_found_among_names_and_comments() {
        let cases: [(&str, &[&str]); 13] = [
            ("tony@x", &["tony@x"]),
            ("tony", &["tony"]),
            ("Tony Stark <tony@x>", &["tony@x"]),
            ("\"Stark, Tony\" <tony@x>, pepper@x", &["tony@x", "pepper@x"]),
            ("\"a \\\" <steve@x>\" <tony@x>", &["tony@x"]),
            ("tony@x (Tony <steve@x>, (really))", &["tony@x"]),
            ("(the) tony@x", &["tony@x"]),
            ("< tony@x >,,<pepper@x>,", &["tony@x", "pepper@x"]),
            ("=?utf-8?Q?Tony?= <tony@x>", &["tony@x"]),
            ("Tôny <tony@x>", &["tony@x"]),
            ("\"a..b\"@x", &["\"a..b\"@x"]),
            ("<\"a>b\"@x>", &["\"a>b\"@x"]),
            ("", &[]),
        ];
        for (value, addresses) in cases {
            assert_eq!(plain(value), addresses, "{value}");
        }
    }

    #[test]
    fn members_of_groups_are_found() {
        let list = AddressList::parse("undisclosed-recipients:;");
        assert_eq!((list.mailboxes.len(), list.has_group), (0, true));
        let list = AddressList::parse("Avengers: tony@x, <steve@x>; natasha@x");
        let addresses: Vec<_> = list.mailboxes.iter().map(|mailbox| &*mailbox.address).collect();
        assert_eq!((addresses, list.has_group), (vec!["tony@x", "steve@x", "natasha@x"], true));
    }

    #[test]
    fn what_programs_may_read_in_other_ways_is_odd() {
        for value in [
            "steve@x <tony@x>",
            "<steve@x> <tony@x>",
            "<tony@x> steve@x",
            "<tony@x",
            "\"Tony <tony@x>",
            "Tony (Stark <tony@x>",
            "Tony\u{1b} <tony@x>",
            "[Tony] <tony@x>",
        ] {
            let list = AddressList::parse(value);
            assert!(list.mailboxes.iter().any(|mailbox| mailbox.form == Form::Odd), "{value:?}");
        }
    }

    #[test]
    fn a_mailbox_alone_is_bare_without_comments_and_other_white_space() {
        let only = |value: &str| AddressList::parse(value).only().cloned();
        for (value, name, address) in [
            (" tony@x\t", "", "tony@x"),
            ("Tony  <tony@x> ", "Tony", "tony@x"),
            ("\"Stark, (T)\"\t<tony>", "\"Stark, (T)\"", "tony"),
        ] {
            let (name, address) = (name.to_owned(), address.to_owned());
            assert_eq!(only(value), Some(Mailbox { name, address, form: Form::Bare }), "{value:?}");
        }
        for value in [
            "tony@x (Tony)",
            "(x) <tony@x>",
            "<tony@x(x)>",
            "< tony@x>",
            "<tony@x>\u{3000}",
            "\u{a0}tony@x",
            "Tony\u{3000}<tony@x>",
        ] {
            assert_eq!(only(value).map(|mailbox| mailbox.form), Some(Form::Plain), "{value:?}");
        }
        for value in ["", "tony@x,", ",tony@x", "tony@x;", "us: tony@x", "tony@x, steve@x", "(x)"] {
            assert_eq!(only(value), None, "{value:?}");
        }
    }
}

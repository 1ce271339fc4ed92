//! The people known from earlier mail, in memory.

use std::collections::HashMap;

use correio_proto::{
    mail::{FullName, Username},
    rfc5322::FileName,
};

/// Most full names that are kept of one person: the last ones that the person had.
const NAMES_MAX: usize = 8;

/// The people known from earlier mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    pub(super) people: HashMap<Username, KnownPerson>,
    /// The last mail, in the order of the mailbox, whose sender was added.
    pub(super) through: Option<FileName>,
}

/// A person who has sent mail to this account, or whom this account has written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The account's username.
    pub username: Username,
    /// The full names in the person's mails, at most the last eight; the last one is that of the
    /// newest mail. Empty for people who were only written to.
    pub names: Vec<KnownName>,
    /// The first and the newest mail of this person, by the names of their files.
    pub mails: Option<(FileName, FileName)>,
    /// Whether this account has sent mail to the person from this computer.
    pub is_written_to: bool,
}

/// A full name of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    /// The full name.
    pub full_name: FullName,
    /// The first mail with this name, by the name of its file.
    pub first: FileName,
}

impl KnownPerson {
    /// The full name in the person's newest mail.
    #[must_use]
    pub fn full_name(&self) -> Option<&FullName> {
        self.names.last().map(|name| &name.full_name)
    }
}

impl People {
    /// A person by username.
    #[must_use]
    pub fn get(&self, username: &Username) -> Option<&KnownPerson> {
        self.people.get(username)
    }

    /// All people, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &KnownPerson> {
        self.people.values()
    }

    /// Whether the sender of a mail was added. Not by the number of the mail alone: a number is
    /// given again after the last mails were deleted.
    pub(super) fn has_sender_of(&self, mail: &FileName) -> bool {
        let is_known = self.get(&mail.sender).is_some_and(|person| person.mails.is_some());
        is_known && self.through.as_ref().is_some_and(|through| mail <= through)
    }

    /// Adds the sender of a mail.
    pub(super) fn add_sender(&mut self, mail: &FileName, username: &Username, name: FullName) {
        let person = self.person(username);
        person.add_mail(mail, mail);
        person.add_name(KnownName { full_name: name, first: mail.clone() });
        if self.through.as_ref().is_none_or(|through| through < mail) {
            self.through = Some(mail.clone());
        }
    }

    /// Adds a person whom this account has written to.
    pub(super) fn add_recipient(&mut self, username: &Username) {
        self.person(username).is_written_to = true;
    }

    /// Adds what another program knew.
    pub(super) fn merge(&mut self, other: Self) {
        self.through = self.through.take().max(other.through);
        for (username, known) in other.people {
            let person = self.person(&username);
            person.is_written_to |= known.is_written_to;
            if let Some((first, last)) = &known.mails {
                person.add_mail(first, last);
            }
            let own = std::mem::take(&mut person.names);
            // The names of the newer knowledge come last.
            known.names.into_iter().chain(own).for_each(|name| person.add_name(name));
        }
    }

    fn person(&mut self, username: &Username) -> &mut KnownPerson {
        self.people.entry(username.clone()).or_insert_with(|| KnownPerson {
            username: username.clone(),
            names: Vec::new(),
            mails: None,
            is_written_to: false,
        })
    }
}

impl KnownPerson {
    fn add_mail(&mut self, first: &FileName, last: &FileName) {
        let (old_first, old_last) =
            self.mails.take().unwrap_or_else(|| (first.clone(), last.clone()));
        self.mails = Some((old_first.min(first.clone()), old_last.max(last.clone())));
    }

    /// Adds a name as the person's last one.
    fn add_name(&mut self, mut name: KnownName) {
        let known = self.names.iter().position(|known| known.full_name == name.full_name);
        if let Some(known) = known.map(|at| self.names.remove(at)) {
            name.first = name.first.min(known.first);
        }
        self.names.push(name);
        let surplus = self.names.len().saturating_sub(NAMES_MAX);
        self.names.drain(..surplus);
    }
}

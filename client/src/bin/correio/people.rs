//! The people that the user of an account knows: from earlier mail, from the address book, and by
//! having written to them.

use std::{io, path::Path};

use correio_client::{
    Address, AddressBook, BookEntry, BookPerson, Cancel, KnownPeople, KnownPerson, Mailbox, People,
    Service, Stored, WhiteSpace, sanitize,
};
use correio_proto::mail::{FullName, Recipients, Username};

use crate::{
    names::{Names, Since, with_username},
    text::Text,
};

/// The people of an account, as they are known on this computer.
pub(crate) struct LocalPeople {
    username: Username,
    pub(crate) book: Vec<BookEntry>,
    pub(crate) people: People,
}

impl LocalPeople {
    /// Reads the people, and adds the senders of new mails. What cannot be read counts as empty: an
    /// address book with a wrong line is reported where a nickname is used.
    pub(crate) fn load(
        data: &Path,
        server: &Address,
        username: &Username,
        cancel: &Cancel,
    ) -> Self {
        let mut book = AddressBook::open(data, server, username).list().unwrap_or_default();
        let known = KnownPeople::open(data, server, username);
        let mailbox = Mailbox::open(data, server, username);
        let people = known.refresh(&mailbox, cancel).unwrap_or_else(|_| known.read());
        name_as_seen(&mut book, &people);
        Self { username: username.clone(), book, people }
    }

    /// The names that the user could confuse, and since when the user knows them.
    pub(crate) fn names(&self) -> Names {
        let mut names = Names::default();
        names.add_username(&self.username, &Since::Always);
        for person in self.book.iter().flat_map(|entry| &entry.people) {
            add_known(&mut names, &person.username, person.full_name.as_ref());
        }
        for person in self.people.iter() {
            for name in &person.names {
                let since = Since::Mail(name.first.clone());
                names.add(&person.username, &name.full_name, &since);
            }
            if let Some((first, _)) = &person.mails {
                // Also if the full name that the person had first is forgotten.
                names.add_username(&person.username, &Since::Mail(first.clone()));
            }
            if person.is_written_to {
                add_known(&mut names, &person.username, person.full_name());
            }
        }
        names
    }
}

/// Gives the people of an address book the full names that they had last.
pub(crate) fn name_as_seen(book: &mut [BookEntry], people: &People) {
    for person in book.iter_mut().flat_map(|entry| &mut entry.people) {
        let seen = people.get(&person.username).and_then(KnownPerson::full_name);
        if let Some(full_name) = seen {
            person.full_name = Some(full_name.clone());
        }
    }
}

fn add_known(names: &mut Names, username: &Username, full_name: Option<&FullName>) {
    names.add_username(username, &Since::Always);
    if let Some(full_name) = full_name {
        names.add(username, full_name, &Since::Always);
    }
}

/// Notes that the account that is logged in has written to people. They are then no strangers.
pub(crate) fn note_written_to(
    data: &Path,
    service: &Service,
    recipients: &Recipients,
    cancel: &Cancel,
) {
    if let Some(username) = service.username() {
        let known = KnownPeople::open(data, service.address(), &username);
        // Without the note, their first mail may be marked although they are known.
        let _: io::Result<()> = known.wrote_to(recipients, cancel);
    }
}

/// The warning above a mail of a stranger whose name looks like a known one.
pub(crate) fn stranger_warning(text: &Text, mail: &Stored, names: &Names) -> Option<String> {
    let resembled = names.resembled_by(mail);
    if resembled.is_empty() {
        return None;
    }
    let known: Vec<_> = resembled.iter().map(ToString::to_string).collect();
    let values = [("from", mail.from.to_string().into()), ("known", known.join(", ").into())];
    Some(text.with("mail-stranger", &values))
}

/// What a nickname stands for, on one line.
pub(crate) fn nickname_line(text: &Text, entry: &BookEntry) -> String {
    let people: Vec<_> = entry.people.iter().map(person_label).collect();
    let values = [
        ("nickname", sanitize(&entry.nickname.to_string(), WhiteSpace::OneLine).into()),
        ("people", people.join(", ").into()),
    ];
    text.with("nickname-line", &values)
}

/// A person of the address book: the full name, if it is known, and the username.
pub(crate) fn person_label(person: &BookPerson) -> String {
    match &person.full_name {
        Some(full_name) => with_username(&person.username, full_name),
        None => person.username.to_string(),
    }
}

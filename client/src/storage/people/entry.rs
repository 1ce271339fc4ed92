//! The entries of the address book.

use correio_proto::mail::{FullName, Username};

use super::nickname::Nickname;

/// A nickname and the people that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEntry {
    /// The nickname.
    pub nickname: Nickname,
    /// The people, at least one, in the order of the file.
    pub people: Vec<BookPerson>,
}

/// A person in the address book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookPerson {
    /// The account's username.
    pub username: Username,
    /// The full name that the account had when the person was added, if it was known.
    pub full_name: Option<FullName>,
}

//! The people around an account, as files on the user's computer: the address book with the user's
//! nicknames, and the people known from earlier mail.

mod book;
mod entry;
mod error;
mod known;
mod lines;
mod nickname;
mod person;
mod recipients;
mod record;

pub use book::AddressBook;
pub use entry::{BookEntry, BookPerson};
pub use error::{AddressBookError, RecipientsError};
pub use known::KnownPeople;
pub use nickname::{InvalidNickname, NICKNAME_MAX, Nickname};
pub use person::{KnownName, KnownPerson, People};
pub use recipients::NamedRecipients;

#[cfg(test)]
mod tests;

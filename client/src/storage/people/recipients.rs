//! Recipients as a user types them, with nicknames.

use std::collections::HashSet;

use correio_proto::mail::{Recipients, Username};

use super::{
    entry::BookEntry,
    error::{AddressBookError, RecipientsError},
    nickname::{MARK, Nickname},
};

/// Recipients, and the nicknames among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRecipients {
    /// The usernames, those of nicknames among them, each once.
    pub to: Recipients,
    /// What each nickname stood for, in the order in which they were typed.
    pub nicknames: Vec<BookEntry>,
}

/// Resolves the nicknames in a text. Reads the address book only if there is one.
pub(super) fn resolve(
    typed: &str,
    book: impl FnOnce() -> Result<Vec<BookEntry>, AddressBookError>,
) -> Result<NamedRecipients, RecipientsError> {
    let parts = || typed.split(',').map(str::trim).filter(|part| !part.is_empty());
    if !parts().any(|part| part.starts_with(MARK)) {
        return Ok(NamedRecipients { to: typed.parse()?, nicknames: Vec::new() });
    }
    let book = book()?;
    let (mut usernames, mut nicknames): (Vec<Username>, Vec<BookEntry>) = Default::default();
    for part in parts() {
        if !part.starts_with(MARK) {
            usernames.push(part.parse()?);
            continue;
        }
        let nickname: Nickname = part.parse()?;
        let entry = book.iter().find(|entry| entry.nickname == nickname);
        let entry = entry.ok_or(RecipientsError::Unknown(nickname))?;
        usernames.extend(entry.people.iter().map(|person| person.username.clone()));
        if !nicknames.contains(entry) {
            nicknames.push(entry.clone());
        }
    }
    // A person whom two nicknames stand for counts once.
    let mut seen = HashSet::new();
    usernames.retain(|username| seen.insert(username.clone()));
    Ok(NamedRecipients { to: usernames.try_into()?, nicknames })
}

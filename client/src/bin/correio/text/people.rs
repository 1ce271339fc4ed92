//! The texts of errors about nicknames and the address book.

use std::path::Path;

use correio_client::{
    AddressBookError, InvalidNickname, NICKNAME_MAX, RecipientsError, WhiteSpace, sanitize,
};

use super::Text;

impl Text {
    /// Why a text is not a nickname.
    pub(crate) fn nickname(&self, invalid: InvalidNickname) -> String {
        match invalid {
            InvalidNickname::Empty => self.of("nickname-empty"),
            InvalidNickname::TooLong => {
                self.with("nickname-too-long", &[("limit", NICKNAME_MAX.to_string().into())])
            }
            InvalidNickname::Character(c) => {
                let shown = sanitize(&format!("{c:?}"), WhiteSpace::OneLine);
                self.with("nickname-character", &[("character", shown.into())])
            }
        }
    }

    /// Why an address book cannot be read or changed.
    pub(crate) fn address_book(&self, error: &AddressBookError) -> String {
        let shown = |path: &Path| sanitize(&path.to_string_lossy(), WhiteSpace::OneLine);
        match error {
            AddressBookError::Io { path, source } => {
                let reason = sanitize(&source.to_string(), WhiteSpace::OneLine);
                let values = [("path", shown(path).into()), ("reason", reason.into())];
                self.with("address-book-io", &values)
            }
            AddressBookError::Line { path, line } => {
                let values = [("path", shown(path).into()), ("line", line.to_string().into())];
                self.with("address-book-line", &values)
            }
            AddressBookError::Full { path } => {
                self.with("address-book-full", &[("path", shown(path).into())])
            }
            AddressBookError::TooMany { nickname } => {
                let values = [("nickname", nickname.to_string().into())];
                self.with("address-book-too-many", &values)
            }
            AddressBookError::Locked { path } => {
                self.with("address-book-locked", &[("path", shown(path).into())])
            }
            AddressBookError::Cancelled => self.of("interrupted"),
        }
    }

    /// Why a text names no recipients.
    pub(crate) fn recipients(&self, error: &RecipientsError) -> String {
        match error {
            RecipientsError::Invalid(invalid) => self.invalid(*invalid),
            RecipientsError::Nickname(invalid) => self.nickname(*invalid),
            RecipientsError::Unknown(nickname) => {
                self.with("nickname-unknown", &[("nickname", nickname.to_string().into())])
            }
            RecipientsError::AddressBook(error) => self.address_book(error),
        }
    }
}

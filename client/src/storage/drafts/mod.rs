//! Drafts: mails that were written and not sent yet, kept on this computer.
//!
//! A draft holds the typed text, whether or not it is a valid mail, under the id it is sent with.
//! [`Drafts::begin`] gives a [`DraftFile`], the one file of a mail that is being written:
//! [`DraftFile::autosave`] it at every pause in typing, as an editor does with its swap file,
//! [`DraftFile::save`] it before sending, and [`DraftFile::delete`] it once it was sent. Then no
//! typed text is lost, however the program ends, and sending the draft again never makes a second
//! mail.
//!
//! The directory of an account holds `<id>.json` for each draft, `<id>.message` for a draft whose
//! message was made ([`Drafts::outgoing`]), and a directory `<id>.attached` for files that exist
//! for one draft alone ([`Drafts::attached_directory`]). Drafts are ordered by a number in the
//! file, not by the clock. While a program writes a draft it holds a lock on the draft's file; the
//! operating system releases the lock when the program ends, however it ends, so that the next
//! program offers the drafts of a killed one. On a file system without locks no draft is marked as
//! in use.

mod as_text;
mod attached;
mod attachment;
mod directory;
mod draft;
mod error;
mod extension;
mod file;
mod lock;
mod origin;
mod outgoing;
mod reattach;
mod record;

pub use attachment::DraftAttachment;
pub use directory::{DraftList, Drafts};
pub use draft::Draft;
pub use error::DraftError;
pub use file::{DraftFile, Reopened};
pub use origin::{DraftOrigin, OriginAction};
pub use outgoing::{Author, DraftMail, DraftMailError, ThreadFields};
pub use reattach::ReattachError;

#[cfg(test)]
mod tests;

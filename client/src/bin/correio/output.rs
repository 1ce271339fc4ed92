//! The answer of a command, as text and as JSON, and the mails that are marked after it was
//! written.

use std::io::{self, Write};

use correio_client::{Mailbox, MailboxError, Stored};
use serde_json::Value;

use crate::text::Text;

/// The answer of a command: as text for people, and as JSON for programs with the same content.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// The mails that are marked in the local mailbox after the answer was written.
    pub(crate) marks: Marks,
}

/// The mails that an answer shows. They count as seen only after the answer was written.
pub(crate) enum Marks {
    Nothing,
    /// Mails in a list.
    Shown(Mailbox, Vec<Stored>),
    /// A mail that was shown with its body.
    Read(Mailbox, Stored),
}

impl Output {
    pub(crate) fn new(text: String, json: Value) -> Self {
        Self { text, json, marks: Marks::Nothing }
    }

    /// Marks the mails of an answer that was written, and writes the mailbox's notes to standard
    /// error.
    pub(crate) fn written(&self, text: &Text) -> Result<(), MailboxError> {
        match &self.marks {
            Marks::Nothing => Ok(()),
            Marks::Shown(mailbox, mails) => {
                let marked = mailbox.mark_shown(mails);
                for note in mailbox.take_notes() {
                    let _ = writeln!(io::stderr(), "{}", text.mailbox_note(&note));
                }
                marked
            }
            // Only a mark for the next list: a mailbox that cannot be written can still be read.
            Marks::Read(mailbox, mail) => {
                let _ = mailbox.mark_read(mail);
                Ok(())
            }
        }
    }
}

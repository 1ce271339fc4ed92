//! The answer of a command, in text and as JSON, and what is marked in the local mailbox after it
//! was written.

use std::io::{self, Write};

use correio_client::{Mailbox, MailboxError, Stored};
use serde_json::Value;

use crate::text::Text;

/// What a command has to say: the same for people and for programs.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// What is noted in the local mailbox once this is written.
    pub(crate) marks: Marks,
}

/// Mails that a user has in front of them once the output is written, not before.
pub(crate) enum Marks {
    Nothing,
    /// These are listed.
    Shown(Mailbox, Vec<Stored>),
    /// This one is read.
    Read(Mailbox, Stored),
}

impl Output {
    pub(crate) fn new(text: String, json: Value) -> Self {
        Self { text, json, marks: Marks::Nothing }
    }

    /// Notes that the output was written, and says what is noteworthy about the mailbox.
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
            // Only a mark for the next list: a mailbox that cannot be written can be read.
            Marks::Read(mailbox, mail) => {
                let _ = mailbox.mark_read(mail);
                Ok(())
            }
        }
    }
}

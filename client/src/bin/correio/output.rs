//! The answer of a command, as text and as JSON, and the mails that are marked after it was
//! written.

use std::io::{self, BufWriter, IsTerminal, Write};

use console::Term;
use correio_client::{Mailbox, MailboxError, Stored, write_sanitized_json};
use serde_json::Value;

use crate::{mail_view::MailView, text::Text};

/// Bytes of an answer that are written at once.
const BUFFER: usize = 256 * 1024;

/// The answer of a command: as text for people, and as JSON for programs with the same content.
pub(crate) struct Output {
    pub(crate) shown: Shown,
    pub(crate) json: Value,
    /// The mails that are marked in the local mailbox after the answer was written.
    pub(crate) marks: Marks,
}

/// The answer for people.
pub(crate) enum Shown {
    Lines(String),
    Mail(Box<MailView>),
    /// An answer that is made as it is written, as JSON, too.
    Streamed(Box<dyn Streamed>),
    /// Nothing, as JSON neither: the command has written its answer itself.
    Written,
}

/// An answer whose whole would take too much memory: its parts are made as they are written.
pub(crate) trait Streamed {
    /// Writes the answer for people.
    ///
    /// # Errors
    ///
    /// Those of `out`, and of what the parts are made from.
    fn write_lines(&self, text: &Text, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the answer as one JSON document in a line.
    ///
    /// # Errors
    ///
    /// As [`Streamed::write_lines`].
    fn write_json(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl Shown {
    fn write(&self, text: &Text, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Lines(lines) => writeln!(out, "{lines}"),
            Self::Mail(mail) => {
                // In a file or a pipe, the lines stay as the sender wrote them.
                let width = io::stdout().is_terminal().then(|| Term::stdout().size().1.into());
                mail.write(out, width)
            }
            Self::Streamed(answer) => answer.write_lines(text, out),
            Self::Written => Ok(()),
        }
    }
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
        Self { shown: Shown::Lines(text), json, marks: Marks::Nothing }
    }

    /// The answer of a command that has written it itself.
    pub(crate) fn written_already() -> Self {
        Self { shown: Shown::Written, json: Value::Null, marks: Marks::Nothing }
    }

    /// Writes the answer to standard output: for people, or as JSON.
    pub(crate) fn write(&self, text: &Text, as_json: bool) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        match &self.shown {
            Shown::Streamed(answer) if as_json => answer.write_json(&mut out)?,
            Shown::Lines(_) | Shown::Mail(_) if as_json => {
                write_sanitized_json(&self.json, &mut out)?;
                writeln!(out)?;
            }
            shown => shown.write(text, &mut out)?,
        }
        out.flush()
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
                marked.map(drop)
            }
            // Only a mark for the next list: a mailbox that cannot be written can still be read.
            Marks::Read(mailbox, mail) => {
                let _ = mailbox.mark_read(mail);
                Ok(())
            }
        }
    }
}

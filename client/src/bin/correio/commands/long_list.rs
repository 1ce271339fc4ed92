//! A list of many mails, of which few are in memory at once: 100,000 mails would take 600 MiB.
//!
//! The heads of all mails are read twice: for the names of the senders, among which each is shown,
//! and when their lines are written.

use std::io::{self, Write};

use correio_client::{Address, Entry, Folder, List, Mailbox, MailboxError, write_sanitized_json};
use correio_proto::mail::Username;

use super::{
    context::Context,
    listing::{known_names, listed_json, say_skipped},
};
use crate::{exit::Failure, names::Names, output::Streamed, text::Text, view};

/// Most mails of a list that are in memory at once.
pub(super) const AT_ONCE: usize = 1024;

/// The mails of a folder that are listed.
pub(super) struct LongList {
    mailbox: Mailbox,
    entries: Vec<Entry>,
    names: Names,
}

impl LongList {
    /// Reads the senders of the mails, and reports the files that are skipped. `None` if none of
    /// the files is a mail.
    pub(super) fn new(
        context: &Context<'_>,
        account: &(Address, Username),
        mailbox: Mailbox,
        entries: Vec<Entry>,
    ) -> Result<Option<Self>, Failure> {
        let mut names = match mailbox.folder() {
            Folder::Received => known_names(context, account),
            // The sender of sent mail is the reader.
            Folder::Sent => Names::default(),
        };
        let mut is_empty = true;
        for entries in entries.chunks(AT_ONCE) {
            let list = mailbox.load(entries);
            let list = list.map_err(|error| Failure::mailbox(context.text, &error))?;
            say_skipped(context.text, &list.skipped);
            is_empty &= list.mails.is_empty();
            list.mails.iter().for_each(|mail| names.add_sender(mail));
        }
        Ok((!is_empty).then_some(Self { mailbox, entries, names }))
    }

    /// The mails, some at a time. A file that is skipped was reported before.
    fn parts(&self) -> impl Iterator<Item = io::Result<List>> {
        let failed = |error: MailboxError| io::Error::other(error);
        self.entries.chunks(AT_ONCE).map(move |part| self.mailbox.load(part).map_err(failed))
    }
}

impl Streamed for LongList {
    fn write_lines(&self, text: &Text, out: &mut dyn Write) -> io::Result<()> {
        for list in self.parts() {
            for mail in &list?.mails {
                writeln!(out, "{}", view::dated_mail_line(text, mail, &self.names))?;
            }
        }
        Ok(())
    }

    fn write_json(&self, mut out: &mut dyn Write) -> io::Result<()> {
        let mut separator = "";
        write!(out, "{{\"mails\":[")?;
        for list in self.parts() {
            for mail in &list?.mails {
                write!(out, "{separator}")?;
                write_sanitized_json(&listed_json(mail, &self.names), &mut out)?;
                separator = ",";
            }
        }
        writeln!(out, "]}}")
    }
}

//! Selects the mails of a folder that meet conditions. Files are opened only for conditions that
//! the names of files cannot answer, on several threads.
//!
//! There is no index, which could be out of date when other programs change the Maildir, and would
//! be a second copy of the texts. USING.md has measured figures.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use correio_proto::{
    mail::{Content, ContentKind, Username},
    rfc5322::{self, ContentReader, Head},
};

use super::{
    Mailbox,
    condition::{ByName, Condition, Selected},
    content::BUFFER,
    entries::{Looked, collect},
    entry::Entry,
    error::MailboxError,
    is_of_program,
    message_text::{MESSAGE_MAX, SearchText, search_text},
    parallel,
    words::{Finder, Words},
};
use crate::{cancel::Cancel, files::durable, storage::skipped::Skipped};

impl Mailbox {
    /// Selects the mails of this folder that meet all conditions.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Cancelled`]; [`MailboxError::Io`] if the folder cannot be read, or this
    /// program cannot open any file.
    pub fn select(
        &self,
        conditions: &[Condition],
        cancel: &Cancel,
    ) -> Result<Selected, MailboxError> {
        let found = self.entries()?;
        let total = found.entries.len();
        let may_meet = |entry: &Entry| {
            conditions.iter().all(|condition| condition.by_name(entry) != ByName::Unmet)
        };
        let mut entries = found.entries;
        entries.retain(may_meet);
        let mut skipped = found.skipped;
        let is_open = |entry: &Entry| {
            conditions.iter().any(|condition| condition.by_name(entry) == ByName::Unknown)
        };
        if entries.iter().any(is_open) {
            let looked = parallel::each(&entries, |scratch: &mut Vec<u8>, entry| {
                if cancel.is_cancelled() {
                    return Some(Looked::Failed(MailboxError::Cancelled));
                }
                self.look_into(entry, conditions, scratch)
            });
            entries = Vec::new();
            skipped.extend(collect(looked, &mut entries)?);
        }
        Ok(Selected { entries, total, skipped })
    }

    /// Looks into a mail's file. `None` if the mail does not meet the conditions, or is gone.
    fn look_into(
        &self,
        entry: &Entry,
        conditions: &[Condition],
        scratch: &mut Vec<u8>,
    ) -> Option<Looked<Entry>> {
        let open: Vec<&Condition> =
            conditions.iter().filter(|c| c.by_name(entry) == ByName::Unknown).collect();
        let met = match self.opened(&entry.file) {
            Ok(None) => return None,
            Ok(Some((path, file))) => {
                let look = Look { path: &path, conditions: &open };
                look.is_met(file, scratch)
            }
            Err(error) => Err(error),
        };
        match met {
            Ok(true) => Some(Looked::Is(entry.clone())),
            Ok(false) => None,
            Err(MailboxError::Damaged(skipped)) => Some(Looked::Skipped(skipped)),
            Err(MailboxError::Io { path, source }) if !is_of_program(&source) => {
                Some(Looked::Skipped(Skipped { path, reason: source.to_string() }))
            }
            Err(error) => Some(Looked::Failed(error)),
        }
    }
}

/// A mail's file that is looked into.
struct Look<'a> {
    path: &'a Path,
    /// The conditions that the file's name leaves open.
    conditions: &'a [&'a Condition],
}

impl Look<'_> {
    /// Whether the mail meets the conditions. A file of usual size is read at once into `scratch`.
    fn is_met(&self, mut file: File, scratch: &mut Vec<u8>) -> Result<bool, MailboxError> {
        let io = |error| MailboxError::io(self.path, error);
        scratch.clear();
        (&mut file).take(BUFFER as u64).read_to_end(scratch).map_err(io)?;
        let mut reader = BufReader::with_capacity(BUFFER.min(scratch.len() + 1), {
            // The rest of a larger file follows.
            io::Cursor::new(scratch.as_slice()).chain(file)
        });
        let head = rfc5322::read_head(&mut reader)
            .map_err(|error| MailboxError::unreadable(self.path, error))?;
        let mut finders = Vec::new();
        let mut needs_attachments = false;
        for condition in self.conditions {
            let is_met = match condition {
                Condition::From(query) => query.matches(&head.from, &head.from_name),
                Condition::To(query) => {
                    head.to.iter().any(|name| name.as_str().contains(query.as_str()))
                }
                Condition::Subject(words) => words.occur_in(head.subject.as_str()),
                Condition::Words(words) => {
                    finders.push(finder_in_head(words, &head));
                    true
                }
                Condition::HasAttachments => {
                    needs_attachments = true;
                    true
                }
                Condition::Unread
                | Condition::Important
                | Condition::Since(_)
                | Condition::Before(_) => true,
            };
            if !is_met {
                return Ok(false);
            }
        }
        finders.retain(|finder| !finder.has_all());
        if finders.is_empty() && !needs_attachments {
            return Ok(true);
        }
        if let Some(large) = head.large() {
            let mut content = ContentReader::new(reader, large);
            return match large.content.kind {
                ContentKind::Text {} if needs_attachments => Ok(false),
                ContentKind::Text {} => self.text(&mut content, &mut finders),
                ContentKind::Message {} => {
                    let mut start = Vec::new();
                    content.take(MESSAGE_MAX).read_to_end(&mut start).map_err(io)?;
                    Ok(message_meets(&start, &mut finders, needs_attachments))
                }
            };
        }
        drop(reader);
        self.inline(scratch, &mut finders, needs_attachments)
    }

    /// Whether a content that is within its mail meets what is left of the conditions.
    fn inline(
        &self,
        start: &[u8],
        finders: &mut Vec<Finder<'_>>,
        needs_attachments: bool,
    ) -> Result<bool, MailboxError> {
        let unreadable = |error| MailboxError::unreadable(self.path, error);
        let mail = match start.len() < BUFFER {
            true => rfc5322::read(&mut &*start),
            false => {
                let file = durable::open_file(self.path);
                let file = file.map_err(|error| MailboxError::io(self.path, error))?;
                rfc5322::read(&mut BufReader::with_capacity(BUFFER, file))
            }
        };
        match mail.map_err(unreadable)?.content {
            Content::Body(_) if needs_attachments => Ok(false),
            Content::Body(body) => {
                finders.iter_mut().for_each(|finder| finder.text(body.as_str()));
                Ok(finders.iter().all(Finder::has_all))
            }
            Content::Message(message) => {
                let most = usize::try_from(MESSAGE_MAX).unwrap_or(usize::MAX);
                let bytes = message.as_bytes();
                let start = bytes.get(..most).unwrap_or(bytes);
                Ok(message_meets(start, finders, needs_attachments))
            }
            // Another program has replaced the file meanwhile.
            Content::Large(_) => Ok(false),
        }
    }

    /// Whether a large text has all words. A piece of it is in memory.
    fn text(
        &self,
        content: &mut impl Read,
        finders: &mut Vec<Finder<'_>>,
    ) -> Result<bool, MailboxError> {
        let mut pending = Vec::new();
        loop {
            let read = content.take(BUFFER as u64).read_to_end(&mut pending);
            let read = read.map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => {
                    let (path, reason) = (self.path.to_owned(), error.to_string());
                    MailboxError::Damaged(Skipped { path, reason })
                }
                _ => MailboxError::io(self.path, error),
            })?;
            let whole = match std::str::from_utf8(&pending) {
                Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
                _ => pending.len(),
            };
            let text = String::from_utf8_lossy(pending.get(..whole).unwrap_or_default());
            finders.iter_mut().for_each(|finder| finder.piece(&text));
            finders.retain(|finder| !finder.has_all());
            if finders.is_empty() || read == 0 {
                return Ok(finders.is_empty());
            }
            pending.drain(..whole);
        }
    }
}

/// Looks for words in what a mail's head has.
fn finder_in_head<'a>(words: &'a Words, head: &Head) -> Finder<'a> {
    let mut finder = Finder::new(words);
    for text in [head.subject.as_str(), head.from_name.as_str(), head.from.as_str()] {
        finder.text(text);
    }
    head.to.iter().map(Username::as_str).for_each(|name| finder.text(name));
    finder
}

/// Whether the beginning of a message meets what is left of the conditions.
fn message_meets(start: &[u8], finders: &mut [Finder<'_>], needs_attachments: bool) -> bool {
    let SearchText { text, has_attachments } = search_text(start);
    if needs_attachments && !has_attachments {
        return false;
    }
    finders.iter_mut().for_each(|finder| finder.text(&text));
    finders.iter().all(Finder::has_all)
}

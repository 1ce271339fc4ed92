//! One mailbox in memory.

use std::{collections::VecDeque, sync::Arc};

use correio_proto::mail::{FullName, Mail, MailRef, Recipients, Seq, Timestamp, Username};

use super::contents::StoredContent;
use crate::store::{NewMailRecord, gateway::MailOutline};

/// Empty places that a mailbox may keep however few mails it has.
const EMPTY_MAX: usize = 16;

/// Mails in the order of their sequence numbers. A new mail has the highest number, and mostly the
/// oldest mails are removed first: both ends are cheap. A mail that is removed from the middle
/// leaves an empty place.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    places: VecDeque<(Seq, Option<StoredMail>)>,
    mails: usize,
    bytes: u64,
}

/// A mail without its sequence number. All recipients share its parts.
#[derive(Clone, Debug)]
pub(super) struct StoredMail {
    pub(super) from: Arc<Names>,
    pub(super) mail: Arc<NewMailRecord>,
    /// The recipients as the mailbox sees them, if some are hidden from it; `None` for all.
    pub(super) to: Option<Arc<Recipients>>,
    pub(super) content: Arc<StoredContent>,
    pub(super) sent_at: Timestamp,
}

/// The names of an account.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) username: Username,
    pub(super) full_name: FullName,
}

impl Mailbox {
    /// Number of mails.
    pub(super) fn mails(&self) -> usize {
        self.mails
    }

    /// Bytes of the mails' subjects and contents.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a mail.
    pub(super) fn push(&mut self, seq: Seq, stored: StoredMail) {
        self.mails += 1;
        self.bytes += stored.mail.quota_bytes();
        self.places.push_back((seq, Some(stored)));
    }

    /// The mail with this number and id, if there is one.
    pub(super) fn get(&self, mail: MailRef) -> Option<&StoredMail> {
        let index = self.places.binary_search_by_key(&mail.seq, |(seq, _)| *seq).ok()?;
        let (_, stored) = self.places.get(index)?;
        stored.as_ref().filter(|stored| stored.mail.id == mail.id)
    }

    /// Removes a mail. Returns its bytes of quota, or `None` if there is no such mail.
    pub(super) fn remove(&mut self, mail: MailRef) -> Option<u64> {
        let index = self.places.binary_search_by_key(&mail.seq, |(seq, _)| *seq).ok()?;
        let (_, place) = self.places.get_mut(index)?;
        let stored = place.take_if(|stored| stored.mail.id == mail.id)?;
        let bytes = stored.mail.quota_bytes();
        self.mails -= 1;
        self.bytes -= bytes;
        while self.places.pop_front_if(|(_, stored)| stored.is_none()).is_some() {}
        if self.places.len() > self.mails * 2 + EMPTY_MAX {
            self.places.retain(|(_, stored)| stored.is_some());
            self.places.shrink_to(self.mails * 2);
        }
        Some(bytes)
    }

    /// The mails with a sequence number above `after`, in order.
    pub(super) fn above(&self, after: Seq) -> impl Iterator<Item = (Seq, &StoredMail)> {
        let first = self.places.partition_point(|(seq, _)| *seq <= after);
        self.places.range(first..).filter_map(|(seq, stored)| Some((*seq, stored.as_ref()?)))
    }
}

/// The recipients that a mailbox sees which the mail has reached through a hidden one, or through
/// none; `None` for all.
pub(super) fn seen(mail: &NewMailRecord, hidden: Option<&Username>) -> Option<Arc<Recipients>> {
    if mail.bcc.is_empty() {
        return None;
    }
    let names: Vec<_> = mail.visible().chain(hidden).cloned().collect();
    // Not empty, and not more than all.
    Recipients::try_from(names).ok().map(Arc::new)
}

impl StoredMail {
    pub(super) fn outline(&self, seq: Seq) -> MailOutline {
        let to = self.to.as_deref().unwrap_or(&self.mail.to);
        MailOutline {
            mail: MailRef { seq, id: self.mail.id },
            from: self.from.username.clone(),
            from_name: self.from.full_name.clone(),
            to: to.as_slice().to_vec(),
            subject: self.mail.subject.clone(),
            sent_at: self.sent_at,
            kind: self.mail.content.kind(),
            size: self.mail.content.size(),
            texture: self.content.texture,
        }
    }

    pub(super) fn as_mail(&self, seq: Seq) -> Mail {
        Mail {
            seq,
            id: self.mail.id,
            from: self.from.username.clone(),
            from_name: self.from.full_name.clone(),
            to: self.to.as_deref().unwrap_or(&self.mail.to).clone(),
            sent_at: self.sent_at,
            subject: self.mail.subject.clone(),
            content: self.mail.content.clone(),
        }
    }
}

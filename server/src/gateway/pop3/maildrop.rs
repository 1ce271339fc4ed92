//! The mails that a session has listed at its login, and which of them are marked as deleted.

use std::{collections::BTreeSet, fmt, ops::Range};

use correio_proto::mail::{MailRef, Seq};

use super::command::MailNumber;
use crate::{
    gateway::{domain::MailDomain, render},
    store::gateway::MailOutline,
};

/// Most mails that a session lists: 3.2 MB. The owner of a larger mailbox must use correio's own
/// client, which reads page by page.
pub(super) const MAILS_MAX: usize = 100_000;

/// Bytes of a mark, with its share of the tree's nodes.
const MARK_BYTES: usize = 16;

/// A listed mail: 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListedMail {
    /// Number and id in the store.
    pub(super) mail: MailRef,
    /// Octets of the mail in its form for mail programs.
    pub(super) octets: u64,
}

/// Identifies a mail for ever (UIDL): its number and its id, neither of which the store uses again.
/// At most 49 characters, of the 70 that RFC 1939 permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UniqueId(MailRef);

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.", self.0.seq.0)?;
        self.0.id.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ListedMail {
    /// The mail's unique id.
    pub(super) fn unique_id(&self) -> UniqueId {
        UniqueId(self.mail)
    }
}

/// The mailbox has more than [`MAILS_MAX`] mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyMails;

/// Why a number names no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMail {
    /// The list has fewer mails.
    Beyond,
    /// The mail is marked as deleted.
    Deleted,
}

/// Number and octets of some mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    mails: u32,
    octets: u64,
}

impl Totals {
    fn add(&mut self, listed: &ListedMail) {
        self.mails = self.mails.saturating_add(1);
        self.octets = self.octets.saturating_add(listed.octets);
    }
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Maildrop {
    mails: Vec<ListedMail>,
    /// Of all mails. Totals are kept, since a program may ask for them with every command.
    all: Totals,
    /// Places of the mails that are marked as deleted.
    deleted: BTreeSet<u32>,
    /// Of the mails that are marked as deleted.
    marked: Totals,
}

impl Maildrop {
    /// Adds a page of the mailbox to the list.
    pub(super) fn add(
        &mut self,
        page: &[MailOutline],
        domain: &MailDomain,
    ) -> Result<(), TooManyMails> {
        if self.mails.len().saturating_add(page.len()) > MAILS_MAX {
            return Err(TooManyMails);
        }
        for outline in page {
            let octets = render::octets(outline, domain.as_str());
            let listed = ListedMail { mail: outline.mail, octets };
            self.all.add(&listed);
            self.mails.push(listed);
        }
        Ok(())
    }

    /// Bytes that the list and the marks take.
    pub(super) fn held(&self) -> usize {
        let marks = self.deleted.len().saturating_mul(MARK_BYTES);
        self.mails.capacity().saturating_mul(size_of::<ListedMail>()).saturating_add(marks)
    }

    /// The number in the store of the last listed mail; 0 if none is listed.
    pub(super) fn last(&self) -> Seq {
        self.mails.last().map_or(Seq(0), |listed| listed.mail.seq)
    }

    /// The mail of a number.
    pub(super) fn get(&self, number: MailNumber) -> Result<ListedMail, NoMail> {
        let place = number.0.checked_sub(1).ok_or(NoMail::Beyond)?;
        let at = usize::try_from(place).map_err(|_| NoMail::Beyond)?;
        let listed = self.mails.get(at).ok_or(NoMail::Beyond)?;
        match self.deleted.contains(&place) {
            true => Err(NoMail::Deleted),
            false => Ok(*listed),
        }
    }

    /// Number of listed mails, with those that are marked as deleted: the end of the places.
    pub(super) fn len(&self) -> u32 {
        self.all.mails
    }

    /// The mails at these places that are not marked as deleted, with their numbers. The first
    /// place is 0.
    pub(super) fn iter(
        &self,
        places: Range<u32>,
    ) -> impl Iterator<Item = (MailNumber, ListedMail)> {
        let skipped = usize::try_from(places.start).unwrap_or(usize::MAX);
        let mut deleted = self.deleted.range(places.start..).copied().peekable();
        places.zip(self.mails.iter().skip(skipped)).filter_map(move |(place, listed)| {
            let is_there = deleted.next_if_eq(&place).is_none();
            is_there.then_some((MailNumber(place.saturating_add(1)), *listed))
        })
    }

    /// Number and octets of all mails that are not marked as deleted.
    pub(super) fn totals(&self) -> (u32, u64) {
        let Self { all, marked, .. } = self;
        (all.mails.saturating_sub(marked.mails), all.octets.saturating_sub(marked.octets))
    }

    /// Marks a mail as deleted.
    pub(super) fn delete(&mut self, number: MailNumber) -> Result<(), NoMail> {
        let listed = self.get(number)?;
        if self.deleted.insert(number.0.saturating_sub(1)) {
            self.marked.add(&listed);
        }
        Ok(())
    }

    /// Removes all marks.
    pub(super) fn reset(&mut self) {
        self.deleted.clear();
        self.marked = Totals::default();
    }

    /// Removes the marks of the first marked mails, at most `most`, and returns these mails. The
    /// totals go on to leave them out.
    pub(super) fn take_deleted(&mut self, most: usize) -> Vec<MailRef> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(place) = self.deleted.pop_first()
        {
            let listed = usize::try_from(place).ok().and_then(|at| self.mails.get(at));
            taken.extend(listed.map(|listed| listed.mail));
        }
        taken
    }
}

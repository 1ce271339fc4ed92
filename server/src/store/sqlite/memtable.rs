//! The memtable: mails that are in the file, but not in the index of mailboxes yet.
//!
//! Each mailbox has pages of its own in the index, so inserting every mail at once would write
//! about a page a mail. The memtable stands in for the index until it is flushed
//! ([`super::index`]), in slices of mailboxes, so that no job waits for all of them. It is rebuilt
//! from the file whenever the two might differ: on opening, and after a rollback.

use std::collections::{HashMap, VecDeque};

use correio_proto::mail::Seq;
use foldhash::fast::RandomState;
use rusqlite::{Connection, Result};

use super::row::{to_sql, unsigned};
use crate::ids::AccountId;

/// Sequence numbers that are reserved in one step, so that the file need not be written for each.
const SEQS_RESERVED: i64 = 1 << 16;

/// Mailboxes after which the memtable is flushed however few mails it has: each mailbox costs a
/// page.
const MAILBOXES_MAX: usize = 1024;

/// Work of flushing a mailbox besides its mails, as a number of mails: a page of the index and one
/// of the accounts are written.
const MAILBOX_WORK: usize = 8;

/// Least work in a slice: one or two milliseconds.
const SLICE_WORK: usize = 1024;

/// The mails that are not in the index, by mailbox.
#[derive(Debug)]
pub(super) struct Memtable {
    /// Mails up to this number are in the index, later mails are in the memtable, except for those
    /// of `flush`.
    indexed: i64,
    flush: Option<Flush>,
    /// Work that was added since the last slice, in the unit of a slice's work.
    added: usize,
    /// The number of the last mail. Numbers are never given twice, not even after a rollback.
    last: i64,
    /// Numbers up to this one are marked as used in the file.
    reserved: i64,
    mailboxes: HashMap<AccountId, MemtableMailbox, RandomState>,
    mails: usize,
}

/// A flush that is under way: mails up to `until` are in the index if their account is `done` or
/// before it.
#[derive(Debug)]
struct Flush {
    until: i64,
    done: AccountId,
    /// Accounts after `done` with mails up to `until`, in ascending order, which is the order of
    /// the index.
    rest: VecDeque<AccountId>,
}

/// How much of a flush is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A slice that no job waits for.
    Small,
    /// All that is left.
    Whole,
}

/// Mailboxes of a flush that are written to the index together.
#[derive(Debug)]
pub(super) struct Slice {
    /// Number of the flush's last mail.
    pub(super) until: i64,
    /// Accounts, with their mails that are written.
    pub(super) accounts: Vec<(AccountId, Vec<Entry>)>,
    /// Whether the flush ends with this slice.
    pub(super) is_last: bool,
}

/// A mail in the memtable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) seq: i64,
    /// Bytes that it counts for in the quota: those of its subject and content.
    pub(super) bytes: u64,
}

/// One account's mails in the memtable.
#[derive(Debug, Default)]
pub(super) struct MemtableMailbox {
    /// The mails, in ascending order of their numbers.
    entries: VecDeque<Entry>,
    /// Bytes of quota of these mails.
    bytes: u64,
}

impl MemtableMailbox {
    pub(super) fn seqs(&self) -> impl Iterator<Item = i64> {
        self.entries.iter().map(|entry| entry.seq)
    }

    pub(super) fn mails(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }
}

impl Memtable {
    /// Builds the memtable from the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn read(db: &Connection) -> Result<Self> {
        let mut memtable = Self {
            indexed: 0,
            flush: None,
            added: 0,
            last: 0,
            reserved: 0,
            mailboxes: HashMap::default(),
            mails: 0,
        };
        memtable.reload(db)?;
        Ok(memtable)
    }

    /// Rebuilds the memtable from the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn reload(&mut self, db: &Connection) -> Result<()> {
        let sql = "SELECT indexed, reserved, flushing, flushed FROM meta";
        let (until, done);
        (self.indexed, self.reserved, until, done) = db.query_row(sql, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, AccountId(row.get(3)?)))
        })?;
        if self.last == 0 {
            self.last = self.reserved;
        }
        self.mailboxes.clear();
        self.mails = 0;
        self.flush = (until > 0).then_some(Flush { until, done, rest: VecDeque::new() });
        // The lengths stand at the beginning of a row: long bodies are not read.
        let sql = "SELECT mail.account, mail.seq, iif(mail.content IS NULL,
                       octet_length(mail.subject)
                           + coalesce(octet_length(mail.message), octet_length(mail.body)),
                       octet_length(content.subject)
                           + coalesce(content.size, octet_length(content.message),
                                octet_length(content.body)))
                   FROM mail LEFT JOIN content ON content.id = mail.content
                   WHERE mail.seq > ?1 ORDER BY mail.seq";
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query([self.indexed])?;
        while let Some(row) = rows.next()? {
            let (account, seq) = (AccountId(row.get(0)?), row.get(1)?);
            if self.has(account, seq) {
                self.add(account, seq, unsigned(row, 2)?);
            }
        }
        if let Some(flush) = &mut self.flush {
            flush.rest = accounts(&self.mailboxes);
            flush.rest.retain(|account| *account > flush.done);
        }
        Ok(())
    }

    /// A sequence number that no mail has had.
    ///
    /// # Errors
    ///
    /// The file cannot be written to.
    pub(super) fn next_seq(&mut self, db: &Connection) -> Result<i64> {
        let seq = self.last + 1;
        if seq > self.reserved {
            let reserved = self.last + SEQS_RESERVED;
            db.prepare_cached("UPDATE meta SET reserved = ?1")?.execute([reserved])?;
            self.reserved = reserved;
        }
        self.last = seq;
        Ok(seq)
    }

    /// The last sequence number that a mail may have had.
    pub(super) fn last_seq(&self) -> Seq {
        Seq(self.last.unsigned_abs())
    }

    /// Whether this mail of the account belongs to the memtable and not to the index.
    pub(super) fn has(&self, account: AccountId, seq: i64) -> bool {
        let is_flushed = |flush: &Flush| seq <= flush.until && account <= flush.done;
        seq > self.indexed && !self.flush.as_ref().is_some_and(is_flushed)
    }

    pub(super) fn add(&mut self, account: AccountId, seq: i64, bytes: u64) {
        let mailbox = self.mailboxes.entry(account).or_default();
        // A flush that is under way ends with the mails before it: after it, this is a mailbox
        // anew.
        let until = self.flush.as_ref().map_or(0, |flush| flush.until);
        let is_first = mailbox.entries.back().is_none_or(|entry| entry.seq <= until);
        self.added += if is_first { 1 + MAILBOX_WORK } else { 1 };
        mailbox.entries.push_back(Entry { seq, bytes });
        mailbox.bytes += bytes;
        self.mails += 1;
    }

    /// Removes a deleted mail.
    pub(super) fn remove(&mut self, account: AccountId, seq: i64, bytes: u64) {
        let Some(mailbox) = self.mailboxes.get_mut(&account) else {
            return;
        };
        let Ok(index) = mailbox.entries.binary_search_by_key(&seq, |entry| entry.seq) else {
            return;
        };
        mailbox.entries.remove(index);
        mailbox.bytes = mailbox.bytes.saturating_sub(bytes);
        self.mails -= 1;
        if mailbox.entries.is_empty() {
            self.mailboxes.remove(&account);
        }
    }

    /// Removes the mails of a deleted account.
    pub(super) fn remove_mailbox(&mut self, account: AccountId) -> MemtableMailbox {
        let mailbox = self.mailboxes.remove(&account).unwrap_or_default();
        self.mails -= mailbox.entries.len();
        mailbox
    }

    /// Number and bytes of an account's mails in the memtable.
    pub(super) fn totals(&self, account: AccountId) -> (u32, u64) {
        self.mailboxes.get(&account).map_or((0, 0), |mailbox| (mailbox.mails(), mailbox.bytes))
    }

    /// Mails, and bytes of quota, of all accounts.
    pub(super) fn all(&self) -> (u64, u64) {
        self.mailboxes.values().fold((0, 0), |(mails, bytes), mailbox| {
            (mails + u64::from(mailbox.mails()), bytes + mailbox.bytes)
        })
    }

    /// An account's sequence numbers above `after`, in ascending order.
    pub(super) fn above(&self, account: AccountId, after: Seq) -> impl Iterator<Item = i64> {
        let after = to_sql(after.0);
        let entries = self.mailboxes.get(&account).map(|mailbox| &mailbox.entries);
        let first =
            entries.map_or(0, |entries| entries.partition_point(|entry| entry.seq <= after));
        entries.into_iter().flat_map(move |entries| entries.range(first..).map(|entry| entry.seq))
    }

    /// Number of mails.
    pub(super) fn mails(&self) -> usize {
        self.mails
    }

    /// Whether a slice of the memtable is to be flushed, if it may have `max` mails.
    pub(super) fn is_due(&self, max: usize) -> bool {
        self.flush.is_some() || self.mails >= max || self.mailboxes.len() >= MAILBOXES_MAX
    }

    /// The next slice of a flush, which begins with it if none is under way. A small slice is twice
    /// as large as what was added since the one before, so that a flush comes to its end.
    pub(super) fn next_slice(&mut self, extent: Extent) -> Slice {
        // What was added before the flush is what it writes.
        let added = self.flush.as_ref().map_or(0, |_| self.added);
        self.added = 0;
        let mut work = match extent {
            Extent::Small => SLICE_WORK.max(added.saturating_mul(2)),
            Extent::Whole => usize::MAX,
        };
        let flush = self.flush.get_or_insert_with(|| Flush {
            until: self.last,
            done: AccountId(0),
            rest: accounts(&self.mailboxes),
        });
        let mut slice = Slice { until: flush.until, accounts: Vec::new(), is_last: false };
        for account in &flush.rest {
            if work == 0 {
                return slice;
            }
            let mailbox = self.mailboxes.get(account);
            let entries = mailbox.into_iter().flat_map(|mailbox| &mailbox.entries);
            let entries: Vec<_> =
                entries.copied().take_while(|entry| entry.seq <= flush.until).collect();
            work = work.saturating_sub(entries.len() + MAILBOX_WORK);
            slice.accounts.push((*account, entries));
        }
        slice.is_last = true;
        slice
    }

    /// Removes a slice that is in the index for good.
    pub(super) fn remove_slice(&mut self, slice: &Slice) {
        for (account, entries) in &slice.accounts {
            let Some(mailbox) = self.mailboxes.get_mut(account) else {
                continue;
            };
            mailbox.entries.drain(..entries.len());
            mailbox.bytes -= entries.iter().map(|entry| entry.bytes).sum::<u64>();
            self.mails -= entries.len();
            if mailbox.entries.is_empty() {
                self.mailboxes.remove(account);
            }
        }
        if slice.is_last {
            self.indexed = slice.until;
            self.flush = None;
        } else if let (Some(flush), Some((done, _))) = (&mut self.flush, slice.accounts.last()) {
            flush.done = *done;
            flush.rest.drain(..slice.accounts.len());
        }
    }
}

/// Accounts with mails, in ascending order.
fn accounts(mailboxes: &HashMap<AccountId, MemtableMailbox, RandomState>) -> VecDeque<AccountId> {
    let mut accounts: Vec<_> = mailboxes.keys().copied().collect();
    accounts.sort_unstable();
    accounts.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mailboxes that each mail reaches, as many as a list may have members.
    const MAILBOXES: i64 = 10_000;

    /// Mails after which the memtable is flushed.
    const MAX: usize = 8192;

    /// Each mail to a list, whose mailboxes have an earlier mail in the memtable, adds no more than
    /// its group flushes.
    #[test]
    fn mails_to_many_do_not_outgrow_the_flush() {
        let mut memtable = Memtable {
            indexed: 0,
            flush: None,
            added: 0,
            last: 0,
            reserved: 0,
            mailboxes: HashMap::default(),
            mails: 0,
        };
        for mail in 0..30 {
            for account in 1..=MAILBOXES {
                memtable.last += 1;
                memtable.add(AccountId(account), memtable.last, 1);
            }
            if memtable.is_due(MAX) {
                let slice = memtable.next_slice(Extent::Small);
                memtable.remove_slice(&slice);
            }
            assert!(memtable.mails() <= 3 * MAILBOXES as usize, "{mail}: {}", memtable.mails());
        }
    }
}

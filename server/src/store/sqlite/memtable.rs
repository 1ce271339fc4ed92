//! The memtable: mails that are in the file, but not in the index of mailboxes yet.
//!
//! Each mailbox has pages of its own in the index, so inserting every mail at once would write
//! about a page a mail. The memtable stands in for the index until it is flushed
//! ([`super::index`]). It is rebuilt from the file whenever the two might differ: on opening, and
//! after a rollback.

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

/// The mails that are not in the index, by mailbox.
#[derive(Debug)]
pub(super) struct Memtable {
    /// Mails up to this number are in the index, later mails are in the memtable.
    indexed: i64,
    /// The number of the last mail. Numbers are never given twice, not even after a rollback.
    last: i64,
    /// Numbers up to this one are marked as used in the file.
    reserved: i64,
    mailboxes: HashMap<AccountId, MemtableMailbox, RandomState>,
    mails: usize,
}

/// One account's mails in the memtable.
#[derive(Debug, Default)]
pub(super) struct MemtableMailbox {
    /// Sequence numbers, in ascending order.
    seqs: VecDeque<i64>,
    /// Bytes of subjects and bodies.
    bytes: u64,
}

impl MemtableMailbox {
    pub(super) fn seqs(&self) -> impl Iterator<Item = i64> {
        self.seqs.iter().copied()
    }

    pub(super) fn mails(&self) -> u32 {
        u32::try_from(self.seqs.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Memtable {
    /// Builds the memtable from the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn read(db: &Connection) -> Result<Self> {
        let mut memtable =
            Self { indexed: 0, last: 0, reserved: 0, mailboxes: HashMap::default(), mails: 0 };
        memtable.reload(db)?;
        Ok(memtable)
    }

    /// Rebuilds the memtable from the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn reload(&mut self, db: &Connection) -> Result<()> {
        let sql = "SELECT indexed, reserved FROM meta";
        (self.indexed, self.reserved) =
            db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.last == 0 {
            self.last = self.reserved;
        }
        self.mailboxes.clear();
        self.mails = 0;
        // The lengths stand at the beginning of a row: long bodies are not read.
        let sql = "SELECT mail.account, mail.seq, iif(mail.content IS NULL,
                       octet_length(mail.subject) + octet_length(mail.body),
                       octet_length(content.subject)
                           + coalesce(content.size, octet_length(content.body)))
                   FROM mail LEFT JOIN content ON content.id = mail.content
                   WHERE mail.seq > ?1 ORDER BY mail.seq";
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query([self.indexed])?;
        while let Some(row) = rows.next()? {
            let (account, seq) = (AccountId(row.get(0)?), row.get(1)?);
            self.add(account, seq, unsigned(row, 2)?);
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

    /// Whether the mail with this number belongs to the memtable and not to the index.
    pub(super) fn has(&self, seq: i64) -> bool {
        seq > self.indexed
    }

    pub(super) fn add(&mut self, account: AccountId, seq: i64, bytes: u64) {
        let mailbox = self.mailboxes.entry(account).or_default();
        mailbox.seqs.push_back(seq);
        mailbox.bytes += bytes;
        self.mails += 1;
    }

    /// Removes a deleted mail.
    pub(super) fn remove(&mut self, account: AccountId, seq: i64, bytes: u64) {
        let Some(mailbox) = self.mailboxes.get_mut(&account) else {
            return;
        };
        let Ok(index) = mailbox.seqs.binary_search(&seq) else {
            return;
        };
        mailbox.seqs.remove(index);
        mailbox.bytes = mailbox.bytes.saturating_sub(bytes);
        self.mails -= 1;
        if mailbox.seqs.is_empty() {
            self.mailboxes.remove(&account);
        }
    }

    /// Removes the mails of a deleted account.
    pub(super) fn remove_mailbox(&mut self, account: AccountId) -> MemtableMailbox {
        let mailbox = self.mailboxes.remove(&account).unwrap_or_default();
        self.mails -= mailbox.seqs.len();
        mailbox
    }

    /// Number and bytes of an account's mails in the memtable.
    pub(super) fn totals(&self, account: AccountId) -> (u32, u64) {
        self.mailboxes.get(&account).map_or((0, 0), |mailbox| (mailbox.mails(), mailbox.bytes))
    }

    /// An account's sequence numbers above `after`, in ascending order.
    pub(super) fn above(&self, account: AccountId, after: Seq) -> impl Iterator<Item = i64> {
        let after = to_sql(after.0);
        let seqs = self.mailboxes.get(&account).map(|mailbox| &mailbox.seqs);
        let first = seqs.map_or(0, |seqs| seqs.partition_point(|seq| *seq <= after));
        seqs.into_iter().flat_map(move |seqs| seqs.range(first..).copied())
    }

    /// Number of mails.
    pub(super) fn mails(&self) -> usize {
        self.mails
    }

    /// Whether the memtable is to be flushed, if it may have `max` mails.
    pub(super) fn is_due(&self, max: usize) -> bool {
        self.mails >= max || self.mailboxes.len() >= MAILBOXES_MAX
    }

    /// The mailboxes by account id, which is the order of the index.
    pub(super) fn sorted(&self) -> Vec<(AccountId, &MemtableMailbox)> {
        let mut mailboxes: Vec<_> =
            self.mailboxes.iter().map(|(id, mailbox)| (*id, mailbox)).collect();
        mailboxes.sort_unstable_by_key(|(id, _)| *id);
        mailboxes
    }

    /// The number of the last mail.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Empties the memtable after a flush.
    pub(super) fn clear(&mut self) {
        self.indexed = self.last;
        self.mailboxes.clear();
        self.mails = 0;
    }
}

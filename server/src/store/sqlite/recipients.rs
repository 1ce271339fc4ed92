//! The accounts that a mail reaches: its recipients, and the members of the lists among them.

use std::collections::HashSet;

use correio_proto::{
    limits,
    mail::{Invalid, Recipients, Username},
};
use foldhash::fast::RandomState;
use rusqlite::{
    Result, Row,
    types::{FromSqlError, ValueRef},
};

use super::{
    cache::CachedAccount,
    lists::{self, Member, StoredList},
    memtable::Memtable,
    row::{converted, parsed},
    tables::Tables,
};
use crate::{
    ids::AccountId,
    store::{NewMailRecord, Quota, StoreDone, reached::Reached},
};

/// Names that a refusal states at most, as many as its reply may have.
const NAMED_MAX: usize = limits::RECIPIENTS_MAX;

/// What the names in a mail stand for.
pub(super) struct Named<'a> {
    reached: Gathered<'a>,
    lists: Vec<StoredList>,
}

/// Looks up the names in a mail, or returns the result that refuses the mail for all of them. The
/// members of lists are not looked at yet.
pub(super) fn named<'a>(
    tables: &mut Tables<'_>,
    sender: &Username,
    mail: &'a NewMailRecord,
) -> Result<std::result::Result<Named<'a>, StoreDone>> {
    let mut reached = Gathered::new(tables.quota, mail);
    let (mut unknown, mut refused) = (Vec::new(), Vec::new());
    let (mut lists, mut members) = (Vec::new(), 0_u32);
    for name in mail.to.iter() {
        if let Some((id, account)) = tables.accounts.by_username(tables.db, name)? {
            let &CachedAccount { mails, bytes, state, quota, .. } = account;
            match state.takes_mail() {
                false => unknown.push(name.clone()),
                true => {
                    let username = name.clone();
                    let member = Member { id, username, mails, bytes, quota };
                    reached.add(tables.memtable, member, name);
                }
            }
            continue;
        }
        match lists::find(tables.db, name, sender)? {
            None => unknown.push(name.clone()),
            Some(list) if !list.standing.may_send() => refused.push(name.clone()),
            Some(list) => {
                members = members.saturating_add(list.members);
                lists.push(list);
            }
        }
    }
    if !unknown.is_empty() {
        return Ok(Err(StoreDone::UnknownRecipients(unknown)));
    }
    if !refused.is_empty() {
        return Ok(Err(StoreDone::MayNotSend(refused)));
    }
    // Members of two lists count twice here: this bounds the rows that are read, too.
    if members > limits::MEMBERS_MAX {
        return Ok(Err(StoreDone::ListFull));
    }
    Ok(Ok(Named { reached, lists }))
}

impl Named<'_> {
    /// Whether there are lists, so that [`Named::reached`] may take long.
    pub(super) fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The accounts that the mail reaches, each once, or the result that refuses the mail for all
    /// of them. The accounts that the mail names come first, then the members of each list in the
    /// order of their usernames.
    pub(super) fn reached(
        self,
        tables: &mut Tables<'_>,
    ) -> Result<std::result::Result<Reached, StoreDone>> {
        let Self { mut reached, lists } = self;
        let mut seen: HashSet<AccountId, RandomState> = HashSet::default();
        if !lists.is_empty() {
            seen.extend(reached.reached.accounts());
        }
        let mut rows = 0_usize;
        for list in &lists {
            lists::each_member(tables.db, list, |member| {
                rows += 1;
                if seen.insert(member.id) {
                    reached.add(tables.memtable, member, &list.name);
                }
            })?;
        }
        tables.work += rows;
        Ok(reached.result(rows))
    }
}

/// Names as they stand in a row.
pub(super) fn text<'a>(names: impl Iterator<Item = &'a Username>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_str());
    }
    text
}

/// Reads the hidden recipient in the row of a mail that names a content.
pub(super) fn hidden(row: &Row<'_>, column: usize) -> Result<Option<Username>> {
    match row.get_ref(column)? {
        ValueRef::Text(b"") => Ok(None),
        _ => parsed(row, column).map(Some),
    }
}

/// Reads the visible recipients, and adds the hidden one.
pub(super) fn seen(row: &Row<'_>, column: usize, hidden: Option<Username>) -> Result<Recipients> {
    let Some(hidden) = hidden else {
        return parsed(row, column);
    };
    converted(row, column, |value| {
        let text = format!("{}, {hidden}", value.as_str()?);
        text.parse().map_err(|invalid: Invalid| FromSqlError::Other(Box::new(invalid)))
    })
}

/// The accounts so far, and those whose mailboxes have no room for the mail.
struct Gathered<'a> {
    /// That of accounts without a quota of their own.
    quota: Quota,
    mail: &'a NewMailRecord,
    /// Bytes that the mail counts for.
    bytes: u64,
    reached: Reached,
    /// The first [`NAMED_MAX`].
    full: Vec<Username>,
}

impl<'a> Gathered<'a> {
    fn new(quota: Quota, mail: &'a NewMailRecord) -> Self {
        let reached = Reached::with_capacity(mail.to.as_slice().len());
        Self { quota, mail, bytes: mail.quota_bytes(), reached, full: Vec::new() }
    }

    /// Adds an account that the mail reaches through this recipient.
    fn add(&mut self, memtable: &Memtable, member: Member, recipient: &Username) {
        let (mails, bytes) = memtable.totals(member.id);
        let mails = mails.saturating_add(member.mails);
        let bytes = bytes.saturating_add(member.bytes).saturating_add(self.bytes);
        let quota = member.quota.unwrap_or(self.quota);
        let is_full = mails >= quota.mails || bytes > quota.bytes;
        if is_full && self.full.len() < NAMED_MAX {
            self.full.push(member.username);
        }
        self.reached.add(member.id, self.mail.hidden(recipient));
    }

    /// The accounts, or the refusal after so many members of lists were looked at.
    fn result(self, members: usize) -> std::result::Result<Reached, StoreDone> {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        match self.full.is_empty() {
            true => Ok(self.reached),
            false => Err(StoreDone::MailboxesFull { recipients: self.full, members }),
        }
    }
}

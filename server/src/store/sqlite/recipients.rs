//! The accounts that a mail reaches: its recipients, and the members of the lists among them.

use std::collections::HashSet;

use correio_proto::{limits, mail::Username};
use foldhash::fast::RandomState;
use rusqlite::Result;

use super::{
    cache::CachedAccount,
    lists::{self, Member, StoredList},
    memtable::Memtable,
    tables::Tables,
};
use crate::{
    ids::AccountId,
    store::{
        NewMailRecord, Quota, StoreDone,
        admin::{AccountState, DisabledMail},
    },
};

/// Names that a refusal states at most, as many as its reply may have.
const NAMED_MAX: usize = limits::RECIPIENTS_MAX;

/// What the names in a mail stand for.
pub(super) struct Named {
    reached: Reached,
    lists: Vec<StoredList>,
}

/// Looks up the names in a mail, or returns the result that refuses the mail for all of them. The
/// members of lists are not looked at yet.
pub(super) fn named(
    tables: &mut Tables<'_>,
    sender: &Username,
    mail: &NewMailRecord,
) -> Result<std::result::Result<Named, StoreDone>> {
    let mut reached = Reached::new(tables.quota, mail);
    let (mut unknown, mut refused) = (Vec::new(), Vec::new());
    let (mut lists, mut members) = (Vec::new(), 0_u32);
    for name in mail.to.iter() {
        if let Some((id, account)) = tables.accounts.by_username(tables.db, name)? {
            let &CachedAccount { mails, bytes, state, quota, .. } = account;
            match state {
                AccountState::Disabled(DisabledMail::Refused) => unknown.push(name.clone()),
                AccountState::Enabled | AccountState::Disabled(DisabledMail::Kept) => {
                    let username = name.clone();
                    reached.add(tables.memtable, Member { id, username, mails, bytes, quota });
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

impl Named {
    /// Whether there are lists, so that [`Named::reached`] may take long.
    pub(super) fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The accounts that the mail reaches, each once, or the result that refuses the mail for all of
    /// them. The accounts that the mail names come first, then the members of each list in the order
    /// of their usernames.
    pub(super) fn reached(
        self,
        tables: &mut Tables<'_>,
    ) -> Result<std::result::Result<Vec<AccountId>, StoreDone>> {
        let Self { mut reached, lists } = self;
        let mut seen: HashSet<AccountId, RandomState> = HashSet::default();
        if !lists.is_empty() {
            seen.extend(&reached.accounts);
        }
        let mut rows = 0_usize;
        for list in &lists {
            lists::each_member(tables.db, list, |member| {
                rows += 1;
                if seen.insert(member.id) {
                    reached.add(tables.memtable, member);
                }
            })?;
        }
        tables.work += rows;
        Ok(reached.result(rows))
    }
}

/// The accounts so far, and those whose mailboxes have no room for the mail.
struct Reached {
    /// That of accounts without a quota of their own.
    quota: Quota,
    /// Bytes that the mail counts for.
    bytes: u64,
    accounts: Vec<AccountId>,
    /// The first [`NAMED_MAX`].
    full: Vec<Username>,
}

impl Reached {
    fn new(quota: Quota, mail: &NewMailRecord) -> Self {
        let accounts = Vec::with_capacity(mail.to.as_slice().len());
        Self { quota, bytes: mail.quota_bytes(), accounts, full: Vec::new() }
    }

    fn add(&mut self, memtable: &Memtable, member: Member) {
        let (mails, bytes) = memtable.totals(member.id);
        let mails = mails.saturating_add(member.mails);
        let bytes = bytes.saturating_add(member.bytes).saturating_add(self.bytes);
        let quota = member.quota.unwrap_or(self.quota);
        let is_full = mails >= quota.mails || bytes > quota.bytes;
        if is_full && self.full.len() < NAMED_MAX {
            self.full.push(member.username);
        }
        self.accounts.push(member.id);
    }

    /// The accounts, or the refusal after so many members of lists were looked at.
    fn result(self, members: usize) -> std::result::Result<Vec<AccountId>, StoreDone> {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        match self.full.is_empty() {
            true => Ok(self.accounts),
            false => Err(StoreDone::MailboxesFull { recipients: self.full, members }),
        }
    }
}

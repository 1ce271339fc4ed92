//! The accounts that a mail reaches: its recipients, and the members of the lists among them.

use std::collections::{HashMap, HashSet};

use correio_proto::{
    limits,
    mail::{Invalid, Recipients, Username},
};

use super::{
    account_columns::{account_state, own_quota},
    connection::Row,
    context::Context,
    error::QueryError,
    lists::{self, Member, StoredList},
    row::{damaged, parsed, unsigned},
};
use crate::{
    ids::AccountId,
    store::{NewMailRecord, Quota, StoreDone, admin::AccountState, reached::Reached},
};

/// Names that a refusal states at most, as many as its reply may have.
const NAMED_MAX: usize = limits::RECIPIENTS_MAX;

/// What the names in a mail stand for.
pub(super) struct Named {
    /// The accounts, with the index of each one's name in the mail.
    accounts: Vec<(usize, Member)>,
    lists: Vec<StoredList>,
}

/// Looks up the names in a mail, or returns the result that refuses the mail for all of them. The
/// members of lists are not looked at yet.
pub(super) fn named(
    context: &mut Context<'_, '_>,
    sender: &Username,
    mail: &NewMailRecord,
) -> Result<Result<Named, StoreDone>, QueryError> {
    let mut found = find(context, mail.to.iter().map(Username::as_str))?;
    let (mut unknown, mut refused) = (Vec::new(), Vec::new());
    let mut named = Named { accounts: Vec::new(), lists: Vec::new() };
    let mut members = 0_u32;
    for (index, name) in mail.to.iter().enumerate() {
        match found.remove(name.as_str()) {
            Some((_, state)) if !state.takes_mail() => unknown.push(name.clone()),
            Some((member, _)) => named.accounts.push((index, member)),
            None => match lists::find(context, name, sender)? {
                None => unknown.push(name.clone()),
                Some(list) if !list.standing.may_send() => refused.push(name.clone()),
                Some(list) => {
                    members = members.saturating_add(list.members);
                    named.lists.push(list);
                }
            },
        }
    }
    Ok(if !unknown.is_empty() {
        Err(StoreDone::UnknownRecipients(unknown))
    } else if !refused.is_empty() {
        Err(StoreDone::MayNotSend(refused))
    } else if members > limits::MEMBERS_MAX {
        // Members of two lists count twice here: this bounds the rows that are read, too.
        Err(StoreDone::ListFull)
    } else {
        Ok(named)
    })
}

/// The accounts of these names, by their usernames.
fn find<'a>(
    context: &mut Context<'_, '_>,
    names: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, (Member, AccountState)>, QueryError> {
    let names: Vec<&str> = names.collect();
    let statement = statement!(
        "SELECT id, username, state, quota_mails, quota_bytes FROM account
         WHERE username = ANY ($1)",
        TEXT_ARRAY
    );
    let rows = context.query(statement, &[&names])?;
    let account = |row: Row<'_>| {
        let username: Username = parsed(&row, 1)?;
        let (state, quota) = (account_state(&row, 2)?, own_quota(&row, 3)?);
        let key = username.as_str().to_owned();
        Ok((key, (Member { id: AccountId(row.get(0)?), username, quota }, state)))
    };
    rows.iter().map(account).collect()
}

impl Named {
    /// Whether there are lists, so that [`Named::reached`] may take long.
    pub(super) fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The accounts that the mail reaches, each once, or the result that refuses the mail for all
    /// of them. The accounts that the mail names come first, then the members of each list in the
    /// order of their usernames. Their mailboxes are locked until the end of the transaction.
    pub(super) fn reached(
        self,
        context: &mut Context<'_, '_>,
        mail: &NewMailRecord,
    ) -> Result<Result<Reached, StoreDone>, QueryError> {
        let Self { accounts, lists } = self;
        let names: Vec<&Username> = mail.to.iter().collect();
        let mut seen = HashSet::new();
        let mut all = Vec::with_capacity(accounts.len());
        for (index, member) in accounts {
            if seen.insert(member.id) {
                let hidden = names.get(index).and_then(|name| mail.hidden(name));
                all.push((member, hidden, Origin::Named));
            }
        }
        let mut rows = 0_usize;
        for list in &lists {
            for member in lists::receivers(context, list)? {
                rows += 1;
                if seen.insert(member.id) {
                    all.push((member, mail.hidden(&list.name), Origin::Member));
                }
            }
        }
        let usage = lock(context, all.iter().map(|(member, ..)| member.id))?;
        let mut reached = Reached::with_capacity(all.len());
        let (mut full, mut gone) = (Vec::new(), Vec::new());
        for (member, hidden, origin) in all {
            match (usage.get(&member.id), origin) {
                // Deleted since it was found.
                (None, Origin::Named) => gone.push(member.username),
                (None, Origin::Member) => {}
                (Some(usage), _) => {
                    let quota = member.quota.unwrap_or(context.quota);
                    if !usage.has_room(quota, mail.quota_bytes()) && full.len() < NAMED_MAX {
                        full.push(member.username);
                    }
                    reached.add(member.id, hidden);
                }
            }
        }
        let members = u32::try_from(rows).unwrap_or(u32::MAX);
        Ok(match (gone.is_empty(), full.is_empty()) {
            (false, _) => Err(StoreDone::UnknownRecipients(gone)),
            (true, false) => Err(StoreDone::MailboxesFull { recipients: full, members }),
            (true, true) => Ok(reached),
        })
    }
}

/// Through what a mail reaches an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The mail names the account.
    Named,
    /// The mail names a list.
    Member,
}

/// What a mailbox has.
#[derive(Clone, Copy, Debug)]
pub(super) struct MailboxUsage {
    pub(super) mails: u64,
    pub(super) bytes: u64,
}

impl MailboxUsage {
    /// Whether there is room for another mail of so many bytes.
    pub(super) fn has_room(self, quota: Quota, bytes: u64) -> bool {
        self.mails < u64::from(quota.mails) && self.bytes.saturating_add(bytes) <= quota.bytes
    }
}

/// Locks the mailboxes of these accounts until the end of the transaction, in the order of their
/// ids, so that no two transactions wait for each other. Returns what they have; accounts that do
/// not exist any more are left out.
pub(super) fn lock(
    context: &mut Context<'_, '_>,
    accounts: impl Iterator<Item = AccountId>,
) -> Result<HashMap<AccountId, MailboxUsage>, QueryError> {
    let ids: Vec<i64> = accounts.map(|AccountId(id)| id).collect();
    let statement = statement!(
        "SELECT account, mails, bytes FROM mailbox WHERE account = ANY ($1)
         ORDER BY account FOR NO KEY UPDATE",
        INT8_ARRAY
    );
    let rows = context.query(statement, &[&ids])?;
    let usage = |row: Row<'_>| {
        let usage = MailboxUsage { mails: unsigned(&row, 1)?, bytes: unsigned(&row, 2)? };
        Ok((AccountId(row.get(0)?), usage))
    };
    rows.iter().map(usage).collect()
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

/// Reads the recipients that a mailbox sees: of a mail with its texts in its row, the column
/// `inline`; of a mail that names a content, the column `shared` and the hidden recipient in
/// `inline`.
pub(super) fn seen(row: &Row<'_>, inline: usize, shared: usize) -> Result<Recipients, QueryError> {
    let hidden: &str = row.get(inline)?;
    let text = match row.get::<Option<&str>>(shared)? {
        None => hidden.to_owned(),
        Some(visible) if hidden.is_empty() => visible.to_owned(),
        Some(visible) => format!("{visible}, {hidden}"),
    };
    text.parse().map_err(|invalid: Invalid| damaged(shared, &invalid))
}

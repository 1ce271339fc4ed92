//! Sending a mail, as SQL within the transaction of its job.
//!
//! Its idempotency record is made first: a second transaction with the same mail waits there for
//! the end of the first. A refused mail leaves no record.

use correio_proto::mail::{FullName, MailId, Timestamp, Username};

use super::{
    account_rows, contents,
    context::{Context, Param},
    error::QueryError,
    recipients::{self, named},
    row::{timestamp, to_sql},
    uploads,
};
use crate::{
    ids::AccountId,
    store::{Digest, NewMailRecord, StoreDone, ToLists, reached::Reached, texture_bytes},
};

/// Names of an account that sends a mail.
type From = (Username, FullName);

/// Sends a mail, as [`crate::store::StoreJob::Send`] describes it.
pub(super) fn send(
    context: &mut Context<'_, '_>,
    sender: AccountId,
    mail: &NewMailRecord,
    to_lists: ToLists,
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    let Some(from) = account_rows::names_of(context, sender)? else {
        return Ok(StoreDone::NoAccount);
    };
    let done = match record(context, sender, mail.id, &mail.digest(), now)? {
        Some(earlier) => earlier,
        None => match send_recorded(context, (sender, from), mail, to_lists, now)? {
            Ok(sent) => sent,
            Err(refusal) => {
                forget_record(context, sender, mail.id)?;
                refusal
            }
        },
    };
    if let Some(staged) = mail.staged {
        uploads::discard(context, sender, staged)?;
    }
    Ok(done)
}

/// Sends a mail that has its record. Returns a refusal before anything else was changed.
fn send_recorded(
    context: &mut Context<'_, '_>,
    (sender, from): (AccountId, From),
    mail: &NewMailRecord,
    to_lists: ToLists,
    now: Timestamp,
) -> Result<Result<StoreDone, StoreDone>, QueryError> {
    let upload = match mail.content {
        correio_proto::mail::Content::Large(large) => {
            match uploads::whole(context, sender, mail, large.size)? {
                Ok(upload) => Some(upload),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        _ => None,
    };
    let named = match named(context, &from.0, mail)? {
        Ok(named) => named,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if named.has_lists() && to_lists == ToLists::Held {
        return Ok(Err(StoreDone::ListsHeld));
    }
    let reached = match named.reached(context, mail)? {
        Ok(reached) => reached,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let content = match contents::is_shared(mail, reached.accounts().len()) {
        true => Some(contents::insert(context, &from, mail, upload, now)?),
        false => None,
    };
    put(context, &from, mail, content, now, &reached)?;
    if let Some(upload) = upload {
        uploads::taken(context, upload)?;
    }
    Ok(Ok(StoreDone::Sent { sent_at: now, recipients: reached.into_accounts(), from }))
}

/// Puts a mail whose content is not large into the mailboxes of these accounts, whatever they have,
/// unless it was put before. Accounts that do not exist any more are left out.
pub(super) fn put_once(
    context: &mut Context<'_, '_>,
    sender: AccountId,
    from: &From,
    mail: &NewMailRecord,
    now: Timestamp,
    accounts: Vec<AccountId>,
) -> Result<StoreDone, QueryError> {
    if let Some(earlier) = record(context, sender, mail.id, &mail.digest(), now)? {
        return Ok(earlier);
    }
    let present = recipients::lock(context, accounts.iter().copied())?;
    let there = accounts.into_iter().filter(|account| present.contains_key(account));
    let reached = Reached::from(there.collect::<Vec<_>>());
    let content = match contents::is_shared(mail, reached.accounts().len()) {
        true => Some(contents::insert(context, from, mail, None, now)?),
        false => None,
    };
    put(context, from, mail, content, now, &reached)?;
    let recipients = reached.into_accounts();
    Ok(StoreDone::Sent { sent_at: now, recipients, from: from.clone() })
}

/// Makes the idempotency record of a mail. Returns the earlier result if there is one already.
fn record(
    context: &mut Context<'_, '_>,
    sender: AccountId,
    id: MailId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<StoreDone>, QueryError> {
    let statement = statement!(
        "INSERT INTO verdict (id, sender, digest, sent_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        BYTEA,
        INT8,
        BYTEA,
        INT8
    );
    let (id, digest) = (id.as_bytes().as_slice(), digest.0.as_slice());
    if context.execute(statement, &[&id, &sender.0, &digest, &to_sql(now.0)])? > 0 {
        return Ok(None);
    }
    let statement = statement!(
        "SELECT digest = $3, sent_at FROM verdict WHERE id = $1 AND sender = $2",
        BYTEA,
        INT8,
        BYTEA
    );
    let rows = context.query(statement, &[&id, &sender.0, &digest])?;
    let Some(row) = rows.first() else {
        // Forgotten between the two statements: the next attempt makes it anew.
        return Err(QueryError::Repeat("an idempotency record was deleted meanwhile".into()));
    };
    Ok(Some(match row.get(0)? {
        true => StoreDone::SentBefore { sent_at: timestamp(&row, 1)? },
        false => StoreDone::Conflict,
    }))
}

fn forget_record(
    context: &mut Context<'_, '_>,
    sender: AccountId,
    id: MailId,
) -> Result<(), QueryError> {
    let statement = statement!("DELETE FROM verdict WHERE id = $1 AND sender = $2", BYTEA, INT8);
    context.execute(statement, &[&id.as_bytes().as_slice(), &sender.0]).map(drop)
}

/// Puts a mail into the mailboxes of these accounts, which are locked. Their rows have its texts,
/// or name this content.
fn put(
    context: &mut Context<'_, '_>,
    (username, full_name): &From,
    mail: &NewMailRecord,
    content: Option<i64>,
    now: Timestamp,
    reached: &Reached,
) -> Result<(), QueryError> {
    let count = reached.accounts().len();
    let (mut accounts, mut recipients) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (stretch, hidden) in reached.stretches() {
        let seen = match content {
            Some(_) => hidden.map_or(String::new(), ToString::to_string),
            None => recipients::text(mail.visible().chain(hidden)),
        };
        accounts.extend(stretch.iter().map(|AccountId(id)| *id));
        recipients.extend(stretch.iter().map(|_| seen.clone()));
    }
    let inline = contents::inline(&mail.content).filter(|_| content.is_none());
    let (sender, sender_name, subject) = match content {
        Some(_) => ("", "", ""),
        None => (username.as_str(), full_name.as_str(), mail.subject.as_str()),
    };
    // The numbers are drawn in the order of the accounts, whose mailboxes are locked.
    let statement = statement!(
        "INSERT INTO mail (account, seq, id, content, sender, sender_name, recipients, sent_at,
             subject, is_message, quota_bytes, inline_bytes, body, texture)
         SELECT account, nextval('mail_seq'), $3, $4, $5, $6, recipients, $7, $8, $9, $10, $11,
             $12, $13
         FROM unnest($1::bigint[], $2::text[]) AS reached (account, recipients)",
        INT8_ARRAY,
        TEXT_ARRAY,
        BYTEA,
        INT8,
        TEXT,
        TEXT,
        INT8,
        TEXT,
        BOOL,
        INT8,
        INT8,
        BYTEA,
        BYTEA
    );
    let (sent_at, quota_bytes) = (to_sql(now.0), to_sql(mail.quota_bytes()));
    let values: [Param<'_>; 13] = [
        &accounts,
        &recipients,
        &mail.id.as_bytes().as_slice(),
        &content,
        &sender,
        &sender_name,
        &sent_at,
        &subject,
        &contents::is_message(&mail.content),
        &quota_bytes,
        &to_sql(mail.content.inline_size() as u64),
        &inline.map(|(bytes, _)| bytes),
        &inline.map(|(_, texture)| texture_bytes::encode(&texture)),
    ];
    context.execute(statement, &values)?;
    let statement = statement!(
        "UPDATE mailbox SET mails = mails + 1, bytes = bytes + $2 WHERE account = ANY ($1)",
        INT8_ARRAY,
        INT8
    );
    context.execute(statement, &[&accounts, &quota_bytes]).map(drop)
}

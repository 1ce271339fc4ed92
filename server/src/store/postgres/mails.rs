//! Reading and deleting mails as SQL, within the transaction of their job.

use correio_proto::mail::{Mail, MailRef, Seq, Timestamp};

use super::{
    account_rows,
    connection::Row,
    contents,
    context::{Context, Param},
    ended_sessions,
    error::QueryError,
    recipients,
    row::{mail_id, parsed, timestamp, to_sql, unsigned},
    uploads,
};
use crate::{ids::AccountId, store::StoreDone};

/// Idempotency records deleted in one step.
const PRUNE_STEP: i64 = 1000;

/// Reads a page, as [`crate::store::StoreJob::Fetch`] describes it.
pub(super) fn fetch(
    context: &mut Context<'_, '_>,
    account: AccountId,
    after: Seq,
    max: u32,
    max_bytes: usize,
) -> Result<StoreDone, QueryError> {
    // The inner query reads the sizes alone, so that no body beyond the page is read.
    let statement = statement!(
        "SELECT mail.seq, mail.id, coalesce(content.sender, mail.sender),
             coalesce(content.sender_name, mail.sender_name), mail.recipients,
             content.recipients, coalesce(content.sent_at, mail.sent_at),
             coalesce(content.subject, mail.subject), mail.is_message, content.size,
             content.sha256, coalesce(content.body, mail.body), waiting
         FROM (
             SELECT seq, count(*) OVER () AS waiting, row_number() OVER (ORDER BY seq) AS number,
                 sum(inline_bytes) OVER (ORDER BY seq) - inline_bytes AS before
             FROM (
                 SELECT seq, inline_bytes FROM mail WHERE account = $1 AND seq > $2
                 ORDER BY seq LIMIT $3 + 1
             ) AS next
         ) AS page
         JOIN mail ON mail.account = $1 AND mail.seq = page.seq
         LEFT JOIN content ON content.id = mail.content
         WHERE number <= $3 AND (number = 1 OR before < $4)
         ORDER BY mail.seq",
        INT8,
        INT8,
        INT8,
        INT8
    );
    let bytes = to_sql(max_bytes as u64);
    let values: [Param<'_>; 4] = [&account.0, &to_sql(after.0), &i64::from(max), &bytes];
    let rows = context.query(statement, &values)?;
    let mails = rows.iter().map(|row| mail(&row)).collect::<Result<Vec<_>, _>>()?;
    let waiting = rows.first().map_or(Ok(0), |row| unsigned(&row, 12))?;
    if mails.is_empty() && !account_rows::exists(context, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let more = waiting > mails.len() as u64;
    Ok(StoreDone::Page { mails, more })
}

fn mail(row: &Row<'_>) -> Result<Mail, QueryError> {
    Ok(Mail {
        seq: Seq(unsigned(row, 0)?),
        id: mail_id(row, 1)?,
        from: parsed(row, 2)?,
        from_name: parsed(row, 3)?,
        to: recipients::seen(row, 4, 5)?,
        sent_at: timestamp(row, 6)?,
        subject: parsed(row, 7)?,
        content: contents::content(row, 8)?,
    })
}

/// Deletes mails, as [`crate::store::StoreJob::Confirm`] describes it.
pub(super) fn confirm(
    context: &mut Context<'_, '_>,
    account: AccountId,
    mails: &[MailRef],
) -> Result<StoreDone, QueryError> {
    if !account_rows::lock(context, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let seqs: Vec<i64> = mails.iter().map(|mail| to_sql(mail.seq.0)).collect();
    let ids: Vec<&[u8]> = mails.iter().map(|mail| mail.id.as_bytes().as_slice()).collect();
    let statement = statement!(
        "DELETE FROM mail USING unnest($2::bigint[], $3::bytea[]) AS confirmed (seq, id)
         WHERE mail.account = $1 AND mail.seq = confirmed.seq AND mail.id = confirmed.id
         RETURNING mail.quota_bytes, mail.content",
        INT8,
        INT8_ARRAY,
        BYTEA_ARRAY
    );
    let deleted = context.change(statement, &[&account.0, &seqs, &ids])?;
    if deleted.is_empty() {
        return Ok(StoreDone::Confirmed { deleted: 0 });
    }
    let mut bytes = 0_i64;
    for row in deleted.iter() {
        bytes = bytes.saturating_add(row.get(0)?);
    }
    contents::release(context, &deleted, 1)?;
    let statement = statement!(
        "UPDATE mailbox SET mails = mails - $2, bytes = bytes - $3 WHERE account = $1",
        INT8,
        INT8,
        INT8
    );
    let count = to_sql(deleted.len() as u64);
    context.execute(statement, &[&account.0, &count, &bytes])?;
    Ok(StoreDone::Confirmed { deleted: u32::try_from(deleted.len()).unwrap_or(u32::MAX) })
}

/// Deletes old idempotency records and uploads, as [`crate::store::StoreJob::Prune`] describes it.
pub(super) fn prune(
    context: &mut Context<'_, '_>,
    before: Timestamp,
    uploads_before: Timestamp,
) -> Result<StoreDone, QueryError> {
    // A server whose clock is ahead deletes no record that another one still needs.
    let statement = statement!(
        "DELETE FROM verdict WHERE (id, sender) IN
             (SELECT id, sender FROM verdict
              WHERE sent_at < least($1, (extract(epoch FROM now() - interval '7 days') * 1000)::bigint)
              ORDER BY sent_at LIMIT $2)
         RETURNING EXISTS (SELECT 1 FROM account WHERE account.id = sender)",
        INT8, INT8
    );
    let before = to_sql(before.0);
    let deleted = context.change(statement, &[&before, &PRUNE_STEP])?;
    let mut records = 0;
    for row in deleted.iter() {
        // Records of deleted accounts are deleted, too, but not counted.
        records += u32::from(row.get::<bool>(0)?);
    }
    let more_records = deleted.len() as u64 >= PRUNE_STEP.unsigned_abs();
    ended_sessions::prune(context)?;
    let (uploads, more_uploads) = uploads::prune(context, uploads_before)?;
    Ok(StoreDone::Pruned { records, uploads, more: more_records || more_uploads })
}

//! Jobs about mail as SQL, within the transaction of their group.

use correio_proto::mail::{
    Content, FullName, Mail, MailId, MailRef, Recipients, Seq, Timestamp, Username,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params, types::FromSqlError};

use super::{
    contents,
    inline::{self, Inline},
    recipients::{self, named},
    row::{converted, parsed, timestamp, to_sql, unsigned},
    tables::Tables,
    uploads,
};
use crate::{
    ids::AccountId,
    store::{Digest, NewMailRecord, StoreDone, ToLists, reached::Reached, texture_bytes},
};

/// Sends a mail, as [`crate::store::StoreJob::Send`] describes it.
pub(super) fn send(
    tables: &mut Tables<'_>,
    sender: AccountId,
    mail: &NewMailRecord,
    to_lists: ToLists,
    now: Timestamp,
) -> Result<StoreDone> {
    let done = send_or_refuse(tables, sender, mail, to_lists, now)?;
    if let Some(staged) = mail.staged {
        uploads::discard(tables, sender, staged)?;
    }
    Ok(done)
}

fn send_or_refuse(
    tables: &mut Tables<'_>,
    sender: AccountId,
    mail: &NewMailRecord,
    to_lists: ToLists,
    now: Timestamp,
) -> Result<StoreDone> {
    let Some(from) = tables.accounts.by_id(tables.db, sender)? else {
        return Ok(StoreDone::NoAccount);
    };
    let from = (from.username.clone(), from.full_name.clone());
    let digest = mail.digest();
    let upload = match mail.content {
        Content::Body(_) | Content::Message(_) => None,
        Content::Large(large) => {
            if let Some(result) = earlier(tables, sender, mail.id, &digest)? {
                return Ok(result);
            }
            match uploads::whole(tables.db, sender, mail, large.size)? {
                Ok(upload) => Some(upload),
                Err(refusal) => return Ok(refusal),
            }
        }
    };
    // An earlier result stands, whatever happened to the recipients since.
    let named = match named(tables, &from.0, mail)? {
        Ok(named) => named,
        Err(refusal) => return Ok(earlier(tables, sender, mail.id, &digest)?.unwrap_or(refusal)),
    };
    // A mail that is sent again, or may not go to lists, costs no walk through their members.
    if named.has_lists() {
        match (earlier(tables, sender, mail.id, &digest)?, to_lists) {
            (Some(result), _) => return Ok(result),
            (None, ToLists::Held) => return Ok(StoreDone::ListsHeld),
            (None, ToLists::Allowed) => {}
        }
    }
    let recipients = match named.reached(tables)? {
        Ok(recipients) => recipients,
        Err(refusal) => return Ok(earlier(tables, sender, mail.id, &digest)?.unwrap_or(refusal)),
    };
    if let Some(result) = record(tables, sender, mail.id, &digest, now)? {
        return Ok(result);
    }
    match contents::is_shared(mail, recipients.accounts().len()) {
        true => contents::put(tables, &from, mail, upload, now, &recipients)?,
        false => put(tables, &from, mail, now, &recipients)?,
    }
    if let Some(upload) = upload {
        uploads::taken(tables, upload, mail.content.size())?;
    }
    Ok(StoreDone::Sent { sent_at: now, recipients: recipients.into_accounts(), from })
}

/// Puts a mail whose content is not large into the mailboxes of these accounts, whatever they have,
/// unless it was put before.
pub(super) fn put_once(
    tables: &mut Tables<'_>,
    sender: AccountId,
    from: &(Username, FullName),
    mail: &NewMailRecord,
    now: Timestamp,
    accounts: Vec<AccountId>,
) -> Result<StoreDone> {
    if let Some(result) = record(tables, sender, mail.id, &mail.digest(), now)? {
        return Ok(result);
    }
    let reached = Reached::from(accounts);
    match contents::is_shared(mail, reached.accounts().len()) {
        true => contents::put(tables, from, mail, None, now, &reached)?,
        false => put(tables, from, mail, now, &reached)?,
    }
    let recipients = reached.into_accounts();
    Ok(StoreDone::Sent { sent_at: now, recipients, from: from.clone() })
}

/// Makes the idempotency record of a mail. Returns the earlier result if there is one already.
fn record(
    tables: &Tables<'_>,
    sender: AccountId,
    id: MailId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<StoreDone>> {
    let sql = "INSERT INTO verdict (sender, id, digest, sent_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING";
    let values = params![sender.0, id.as_bytes(), digest.0, to_sql(now.0)];
    match tables.db.prepare_cached(sql)?.execute(values)? {
        0 => earlier(tables, sender, id, digest),
        _ => Ok(None),
    }
}

/// The result to this mail from its idempotency record, if there is one.
fn earlier(
    tables: &Tables<'_>,
    sender: AccountId,
    id: MailId,
    digest: &Digest,
) -> Result<Option<StoreDone>> {
    let sql = "SELECT digest = ?3, sent_at FROM verdict WHERE sender = ?1 AND id = ?2";
    tables
        .db
        .prepare_cached(sql)?
        .query_row(params![sender.0, id.as_bytes(), digest.0], |row| {
            Ok(match row.get(0)? {
                true => StoreDone::SentBefore { sent_at: timestamp(row, 1)? },
                false => StoreDone::Conflict,
            })
        })
        .optional()
}

/// Puts a mail into the mailboxes of these accounts, with its texts in each row.
fn put(
    tables: &mut Tables<'_>,
    (username, full_name): &(Username, FullName),
    mail: &NewMailRecord,
    now: Timestamp,
    reached: &Reached,
) -> Result<()> {
    let Inline { body, message } = Inline::of(&mail.content);
    let mut insert = tables.db.prepare_cached(
        "INSERT INTO mail (seq, account, id, sender, sender_name, recipients, sent_at, subject,
             body, message, texture)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let texture = inline::texture(&mail.content).map(|texture| texture_bytes::encode(&texture));
    for (accounts, hidden) in reached.stretches() {
        let to = recipients::text(mail.visible().chain(hidden));
        for account in accounts {
            let seq = tables.memtable.next_seq(tables.db)?;
            insert.execute(params![
                seq,
                account.0,
                mail.id.as_bytes(),
                username.as_str(),
                full_name.as_str(),
                to,
                to_sql(now.0),
                mail.subject.as_str(),
                body,
                message,
                texture
            ])?;
            tables.memtable.add(*account, seq, mail.quota_bytes());
        }
    }
    Ok(())
}

pub(super) fn fetch(
    tables: &mut Tables<'_>,
    account: AccountId,
    after: Seq,
    max: u32,
    max_bytes: usize,
) -> Result<StoreDone> {
    if tables.accounts.by_id(tables.db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let mut page = Page { mails: Vec::new(), bytes: 0, max: max as usize, max_bytes };
    // Rows are read one by one, so that the query does no work beyond the page.
    let mut select = tables.db.prepare_cached(
        "SELECT mail.seq, id, content, sender, sender_name, recipients, sent_at, subject, body,
                message
         FROM mailbox CROSS JOIN mail ON mail.seq = mailbox.seq
         WHERE mailbox.account = ?1 AND mailbox.seq > ?2 ORDER BY mailbox.seq",
    )?;
    let mut rows = select.query(params![account.0, to_sql(after.0)])?;
    while let Some(row) = rows.next()? {
        if page.is_full() {
            return Ok(page.done(true));
        }
        page.add(mail(tables.db, row)?);
    }
    // Mails in the memtable have higher numbers than mails in the index.
    let mut select = tables.db.prepare_cached(
        "SELECT seq, id, content, sender, sender_name, recipients, sent_at, subject, body, message
         FROM mail WHERE seq = ?1",
    )?;
    for seq in tables.memtable.above(account, after) {
        if page.is_full() {
            return Ok(page.done(true));
        }
        page.add(select.query_row([seq], |row| mail(tables.db, row))?);
    }
    Ok(page.done(false))
}

/// A page that is being read.
struct Page {
    mails: Vec<Mail>,
    bytes: usize,
    max: usize,
    max_bytes: usize,
}

impl Page {
    fn is_full(&self) -> bool {
        self.mails.len() >= self.max || (!self.mails.is_empty() && self.bytes >= self.max_bytes)
    }

    fn add(&mut self, mail: Mail) {
        self.bytes += mail.content.inline_size();
        self.mails.push(mail);
    }

    fn done(self, more: bool) -> StoreDone {
        StoreDone::Page { mails: self.mails, more }
    }
}

/// Reads the id of a mail.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<MailId> {
    converted(row, column, |value| {
        let bytes: [u8; 16] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        MailId::try_from(bytes).map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
    })
}

fn mail(db: &Connection, row: &Row<'_>) -> Result<Mail> {
    let seq = Seq(unsigned(row, 0)?);
    let id = id(row, 1)?;
    if let Some(content) = row.get(2)? {
        return contents::mail(db, seq, id, content, recipients::hidden(row, 5)?);
    }
    Ok(Mail {
        seq,
        id,
        from: parsed(row, 3)?,
        from_name: parsed(row, 4)?,
        to: parsed::<Recipients>(row, 5)?,
        sent_at: timestamp(row, 6)?,
        subject: parsed(row, 7)?,
        content: inline::content(row, 8, 9)?,
    })
}

/// Calls `see` for every mail, in the order of their numbers, with its account, and with whether
/// the index of mailboxes has it. The mail is an error if one of its values does not parse.
pub(super) fn each(
    db: &Connection,
    mut see: impl FnMut(i64, AccountId, bool, Result<Mail>),
) -> Result<()> {
    let mut select = db.prepare(
        "SELECT seq, id, content, sender, sender_name, recipients, sent_at, subject, body, message,
                account,
                EXISTS (SELECT 1 FROM mailbox
                        WHERE mailbox.account = mail.account AND mailbox.seq = mail.seq)
         FROM mail ORDER BY seq",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        see(row.get(0)?, AccountId(row.get(10)?), row.get(11)?, mail(db, row));
    }
    Ok(())
}

/// Calls `see` for every entry of the index of mailboxes, with whether its mail exists.
pub(super) fn each_entry(db: &Connection, mut see: impl FnMut(AccountId, i64, bool)) -> Result<()> {
    let mut select = db.prepare(
        "SELECT account, seq,
                EXISTS (SELECT 1 FROM mail
                        WHERE mail.seq = mailbox.seq AND mail.account = mailbox.account)
         FROM mailbox ORDER BY account, seq",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        see(AccountId(row.get(0)?), row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// The last number that is marked as given.
pub(super) fn reserved(db: &Connection) -> Result<i64> {
    db.query_row("SELECT reserved FROM meta", [], |row| row.get(0))
}

pub(super) fn confirm(
    tables: &mut Tables<'_>,
    account: AccountId,
    mails: &[MailRef],
) -> Result<StoreDone> {
    if tables.accounts.by_id(tables.db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let (mut deleted, mut indexed, mut indexed_bytes) = (0, 0, 0);
    // DELETE … RETURNING would make SQLite fill a temporary table each time.
    let mut find = tables.db.prepare_cached(
        "SELECT octet_length(subject) + coalesce(octet_length(message), octet_length(body)), content
         FROM mail WHERE seq = ?1 AND account = ?2 AND id = ?3",
    )?;
    let mut delete = tables.db.prepare_cached("DELETE FROM mail WHERE seq = ?1")?;
    let sql = "DELETE FROM mailbox WHERE account = ?1 AND seq = ?2";
    let mut leave = tables.db.prepare_cached(sql)?;
    for mail in mails {
        let seq = to_sql(mail.seq.0);
        let values = params![seq, account.0, mail.id.as_bytes()];
        let found = find.query_row(values, |row| Ok((unsigned(row, 0)?, row.get(1)?)));
        let Some((inline_bytes, content)) = found.optional()? else {
            continue;
        };
        delete.execute([seq])?;
        let bytes = match content {
            None => inline_bytes,
            Some(content) => {
                let bytes = contents::quota_bytes(tables.db, content)?;
                contents::release(tables, content)?;
                bytes
            }
        };
        deleted += 1;
        if tables.memtable.has(account, seq) {
            tables.memtable.remove(account, seq, bytes);
        } else {
            leave.execute([account.0, seq])?;
            indexed += 1;
            indexed_bytes += bytes;
        }
    }
    if indexed > 0 {
        let sql = "UPDATE account SET mails = mails - ?2, bytes = bytes - ?3 WHERE id = ?1";
        let values = params![account.0, indexed, to_sql(indexed_bytes)];
        tables.db.prepare_cached(sql)?.execute(values)?;
        tables.accounts.forget(account);
    }
    Ok(StoreDone::Confirmed { deleted })
}

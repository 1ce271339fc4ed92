//! Each job as SQL, within the transaction of its group.

use correio_proto::mail::{FullName, Mail, MailId, MailRef, Recipients, Seq, Timestamp, Username};
use rusqlite::{
    Connection, OptionalExtension, Result, Row, params,
    types::{FromSqlError, FromSqlResult, Type, ValueRef},
};

use crate::{
    invite::InviteId,
    store::{AccountId, AccountRecord, Digest, Outgoing, PasswordHash, Quota, StoreDone, StoreJob},
};

/// Verdicts forgotten in one step.
const PRUNE_STEP: u32 = 1000;

/// Runs one job. What it changes is durable once the transaction is committed.
pub(super) fn run_job(db: &Connection, quota: Quota, job: &StoreJob) -> Result<StoreDone> {
    match job {
        StoreJob::FindAccount { username } => find(db, username).map(StoreDone::Account),
        StoreJob::CreateAccount { register_id, username, full_name, hash, invite } => {
            create(db, register_id, username, full_name, hash, *invite)
        }
        StoreJob::SetFullName { account, full_name } => {
            let sql = "UPDATE account SET full_name = ?2 WHERE id = ?1";
            let changed =
                db.prepare_cached(sql)?.execute(params![account.0, full_name.as_str()])?;
            Ok(if changed == 0 { StoreDone::NoAccount } else { StoreDone::Changed })
        }
        StoreJob::SetHash { account, old, new } => set_hash(db, *account, old, new),
        StoreJob::DeleteAccount { account, hash } => delete(db, *account, hash),
        StoreJob::Send { sender, mail, now } => send(db, quota, *sender, mail, *now),
        StoreJob::Fetch { account, after, mails, bytes } => {
            fetch(db, *account, *after, *mails, *bytes)
        }
        StoreJob::Confirm { account, mails } => confirm(db, *account, mails),
        StoreJob::Prune { before } => prune(db, *before),
    }
}

fn find(db: &Connection, username: &Username) -> Result<Option<AccountRecord>> {
    let sql = "SELECT id, full_name, hash, mails FROM account WHERE username = ?1";
    db.prepare_cached(sql)?
        .query_row([username.as_str()], |row| {
            Ok(AccountRecord {
                id: AccountId(row.get(0)?),
                username: username.clone(),
                full_name: parsed(row, 1)?,
                hash: PasswordHash(row.get(2)?),
                waiting: row.get(3)?,
            })
        })
        .optional()
}

fn create(
    db: &Connection,
    register_id: &MailId,
    username: &Username,
    full_name: &FullName,
    hash: &PasswordHash,
    invite: Option<InviteId>,
) -> Result<StoreDone> {
    let sql = "SELECT register_id = ?2 FROM account WHERE username = ?1";
    let made_before = db
        .prepare_cached(sql)?
        .query_row(params![username.as_str(), register_id.as_bytes()], |row| row.get(0))
        .optional()?;
    match made_before {
        Some(true) => return Ok(StoreDone::Created),
        Some(false) => return Ok(StoreDone::UsernameTaken),
        None => {}
    }
    if let Some(InviteId(invite)) = invite {
        let sql = "INSERT OR IGNORE INTO used_invite (id) VALUES (?1)";
        if db.prepare_cached(sql)?.execute([invite])? == 0 {
            return Ok(StoreDone::InviteUsed);
        }
    }
    let sql =
        "INSERT INTO account (username, full_name, hash, register_id) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![
        username.as_str(),
        full_name.as_str(),
        hash.0,
        register_id.as_bytes()
    ])?;
    Ok(StoreDone::Created)
}

fn hash_of(db: &Connection, account: AccountId) -> Result<Option<PasswordHash>> {
    db.prepare_cached("SELECT hash FROM account WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0).map(PasswordHash))
        .optional()
}

fn set_hash(
    db: &Connection,
    account: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<StoreDone> {
    match hash_of(db, account)? {
        None => Ok(StoreDone::NoAccount),
        Some(hash) if hash != *old && hash != *new => Ok(StoreDone::Conflict),
        Some(_) => {
            let sql = "UPDATE account SET hash = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![account.0, new.0])?;
            Ok(StoreDone::Changed)
        }
    }
}

fn delete(db: &Connection, account: AccountId, hash: &PasswordHash) -> Result<StoreDone> {
    match hash_of(db, account)? {
        None => return Ok(StoreDone::NoAccount),
        Some(present) if present != *hash => return Ok(StoreDone::Conflict),
        Some(_) => {}
    }
    // Its verdicts are forgotten with their time: no account gets its number again.
    for sql in ["DELETE FROM mail WHERE account = ?1", "DELETE FROM account WHERE id = ?1"] {
        db.prepare_cached(sql)?.execute([account.0])?;
    }
    Ok(StoreDone::Changed)
}

fn send(
    db: &Connection,
    quota: Quota,
    sender: AccountId,
    mail: &Outgoing,
    now: Timestamp,
) -> Result<StoreDone> {
    let sql = "SELECT username, full_name FROM account WHERE id = ?1";
    let from: Option<(Username, FullName)> = db
        .prepare_cached(sql)?
        .query_row([sender.0], |row| Ok((parsed(row, 0)?, parsed(row, 1)?)))
        .optional()?;
    let Some(from) = from else {
        return Ok(StoreDone::NoAccount);
    };

    let digest = mail.digest();
    if let Some(verdict) = verdict(db, sender, mail.id, &digest)? {
        return Ok(verdict);
    }
    let recipients = match recipients(db, quota, mail)? {
        Ok(recipients) => recipients,
        Err(refusal) => return Ok(refusal),
    };
    let sql = "INSERT INTO verdict (sender, id, digest, sent_at) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![
        sender.0,
        mail.id.as_bytes(),
        digest.0,
        to_sql(now.0)
    ])?;
    put(db, &from, mail, now, &recipients)?;
    Ok(StoreDone::Sent { sent_at: now, recipients, from })
}

/// What was answered to this mail before.
fn verdict(
    db: &Connection,
    sender: AccountId,
    id: MailId,
    digest: &Digest,
) -> Result<Option<StoreDone>> {
    let sql = "SELECT digest IN (?3, X''), sent_at FROM verdict WHERE sender = ?1 AND id = ?2";
    db.prepare_cached(sql)?
        .query_row(params![sender.0, id.as_bytes(), digest.0], |row| {
            Ok(match row.get(0)? {
                true => StoreDone::SentBefore { sent_at: timestamp(row, 1)? },
                false => StoreDone::Conflict,
            })
        })
        .optional()
}

/// The accounts of all recipients, or why none of them gets the mail.
fn recipients(
    db: &Connection,
    quota: Quota,
    mail: &Outgoing,
) -> Result<std::result::Result<Vec<AccountId>, StoreDone>> {
    let mut accounts = Vec::with_capacity(mail.to.as_slice().len());
    let (mut unknown, mut full) = (Vec::new(), Vec::new());
    let mut select =
        db.prepare_cached("SELECT id, mails, bytes FROM account WHERE username = ?1")?;
    for username in mail.to.iter() {
        let found = select
            .query_row([username.as_str()], |row| {
                Ok((AccountId(row.get(0)?), row.get::<_, u32>(1)?, unsigned(row, 2)?))
            })
            .optional()?;
        let Some((account, mails, bytes)) = found else {
            unknown.push(username.clone());
            continue;
        };
        if mails >= quota.mails || bytes.saturating_add(mail.quota_bytes()) > quota.bytes {
            full.push(username.clone());
        }
        accounts.push(account);
    }
    if !unknown.is_empty() {
        return Ok(Err(StoreDone::UnknownRecipients(unknown)));
    }
    if !full.is_empty() {
        return Ok(Err(StoreDone::MailboxesFull(full)));
    }
    Ok(Ok(accounts))
}

fn put(
    db: &Connection,
    (username, full_name): &(Username, FullName),
    mail: &Outgoing,
    now: Timestamp,
    accounts: &[AccountId],
) -> Result<()> {
    let to = mail.to.to_string();
    let mut insert = db.prepare_cached(
        "INSERT INTO mail (account, id, sender, sender_name, recipients, sent_at, subject, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut count = db
        .prepare_cached("UPDATE account SET mails = mails + 1, bytes = bytes + ?2 WHERE id = ?1")?;
    for account in accounts {
        insert.execute(params![
            account.0,
            mail.id.as_bytes(),
            username.as_str(),
            full_name.as_str(),
            to,
            to_sql(now.0),
            mail.subject.as_str(),
            mail.body.as_str()
        ])?;
        count.execute(params![account.0, to_sql(mail.quota_bytes())])?;
    }
    Ok(())
}

fn exists(db: &Connection, account: AccountId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM account WHERE id = ?1")?.exists([account.0])
}

fn fetch(
    db: &Connection,
    account: AccountId,
    after: Seq,
    max: u32,
    max_bytes: usize,
) -> Result<StoreDone> {
    if !exists(db, account)? {
        return Ok(StoreDone::NoAccount);
    }
    // The rows come one by one: what is not read costs nothing.
    let mut select = db.prepare_cached(
        "SELECT seq, id, sender, sender_name, recipients, sent_at, subject, body
         FROM mail WHERE account = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let mut rows = select.query(params![account.0, to_sql(after.0)])?;
    let mut mails: Vec<Mail> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if mails.len() >= max as usize || (!mails.is_empty() && bytes >= max_bytes) {
            return Ok(StoreDone::Page { mails, more: true });
        }
        let mail = mail(row)?;
        bytes += mail.body.as_str().len();
        mails.push(mail);
    }
    Ok(StoreDone::Page { mails, more: false })
}

fn mail(row: &Row<'_>) -> Result<Mail> {
    Ok(Mail {
        seq: Seq(unsigned(row, 0)?),
        id: converted(row, 1, |value| {
            let bytes: [u8; 16] =
                value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
            MailId::try_from(bytes).map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
        })?,
        from: parsed(row, 2)?,
        from_name: parsed(row, 3)?,
        to: parsed::<Recipients>(row, 4)?,
        sent_at: timestamp(row, 5)?,
        subject: parsed(row, 6)?,
        body: parsed(row, 7)?,
    })
}

fn confirm(db: &Connection, account: AccountId, mails: &[MailRef]) -> Result<StoreDone> {
    if !exists(db, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let (mut deleted, mut bytes) = (0, 0);
    let mut delete = db.prepare_cached(
        "DELETE FROM mail WHERE seq = ?1 AND account = ?2 AND id = ?3
         RETURNING octet_length(subject) + octet_length(body)",
    )?;
    for mail in mails {
        let freed = delete
            .query_row(params![to_sql(mail.seq.0), account.0, mail.id.as_bytes()], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        if let Some(freed) = freed {
            deleted += 1;
            bytes += freed;
        }
    }
    if deleted > 0 {
        let sql = "UPDATE account SET mails = mails - ?2, bytes = bytes - ?3 WHERE id = ?1";
        db.prepare_cached(sql)?.execute(params![account.0, deleted, bytes])?;
    }
    Ok(StoreDone::Confirmed { deleted })
}

fn prune(db: &Connection, before: Timestamp) -> Result<StoreDone> {
    // Those of accounts that are gone were none any more.
    let sql = "DELETE FROM verdict WHERE (id, sender) IN
               (SELECT id, sender FROM verdict WHERE sent_at < ?1 ORDER BY sent_at LIMIT ?2)
               RETURNING EXISTS (SELECT 1 FROM account WHERE account.id = sender)";
    let mut delete = db.prepare_cached(sql)?;
    let mut deleted = delete.query(params![to_sql(before.0), PRUNE_STEP])?;
    let mut verdicts = 0;
    while let Some(row) = deleted.next()? {
        verdicts += row.get::<_, u32>(0)?;
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM verdict WHERE sent_at < ?1)";
    let more = db.prepare_cached(sql)?.query_row([to_sql(before.0)], |row| row.get(0))?;
    Ok(StoreDone::Pruned { verdicts, more })
}

/// SQLite's integers are signed; ours never come near the sign.
fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    unsigned(row, column).map(Timestamp)
}

/// Reads a text back as what it was stored from. One that does not parse was damaged.
fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: std::str::FromStr<Err = correio_proto::mail::Invalid>,
{
    converted(row, column, |value| {
        value.as_str()?.parse().map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
    })
}

fn converted<T>(
    row: &Row<'_>,
    column: usize,
    convert: impl FnOnce(ValueRef<'_>) -> FromSqlResult<T>,
) -> Result<T> {
    let value = row.get_ref(column)?;
    convert(value).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

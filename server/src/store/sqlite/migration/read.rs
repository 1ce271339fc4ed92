//! Reads the tables in the order of their keys, page by page.

use rusqlite::{
    Connection, Result, ffi, params_from_iter,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::texture;
use crate::{
    ids::AccountId,
    store::{
        migration::{
            BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
            MigrationValue, ValueKind,
        },
        sqlite::memtable::Memtable,
    },
};

/// The columns of the key by which SQLite orders the rows: mails are in the order of their numbers.
pub(super) fn key(table: MigrationTable) -> &'static [usize] {
    match table {
        MigrationTable::Mail => &[1],
        table => table.key(),
    }
}

/// Rows of a table after a key; empty after the last one.
pub(super) fn page(
    db: &Connection,
    memtable: &Memtable,
    table: MigrationTable,
    after: &[MigrationValue],
    limits: BatchLimits,
) -> Result<Vec<MigrationRow>> {
    let mut select = db.prepare_cached(select(table))?;
    let mut values: Vec<ToSqlOutput<'_>> = match after {
        [] => key(table).iter().filter_map(|column| lowest(table, *column)).collect(),
        after => after.iter().map(to_sql).collect(),
    };
    values.push(ToSqlOutput::Owned(Value::Integer(limits.rows.into())));
    let mut rows = select.query(params_from_iter(values))?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < limits.bytes
        && let Some(row) = rows.next()?
    {
        let columns = table.columns().len();
        let mut read =
            (0..columns).map(|column| value(row, column)).collect::<Result<MigrationRow>>()?;
        texture::add(db, table, &mut read)?;
        match table {
            MigrationTable::Account => add_memtable(memtable, &mut read),
            MigrationTable::Mail => require_content(&read)?,
            _ => {}
        }
        bytes += read.iter().map(MigrationValue::size).sum::<usize>();
        page.push(read);
    }
    Ok(page)
}

/// A value before all that a column of a key has.
fn lowest(table: MigrationTable, column: usize) -> Option<ToSqlOutput<'static>> {
    Some(ToSqlOutput::Owned(match table.columns().get(column)? {
        ValueKind::Number => Value::Integer(i64::MIN),
        ValueKind::Text => Value::Text(String::new()),
        ValueKind::Bytes => Value::Blob(Vec::new()),
    }))
}

/// The value for a statement.
pub(super) fn to_sql(value: &MigrationValue) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        MigrationValue::Null => ValueRef::Null,
        MigrationValue::Number(number) => ValueRef::Integer(*number),
        MigrationValue::Text(text) => ValueRef::Text(text.as_bytes()),
        MigrationValue::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}

fn value(row: &rusqlite::Row<'_>, column: usize) -> Result<MigrationValue> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => MigrationValue::Null,
        ValueRef::Integer(number) => MigrationValue::Number(number),
        ValueRef::Blob(bytes) => MigrationValue::Bytes(bytes.to_vec()),
        // A text that is no UTF-8 is damaged, and a number with a fraction is in no table.
        ValueRef::Text(_) | ValueRef::Real(_) => MigrationValue::Text(row.get(column)?),
    })
}

/// Refuses a mail that names a content which is missing.
fn require_content(row: &MigrationRow) -> Result<()> {
    let size = row.get(10).and_then(MigrationValue::number);
    let seq = row.get(1).and_then(MigrationValue::number);
    match size {
        Some(_) => Ok(()),
        None => {
            let text = format!("the content of mail {} is missing", seq.unwrap_or_default());
            let code = ffi::Error::new(ffi::SQLITE_CORRUPT);
            Err(rusqlite::Error::SqliteFailure(code, Some(text)))
        }
    }
}

/// Adds the mails of an account that are not in the index yet.
fn add_memtable(memtable: &Memtable, row: &mut MigrationRow) {
    let Some(account) = row.first().and_then(MigrationValue::number) else { return };
    let (mails, bytes) = memtable.totals(AccountId(account));
    for (column, more) in [(16, u64::from(mails)), (17, bytes)] {
        if let Some(MigrationValue::Number(number)) = row.get_mut(column) {
            *number = number.saturating_add_unsigned(more);
        }
    }
}

/// The values of the table `meta`.
pub(super) fn settings(db: &Connection) -> Result<MigrationSettings> {
    let sql = "SELECT retention_day, retention_days FROM meta";
    db.query_row(sql, [], |row| {
        Ok(MigrationSettings { retention_day: row.get(0)?, retention_days: row.get(1)? })
    })
}

/// The highest numbers that were given. The number of a content is that of its first mail.
pub(super) fn numbers(db: &Connection) -> Result<MigrationNumbers> {
    let sql = "SELECT reserved, max(reserved, ifnull((SELECT max(id) FROM content), 0)),
                   ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'account'), 0),
                   ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'upload'), 0),
                   ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'app_password'), 0)
               FROM meta";
    db.query_row(sql, [], |row| {
        Ok(MigrationNumbers {
            mail: row.get(0)?,
            content: row.get(1)?,
            account: row.get(2)?,
            pieces: row.get(3)?,
            app_password: row.get(4)?,
        })
    })
}

/// The query of a table, whose last parameter is the number of rows.
fn select(table: MigrationTable) -> &'static str {
    match table {
        // Where no client made the account, its id has only zeros.
        MigrationTable::Account => {
            "SELECT id, username, full_name, hash, nullif(register_id, zeroblob(16)), state, code,
                 code_expires_at, quota_mails, quota_bytes, created_at, used_at, warned_on,
                 mails_warned_on, mails_warned_before, mails_warned_seq, mails, bytes
             FROM account WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
        MigrationTable::RetiredName => {
            "SELECT username FROM retired_name
             WHERE username > ?1 AND NOT EXISTS
                 (SELECT 1 FROM account WHERE account.username = retired_name.username)
             ORDER BY username LIMIT ?2"
        }
        MigrationTable::List => {
            "SELECT id, name, title, senders, membership, members, creator FROM list
             WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
        MigrationTable::ListMember => {
            "SELECT list, username, account, role FROM list_member
             WHERE (list, username) > (?1, ?2) ORDER BY list, username LIMIT ?3"
        }
        MigrationTable::Content => {
            "SELECT id, sender, sender_name, recipients, sent_at, subject,
                 is_message OR message IS NOT NULL,
                 coalesce(size, octet_length(message), octet_length(body)), sha256, pieces,
                 coalesce(message, CAST(body AS BLOB)), texture
             FROM content WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
        MigrationTable::Upload => {
            "SELECT pieces, account, id, size, is_open, staged, touched, texture FROM upload
             WHERE pieces > ?1 ORDER BY pieces LIMIT ?2"
        }
        MigrationTable::Piece => {
            "SELECT pieces, position, bytes FROM piece
             WHERE (pieces, position) > (?1, ?2)
                 AND NOT EXISTS (SELECT 1 FROM dropped WHERE dropped.pieces = piece.pieces)
             ORDER BY pieces, position LIMIT ?3"
        }
        MigrationTable::Mail => SELECT_MAILS,
        MigrationTable::Verdict => {
            "SELECT id, sender, digest, sent_at FROM verdict
             WHERE (id, sender) > (?1, ?2) ORDER BY id, sender LIMIT ?3"
        }
        MigrationTable::UsedInvite => {
            "SELECT id FROM used_invite WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
        MigrationTable::Invite => {
            "SELECT id, made_at, expires_at, is_revoked FROM invite
             WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
        MigrationTable::AppPassword => {
            "SELECT id, account, label, digest, made_at, used_day, used_from FROM app_password
             WHERE id > ?1 ORDER BY id LIMIT ?2"
        }
    }
}

const SELECT_MAILS: &str = "
    SELECT mail.account, mail.seq, mail.id, mail.content, mail.sender, mail.sender_name,
        mail.recipients, coalesce(content.sent_at, mail.sent_at), mail.subject,
        iif(mail.content IS NULL, mail.message IS NOT NULL,
            content.is_message OR content.message IS NOT NULL),
        iif(mail.content IS NULL,
            octet_length(mail.subject)
                + coalesce(octet_length(mail.message), octet_length(mail.body)),
            octet_length(content.subject)
                + coalesce(content.size, octet_length(content.message),
                    octet_length(content.body))),
        CASE
            WHEN mail.content IS NULL
                THEN coalesce(octet_length(mail.message), octet_length(mail.body))
            WHEN content.size IS NULL
                THEN coalesce(octet_length(content.message), octet_length(content.body))
            ELSE 0
        END,
        iif(mail.content IS NULL, coalesce(mail.message, CAST(mail.body AS BLOB)), NULL),
        mail.texture
    FROM mail LEFT JOIN content ON content.id = mail.content
    WHERE mail.seq > ?1 ORDER BY mail.seq LIMIT ?2";

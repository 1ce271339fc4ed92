//! Writes rows into the tables of a store that nobody serves.

use correio_proto::mail::{FullName, Username};
use postgres_types::ToSql;

use crate::store::{
    migration::{
        MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable, MigrationValue,
        ValueKind,
    },
    postgres::{
        accounts::folded,
        connection::{Statement, Transaction},
        error::QueryError,
        row::damaged,
    },
};

/// The values of a column.
#[derive(Debug)]
enum Column<'a> {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl<'a> Column<'a> {
    fn of(rows: &'a [MigrationRow], index: usize, kind: ValueKind) -> Self {
        let values = rows.iter().map(|row| row.get(index));
        match kind {
            ValueKind::Number => {
                Self::Numbers(values.map(|value| value.and_then(MigrationValue::number)).collect())
            }
            ValueKind::Text => {
                Self::Texts(values.map(|value| value.and_then(MigrationValue::text)).collect())
            }
            ValueKind::Bytes => {
                Self::Bytes(values.map(|value| value.and_then(MigrationValue::bytes)).collect())
            }
        }
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Texts(texts) => texts,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Inserts rows.
pub(super) fn rows(
    transaction: &mut Transaction<'_>,
    table: MigrationTable,
    rows: &[MigrationRow],
) -> Result<(), QueryError> {
    let kinds = table.columns().iter().enumerate();
    let columns: Vec<_> = kinds.map(|(index, kind)| Column::of(rows, index, *kind)).collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = columns.iter().map(Column::param).collect();
    let folded = match table {
        MigrationTable::Account => rows.iter().map(folded_of).collect::<Result<Vec<_>, _>>()?,
        _ => Vec::new(),
    };
    if table == MigrationTable::Account {
        params.push(&folded);
    }
    transaction.execute(insert(table), &params).map(drop)
}

/// The text that the directory looks an account up by.
fn folded_of(row: &MigrationRow) -> Result<String, QueryError> {
    let text = |column: usize| row.get(column).and_then(MigrationValue::text).unwrap_or_default();
    let username = text(1).parse::<Username>().map_err(|invalid| damaged(1, &invalid))?;
    let full_name = text(2).parse::<FullName>().map_err(|invalid| damaged(2, &invalid))?;
    Ok(folded(&username, &full_name))
}

/// Sets the numbers above which new ones are given, and what else the table `meta` has.
pub(super) fn end(
    transaction: &mut Transaction<'_>,
    settings: MigrationSettings,
    numbers: MigrationNumbers,
) -> Result<(), QueryError> {
    let statement =
        statement!("UPDATE meta SET retention_day = $1, retention_days = $2", INT8, INT8);
    transaction.execute(statement, &[&settings.retention_day, &settings.retention_days])?;
    // A sequence cannot stand at 0: then it begins with 1.
    let statement = statement!(
        "SELECT setval(sequence::regclass, greatest(number, 1), number > 0)
         FROM (VALUES
             ('mail_seq', $1),
             (pg_get_serial_sequence('content', 'id'), $2),
             (pg_get_serial_sequence('account', 'id'), $3),
             (pg_get_serial_sequence('upload', 'pieces'), $4),
             (pg_get_serial_sequence('app_password', 'id'), $5),
             (pg_get_serial_sequence('list', 'id'), (SELECT coalesce(max(id), 0) FROM list))
         ) AS given (sequence, number)",
        INT8,
        INT8,
        INT8,
        INT8,
        INT8
    );
    let params: [&(dyn ToSql + Sync); 5] =
        [&numbers.mail, &numbers.content, &numbers.account, &numbers.pieces, &numbers.app_password];
    transaction.query(statement, &params).map(drop)
}

/// The statement that inserts rows. Its parameters are the columns of [`MigrationTable`] as arrays;
/// those of accounts have `folded` after them.
fn insert(table: MigrationTable) -> &'static Statement {
    match table {
        MigrationTable::Account => accounts(),
        MigrationTable::RetiredName => {
            statement!("INSERT INTO name (username, kind) SELECT unnest($1), 2", TEXT_ARRAY)
        }
        MigrationTable::List => lists(),
        MigrationTable::ListMember => list_members(),
        MigrationTable::Content => contents(),
        MigrationTable::Upload => uploads(),
        MigrationTable::Piece => pieces(),
        MigrationTable::Mail => mails(),
        MigrationTable::Verdict => verdicts(),
        MigrationTable::UsedInvite => {
            statement!("INSERT INTO used_invite (id) SELECT unnest($1)", BYTEA_ARRAY)
        }
        MigrationTable::Invite => invites(),
        MigrationTable::AppPassword => app_passwords(),
    }
}

fn accounts() -> &'static Statement {
    statement!(
        "WITH new AS (
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[],
                 $5::bytea[], $6::bigint[], $7::bytea[], $8::bigint[],
                 $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                 $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
                 $17::bigint[], $18::bigint[], $19::text[])
                 AS new (id, username, full_name, hash, register_id, state, code, code_expires_at,
                     quota_mails, quota_bytes, created_at, used_at, warned_on, mails_warned_on,
                     mails_warned_before, mails_warned_seq, mails, bytes, folded)
         ), named AS (
             INSERT INTO name (username, kind) SELECT username, 0 FROM new
         ), boxes AS (
             INSERT INTO mailbox (account, mails, bytes) SELECT id, mails, bytes FROM new
         )
         INSERT INTO account (id, username, full_name, hash, register_id, state, code,
             code_expires_at, quota_mails, quota_bytes, created_at, used_at, warned_on,
             mails_warned_on, mails_warned_before, mails_warned_seq, folded)
         OVERRIDING SYSTEM VALUE
         SELECT id, username, full_name, hash, register_id, state::smallint, code,
             code_expires_at, quota_mails, quota_bytes, created_at, used_at, warned_on,
             mails_warned_on, mails_warned_before, mails_warned_seq, folded
         FROM new",
        INT8_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY
    )
}

fn lists() -> &'static Statement {
    statement!(
        "WITH new AS (
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[],
                 $5::bigint[], $6::bigint[], $7::bigint[])
                 AS new (id, name, title, senders, membership, members, creator)
         ), named AS (
             INSERT INTO name (username, kind) SELECT name, 1 FROM new
         )
         INSERT INTO list (id, name, title, senders, membership, members, creator)
         OVERRIDING SYSTEM VALUE
         SELECT id, name, title, senders::smallint, membership::smallint, members::integer, creator
         FROM new",
        INT8_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY
    )
}

fn list_members() -> &'static Statement {
    statement!(
        "INSERT INTO list_member (list, username, account, role)
         SELECT list, username, account, role::smallint
         FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
             AS new (list, username, account, role)",
        INT8_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY
    )
}

fn contents() -> &'static Statement {
    statement!(
        "INSERT INTO content (id, sender, sender_name, recipients, sent_at, subject, is_message,
             size, sha256, pieces, body, texture)
         OVERRIDING SYSTEM VALUE
         SELECT id, sender, sender_name, recipients, sent_at, subject, is_message <> 0, size,
             sha256, pieces, body, texture
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[],
                 $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
                 $9::bytea[], $10::bigint[], $11::bytea[], $12::bytea[])
             AS new (id, sender, sender_name, recipients, sent_at, subject, is_message, size,
                 sha256, pieces, body, texture)",
        INT8_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        BYTEA_ARRAY
    )
}

fn uploads() -> &'static Statement {
    statement!(
        "INSERT INTO upload (pieces, account, id, size, is_open, staged, touched, texture)
         OVERRIDING SYSTEM VALUE
         SELECT pieces, account, id, size, is_open <> 0, staged, touched, texture
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[],
                 $6::bigint[], $7::bigint[], $8::bytea[])
             AS new (pieces, account, id, size, is_open, staged, touched, texture)",
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY
    )
}

fn pieces() -> &'static Statement {
    statement!(
        "INSERT INTO piece (pieces, position, bytes)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])",
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY
    )
}

fn mails() -> &'static Statement {
    statement!(
        "INSERT INTO mail (account, seq, id, content, sender, sender_name, recipients, sent_at,
             subject, is_message, quota_bytes, inline_bytes, body, texture)
         SELECT account, seq, id, content, sender, sender_name, recipients, sent_at,
             subject, is_message <> 0, quota_bytes, inline_bytes, body, texture
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[],
                 $5::text[], $6::text[], $7::text[], $8::bigint[],
                 $9::text[], $10::bigint[], $11::bigint[], $12::bigint[],
                 $13::bytea[], $14::bytea[])
             AS new (account, seq, id, content, sender, sender_name, recipients, sent_at,
                 subject, is_message, quota_bytes, inline_bytes, body, texture)",
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        BYTEA_ARRAY
    )
}

fn verdicts() -> &'static Statement {
    statement!(
        "INSERT INTO verdict (id, sender, digest, sent_at)
         SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[])",
        BYTEA_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY
    )
}

fn invites() -> &'static Statement {
    statement!(
        "INSERT INTO invite (id, made_at, expires_at, is_revoked)
         SELECT id, made_at, expires_at, is_revoked <> 0
         FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[])
             AS new (id, made_at, expires_at, is_revoked)",
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY
    )
}

fn app_passwords() -> &'static Statement {
    statement!(
        "INSERT INTO app_password (id, account, label, digest, made_at, used_day, used_from)
         OVERRIDING SYSTEM VALUE
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[],
                 $5::bigint[], $6::bigint[], $7::text[])",
        INT8_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY,
        TEXT_ARRAY
    )
}

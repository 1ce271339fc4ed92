//! Writes rows into the tables of a store that nobody serves.

use rusqlite::{Connection, Result, params, params_from_iter};

use super::read::to_sql;
use crate::store::migration::{
    CopyPosition, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
};

/// Inserts the rows of a batch, and says how far the copy has come.
pub(super) fn batch(
    db: &Connection,
    table: MigrationTable,
    rows: &[MigrationRow],
    position: &CopyPosition,
) -> Result<()> {
    let mut insert = db.prepare_cached(insert(table))?;
    for row in rows {
        insert.execute(params_from_iter(row.iter().map(to_sql)))?;
    }
    if table == MigrationTable::Mail {
        let mut index = db.prepare_cached("INSERT INTO mailbox (account, seq) VALUES (?1, ?2)")?;
        for row in rows {
            index.execute(params_from_iter(row.iter().take(2).map(to_sql)))?;
        }
    }
    let sql = "UPDATE migration SET step = ?1, position = ?2";
    let step = i64::try_from(position.index).unwrap_or(i64::MAX);
    db.prepare_cached(sql)?.execute(params![step, position.encoded_key()]).map(drop)
}

/// Sets the numbers above which new ones are given, and what else the table `meta` has. All mails
/// are in the index of mailboxes.
pub(super) fn end(
    db: &Connection,
    settings: MigrationSettings,
    numbers: MigrationNumbers,
) -> Result<()> {
    // A content gets the number of its first mail, so that no later mail has the number of one.
    let sql = "UPDATE meta SET retention_day = ?1, retention_days = ?2, reserved = ?3,
                   indexed = ?3, flushing = 0, flushed = 0";
    let reserved = numbers.mail.max(numbers.content);
    db.execute(sql, params![settings.retention_day, settings.retention_days, reserved])?;
    let sequences = [
        ("account", numbers.account),
        ("upload", numbers.pieces),
        ("app_password", numbers.app_password),
    ];
    for (name, number) in sequences {
        let sql = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
        let given: i64 = db.query_row(sql, [name], |row| row.get(0))?;
        db.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [name])?;
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
        db.execute(sql, params![name, given.max(number)])?;
    }
    Ok(())
}

/// The statement that inserts a row. Its parameters are the columns of [`MigrationTable`].
fn insert(table: MigrationTable) -> &'static str {
    match table {
        MigrationTable::Account => {
            "INSERT INTO account (id, username, full_name, hash, register_id, state, code,
                 code_expires_at, quota_mails, quota_bytes, created_at, used_at, warned_on,
                 mails_warned_on, mails_warned_before, mails_warned_seq, mails, bytes)
             VALUES (?1, ?2, ?3, ?4, coalesce(?5, zeroblob(16)), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                 ?14, ?15, ?16, ?17, ?18)"
        }
        MigrationTable::RetiredName => "INSERT INTO retired_name (username) VALUES (?1)",
        MigrationTable::List => {
            "INSERT INTO list (id, name, title, senders, membership, members, creator)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        }
        MigrationTable::ListMember => {
            "INSERT INTO list_member (list, username, account, role) VALUES (?1, ?2, ?3, ?4)"
        }
        // The form in which the store itself writes them (`contents.rs`, `inline.rs`).
        MigrationTable::Content => {
            "INSERT INTO content (id, sender, sender_name, recipients, sent_at, subject, size,
                 sha256, pieces, body, message, is_message, texture)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, iif(?10 IS NULL, NULL, ?8), ?9, ?10,
                 CASE WHEN ?11 IS NULL THEN NULL WHEN ?7 THEN '' ELSE CAST(?11 AS TEXT) END,
                 iif(?7, ?11, NULL), ?7 AND ?10 IS NOT NULL, ?12)"
        }
        MigrationTable::Upload => {
            "INSERT INTO upload (pieces, account, id, size, is_open, staged, touched, texture)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        }
        MigrationTable::Piece => "INSERT INTO piece (pieces, position, bytes) VALUES (?1, ?2, ?3)",
        MigrationTable::Mail => {
            "INSERT INTO mail (account, seq, id, content, sender, sender_name, recipients, sent_at,
                 subject, body, message, texture)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, iif(?4 IS NULL, ?8, 0), ?9,
                 iif(?13 IS NULL OR ?10, '', CAST(?13 AS TEXT)), iif(?10, ?13, NULL), ?14
             WHERE ?11 + ?12 IS NOT NULL"
        }
        MigrationTable::Verdict => {
            "INSERT INTO verdict (id, sender, digest, sent_at) VALUES (?1, ?2, ?3, ?4)"
        }
        MigrationTable::UsedInvite => "INSERT INTO used_invite (id) VALUES (?1)",
        MigrationTable::Invite => {
            "INSERT INTO invite (id, made_at, expires_at, is_revoked) VALUES (?1, ?2, ?3, ?4)"
        }
        MigrationTable::AppPassword => {
            "INSERT INTO app_password (id, account, label, digest, made_at, used_day, used_from)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        }
    }
}

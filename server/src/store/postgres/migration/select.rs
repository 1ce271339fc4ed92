//! The statements that read the tables in the order of their keys.

use crate::store::{migration::MigrationTable, postgres::connection::Statement};

/// What ends a page. The statement's parameters after the key state it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageEnd {
    /// A number of rows.
    Rows,
    /// A number of rows or of bytes, in this order.
    RowsOrBytes,
}

/// The statement that reads a table, and how its pages end.
pub(super) fn select(table: MigrationTable) -> (&'static Statement, PageEnd) {
    match table {
        MigrationTable::Account => (accounts(), PageEnd::Rows),
        MigrationTable::RetiredName => (retired_names(), PageEnd::Rows),
        MigrationTable::List => (lists(), PageEnd::Rows),
        MigrationTable::ListMember => (list_members(), PageEnd::Rows),
        MigrationTable::Content => (contents(), PageEnd::RowsOrBytes),
        MigrationTable::Upload => (uploads(), PageEnd::Rows),
        MigrationTable::Piece => (pieces(), PageEnd::RowsOrBytes),
        MigrationTable::Mail => (mails(), PageEnd::RowsOrBytes),
        MigrationTable::Verdict => (verdicts(), PageEnd::Rows),
        MigrationTable::UsedInvite => (used_invites(), PageEnd::Rows),
        MigrationTable::Invite => (invites(), PageEnd::Rows),
        MigrationTable::AppPassword => (app_passwords(), PageEnd::Rows),
    }
}

fn accounts() -> &'static Statement {
    statement!(
        "SELECT id, username, full_name, hash, register_id, state::bigint, code, code_expires_at,
             quota_mails, quota_bytes, created_at, used_at, warned_on, mails_warned_on,
             mails_warned_before, mails_warned_seq, mails, bytes
         FROM account JOIN mailbox ON mailbox.account = account.id
         WHERE id > $1 ORDER BY id LIMIT $2",
        INT8,
        INT8
    )
}

fn retired_names() -> &'static Statement {
    statement!(
        "SELECT username FROM name WHERE kind = 2 AND username > $1 ORDER BY username LIMIT $2",
        TEXT,
        INT8
    )
}

fn lists() -> &'static Statement {
    statement!(
        "SELECT id, name, title, senders::bigint, membership::bigint, members::bigint, creator
         FROM list WHERE id > $1 ORDER BY id LIMIT $2",
        INT8,
        INT8
    )
}

fn list_members() -> &'static Statement {
    statement!(
        "SELECT list, username, account, role::bigint FROM list_member
         WHERE (list, username) > ($1, $2) ORDER BY list, username LIMIT $3",
        INT8,
        TEXT,
        INT8
    )
}

// The inner queries read no bodies.

fn contents() -> &'static Statement {
    statement!(
        "SELECT id, sender, sender_name, recipients, sent_at, subject, is_message::integer::bigint,
             size, sha256, pieces, body, texture
         FROM (
             SELECT id AS number, sum(inline) OVER (ORDER BY id) - inline AS before
             FROM (
                 SELECT id, CASE WHEN pieces IS NULL THEN size ELSE 0 END AS inline FROM content
                 WHERE id > $1 ORDER BY id LIMIT $2
             ) AS next
         ) AS page
         JOIN content ON id = number WHERE before < $3 ORDER BY id",
        INT8,
        INT8,
        INT8
    )
}

fn uploads() -> &'static Statement {
    statement!(
        "SELECT pieces, account, id, size, is_open::integer::bigint, staged, touched, texture
         FROM upload WHERE pieces > $1 ORDER BY pieces LIMIT $2",
        INT8,
        INT8
    )
}

fn pieces() -> &'static Statement {
    statement!(
        "SELECT piece.pieces, piece.position, piece.bytes
         FROM (
             SELECT pieces, position,
                 sum(length) OVER (ORDER BY pieces, position) - length AS before
             FROM (
                 SELECT pieces, position, octet_length(bytes) AS length FROM piece
                 WHERE (pieces, position) > ($1, $2)
                     AND NOT EXISTS (SELECT 1 FROM dropped WHERE dropped.pieces = piece.pieces)
                 ORDER BY pieces, position LIMIT $3
             ) AS next
         ) AS page
         JOIN piece ON piece.pieces = page.pieces AND piece.position = page.position
         WHERE before < $4 ORDER BY piece.pieces, piece.position",
        INT8,
        INT8,
        INT8,
        INT8
    )
}

fn mails() -> &'static Statement {
    statement!(
        "SELECT mail.account, mail.seq, mail.id, mail.content, mail.sender, mail.sender_name,
             mail.recipients, coalesce(content.sent_at, mail.sent_at), mail.subject,
             mail.is_message::integer::bigint, mail.quota_bytes, mail.inline_bytes, mail.body,
             mail.texture
         FROM (
             SELECT account, seq, sum(inline) OVER (ORDER BY account, seq) - inline AS before
             FROM (
                 SELECT account, seq, CASE WHEN content IS NULL THEN inline_bytes ELSE 0 END AS inline
                 FROM mail WHERE (account, seq) > ($1, $2) ORDER BY account, seq LIMIT $3
             ) AS next
         ) AS page
         JOIN mail ON mail.account = page.account AND mail.seq = page.seq
         LEFT JOIN content ON content.id = mail.content
         WHERE before < $4 ORDER BY mail.account, mail.seq",
        INT8,
        INT8,
        INT8,
        INT8
    )
}

fn verdicts() -> &'static Statement {
    statement!(
        "SELECT id, sender, digest, sent_at FROM verdict
         WHERE (id, sender) > ($1, $2) ORDER BY id, sender LIMIT $3",
        BYTEA,
        INT8,
        INT8
    )
}

fn used_invites() -> &'static Statement {
    statement!("SELECT id FROM used_invite WHERE id > $1 ORDER BY id LIMIT $2", BYTEA, INT8)
}

fn invites() -> &'static Statement {
    statement!(
        "SELECT id, made_at, expires_at, is_revoked::integer::bigint FROM invite
         WHERE id > $1 ORDER BY id LIMIT $2",
        BYTEA,
        INT8
    )
}

fn app_passwords() -> &'static Statement {
    statement!(
        "SELECT id, account, label, digest, made_at, used_day, used_from FROM app_password
         WHERE id > $1 ORDER BY id LIMIT $2",
        INT8,
        INT8
    )
}

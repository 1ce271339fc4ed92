//! The operator's jobs about invites.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::{
    ids::InviteId,
    store::{
        admin::{AdminDone, InviteOverview, InviteRecord, InviteStanding},
        sqlite::row::{timestamp, to_sql},
    },
};

/// Records invites that were made.
pub(super) fn add(db: &Connection, invites: &[InviteRecord]) -> Result<AdminDone> {
    let sql = "INSERT OR IGNORE INTO invite (id, made_at, expires_at) VALUES (?1, ?2, ?3)";
    let mut insert = db.prepare_cached(sql)?;
    for InviteRecord { id, made_at, expires_at } in invites {
        insert.execute(params![id.0, to_sql(made_at.0), to_sql(expires_at.0)])?;
    }
    Ok(AdminDone::Changed(None))
}

/// Reads a page of invites, oldest first.
pub(super) fn page(db: &Connection, skip: usize, max: usize) -> Result<AdminDone> {
    let sql = "SELECT id, made_at, expires_at, is_revoked,
                      EXISTS (SELECT 1 FROM used_invite WHERE used_invite.id = invite.id)
               FROM invite ORDER BY made_at, id LIMIT ?1 OFFSET ?2";
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map([to_sql(max as u64 + 1), to_sql(skip as u64)], |row| {
        let (made_at, expires_at) = (timestamp(row, 1)?, timestamp(row, 2)?);
        let (is_revoked, is_spent): (bool, bool) = (row.get(3)?, row.get(4)?);
        let invite = InviteRecord { id: InviteId(row.get(0)?), made_at, expires_at };
        // A revoked invite is among the used ones, too, so that no account is made with it.
        let standing = match (is_revoked, is_spent) {
            (true, _) => InviteStanding::Revoked,
            (false, true) => InviteStanding::Used,
            (false, false) => InviteStanding::Unused,
        };
        Ok(InviteOverview { invite, standing })
    })?;
    let mut invites = rows.collect::<Result<Vec<_>>>()?;
    let more = invites.len() > max;
    invites.truncate(max);
    Ok(AdminDone::Invites { invites, more })
}

/// Makes an invite useless: it counts as used, whether it was recorded or not.
pub(super) fn revoke(db: &Connection, InviteId(id): InviteId) -> Result<AdminDone> {
    let sql = "SELECT is_revoked FROM invite WHERE id = ?1";
    let is_revoked: Option<bool> =
        db.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    let sql = "INSERT OR IGNORE INTO used_invite (id) VALUES (?1)";
    let is_new = db.prepare_cached(sql)?.execute([id])? == 1;
    if !is_new && is_revoked != Some(true) {
        return Ok(AdminDone::InviteUsed);
    }
    let sql = "UPDATE invite SET is_revoked = 1 WHERE id = ?1";
    db.prepare_cached(sql)?.execute([id])?;
    Ok(AdminDone::Changed(None))
}

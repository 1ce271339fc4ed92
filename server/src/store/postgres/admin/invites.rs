//! The operator's jobs about invites.

use crate::{
    ids::InviteId,
    store::{
        admin::{AdminDone, InviteOverview, InviteRecord, InviteStanding},
        postgres::{
            connection::Row,
            context::Context,
            error::QueryError,
            row::{array, timestamp, to_sql},
        },
    },
};

/// Records invites that were made.
pub(super) fn add(
    context: &mut Context<'_, '_>,
    invites: &[InviteRecord],
) -> Result<AdminDone, QueryError> {
    let ids: Vec<&[u8]> = invites.iter().map(|invite| invite.id.0.as_slice()).collect();
    let made: Vec<i64> = invites.iter().map(|invite| to_sql(invite.made_at.0)).collect();
    let expires: Vec<i64> = invites.iter().map(|invite| to_sql(invite.expires_at.0)).collect();
    let statement = statement!(
        "INSERT INTO invite (id, made_at, expires_at)
         SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING",
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT8_ARRAY
    );
    context.execute(statement, &[&ids, &made, &expires])?;
    Ok(AdminDone::Changed(None))
}

/// Reads a page of invites, oldest first.
pub(super) fn page(
    context: &mut Context<'_, '_>,
    skip: usize,
    max: usize,
) -> Result<AdminDone, QueryError> {
    let statement = statement!(
        "SELECT id, made_at, expires_at, is_revoked,
             EXISTS (SELECT 1 FROM used_invite WHERE used_invite.id = invite.id)
         FROM invite ORDER BY made_at, id LIMIT $1 OFFSET $2",
        INT8,
        INT8
    );
    let wanted = to_sql(max.saturating_add(1) as u64);
    let rows = context.query(statement, &[&wanted, &to_sql(skip as u64)])?;
    let mut invites = rows.iter().map(|row| overview(&row)).collect::<Result<Vec<_>, _>>()?;
    let more = invites.len() > max;
    invites.truncate(max);
    Ok(AdminDone::Invites { invites, more })
}

fn overview(row: &Row<'_>) -> Result<InviteOverview, QueryError> {
    let (made_at, expires_at) = (timestamp(row, 1)?, timestamp(row, 2)?);
    let invite = InviteRecord { id: InviteId(array(row, 0)?), made_at, expires_at };
    // A revoked invite is among the used ones, too, so that no account is made with it.
    let standing = match (row.get(3)?, row.get(4)?) {
        (true, _) => InviteStanding::Revoked,
        (false, true) => InviteStanding::Used,
        (false, false) => InviteStanding::Unused,
    };
    Ok(InviteOverview { invite, standing })
}

/// Makes an invite useless: it counts as used, whether it was recorded or not.
pub(super) fn revoke(
    context: &mut Context<'_, '_>,
    InviteId(id): InviteId,
) -> Result<AdminDone, QueryError> {
    let id = id.as_slice();
    let statement =
        statement!("INSERT INTO used_invite (id) VALUES ($1) ON CONFLICT DO NOTHING", BYTEA);
    let is_new = context.execute(statement, &[&id])? == 1;
    let statement = statement!("SELECT 1 FROM invite WHERE id = $1 AND is_revoked", BYTEA);
    if !is_new && !context.exists(statement, &[&id])? {
        return Ok(AdminDone::InviteUsed);
    }
    context
        .execute(statement!("UPDATE invite SET is_revoked = true WHERE id = $1", BYTEA), &[&id])?;
    Ok(AdminDone::Changed(None))
}

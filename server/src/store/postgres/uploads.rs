//! Uploads of large contents as SQL, within the transaction of their job.
//!
//! The mailbox of the account is locked meanwhile, so that one server at a time adds to an
//! account's uploads.

use correio_proto::mail::{ContentSize, MailId, Piece, Timestamp};

use super::{
    account_rows,
    connection::{Row, Rows},
    context::{Context, Param},
    error::QueryError,
    pieces::{self, Pieces},
    row::{content_size, damaged, timestamp, to_sql, unsigned},
    schema::UPLOAD_LOCK,
};
use crate::{
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone,
        gateway::Texture,
        texture::TextureCount,
        texture_bytes,
        uploads::{OwnUpload, Progress, Step, UploadSize, refusal, reserved_since, step},
    },
};

/// Uploads deleted in one step.
const PRUNE_STEP: i64 = 1000;

/// The row of an upload.
struct Upload {
    pieces: Pieces,
    progress: Progress,
    /// When the last piece came that added bytes.
    touched: Timestamp,
    /// The texture of the bytes so far.
    texture: TextureCount,
}

/// An upload that a mail takes over.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeUpload {
    pub(super) pieces: Pieces,
    /// The texture of its content.
    pub(super) texture: Texture,
}

fn find(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: MailId,
) -> Result<Option<Upload>, QueryError> {
    let statement = statement!(
        "SELECT pieces, touched, size, is_open, staged, texture FROM upload
         WHERE account = $1 AND id = $2",
        INT8,
        BYTEA
    );
    let rows = context.query(statement, &[&account.0, &id.as_bytes().as_slice()])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let texture = texture_bytes::decode_count(row.get(5)?);
    Ok(Some(Upload {
        pieces: Pieces(row.get(0)?),
        touched: timestamp(&row, 1)?,
        progress: progress(&row, 2)?,
        texture: texture.ok_or_else(|| damaged(5, &"no texture"))?,
    }))
}

/// Reads `size, is_open, staged`.
fn progress(row: &Row<'_>, first: usize) -> Result<Progress, QueryError> {
    let upload_size = match row.get(first + 1)? {
        true => UploadSize::AtMost(unsigned(row, first)?),
        false => UploadSize::Stated(content_size(row, first)?),
    };
    Ok(Progress { size: upload_size, staged: unsigned(row, first + 2)? })
}

/// Adds a piece, as [`crate::store::StoreJob::Upload`] describes it.
pub(super) fn upload(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: MailId,
    size: ContentSize,
    piece: (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    if !account_rows::lock(context, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let statement = statement!("SELECT 1 FROM verdict WHERE id = $1 AND sender = $2", BYTEA, INT8);
    if context.exists(statement, &[&id.as_bytes().as_slice(), &account.0])? {
        return Ok(StoreDone::Uploaded { staged: size.get() });
    }
    add(context, (account, id), UploadSize::Stated(size), piece, now)
}

/// Adds a piece, as [`crate::store::gateway::GatewayJob::Stage`] describes it.
pub(super) fn stage(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: MailId,
    piece: (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    if !account_rows::lock(context, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let size = UploadSize::AtMost(context.uploads.content);
    add(context, (account, id), size, piece, now)
}

/// Adds a piece to an upload of this account and id, which begins with it if there is none.
fn add(
    context: &mut Context<'_, '_>,
    (account, id): (AccountId, MailId),
    size: UploadSize,
    (offset, piece): (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    let upload = find(context, account, id)?;
    let progress = upload.as_ref().map(|upload| upload.progress);
    let (known, staged) = match step(progress, size, offset, piece.as_bytes()) {
        Step::Answer(done) => return Ok(done),
        Step::Append { known, staged } => (known, staged),
    };
    let before = progress.unwrap_or(Progress { size, staged: 0 });
    let since = reserved_since(now);
    let displaced = match upload {
        Some(_) => Some(Vec::new()),
        None => {
            let own = of_account(context, account)?;
            context.uploads.displaced(own, size, since)
        }
    };
    let Some(displaced) = displaced else {
        return Ok(StoreDone::UploadsFull);
    };
    let freed = displaced.iter().map(|own| own.progress.staged).sum();
    if upload.as_ref().is_none_or(|upload| upload.touched < since)
        && !has_room(context, freed, before.missing(), since)?
    {
        return Ok(StoreDone::UploadsFull);
    }
    let displaced: Vec<i64> = displaced.iter().map(|own| own.name.0).collect();
    delete(context, &displaced)?;
    let (pieces, mut texture) = match upload {
        Some(upload) => (upload.pieces, upload.texture),
        None => (start(context, account, id, size, now)?, TextureCount::new()),
    };
    let new = piece.as_bytes().get(known..).unwrap_or_default();
    pieces::append(context, pieces, before.staged, new)?;
    texture.add(new);
    let statement = statement!(
        "UPDATE upload SET staged = $2, touched = $3, texture = $4 WHERE pieces = $1",
        INT8,
        INT8,
        INT8,
        BYTEA
    );
    let texture = texture_bytes::encode_count(&texture);
    let values: [Param<'_>; 4] = [&pieces.0, &to_sql(staged), &to_sql(now.0), &texture];
    context.execute(statement, &values)?;
    Ok(StoreDone::Uploaded { staged })
}

/// Whether the missing bytes of an upload that has reserved no room have room beside the others,
/// once `freed` bytes of idle uploads are gone. Until the end of the transaction no other one
/// reserves room.
fn has_room(
    context: &mut Context<'_, '_>,
    freed: u64,
    missing: u64,
    since: Timestamp,
) -> Result<bool, QueryError> {
    context.query(statement!("SELECT pg_advisory_xact_lock($1)", INT8), &[&UPLOAD_LOCK])?;
    let statement = statement!(
        "SELECT coalesce(sum(staged), 0)::bigint,
             coalesce(sum(size - staged) FILTER (WHERE touched >= $1), 0)::bigint
         FROM upload",
        INT8
    );
    let rows = context.query(statement, &[&to_sql(since.0)])?;
    let (staged, reserved) = match rows.first() {
        Some(row) => (unsigned(&row, 0)?, unsigned(&row, 1)?),
        None => (0, 0),
    };
    let taken = staged.saturating_add(reserved).saturating_sub(freed);
    Ok(context.uploads.have_room(taken, missing))
}

/// The uploads of an account, the one idle longest first.
fn of_account(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<Vec<OwnUpload<Pieces>>, QueryError> {
    let statement = statement!(
        "SELECT pieces, touched, size, is_open, staged FROM upload WHERE account = $1
         ORDER BY touched, id",
        INT8
    );
    let rows = context.query(statement, &[&account.0])?;
    let own = |row: Row<'_>| {
        let (name, touched) = (Pieces(row.get(0)?), timestamp(&row, 1)?);
        Ok(OwnUpload { name, touched, progress: progress(&row, 2)? })
    };
    rows.iter().map(own).collect()
}

/// Makes the row of an upload.
fn start(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: MailId,
    size: UploadSize,
    now: Timestamp,
) -> Result<Pieces, QueryError> {
    let is_open = matches!(size, UploadSize::AtMost(_));
    let statement = statement!(
        "INSERT INTO upload (account, id, size, is_open, staged, touched)
         VALUES ($1, $2, $3, $4, 0, $5) RETURNING pieces",
        INT8,
        BYTEA,
        INT8,
        BOOL,
        INT8
    );
    let values: [Param<'_>; 5] =
        [&account.0, &id.as_bytes().as_slice(), &to_sql(size.bytes()), &is_open, &to_sql(now.0)];
    match context.change(statement, &values)?.first() {
        Some(row) => row.get(0).map(Pieces),
        None => Err(QueryError::Fatal("a new upload has no number".into())),
    }
}

/// The upload that a mail with a large content of this size may take over, or the result that
/// refuses the mail.
pub(super) fn whole(
    context: &mut Context<'_, '_>,
    account: AccountId,
    mail: &NewMailRecord,
    size: ContentSize,
) -> Result<Result<WholeUpload, StoreDone>, QueryError> {
    let upload = find(context, account, mail.upload_id())?;
    let progress = upload.as_ref().map(|upload| upload.progress);
    Ok(match (refusal(progress, mail, size), upload) {
        (None, Some(Upload { pieces, texture, .. })) => {
            Ok(WholeUpload { pieces, texture: texture.texture })
        }
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(StoreDone::Incomplete { staged: 0 }),
    })
}

/// Ends an upload whose pieces a mail takes over.
pub(super) fn taken(context: &mut Context<'_, '_>, upload: WholeUpload) -> Result<(), QueryError> {
    let statement = statement!("DELETE FROM upload WHERE pieces = $1", INT8);
    context.execute(statement, &[&upload.pieces.0]).map(drop)
}

/// Forgets an upload without a size, if there is one.
pub(super) fn discard(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: MailId,
) -> Result<(), QueryError> {
    let statement = statement!(
        "DELETE FROM upload WHERE account = $1 AND id = $2 AND is_open RETURNING pieces",
        INT8,
        BYTEA
    );
    let deleted = context.change(statement, &[&account.0, &id.as_bytes().as_slice()])?;
    drop_pieces(context, &deleted).map(drop)
}

/// Deletes the uploads of an account.
pub(super) fn delete_of(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<(), QueryError> {
    let statement = statement!("DELETE FROM upload WHERE account = $1 RETURNING pieces", INT8);
    let deleted = context.change(statement, &[&account.0])?;
    drop_pieces(context, &deleted).map(drop)
}

/// Deletes uploads whose last piece came before this time. Returns their number, and whether there
/// are more.
pub(super) fn prune(
    context: &mut Context<'_, '_>,
    before: Timestamp,
) -> Result<(u32, bool), QueryError> {
    let statement = statement!(
        "DELETE FROM upload WHERE pieces IN
             (SELECT pieces FROM upload WHERE touched < $1 ORDER BY touched LIMIT $2)
         RETURNING pieces",
        INT8,
        INT8
    );
    let before = to_sql(before.0);
    let deleted = context.change(statement, &[&before, &PRUNE_STEP])?;
    let uploads = drop_pieces(context, &deleted)?;
    let more = statement!("SELECT 1 FROM upload WHERE touched < $1 LIMIT 1", INT8);
    Ok((u32::try_from(uploads).unwrap_or(u32::MAX), context.exists(more, &[&before])?))
}

fn delete(context: &mut Context<'_, '_>, uploads: &[i64]) -> Result<(), QueryError> {
    if uploads.is_empty() {
        return Ok(());
    }
    let statement =
        statement!("DELETE FROM upload WHERE pieces = ANY ($1) RETURNING pieces", INT8_ARRAY);
    let deleted = context.change(statement, &[&uploads])?;
    drop_pieces(context, &deleted).map(drop)
}

/// Leaves the pieces of deleted uploads to [`pieces::delete_slice`]. Returns their number.
fn drop_pieces(context: &mut Context<'_, '_>, deleted: &Rows) -> Result<usize, QueryError> {
    let dropped = deleted.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
    pieces::drop_later(context, &dropped)?;
    Ok(dropped.len())
}

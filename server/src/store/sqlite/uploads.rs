//! Uploads of large contents as SQL, within the transaction of their group.

use correio_proto::mail::{ContentSize, MailId, Piece, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, Row, params, types::FromSqlError};

use super::{
    pieces::{self, Pieces},
    row::{converted, timestamp, to_sql, unsigned},
    tables::Tables,
    textures,
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
const PRUNE_STEP: u32 = 1000;

/// The row of an upload.
struct Upload {
    pieces: Pieces,
    progress: Progress,
    /// When the last piece came that added bytes.
    touched: Timestamp,
    /// The texture of the bytes so far; `None` if an earlier version began the upload.
    texture: Option<TextureCount>,
}

/// An upload that a mail takes over.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeUpload {
    pub(super) pieces: Pieces,
    /// The texture of its content, if it was counted.
    pub(super) texture: Option<Texture>,
}

fn find(db: &Connection, account: AccountId, id: MailId) -> Result<Option<Upload>> {
    let sql = "SELECT pieces, touched, size, is_open, staged, texture FROM upload
               WHERE account = ?1 AND id = ?2";
    db.prepare_cached(sql)?
        .query_row(params![account.0, id.as_bytes()], |row| {
            let (pieces, touched) = (Pieces(row.get(0)?), timestamp(row, 1)?);
            let (progress, texture) = (progress(row, 2)?, textures::count(row, 5)?);
            Ok(Upload { pieces, touched, progress, texture })
        })
        .optional()
}

/// Reads `size, is_open, staged`.
fn progress(row: &Row<'_>, first: usize) -> Result<Progress> {
    let upload_size = match row.get(first + 1)? {
        true => UploadSize::AtMost(unsigned(row, first)?),
        false => UploadSize::Stated(size(row, first)?),
    };
    Ok(Progress { size: upload_size, staged: unsigned(row, first + 2)? })
}

/// Reads the size of a large content.
pub(super) fn size(row: &Row<'_>, column: usize) -> Result<ContentSize> {
    let size = unsigned(row, column)?;
    converted(row, column, |_| {
        ContentSize::try_from(size).map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
    })
}

/// Adds a piece, as [`crate::store::StoreJob::Upload`] describes it.
pub(super) fn upload(
    tables: &mut Tables<'_>,
    account: AccountId,
    id: MailId,
    size: ContentSize,
    piece: (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone> {
    let db = tables.db;
    if tables.accounts.by_id(db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM verdict WHERE id = ?1 AND sender = ?2)";
    let values = params![id.as_bytes(), account.0];
    if db.prepare_cached(sql)?.query_row(values, |row| row.get(0))? {
        return Ok(StoreDone::Uploaded { staged: size.get() });
    }
    add(tables, (account, id), UploadSize::Stated(size), piece, now)
}

/// Adds a piece, as [`crate::store::gateway::GatewayJob::Stage`] describes it.
pub(super) fn stage(
    tables: &mut Tables<'_>,
    account: AccountId,
    id: MailId,
    piece: (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone> {
    if tables.accounts.by_id(tables.db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let size = UploadSize::AtMost(tables.contents.limits.content);
    add(tables, (account, id), size, piece, now)
}

/// Adds a piece to an upload of this account and id, which begins with it if there is none.
fn add(
    tables: &mut Tables<'_>,
    (account, id): (AccountId, MailId),
    size: UploadSize,
    (offset, piece): (u64, &Piece),
    now: Timestamp,
) -> Result<StoreDone> {
    let db = tables.db;
    let upload = find(db, account, id)?;
    let progress = upload.as_ref().map(|upload| upload.progress);
    let (known, staged) = match step(progress, size, offset, piece.as_bytes()) {
        Step::Answer(done) => return Ok(done),
        Step::Append { known, staged } => (known, staged),
    };
    let before = progress.unwrap_or(Progress { size, staged: 0 });
    let since = reserved_since(now);
    let displaced = match upload {
        Some(_) => Some(Vec::new()),
        None => tables.contents.limits.displaced(of_account(db, account)?, size, since),
    };
    let Some(displaced) = displaced else {
        return Ok(StoreDone::UploadsFull);
    };
    let displaced: Vec<_> = displaced.iter().map(|it| (it.name, it.progress.staged)).collect();
    let freed = displaced.iter().map(|(_, staged)| staged).sum();
    if upload.as_ref().is_none_or(|upload| upload.touched < since)
        && !has_room(tables, freed, before.missing(), since)?
    {
        return Ok(StoreDone::UploadsFull);
    }
    delete(tables, &displaced)?;
    let (pieces, mut texture) = match upload {
        Some(upload) => (upload.pieces, upload.texture),
        None => (start(db, account, id, size, now)?, Some(TextureCount::new())),
    };
    let new = piece.as_bytes().get(known..).unwrap_or_default();
    pieces::append(db, pieces, before.staged, new)?;
    tables.contents.add(new.len() as u64);
    if let Some(texture) = &mut texture {
        texture.add(new);
    }
    let texture = texture.map(|texture| texture_bytes::encode_count(&texture));
    let sql = "UPDATE upload SET staged = ?2, touched = ?3, texture = ?4 WHERE pieces = ?1";
    let values = params![pieces.0, to_sql(staged), to_sql(now.0), texture];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(StoreDone::Uploaded { staged })
}

/// Whether the missing bytes of an upload that has reserved no room have room beside the others,
/// once `freed` bytes of idle uploads are gone.
fn has_room(tables: &mut Tables<'_>, freed: u64, missing: u64, since: Timestamp) -> Result<bool> {
    let sql = "SELECT coalesce(sum(size - staged), 0) FROM upload WHERE touched >= ?1";
    let reserved =
        tables.db.prepare_cached(sql)?.query_row([to_sql(since.0)], |row| unsigned(row, 0))?;
    let staged = tables.contents.upload_bytes(tables.db)?;
    let taken = staged.saturating_add(reserved).saturating_sub(freed);
    Ok(tables.contents.limits.have_room(taken, missing))
}

/// The uploads of an account, the one idle longest first.
fn of_account(db: &Connection, account: AccountId) -> Result<Vec<OwnUpload<Pieces>>> {
    let sql = "SELECT pieces, touched, size, is_open, staged FROM upload WHERE account = ?1
               ORDER BY touched, id";
    let mut select = db.prepare_cached(sql)?;
    let uploads = select.query_map([account.0], |row| {
        let (name, touched) = (Pieces(row.get(0)?), timestamp(row, 1)?);
        Ok(OwnUpload { name, touched, progress: progress(row, 2)? })
    })?;
    uploads.collect()
}

/// Makes the row of an upload.
fn start(
    db: &Connection,
    account: AccountId,
    id: MailId,
    size: UploadSize,
    now: Timestamp,
) -> Result<Pieces> {
    let is_open = matches!(size, UploadSize::AtMost(_));
    let sql = "INSERT INTO upload (account, id, size, is_open, staged, touched)
               VALUES (?1, ?2, ?3, ?4, 0, ?5)";
    let values = params![account.0, id.as_bytes(), to_sql(size.bytes()), is_open, to_sql(now.0)];
    Ok(Pieces(db.prepare_cached(sql)?.insert(values)?))
}

/// The upload that a mail with a large content of this size may take over, or the result that
/// refuses the mail.
pub(super) fn whole(
    db: &Connection,
    account: AccountId,
    mail: &NewMailRecord,
    size: ContentSize,
) -> Result<std::result::Result<WholeUpload, StoreDone>> {
    let upload = find(db, account, mail.upload_id())?;
    let progress = upload.as_ref().map(|upload| upload.progress);
    Ok(match (refusal(progress, mail, size), upload) {
        (None, Some(Upload { pieces, texture, .. })) => {
            Ok(WholeUpload { pieces, texture: texture.map(|count| count.texture) })
        }
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(StoreDone::Incomplete { staged: 0 }),
    })
}

/// Ends an upload whose pieces a mail takes over.
pub(super) fn taken(tables: &mut Tables<'_>, upload: WholeUpload, size: u64) -> Result<()> {
    let mut delete = tables.db.prepare_cached("DELETE FROM upload WHERE pieces = ?1")?;
    delete.execute([upload.pieces.0])?;
    tables.contents.remove(size);
    Ok(())
}

/// Forgets an upload without a size, if there is one.
pub(super) fn discard(tables: &mut Tables<'_>, account: AccountId, id: MailId) -> Result<()> {
    let sql = "SELECT pieces, staged FROM upload WHERE account = ?1 AND id = ?2 AND is_open";
    let uploads = selected(tables.db, sql, params![account.0, id.as_bytes()])?;
    delete(tables, &uploads)
}

/// Deletes the uploads of an account.
pub(super) fn delete_of(tables: &mut Tables<'_>, account: AccountId) -> Result<()> {
    let sql = "SELECT pieces, staged FROM upload WHERE account = ?1";
    let uploads = selected(tables.db, sql, [account.0])?;
    delete(tables, &uploads)
}

/// Deletes uploads whose last piece came before this time. Returns their number, and whether there
/// are more.
pub(super) fn prune(tables: &mut Tables<'_>, before: Timestamp) -> Result<(u32, bool)> {
    let sql = "SELECT pieces, staged FROM upload WHERE touched < ?1 ORDER BY touched LIMIT ?2";
    let uploads = selected(tables.db, sql, params![to_sql(before.0), PRUNE_STEP])?;
    delete(tables, &uploads)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM upload WHERE touched < ?1)";
    let more = tables.db.prepare_cached(sql)?.query_row([to_sql(before.0)], |row| row.get(0))?;
    Ok((u32::try_from(uploads.len()).unwrap_or(u32::MAX), more))
}

/// Pieces and staged bytes of the uploads that the statement selects.
fn selected(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<(Pieces, u64)>> {
    let mut select = db.prepare_cached(sql)?;
    let uploads = select.query_map(values, |row| Ok((Pieces(row.get(0)?), unsigned(row, 1)?)))?;
    uploads.collect()
}

fn delete(tables: &mut Tables<'_>, uploads: &[(Pieces, u64)]) -> Result<()> {
    let mut delete = tables.db.prepare_cached("DELETE FROM upload WHERE pieces = ?1")?;
    for (pieces, staged) in uploads {
        delete.execute([pieces.0])?;
        tables.contents.drop_later(tables.db, *pieces)?;
        tables.contents.remove(*staged);
    }
    Ok(())
}

//! Contents that the rows of several mails share, and large contents, as SQL within the transaction
//! of their job.
//!
//! A mail's row has its texts, or names a row of the table `content`, and then has at most one
//! recipient: the hidden one that its mailbox sees. A content is deleted with the last of its
//! mails. Two transactions that delete the last two of them wait for each other at the content's
//! row: otherwise each would still see the mail of the other, and the content would stay.

use correio_proto::mail::{
    Body, Content, ContentKind, FullName, Invalid, LargeContent, MailRef, Message, Sha256,
    Timestamp, Username,
};

use super::{
    connection::{Row, Rows},
    context::{Context, Param},
    error::QueryError,
    pieces::{self, Pieces},
    recipients,
    row::{array, content_size, damaged, to_sql, unsigned},
    uploads::WholeUpload,
};
use crate::{
    ids::AccountId,
    store::{NewMailRecord, StoreDone, gateway::Texture, texture::TextureCount, texture_bytes},
};

/// A mail is kept once if the copies for its other recipients would have more bytes than this.
const COPIES_MAX: u64 = 8 << 10;

/// Whether the rows of a mail that reaches so many accounts only name its content.
pub(super) fn is_shared(mail: &NewMailRecord, accounts: usize) -> bool {
    match mail.content {
        Content::Large(_) => true,
        Content::Body(_) | Content::Message(_) => {
            let others = accounts.saturating_sub(1) as u64;
            others * text_bytes(mail) > COPIES_MAX
        }
    }
}

/// Bytes of a mail's texts, the list of its recipients included.
fn text_bytes(mail: &NewMailRecord) -> u64 {
    let names: usize = mail.to.iter().map(|username| username.as_str().len() + 2).sum();
    (mail.subject.as_str().len() + mail.content.inline_size() + names) as u64
}

/// The bytes that stand in a row for a content, with their texture; none of a large content.
pub(super) fn inline(content: &Content) -> Option<(&[u8], Texture)> {
    let bytes = match content {
        Content::Body(body) => body.as_str().as_bytes(),
        Content::Message(message) => message.as_bytes(),
        Content::Large(_) => return None,
    };
    Some((bytes, TextureCount::of(bytes)))
}

/// Whether a content is a message.
pub(super) fn is_message(content: &Content) -> bool {
    match content {
        Content::Body(_) => false,
        Content::Message(_) => true,
        Content::Large(large) => large.kind == ContentKind::Message {},
    }
}

/// Makes the row of a content, and returns its id. A large content is that of this upload.
pub(super) fn insert(
    context: &mut Context<'_, '_>,
    (username, full_name): &(Username, FullName),
    mail: &NewMailRecord,
    upload: Option<WholeUpload>,
    now: Timestamp,
) -> Result<i64, QueryError> {
    let statement =
        statement!(
        "INSERT INTO content (sender, sender_name, recipients, sent_at, subject, is_message, size,
             sha256, pieces, body, texture)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        TEXT, TEXT, TEXT, INT8, TEXT, BOOL, INT8, BYTEA, INT8, BYTEA, BYTEA
    );
    let inline = inline(&mail.content);
    let texture = match upload {
        Some(upload) => Some(upload.texture),
        None => inline.map(|(_, texture)| texture),
    };
    let sha256 = match &mail.content {
        Content::Body(_) | Content::Message(_) => None,
        Content::Large(large) => Some(large.sha256.0.as_slice()),
    };
    let values: [Param<'_>; 11] = [
        &username.as_str(),
        &full_name.as_str(),
        &recipients::text(mail.visible()),
        &to_sql(now.0),
        &mail.subject.as_str(),
        &is_message(&mail.content),
        &to_sql(mail.content.size()),
        &sha256,
        &upload.map(|upload| upload.pieces.0),
        &inline.map(|(bytes, _)| bytes),
        &texture.map(|texture| texture_bytes::encode(&texture)),
    ];
    match context.change(statement, &values)?.first() {
        Some(row) => row.get(0),
        None => Err(QueryError::Fatal("a new content has no id".into())),
    }
}

/// Reads a content from `is_message, size, sha256, body`.
pub(super) fn content(row: &Row<'_>, first: usize) -> Result<Content, QueryError> {
    let is_message: bool = row.get(first)?;
    if row.get::<Option<&[u8]>>(first + 2)?.is_some() {
        let kind = match is_message {
            true => ContentKind::Message {},
            false => ContentKind::Text {},
        };
        let (size, sha256) = (content_size(row, first + 1)?, Sha256(array(row, first + 2)?));
        return Ok(Content::Large(LargeContent { kind, size, sha256 }));
    }
    let column = first + 3;
    let bytes: &[u8] = row.get(column)?;
    let invalid = |invalid: Invalid| damaged(column, &invalid);
    match is_message {
        true => Message::try_from(bytes).map(Content::Message).map_err(invalid),
        false => {
            let text = std::str::from_utf8(bytes).map_err(|error| damaged(column, &error))?;
            text.parse::<Body>().map(Content::Body).map_err(invalid)
        }
    }
}

/// Deletes the contents that deleted mails have named, in this column of their rows, unless other
/// mails name them. Their pieces are left to [`pieces::delete_slice`].
pub(super) fn release(
    context: &mut Context<'_, '_>,
    deleted: &Rows,
    column: usize,
) -> Result<(), QueryError> {
    let mut named = Vec::new();
    for row in deleted.iter() {
        named.extend(row.get::<Option<i64>>(column)?);
    }
    if named.is_empty() {
        return Ok(());
    }
    named.sort_unstable();
    named.dedup();
    let lock =
        statement!("SELECT 1 FROM content WHERE id = ANY ($1) ORDER BY id FOR UPDATE", INT8_ARRAY);
    context.query(lock, &[&named])?;
    // A statement of its own: it sees what a transaction has deleted that had the lock before.
    let statement = statement!(
        "DELETE FROM content WHERE id = ANY ($1)
             AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.content = content.id)
         RETURNING pieces",
        INT8_ARRAY
    );
    let released = context.change(statement, &[&named])?;
    let mut dropped = Vec::new();
    for row in released.iter() {
        dropped.extend(row.get::<Option<i64>>(0)?);
    }
    pieces::drop_later(context, &dropped)
}

/// Reads a piece, as [`crate::store::StoreJob::Read`] describes it.
pub(super) fn read(
    context: &mut Context<'_, '_>,
    account: AccountId,
    mail: MailRef,
    offset: u64,
) -> Result<StoreDone, QueryError> {
    let statement = statement!(
        "SELECT mail.id = $3, pieces, size
         FROM account LEFT JOIN mail ON mail.account = account.id AND mail.seq = $2
             LEFT JOIN content ON content.id = mail.content
         WHERE account.id = $1",
        INT8,
        INT8,
        BYTEA
    );
    let values: [Param<'_>; 3] = [&account.0, &to_sql(mail.seq.0), &mail.id.as_bytes().as_slice()];
    let rows = context.query(statement, &values)?;
    let Some(row) = rows.first() else {
        return Ok(StoreDone::NoAccount);
    };
    match (row.get::<Option<bool>>(0)?, row.get::<Option<i64>>(1)?) {
        (Some(true), Some(of)) => {
            let size = unsigned(&row, 2)?;
            pieces::read(context, Pieces(of), size, offset).map(StoreDone::Piece)
        }
        _ => Ok(StoreDone::NoSuchMail),
    }
}

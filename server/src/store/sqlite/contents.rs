//! Contents that the rows of several mails share, and large contents, as SQL within the transaction
//! of their group.
//!
//! A mail's row has its texts, or names a row of the table `content`, and then has at most one
//! recipient: the hidden one that its mailbox sees. The index `mail_content` tells
//! whether a mail still names a content: the content is deleted with the last of its mails. A count
//! of mails could be wrong after a fault.

use correio_proto::mail::{
    Content, ContentKind, FullName, LargeContent, Mail, MailId, MailRef, Seq, Sha256, Timestamp,
    Username,
};
use rusqlite::{Connection, OptionalExtension, Result, params, types::ValueRef};

use super::{
    inline::{self, Inline},
    pieces::{self, Pieces},
    recipients,
    row::{parsed, timestamp, to_sql, unsigned},
    tables::Tables,
    uploads::{self, WholeUpload},
};
use crate::{
    ids::AccountId,
    store::{NewMailRecord, StoreDone, reached::Reached, texture_bytes},
};

/// A mail is kept once if the copies for its other recipients would have more bytes than this: two
/// database pages. Below, fewer statements are worth more than the room.
const COPIES_MAX: u64 = 8 << 10;

/// Bytes of a row that only names a content, with its entry in the index, about.
const ROW_BYTES: u64 = 64;

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
    let texts = mail.subject.as_str().len() + mail.content.inline_size() + names;
    texts as u64
}

/// Approximate bytes that sending a mail to so many accounts writes.
pub(super) fn written_bytes(mail: &NewMailRecord, accounts: usize) -> u64 {
    match is_shared(mail, accounts) {
        true => text_bytes(mail) + accounts as u64 * ROW_BYTES,
        false => accounts as u64 * mail.quota_bytes(),
    }
}

/// Puts a mail into the mailboxes of these accounts, with one row for its content. A large content
/// is that of this upload.
pub(super) fn put(
    tables: &mut Tables<'_>,
    (username, full_name): &(Username, FullName),
    mail: &NewMailRecord,
    upload: Option<WholeUpload>,
    now: Timestamp,
    reached: &Reached,
) -> Result<()> {
    let mut seqs = Vec::with_capacity(reached.accounts().len());
    for _ in reached.accounts() {
        seqs.push(tables.memtable.next_seq(tables.db)?);
    }
    // The number of a mail is never given again, and so the content's is neither.
    let Some(content) = seqs.first().copied() else {
        return Ok(());
    };
    let Inline { body, message } = Inline::of(&mail.content);
    let large = match &mail.content {
        Content::Body(_) | Content::Message(_) => None,
        Content::Large(large) => Some(large),
    };
    let is_message = large.is_some_and(|large| large.kind == ContentKind::Message {});
    let sql = "INSERT INTO content (id, sender, sender_name, recipients, sent_at, subject, size,
                   sha256, pieces, body, message, is_message, texture)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let texture = match upload {
        Some(upload) => upload.texture,
        None => inline::texture(&mail.content),
    };
    tables.db.prepare_cached(sql)?.execute(params![
        content,
        username.as_str(),
        full_name.as_str(),
        recipients::text(mail.visible()),
        to_sql(now.0),
        mail.subject.as_str(),
        large.map(|large| to_sql(large.size.get())),
        large.map(|large| large.sha256.0),
        upload.map(|upload| upload.pieces.0),
        body,
        message,
        is_message,
        texture.map(|texture| texture_bytes::encode(&texture))
    ])?;
    let mut insert = tables.db.prepare_cached(
        "INSERT INTO mail (seq, account, id, sender, sender_name, recipients, sent_at, subject,
             body, content)
         VALUES (?1, ?2, ?3, '', '', ?5, 0, '', '', ?4)",
    )?;
    let mut seqs = seqs.into_iter();
    for (accounts, hidden) in reached.stretches() {
        let hidden = hidden.map_or("", Username::as_str);
        for (account, seq) in accounts.iter().zip(seqs.by_ref()) {
            insert.execute(params![seq, account.0, mail.id.as_bytes(), content, hidden])?;
            tables.memtable.add(*account, seq, mail.quota_bytes());
        }
    }
    Ok(())
}

/// The mail with this number and id, whose row names a content and this hidden recipient.
pub(super) fn mail(
    db: &Connection,
    seq: Seq,
    id: MailId,
    content: i64,
    hidden: Option<Username>,
) -> Result<Mail> {
    let sql =
        "SELECT sender, sender_name, recipients, sent_at, subject, size, sha256, body, message,
                   is_message
               FROM content WHERE id = ?1";
    db.prepare_cached(sql)?.query_row([content], |row| {
        Ok(Mail {
            seq,
            id,
            from: parsed(row, 0)?,
            from_name: parsed(row, 1)?,
            to: recipients::seen(row, 2, hidden)?,
            sent_at: timestamp(row, 3)?,
            subject: parsed(row, 4)?,
            content: match row.get_ref(5)? {
                ValueRef::Null => inline::content(row, 7, 8)?,
                _ => {
                    let kind = match row.get(9)? {
                        true => ContentKind::Message {},
                        false => ContentKind::Text {},
                    };
                    let (size, sha256) = (uploads::size(row, 5)?, Sha256(row.get(6)?));
                    Content::Large(LargeContent { kind, size, sha256 })
                }
            },
        })
    })
}

/// Bytes that a mail with this content counts for in a mailbox's quota.
pub(super) fn quota_bytes(db: &Connection, content: i64) -> Result<u64> {
    let sql = "SELECT octet_length(subject)
                   + coalesce(size, octet_length(message), octet_length(body))
               FROM content WHERE id = ?1";
    db.prepare_cached(sql)?.query_row([content], |row| unsigned(row, 0))
}

/// Deletes a content, unless a mail names it. Its pieces are left to [`pieces::delete_slice`].
pub(super) fn release(tables: &mut Tables<'_>, content: i64) -> Result<()> {
    let db = tables.db;
    let sql = "SELECT EXISTS (SELECT 1 FROM mail WHERE content = ?1)";
    if db.prepare_cached(sql)?.query_row([content], |row| row.get(0))? {
        return Ok(());
    }
    let sql = "SELECT pieces FROM content WHERE id = ?1";
    let pieces = db.prepare_cached(sql)?.query_row([content], |row| row.get(0))?;
    if let Some(pieces) = pieces {
        tables.contents.drop_later(db, Pieces(pieces))?;
    }
    db.prepare_cached("DELETE FROM content WHERE id = ?1")?.execute([content]).map(drop)
}

/// Reads a piece, as [`crate::store::StoreJob::Read`] describes it.
pub(super) fn read(
    tables: &mut Tables<'_>,
    account: AccountId,
    mail: MailRef,
    offset: u64,
) -> Result<StoreDone> {
    let db = tables.db;
    if tables.accounts.by_id(db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let sql = "SELECT content FROM mail WHERE seq = ?1 AND account = ?2 AND id = ?3";
    let values = params![to_sql(mail.seq.0), account.0, mail.id.as_bytes()];
    let content = db.prepare_cached(sql)?.query_row(values, |row| row.get::<_, Option<i64>>(0));
    let Some(content) = content.optional()?.flatten() else {
        return Ok(StoreDone::NoSuchMail);
    };
    let sql = "SELECT pieces, coalesce(size, 0) FROM content WHERE id = ?1";
    let (of, size) = db
        .prepare_cached(sql)?
        .query_row([content], |row| Ok((row.get::<_, Option<i64>>(0)?, unsigned(row, 1)?)))?;
    match of {
        Some(of) => pieces::read(db, Pieces(of), size, offset).map(StoreDone::Piece),
        None => Ok(StoreDone::NoSuchMail),
    }
}

//! Reads outlines: the mails of a mailbox without their contents.
//!
//! A row states the lengths of its texts, so that the texts are not read. SQLite finds the columns
//! after a text by walking over the pages of the text; a job bounds their number. Contents that an
//! earlier version of the server has stored have no texture: they are counted at their first
//! outline, large contents a part at a time, and the results are kept until the store ends. They
//! are not written, since that would need room on a disk that may be full.

use correio_proto::mail::{ContentKind, MailRef, Recipients, Seq};
use rusqlite::{Connection, Result, Row, params, types::ValueRef};

use super::{
    counted_textures::{Counted, CountedTextures},
    mails,
    pieces::{self, Pieces},
    recipients,
    row::{parsed, timestamp, to_sql, unsigned},
    tables::Tables,
    textures,
};
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, MailOutline, OUTLINES_MAX, Texture},
        texture::TextureCount,
    },
};

/// Bytes of contents without a texture after which a job reads no further content: a few
/// milliseconds. A text, which is read as a whole, may exceed the bound.
const COUNTED_MAX: u64 = 4 << 20;

/// Bytes of texts after which a job walks over no further text.
const PASSED_MAX: u64 = 16 << 20;

/// Reads a page, as [`crate::store::gateway::GatewayJob::Outline`] describes it.
pub(super) fn page(
    tables: &mut Tables<'_>,
    account: AccountId,
    after: Seq,
    max: u32,
) -> Result<StoreDone> {
    if tables.accounts.by_id(tables.db, account)?.is_none() {
        return Ok(StoreDone::NoAccount);
    }
    let mut page = Page { mails: Vec::new(), max: max.min(OUTLINES_MAX), counted: 0, passed: 0 };
    let db = tables.db;
    // Rows are read one by one, so that the query does no work beyond the page.
    let mut select = db.prepare_cached(
        "SELECT mail.seq, id, content, sender, sender_name, recipients, sent_at, subject,
                octet_length(body), octet_length(message), texture
         FROM mailbox CROSS JOIN mail ON mail.seq = mailbox.seq
         WHERE mailbox.account = ?1 AND mailbox.seq > ?2 ORDER BY mailbox.seq",
    )?;
    let mut rows = select.query(params![account.0, to_sql(after.0)])?;
    while let Some(row) = rows.next()? {
        if page.is_full() || !page.add(db, &mut tables.contents.counted, row)? {
            return Ok(page.done(true));
        }
    }
    // Mails in the memtable have higher numbers than mails in the index.
    let mut select = db.prepare_cached(
        "SELECT seq, id, content, sender, sender_name, recipients, sent_at, subject,
                octet_length(body), octet_length(message), texture
         FROM mail WHERE seq = ?1",
    )?;
    for seq in tables.memtable.above(account, after) {
        if page.is_full()
            || !select.query_row([seq], |row| page.add(db, &mut tables.contents.counted, row))?
        {
            return Ok(page.done(true));
        }
    }
    Ok(page.done(false))
}

/// A page that is being read.
struct Page {
    mails: Vec<MailOutline>,
    max: u32,
    /// Bytes of contents that were read for their textures.
    counted: u64,
    /// Bytes of texts that were walked over.
    passed: u64,
}

impl Page {
    fn is_full(&self) -> bool {
        self.mails.len() >= self.max as usize
            || self.counted >= COUNTED_MAX
            || self.passed >= PASSED_MAX
    }

    fn done(self, more: bool) -> StoreDone {
        StoreDone::Gateway(GatewayDone::Outlines { mails: self.mails, more })
    }

    /// Adds the mail of this row. Returns false if its content could not be counted to its end.
    fn add(
        &mut self,
        db: &Connection,
        counted: &mut CountedTextures,
        row: &Row<'_>,
    ) -> Result<bool> {
        let mail = MailRef { seq: Seq(unsigned(row, 0)?), id: mails::id(row, 1)? };
        if let Some(content) = row.get(2)? {
            let hidden = recipients::hidden(row, 5)?;
            let sql = "SELECT sender, sender_name, recipients, sent_at, subject,
                           octet_length(body), octet_length(message), texture, size, pieces,
                           is_message
                       FROM content WHERE id = ?1";
            return db.prepare_cached(sql)?.query_row([content], |row| {
                let to = recipients::seen(row, 2, hidden)?;
                match row.get_ref(8)? {
                    ValueRef::Null => self.add_text(db, counted, (row, 0), (mail, to), content),
                    _ => self.add_large(db, counted, row, (mail, to), content),
                }
            });
        }
        let to = parsed(row, 5)?;
        self.add_text(db, counted, (row, 3), (mail, to), to_sql(mail.seq.0))
    }

    /// Adds a mail whose content is in the row. From the column `first` on, the row has `sender,
    /// sender_name, recipients, sent_at, subject, octet_length(body), octet_length(message),
    /// texture`.
    fn add_text(
        &mut self,
        db: &Connection,
        counted: &mut CountedTextures,
        (row, first): (&Row<'_>, usize),
        (mail, to): (MailRef, Recipients),
        number: i64,
    ) -> Result<bool> {
        let message: Option<u64> = match row.get_ref(first + 6)? {
            ValueRef::Null => None,
            _ => Some(unsigned(row, first + 6)?),
        };
        let (kind, size) = match message {
            Some(size) => (ContentKind::Message {}, size),
            None => (ContentKind::Text {}, unsigned(row, first + 5)?),
        };
        self.passed += size;
        let texture = match (textures::texture(row, first + 7)?, counted.get(number)) {
            (Some(texture), _) => texture,
            (None, Some(counted)) => counted.count.texture,
            (None, None) => {
                let count = self.count_text(db, number)?;
                counted.keep(number, Counted { count, bytes: size });
                count.texture
            }
        };
        self.push((row, first), (mail, to), (kind, size), texture)?;
        Ok(true)
    }

    /// Adds a mail whose content is in pieces. Returns false if it could not be counted to its end.
    fn add_large(
        &mut self,
        db: &Connection,
        counted: &mut CountedTextures,
        row: &Row<'_>,
        (mail, to): (MailRef, Recipients),
        content: i64,
    ) -> Result<bool> {
        let size = unsigned(row, 8)?;
        let kind = match row.get(10)? {
            true => ContentKind::Message {},
            false => ContentKind::Text {},
        };
        let texture = match textures::texture(row, 7)? {
            Some(texture) => texture,
            None => {
                let from = counted.get(content);
                let from = from.unwrap_or(Counted { count: TextureCount::new(), bytes: 0 });
                let now = self.count_pieces(db, Pieces(row.get(9)?), size, from)?;
                counted.keep(content, now);
                if now.bytes < size {
                    return Ok(false);
                }
                now.count.texture
            }
        };
        self.push((row, 0), (mail, to), (kind, size), texture)?;
        Ok(true)
    }

    /// Counts the content in the row of a mail or a content with this number.
    fn count_text(&mut self, db: &Connection, number: i64) -> Result<TextureCount> {
        // A mail that names a content has an empty text and no message.
        let sql = "SELECT coalesce(message, body) FROM mail WHERE seq = ?1 AND content IS NULL
                   UNION ALL SELECT coalesce(message, body) FROM content WHERE id = ?1";
        db.prepare_cached(sql)?.query_row([number], |row| {
            let bytes = row.get_ref(0)?.as_bytes()?;
            self.counted += bytes.len() as u64;
            let mut count = TextureCount::new();
            count.add(bytes);
            Ok(count)
        })
    }

    /// Goes on counting a content in pieces, as far as this job may.
    fn count_pieces(
        &mut self,
        db: &Connection,
        pieces: Pieces,
        size: u64,
        mut counted: Counted,
    ) -> Result<Counted> {
        while counted.bytes < size && self.counted < COUNTED_MAX {
            let piece = pieces::read(db, pieces, size, counted.bytes)?;
            let bytes = piece.as_bytes();
            counted.count.add(bytes);
            counted.bytes += bytes.len() as u64;
            self.counted += bytes.len() as u64;
        }
        Ok(counted)
    }

    fn push(
        &mut self,
        (row, first): (&Row<'_>, usize),
        (mail, to): (MailRef, Recipients),
        (kind, size): (ContentKind, u64),
        texture: Texture,
    ) -> Result<()> {
        self.mails.push(MailOutline {
            mail,
            from: parsed(row, first)?,
            from_name: parsed(row, first + 1)?,
            to: to.as_slice().to_vec(),
            subject: parsed(row, first + 4)?,
            sent_at: timestamp(row, first + 3)?,
            kind,
            size,
            texture,
        });
        Ok(())
    }
}

//! Looks for textures that disagree with their contents. Contents in pieces are not read: for them,
//! only impossible textures are found.

use rusqlite::{Connection, Result};

use super::{row::unsigned, textures};
use crate::store::{gateway::Texture, texture::TextureCount};

const DEFECT: &str = "texture is not that of its content";

/// Calls `see` for each defect, with the number of the mail, the content or the pieces.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn defects(db: &Connection, mut see: impl FnMut(&'static str, i64)) -> Result<()> {
    for sql in [
        "SELECT seq, texture, coalesce(message, body) FROM mail WHERE texture IS NOT NULL",
        "SELECT id, texture, coalesce(message, body) FROM content
         WHERE texture IS NOT NULL AND pieces IS NULL",
    ] {
        let mut select = db.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let stated = textures::texture(row, 1);
            let found = row.get_ref(2)?.as_bytes().ok().map(TextureCount::of);
            if stated.ok().flatten() != found {
                see(DEFECT, row.get(0)?);
            }
        }
    }
    let mut select = db.prepare(
        "SELECT id, texture, size FROM content WHERE texture IS NOT NULL AND pieces IS NOT NULL",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let texture = textures::texture(row, 1).ok().flatten();
        if !is_possible(texture, unsigned(row, 2)?) {
            see(DEFECT, row.get(0)?);
        }
    }
    let mut select =
        db.prepare("SELECT pieces, texture, staged FROM upload WHERE texture IS NOT NULL")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let count = textures::count(row, 1).ok().flatten();
        let is_whole = count.is_some_and(|count| count.line <= count.texture.longest_line);
        if !is_whole || !is_possible(count.map(|count| count.texture), unsigned(row, 2)?) {
            see(DEFECT, row.get(0)?);
        }
    }
    Ok(())
}

/// Whether a content of this many bytes can have this texture.
fn is_possible(texture: Option<Texture>, size: u64) -> bool {
    texture.is_some_and(|Texture { bare_ends, nuls, longest_line, .. }| {
        bare_ends + nuls <= size && longest_line <= size
    })
}

#[cfg(test)]
mod tests {
    use super::{super::check_rules, *};

    /// A text and a message in the rows of their mails, a text that mails share, a content in
    /// pieces and an upload, all of two bytes.
    const WHOLE: &str = "
        INSERT INTO mail (seq, account, id, sender, sender_name, recipients, sent_at, subject, body,
                message, texture)
            VALUES (1, 1, zeroblob(16), 't', 'T', 't', 0, 's', 'a' || char(10), NULL, x'03010001'),
                (2, 1, zeroblob(16), 't', 'T', 't', 0, 's', '', x'00ff', x'00000102'),
                (3, 1, zeroblob(16), 't', 'T', 't', 0, 's', 'ab', NULL, NULL);
        INSERT INTO content (id, sender, sender_name, recipients, sent_at, subject, size, sha256,
                pieces, body, texture)
            VALUES (4, 't', 'T', 't', 0, 's', NULL, NULL, NULL, 'ab', x'02000002'),
                (5, 't', 'T', 't', 0, 's', 2, zeroblob(32), 1, NULL, x'02000002');
        INSERT INTO upload (pieces, account, id, size, staged, touched, texture)
            VALUES (2, 1, zeroblob(16), 9, 2, 0, x'0200000202');
    ";

    fn found(change: &str) -> Vec<i64> {
        let db = check_rules::database(&[WHOLE, change]);
        let mut found = Vec::new();
        defects(&db, |_, number| found.push(number)).unwrap();
        found
    }

    #[test]
    fn each_disagreement_is_found() {
        assert!(found("").is_empty());
        for (table, number) in [("mail SET", 1), ("mail SET", 2), ("content SET", 4)] {
            let key = if table == "mail SET" { "seq" } else { "id" };
            for texture in ["x'02010001'", "x'0301'", "x'0200000200'", "x''"] {
                let sql = format!("UPDATE {table} texture = {texture} WHERE {key} = {number}");
                assert_eq!(found(&sql), [number], "{sql}");
            }
        }
        assert!(found("UPDATE mail SET body = 'b' || char(10) WHERE seq = 1").is_empty());
        assert_eq!(found("UPDATE mail SET body = 'bc' WHERE seq = 1"), [1]);
        for texture in ["x'02000003'", "x'02020102'", "x'0200000202'"] {
            let sql = format!("UPDATE content SET texture = {texture} WHERE id = 5");
            assert_eq!(found(&sql), [5], "{sql}");
        }
        for texture in ["x'0200000303'", "x'0200000102'", "x'0800000202'", "x'02000002'"] {
            let sql = format!("UPDATE upload SET texture = {texture}");
            assert_eq!(found(&sql), [2], "{sql}");
        }
    }
}

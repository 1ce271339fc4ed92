//! Looks for contents and pieces that contradict the mails and uploads that name them.

use rusqlite::{Connection, Result};

use super::check_rules::{self, Rule};

const RULES: &[Rule] = &[
    Rule {
        defect: "mail names a content that is missing",
        sql: "SELECT seq FROM mail
              WHERE content IS NOT NULL AND content NOT IN (SELECT id FROM content)",
    },
    Rule {
        defect: "content is named by no mail",
        sql: "SELECT id FROM content
              WHERE NOT EXISTS (SELECT 1 FROM mail WHERE mail.content = content.id)",
    },
    Rule {
        defect: "mail has a message and something else",
        sql: "SELECT seq FROM mail
              WHERE message IS NOT NULL AND (body != '' OR content IS NOT NULL)",
    },
    Rule {
        defect: "content has a message and something else",
        sql: "SELECT id FROM content WHERE message IS NOT NULL AND body IS NOT ''
                  OR is_message AND pieces IS NULL",
    },
    Rule {
        defect: "pieces have another length than their content",
        sql: "SELECT pieces FROM content WHERE pieces IS NOT NULL AND size != coalesce(
                  (SELECT sum(octet_length(bytes)) FROM piece
                   WHERE piece.pieces = content.pieces), 0)",
    },
    Rule {
        defect: "pieces have another length than their upload",
        sql: "SELECT pieces FROM upload WHERE staged > size OR staged != coalesce(
                  (SELECT sum(octet_length(bytes)) FROM piece
                   WHERE piece.pieces = upload.pieces), 0)",
    },
    Rule {
        defect: "pieces have a gap",
        sql: "SELECT DISTINCT pieces FROM
                  (SELECT pieces, position, lag(position + octet_length(bytes), 1, 0)
                       OVER (PARTITION BY pieces ORDER BY position) AS before
                   FROM piece WHERE pieces NOT IN (SELECT pieces FROM dropped))
              WHERE position != before",
    },
    Rule {
        defect: "pieces belong to nothing, or to two",
        sql: "WITH named (pieces) AS (SELECT pieces FROM upload
                  UNION ALL SELECT pieces FROM content WHERE pieces IS NOT NULL
                  UNION ALL SELECT pieces FROM dropped)
              SELECT pieces FROM named GROUP BY pieces HAVING count(*) > 1
              UNION SELECT pieces FROM piece WHERE pieces NOT IN (SELECT pieces FROM named)",
    },
    Rule {
        defect: "upload belongs to no account",
        sql: "SELECT pieces FROM upload WHERE account NOT IN (SELECT id FROM account)",
    },
];

/// Calls `see` for each defect, with the number of the mail, the content or the pieces. The queries
/// read the lengths of all pieces, and none of their bytes.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn defects(db: &Connection, see: impl FnMut(&'static str, i64)) -> Result<()> {
    check_rules::broken(db, RULES, see)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account with one mail whose content is large, one upload, and dropped pieces.
    const WHOLE: &str = "
        INSERT INTO account (id, username, full_name, hash, register_id, mails, bytes)
            VALUES (1, 'tony', 'Tony Stark', 'h', zeroblob(16), 1, 7);
        INSERT INTO content VALUES (5, 'tony', 'Tony Stark', 'tony', 1, 's', 6, zeroblob(32), 1, NULL,
            NULL, 1, NULL);
        INSERT INTO mail VALUES (5, 1, zeroblob(16), '', '', '', 0, '', '', 5, NULL, NULL);
        INSERT INTO upload VALUES (2, 1, zeroblob(16), 9, 2, 1, NULL, 0);
        INSERT INTO dropped VALUES (3);
        INSERT INTO piece VALUES
            (1, 0, x'010203'), (1, 3, x'040506'), (2, 0, x'0102'), (3, 7, x'01');
    ";

    fn found(change: &str) -> Vec<(&'static str, i64)> {
        let db = check_rules::database(&[WHOLE, change]);
        let mut found = Vec::new();
        defects(&db, |defect, number| found.push((defect, number))).unwrap();
        found
    }

    #[test]
    fn each_disagreement_is_found() {
        assert_eq!(found(""), []);
        assert_eq!(found("DELETE FROM mail"), [("content is named by no mail", 5)]);
        assert_eq!(
            found("UPDATE mail SET content = 6"),
            [("mail names a content that is missing", 5), ("content is named by no mail", 5)]
        );
        assert_eq!(
            found("UPDATE content SET size = 7"),
            [("pieces have another length than their content", 1)]
        );
        assert_eq!(
            found("UPDATE upload SET staged = 1"),
            [("pieces have another length than their upload", 2)]
        );
        assert_eq!(
            found("UPDATE piece SET position = 4 WHERE position = 3"),
            [("pieces have a gap", 1)]
        );
        assert_eq!(
            found("DELETE FROM dropped"),
            [("pieces have a gap", 3), ("pieces belong to nothing, or to two", 3)]
        );
        assert_eq!(
            found("INSERT INTO dropped VALUES (2)"),
            [("pieces belong to nothing, or to two", 2)]
        );
        assert_eq!(found("UPDATE upload SET account = 2"), [("upload belongs to no account", 2)]);
        let unchecked =
            |sql: &str| found(&format!("PRAGMA ignore_check_constraints = true; {sql}"));
        assert_eq!(
            unchecked("UPDATE mail SET message = x'00'"),
            [("mail has a message and something else", 5)]
        );
        for sql in ["SET message = x'00'", "SET pieces = NULL, body = '', size = NULL"] {
            let found = unchecked(&format!("UPDATE content {sql}"));
            assert!(found.contains(&("content has a message and something else", 5)), "{found:?}");
        }
    }
}

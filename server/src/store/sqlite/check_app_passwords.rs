//! Looks for app passwords that contradict themselves or the accounts.

use correio_proto::limits;
use rusqlite::{Connection, Result};

use super::{
    app_passwords,
    check_rules::{self, Rule},
    row::to_sql,
};

const RULES: &[Rule] = &[
    Rule {
        defect: "app password belongs to no account",
        sql: "SELECT id FROM app_password WHERE account NOT IN (SELECT id FROM account)",
    },
    Rule {
        defect: "app password has no digest of 32 bytes",
        sql: "SELECT id FROM app_password WHERE length(digest) != 32",
    },
];

const TOO_MANY: &str = "app password is one more than its account may have";

/// App passwords that are not among the first `?1` of their account.
const AFTER: &str = "SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY account ORDER BY id) AS place FROM app_password
) WHERE place > ?1";

/// Calls `see` for each defect, with the number of its app password.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn defects(db: &Connection, mut see: impl FnMut(&'static str, i64)) -> Result<()> {
    check_rules::broken(db, RULES, &mut see)?;
    let mut select = db.prepare(AFTER)?;
    let mut rows = select.query([to_sql(limits::APP_PASSWORDS_MAX as u64)])?;
    while let Some(row) = rows.next()? {
        see(TOO_MANY, row.get(0)?);
    }
    for id in app_passwords::unreadable(db)? {
        see("app password has a label, a time or an address that cannot be read", id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account with two app passwords, one of which was used.
    const WHOLE: &str = "
        INSERT INTO account (id, username, full_name, hash, register_id)
            VALUES (1, 'tony', 'Tony Stark', '', zeroblob(16));
        INSERT INTO app_password VALUES
            (3, 1, 'phone', zeroblob(32), 5, NULL, NULL),
            (4, 1, 'laptop', randomblob(32), 5, 86400000, '2001:db8::7');
    ";

    fn found(change: &str) -> Vec<(&'static str, i64)> {
        let db = check_rules::database(&[WHOLE, change]);
        let mut found = Vec::new();
        defects(&db, |defect, id| found.push((defect, id))).unwrap();
        found
    }

    #[test]
    fn what_contradicts_itself_is_found() {
        assert_eq!(found(""), []);
        let value = "app password has a label, a time or an address that cannot be read";
        let many = "INSERT INTO app_password (account, label, digest, made_at)
            WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 19)
            SELECT 1, 'x' || n, randomblob(32), 5 FROM numbers";
        for (change, expected) in [
            ("UPDATE app_password SET account = 2 WHERE id = 3", (RULES[0].defect, 3)),
            (
                "PRAGMA ignore_check_constraints = 1;
                 UPDATE app_password SET digest = x'01' WHERE id = 3",
                (RULES[1].defect, 3),
            ),
            (many, (TOO_MANY, 23)),
            ("UPDATE app_password SET label = '' WHERE id = 3", (value, 3)),
            ("UPDATE app_password SET made_at = -1 WHERE id = 4", (value, 4)),
            ("UPDATE app_password SET used_from = 'x' WHERE id = 4", (value, 4)),
        ] {
            assert_eq!(found(change), [expected], "{change}");
        }
    }
}

//! Looks for what the operator's jobs have stored and that contradicts itself.

use rusqlite::{Connection, Result};

use super::check_rules::{self, Rule};

const ACCOUNTS: &[Rule] = &[
    Rule {
        defect: "its state is not 0 (enabled), 1 (disabled, takes mail) or 2 (disabled, refuses mail)",
        sql: "SELECT id FROM account WHERE state NOT IN (0, 1, 2)",
    },
    Rule {
        defect: "its recovery code is incomplete: a code has a digest of 32 bytes and an end",
        sql: "SELECT id FROM account WHERE (code IS NULL) != (code_expires_at IS NULL)
                  OR length(code) != 32 OR code_expires_at < 0",
    },
    Rule {
        defect: "its quota lacks mails or bytes, or has a number of them that no quota has",
        sql: "SELECT id FROM account WHERE (quota_mails IS NULL) != (quota_bytes IS NULL)
                  OR quota_mails NOT BETWEEN 0 AND 4294967295 OR quota_bytes < 0",
    },
    Rule {
        defect: "it was made, or used, before 1970",
        sql: "SELECT id FROM account WHERE created_at < 0 OR used_at < 0",
    },
    Rule {
        defect: "its warning of a deletion is incomplete, or of a day that retention has not counted",
        sql: "SELECT id FROM account, meta
              WHERE warned_on NOT BETWEEN 1 AND retention_days
                  OR mails_warned_on NOT BETWEEN 1 AND retention_days
                  OR (mails_warned_on IS NULL) != (mails_warned_before IS NULL)
                  OR (mails_warned_on IS NULL) != (mails_warned_seq IS NULL)",
    },
];

/// As rules of accounts, by the hexadecimal id of the invite.
const INVITES: &[Rule] = &[
    Rule {
        defect: "has an id that is not 8 bytes long",
        sql: "SELECT hex(id) FROM invite WHERE length(id) != 8",
    },
    Rule {
        defect: "was made, or ends, before 1970",
        sql: "SELECT hex(id) FROM invite WHERE made_at < 0 OR expires_at < 0",
    },
    Rule {
        defect: "is marked neither as revoked (1) nor as not revoked (0)",
        sql: "SELECT hex(id) FROM invite WHERE is_revoked NOT IN (0, 1)",
    },
    Rule {
        defect: "was revoked, but an account can still be made with it",
        sql: "SELECT hex(id) FROM invite WHERE is_revoked = 1
                  AND id NOT IN (SELECT id FROM used_invite)",
    },
];

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Account(i64),
    /// The invite's id in hexadecimal.
    Invite(String),
}

/// Calls `see` for each defect.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn defects(db: &Connection, mut see: impl FnMut(&'static str, Subject)) -> Result<()> {
    check_rules::broken(db, ACCOUNTS, |defect, id| see(defect, Subject::Account(id)))?;
    for Rule { defect, sql } in INVITES {
        let mut select = db.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            see(defect, Subject::Invite(row.get(0)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account with everything that the operator may set, another one, and two invites.
    const WHOLE: &str = "
        INSERT INTO meta (only, realm, retention_days) VALUES (1, zeroblob(16), 5);
        INSERT INTO account (id, username, full_name, hash, register_id)
            VALUES (1, 'tony', 'Tony Stark', '', zeroblob(16)),
                (2, 'pepper', 'Pepper Potts', 'h', zeroblob(16));
        UPDATE account SET state = 2, code = zeroblob(32), code_expires_at = 7, quota_mails = 1,
            quota_bytes = 1, created_at = 3, used_at = 4, warned_on = 5, mails_warned_on = 1,
            mails_warned_before = 9, mails_warned_seq = 2 WHERE id = 1;
        INSERT INTO invite VALUES (x'0101010101010101', 1, 2, 0), (x'0202020202020202', 1, 2, 1);
        INSERT INTO used_invite VALUES (x'0202020202020202');
    ";

    fn found(change: &str) -> Vec<(&'static str, Subject)> {
        let db = check_rules::database(&[WHOLE, change]);
        let mut found = Vec::new();
        defects(&db, |defect, subject| found.push((defect, subject))).unwrap();
        found
    }

    #[test]
    fn what_contradicts_itself_is_found() {
        assert_eq!(found(""), []);
        for (change, defect) in [
            ("PRAGMA ignore_check_constraints = 1; UPDATE account SET state = 3", 0),
            ("UPDATE account SET code = NULL", 1),
            ("UPDATE account SET code_expires_at = NULL", 1),
            ("UPDATE account SET code = x'01'", 1),
            ("UPDATE account SET quota_mails = NULL", 2),
            ("UPDATE account SET quota_bytes = NULL", 2),
            ("UPDATE account SET quota_mails = -1", 2),
            ("UPDATE account SET quota_mails = 4294967296", 2),
            ("UPDATE account SET used_at = -1", 3),
            ("UPDATE account SET warned_on = 6", 4),
            ("UPDATE account SET mails_warned_before = NULL", 4),
            ("UPDATE account SET mails_warned_seq = NULL", 4),
        ] {
            let expected = [(ACCOUNTS[defect].defect, Subject::Account(1))];
            assert_eq!(found(&format!("{change} WHERE id = 1")), expected, "{change}");
        }
        for (change, defect, id) in [
            ("INSERT INTO invite VALUES (x'07', 1, 2, 0)", 0, "07"),
            ("UPDATE invite SET is_revoked = 2 WHERE is_revoked = 0", 2, "0101010101010101"),
            ("UPDATE invite SET expires_at = -1 WHERE is_revoked = 0", 1, "0101010101010101"),
            ("DELETE FROM used_invite", 3, "0202020202020202"),
        ] {
            let expected = [(INVITES[defect].defect, Subject::Invite(id.to_owned()))];
            assert_eq!(found(change), expected, "{change}");
        }
    }
}

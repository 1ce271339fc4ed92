//! Looks for lists that contradict their members, and the accounts.

use rusqlite::{Connection, Result};

use super::{
    check_rules::{self, Rule},
    lists,
};

const RULES: &[Rule] = &[
    Rule {
        defect: "list has the name of an account",
        sql: "SELECT id FROM list WHERE name IN (SELECT username FROM account)",
    },
    Rule {
        defect: "list states another number of members than it has",
        sql: "SELECT id FROM list WHERE members != iif(membership = 1,
                  (SELECT count(*) FROM account),
                  (SELECT count(*) FROM list_member WHERE list = list.id))",
    },
    Rule {
        defect: "list of all accounts has another name than its own",
        sql: "SELECT id FROM list WHERE membership = 1 AND name != 'everybody'",
    },
    Rule {
        defect: "account is a member of a list that is missing",
        sql: "SELECT account FROM list_member WHERE list NOT IN (SELECT id FROM list)",
    },
    Rule {
        defect: "list has a member that is no account",
        sql: "SELECT list FROM list_member WHERE NOT EXISTS
                  (SELECT 1 FROM account WHERE account.id = list_member.account
                       AND account.username = list_member.username)",
    },
];

/// Calls `see` for each defect, with the number of the list or of the account.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn defects(db: &Connection, mut see: impl FnMut(&'static str, i64)) -> Result<()> {
    let sql = "SELECT id, name, title, senders, membership, members, role
               FROM list LEFT JOIN (SELECT list, max(role) AS role FROM list_member GROUP BY list)
                   ON list = id";
    let mut select = db.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if lists::stored(row).is_err() {
            see("list has a value that no list has", row.get(0)?);
        }
    }
    check_rules::broken(db, RULES, see)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two accounts, a list of both, and the list of all accounts.
    const WHOLE: &str = "
        INSERT INTO account (id, username, full_name, hash, register_id)
            VALUES (1, 'tony', 'Tony Stark', 'h', zeroblob(16)),
                (2, 'pepper', 'Pepper Potts', 'h', zeroblob(16));
        UPDATE list SET members = 2;
        INSERT INTO list VALUES (7, 'turma', 'Turma', 1, 0, 2, 1);
        INSERT INTO list_member VALUES (7, 'tony', 1, 0), (7, 'pepper', 2, 1);
    ";

    fn found(change: &str) -> Vec<(&'static str, i64)> {
        let db = check_rules::database(&[WHOLE, change]);
        let mut found = Vec::new();
        defects(&db, |defect, number| found.push((defect, number))).unwrap();
        found
    }

    #[test]
    fn each_disagreement_is_found() {
        let number = "list states another number of members than it has";
        assert_eq!(found(""), []);
        assert_eq!(found("UPDATE list SET members = 3 WHERE id = 7"), [(number, 7)]);
        assert_eq!(found("UPDATE list SET members = 3 WHERE id = 1"), [(number, 1)]);
        // A list that the operator has emptied.
        assert_eq!(found("DELETE FROM list_member; UPDATE list SET members = 0 WHERE id = 7"), []);
        assert_eq!(
            found("UPDATE list SET name = 'pepper' WHERE id = 7"),
            [("list has the name of an account", 7)]
        );
        assert_eq!(
            found("UPDATE list SET name = 'todos' WHERE id = 1"),
            [("list of all accounts has another name than its own", 1)]
        );
        assert_eq!(
            found("DELETE FROM list WHERE id = 7"),
            [
                ("account is a member of a list that is missing", 1),
                ("account is a member of a list that is missing", 2),
            ]
        );
        assert_eq!(
            found("UPDATE list_member SET account = 9 WHERE account = 2"),
            [("list has a member that is no account", 7)]
        );
        for change in [
            "UPDATE list SET senders = 3 WHERE id = 7",
            "UPDATE list SET title = '' WHERE id = 7",
            "UPDATE list SET name = 'a b' WHERE id = 7",
            "UPDATE list_member SET role = 2 WHERE account = 2",
        ] {
            assert_eq!(found(change), [("list has a value that no list has", 7)], "{change}");
        }
    }
}

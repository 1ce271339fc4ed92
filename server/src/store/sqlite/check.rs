//! Verifies a database: its pages, its values, and what its tables say about each other.

use std::{collections::BTreeMap, fmt};

use correio_proto::mail::Username;
use rusqlite::{Connection, Result};

use super::{
    accounts::{self, StoredAccount},
    check_admin::{self, Subject},
    check_app_passwords, check_contents, check_lists, check_textures, mails,
    memtable::Memtable,
    snapshot::SqliteSnapshot,
    snapshot_error::SnapshotError,
};
use crate::{counted::Counted, ids::AccountId};

/// Findings that are kept. A damaged page may be part of thousands of rows.
const FINDINGS_MAX: usize = 100;

/// Mails between two reports of progress.
const MAILS_A_REPORT: u64 = 512;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Whether the tables are those of an older version. Then only SQLite's own check was made, and
    /// the numbers are 0.
    pub is_older: bool,
    /// Number of accounts.
    pub accounts: u64,
    /// Number of waiting mails, each counted once for each of its recipients.
    pub mails: u64,
    /// Bytes of their subjects and contents, each counted for each mail that has it.
    pub bytes: u64,
    /// What is wrong: the first hundred.
    pub findings: Vec<Finding>,
    /// Whether there is more that is wrong.
    pub is_cut: bool,
}

impl Checked {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: Finding) {
        match self.findings.len() < FINDINGS_MAX {
            true => self.findings.push(finding),
            false => self.is_cut = true,
        }
    }
}

/// One thing that is wrong with a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// SQLite's own check reports this.
    Pages(String),
    /// A table cannot be read to its end.
    Unreadable(String),
    /// An account has a value that no account has.
    Account {
        /// The account's id.
        id: AccountId,
        /// The value, and why it is wrong.
        reason: String,
    },
    /// A mail has a value that no mail has.
    Mail {
        /// The mail's number.
        seq: i64,
        /// The value, and why it is wrong.
        reason: String,
    },
    /// A mail or an entry of the index belongs to an account that does not exist.
    Orphan {
        /// The mail's number.
        seq: i64,
        /// The account that does not exist.
        account: AccountId,
    },
    /// The index of mailboxes lacks a mail.
    NotIndexed {
        /// The mail's number.
        seq: i64,
    },
    /// The index of mailboxes names a mail that does not exist.
    NoMail {
        /// The number that it names.
        seq: i64,
    },
    /// The index of mailboxes names a mail that its mailbox has anyway, since it is not marked as
    /// indexed.
    Twice {
        /// The mail's number.
        seq: i64,
    },
    /// An account's counts are not those of its mails.
    Counts {
        /// The account.
        username: Username,
        /// Mails and bytes that the account states.
        stated: (u64, u64),
        /// Mails and bytes that are there.
        found: (u64, u64),
    },
    /// A content contradicts the mails and uploads that name it.
    Content {
        /// What is wrong.
        defect: &'static str,
        /// The number of the mail, the content or the pieces that this is about.
        number: i64,
    },
    /// A list contradicts its members or the accounts.
    List {
        /// What is wrong.
        defect: &'static str,
        /// The number of the list or the account that this is about.
        number: i64,
    },
    /// An app password contradicts itself, or the accounts.
    AppPassword {
        /// What is wrong.
        defect: &'static str,
        /// The number of the app password.
        number: i64,
    },
    /// An invite contradicts itself, or the invites that were used.
    Invite {
        /// What is wrong.
        defect: &'static str,
        /// The invite's id in hexadecimal.
        id: String,
    },
    /// A mail has a number that the store may give again.
    Number {
        /// The mail's number.
        seq: i64,
        /// The last number that the store counts as given.
        reserved: i64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages(reason) => write!(f, "SQLite's check: {reason}"),
            Self::Unreadable(reason) => write!(f, "a table cannot be read to its end: {reason}"),
            Self::Account { id, reason } => write!(f, "account {}: {reason}", id.0),
            Self::Mail { seq, reason } => write!(f, "mail {seq}: {reason}"),
            Self::Orphan { seq, account } => {
                write!(f, "mail {seq} belongs to account {}, which does not exist", account.0)
            }
            Self::NotIndexed { seq } => write!(f, "mail {seq} is missing in its mailbox's index"),
            Self::NoMail { seq } => {
                write!(f, "a mailbox's index names mail {seq}, which does not exist")
            }
            Self::Twice { seq } => write!(f, "mail {seq} is in its mailbox twice"),
            Self::Counts { username, stated, found } => write!(
                f,
                "account {username} states {} of {}, but has {} of {}",
                Counted(stated.0, "mail"),
                Counted(stated.1, "byte"),
                found.0,
                Counted(found.1, "byte")
            ),
            Self::Content { defect, number }
            | Self::List { defect, number }
            | Self::AppPassword { defect, number } => {
                write!(f, "{defect} (number {number})")
            }
            Self::Invite { defect, id } => write!(f, "invite {id} {defect}"),
            Self::Number { seq, reserved } => {
                write!(f, "mail {seq} has a number above {reserved}, the last that was reserved")
            }
        }
    }
}

impl SqliteSnapshot {
    /// Verifies the database and changes nothing. `seen` learns, from time to time, how many mails
    /// were read.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]. Damage is no error but a finding.
    pub fn check(&self, mut seen: impl FnMut(u64)) -> std::result::Result<Checked, SnapshotError> {
        self.begin()?;
        let mut checked = Checked { is_older: self.is_older(), ..Checked::default() };
        let db = &self.connection;
        let pages = pages(db, &mut checked);
        self.found(pages, &mut checked)?;
        if checked.is_older {
            return Ok(checked);
        }
        let mut accounts = BTreeMap::new();
        let read = read_accounts(db, &mut checked, &mut accounts);
        self.found(read, &mut checked)?;
        let counted = read_mails(db, &mut checked, &accounts, &mut seen);
        self.found(counted, &mut checked)?;
        let compared = check_contents::defects(db, |defect, number| {
            checked.add(Finding::Content { defect, number });
        });
        self.found(compared, &mut checked)?;
        let compared = check_textures::defects(db, |defect, number| {
            checked.add(Finding::Content { defect, number });
        });
        self.found(compared, &mut checked)?;
        let compared = check_lists::defects(db, |defect, number| {
            checked.add(Finding::List { defect, number });
        });
        self.found(compared, &mut checked)?;
        let compared = check_app_passwords::defects(db, |defect, number| {
            checked.add(Finding::AppPassword { defect, number });
        });
        self.found(compared, &mut checked)?;
        let compared = check_admin::defects(db, |defect, subject| {
            checked.add(match subject {
                Subject::Account(id) => {
                    Finding::Account { id: AccountId(id), reason: defect.to_owned() }
                }
                Subject::Invite(id) => Finding::Invite { defect, id },
            });
        });
        self.found(compared, &mut checked)?;
        Ok(checked)
    }

    /// Turns damage into a finding.
    fn found(
        &self,
        result: Result<()>,
        checked: &mut Checked,
    ) -> std::result::Result<(), SnapshotError> {
        match result.map_err(|error| self.failed(error)) {
            Err(SnapshotError::Damaged { reason, .. }) => {
                checked.add(Finding::Unreadable(reason));
                Ok(())
            }
            result => result,
        }
    }
}

/// SQLite's own check of every page and index.
fn pages(db: &Connection, checked: &mut Checked) -> Result<()> {
    let mut check = db.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if text != "ok" {
            checked.add(Finding::Pages(text));
        }
    }
    Ok(())
}

fn read_accounts(
    db: &Connection,
    checked: &mut Checked,
    accounts: &mut BTreeMap<AccountId, StoredAccount>,
) -> Result<()> {
    accounts::each(db, |id, account| {
        checked.accounts += 1;
        match account {
            Ok(account) => _ = accounts.insert(id, account),
            Err(error) => checked.add(Finding::Account { id, reason: error.to_string() }),
        }
    })
}

/// Reads every mail, and compares the accounts' counts and the index of mailboxes with the mails
/// that are not in the memtable.
fn read_mails(
    db: &Connection,
    checked: &mut Checked,
    accounts: &BTreeMap<AccountId, StoredAccount>,
    seen: &mut impl FnMut(u64),
) -> Result<()> {
    let memtable = Memtable::read(db)?;
    let reserved = mails::reserved(db)?;
    let mut totals: BTreeMap<AccountId, (u64, u64)> = BTreeMap::new();
    mails::each(db, |seq, account, is_in_index, mail| {
        checked.mails += 1;
        if checked.mails.is_multiple_of(MAILS_A_REPORT) {
            seen(checked.mails);
        }
        if !accounts.contains_key(&account) {
            checked.add(Finding::Orphan { seq, account });
        }
        if seq > reserved {
            checked.add(Finding::Number { seq, reserved });
        }
        let is_indexed = !memtable.has(account, seq);
        if is_indexed && !is_in_index {
            checked.add(Finding::NotIndexed { seq });
        }
        let bytes = match mail {
            Ok(mail) => mail.subject.as_str().len() as u64 + mail.content.size(),
            Err(error) => {
                checked.add(Finding::Mail { seq, reason: error.to_string() });
                return;
            }
        };
        checked.bytes += bytes;
        if is_indexed {
            let total = totals.entry(account).or_default();
            *total = (total.0 + 1, total.1 + bytes);
        }
    })?;
    seen(checked.mails);
    for (id, account) in accounts {
        let found = totals.get(id).copied().unwrap_or_default();
        let stated = (account.mails, account.bytes);
        if stated != found {
            let username = account.username.clone();
            checked.add(Finding::Counts { username, stated, found });
        }
    }
    mails::each_entry(db, |account, seq, has_mail| {
        if !has_mail {
            checked.add(Finding::NoMail { seq });
        } else if memtable.has(account, seq) {
            checked.add(Finding::Twice { seq });
        }
    })
}

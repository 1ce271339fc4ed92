//! The schema of the database, as steps from one version to the next.
//!
//! A database has the number of its version in `PRAGMA user_version`. A step is never changed after
//! a release; a new version is a new step.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{
    fatal::is_full,
    open_error::{SqliteOpenError, failure},
};
use crate::event::Event;

/// SQLite's `application_id` of a correio database: "corr".
pub(super) const APPLICATION_ID: u32 = 0x636f_7272;

/// The steps of a schema, and the objects that they make.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// SQL that makes version 1, then version 2 of it, and so on.
    pub steps: &'static [&'static str],
    /// Tables and indexes that a database must have.
    pub objects: &'static [SchemaObject],
}

/// A table or an index.
#[derive(Clone, Copy, Debug)]
pub struct SchemaObject {
    /// First version that has the object.
    pub since: u32,
    /// Last version that has the object.
    pub until: u32,
    /// `table` or `index`.
    pub kind: &'static str,
    /// The object's name.
    pub name: &'static str,
}

impl Schema {
    /// The schema of this program.
    pub const PRESENT: Self = Self {
        steps: &[VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7],
        objects: &[
            SchemaObject::new("table", "meta"),
            SchemaObject::new("table", "account"),
            SchemaObject::new("table", "mail"),
            SchemaObject::new("table", "mailbox"),
            SchemaObject::new("table", "verdict"),
            SchemaObject::new("index", "verdict_age"),
            SchemaObject::new("table", "used_invite"),
            SchemaObject::new("table", "wal_state"),
            SchemaObject { since: 2, ..SchemaObject::new("table", "content") },
            SchemaObject { since: 2, ..SchemaObject::new("index", "mail_content") },
            SchemaObject { since: 2, ..SchemaObject::new("table", "upload") },
            SchemaObject { since: 2, ..SchemaObject::new("index", "upload_age") },
            SchemaObject { since: 2, ..SchemaObject::new("table", "piece") },
            SchemaObject { since: 2, ..SchemaObject::new("table", "dropped") },
            SchemaObject { since: 3, ..SchemaObject::new("table", "list") },
            SchemaObject { since: 3, ..SchemaObject::new("table", "list_member") },
            SchemaObject { since: 3, ..SchemaObject::new("index", "list_member_account") },
            SchemaObject { since: 4, ..SchemaObject::new("index", "list_creator") },
            SchemaObject { since: 4, ..SchemaObject::new("table", "retired_name") },
            SchemaObject { since: 4, ..SchemaObject::new("table", "invite") },
            SchemaObject { since: 4, ..SchemaObject::new("index", "invite_age") },
            SchemaObject { since: 5, ..SchemaObject::new("table", "app_password") },
        ],
    };

    /// The version that `Schema::upgrade` leads to.
    #[must_use]
    pub fn version(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Refuses a database of this version that lacks a table or an index.
    pub(super) fn check(
        &self,
        path: &Path,
        connection: &Connection,
        version: u32,
    ) -> Result<(), SqliteOpenError> {
        let is_needed = |object: &&SchemaObject| (object.since..=object.until).contains(&version);
        for SchemaObject { kind, name, .. } in self.objects.iter().filter(is_needed) {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE type = ?1 AND name = ?2";
            let count: u32 = connection
                .query_row(sql, params![kind, name], |row| row.get(0))
                .map_err(|source| failure(path, source))?;
            if count == 0 {
                let reason = format!("its {kind} {name} is missing");
                return Err(SqliteOpenError::Damaged { path: path.to_owned(), reason });
            }
        }
        Ok(())
    }

    /// Brings a database from version `done` (0: it is empty) to the schema's last version. Each
    /// step is one transaction, its version number included.
    pub(super) fn upgrade(
        &self,
        path: &Path,
        connection: &mut Connection,
        done: u32,
    ) -> Result<(), SqliteOpenError> {
        // A new database has nothing to copy.
        let failed = |source| match is_full(&source) && done > 0 {
            true => SqliteOpenError::NoRoomToUpgrade { path: path.to_owned() },
            false => failure(path, source),
        };
        let (from, to) = (done, self.version());
        // An operator sees why the start takes time. A new database takes none.
        let is_older = done > 0 && done < to;
        if is_older {
            Event::StoreUpgrading { from, to }.log();
        }
        for (version, step) in (1..).zip(self.steps).skip(done as usize) {
            let transaction = connection.transaction().map_err(failed)?;
            transaction.execute_batch(step).map_err(failed)?;
            if version == 1 {
                let sql = "INSERT INTO meta (only, realm) VALUES (1, ?1)";
                transaction.execute(sql, params![random()?]).map_err(failed)?;
                transaction
                    .pragma_update(None, "application_id", APPLICATION_ID)
                    .map_err(failed)?;
            }
            transaction.pragma_update(None, "user_version", version).map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
        if is_older {
            Event::StoreUpgraded { from, to }.log();
        }
        Ok(())
    }
}

impl SchemaObject {
    /// An object that every version has.
    #[must_use]
    pub const fn new(kind: &'static str, name: &'static str) -> Self {
        Self { since: 1, until: u32::MAX, kind, name }
    }
}

/// Mail ids grow with the time. The key of `verdict` therefore begins with the id: rows that are
/// written together are on the same few pages, whatever their senders. The table `mailbox` is the
/// index from an account to its mails; a memtable stands in for its last entries (`memtable.rs`),
/// and `meta` says how far it goes. `wal_state.rs` describes `wal_state`.
const VERSION_1: &str = "
    CREATE TABLE meta (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        realm BLOB NOT NULL,
        reserved INTEGER NOT NULL DEFAULT 0,
        indexed INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE account (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        username TEXT NOT NULL UNIQUE,
        full_name TEXT NOT NULL,
        hash TEXT NOT NULL,
        register_id BLOB NOT NULL,
        mails INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE mail (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        id BLOB NOT NULL,
        sender TEXT NOT NULL,
        sender_name TEXT NOT NULL,
        recipients TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE mailbox (
        account INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (account, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE verdict (
        id BLOB NOT NULL,
        sender INTEGER NOT NULL,
        digest BLOB NOT NULL,
        sent_at INTEGER NOT NULL,
        PRIMARY KEY (id, sender)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX verdict_age ON verdict (sent_at);
    CREATE TABLE used_invite (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE wal_state (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        is_open INTEGER NOT NULL,
        number INTEGER NOT NULL,
        pages INTEGER NOT NULL
    ) STRICT;
    INSERT INTO wal_state VALUES (1, 0, 0, 0);
";

/// A row of `mail` that names a row of `content` has no texts of its own (`contents.rs`); rows of
/// version 1 name none. The columns before `body` can be read without the pages of a long body.
/// `upload` gives the numbers of `pieces`, each of them once (`pieces.rs`).
///
/// A log begins with the last note of the log before (`wal_state.rs`). The memtable is flushed in
/// slices: `flushing` is the last mail of the flush that is under way, and `flushed` the last
/// account that it is done with (`memtable.rs`).
const VERSION_2: &str = "
    CREATE TABLE content (
        id INTEGER PRIMARY KEY,
        sender TEXT NOT NULL,
        sender_name TEXT NOT NULL,
        recipients TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        subject TEXT NOT NULL,
        size INTEGER,
        sha256 BLOB,
        pieces INTEGER,
        body TEXT,
        CHECK (iif(body IS NULL, size + pieces IS NOT NULL AND length(sha256) = 32,
            size IS NULL AND pieces IS NULL AND sha256 IS NULL))
    ) STRICT;
    ALTER TABLE mail ADD COLUMN content INTEGER;
    CREATE INDEX mail_content ON mail (content) WHERE content IS NOT NULL;
    CREATE TABLE upload (
        pieces INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL,
        id BLOB NOT NULL,
        size INTEGER NOT NULL,
        staged INTEGER NOT NULL,
        touched INTEGER NOT NULL,
        UNIQUE (account, id)
    ) STRICT;
    CREATE INDEX upload_age ON upload (touched);
    CREATE TABLE piece (
        pieces INTEGER NOT NULL,
        position INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (pieces, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE dropped (pieces INTEGER PRIMARY KEY) STRICT;
    ALTER TABLE wal_state ADD COLUMN since INTEGER;
    ALTER TABLE meta ADD COLUMN flushing INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN flushed INTEGER NOT NULL DEFAULT 0;
";

/// A row whose content is an RFC 5322 message within the mail has it in `message`, and no text in
/// `body`. `is_message` says what the pieces of a large content are.
///
/// Of the list whose `membership` is 1, all accounts are members, and the rows of `list_member` are
/// its owners alone (`lists.rs`). `role` is 0 for owners, so that `list_member_account` has an
/// account's own lists first.
const VERSION_3: &str = "
    ALTER TABLE mail ADD COLUMN message BLOB
        CHECK (message IS NULL OR body = '' AND content IS NULL);
    ALTER TABLE content ADD COLUMN message BLOB CHECK (message IS NULL OR body = '');
    ALTER TABLE content ADD COLUMN is_message INTEGER NOT NULL DEFAULT 0
        CHECK (is_message = 0 OR is_message = 1 AND pieces IS NOT NULL);
    CREATE TABLE list (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        senders INTEGER NOT NULL,
        membership INTEGER NOT NULL,
        members INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE list_member (
        list INTEGER NOT NULL,
        username TEXT NOT NULL,
        account INTEGER NOT NULL,
        role INTEGER NOT NULL,
        PRIMARY KEY (list, username)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX list_member_account ON list_member (account, role, list);
    INSERT INTO list (name, title, senders, membership, members)
        SELECT 'everybody', 'Everybody · Todos', 0, 1, (SELECT count(*) FROM account)
        WHERE NOT EXISTS (SELECT 1 FROM account WHERE username = 'everybody');
";

/// An account whose `hash` is empty has no password yet. `state` is 0 for an account that can be
/// used, 1 for one that is disabled and gets mail, 2 for one that is disabled and gets none. `code`
/// is the digest of a recovery code. An account without `quota_mails` has the server's quota. Times
/// are milliseconds since 1970, and `used_at` is the day of the last login.
///
/// `retention_days` counts the days on which retention ran; `retention_day` is the last of them, as
/// a number since 1970. An account has the count at its warning in `warned_on`, which a login takes
/// back, and in `mails_warned_on`, for mails of before `mails_warned_before`, up to number
/// `mails_warned_seq`. `invite` has the invites that were recorded when they were made; those that
/// were used are in `used_invite`, as before.
///
/// `creator` is the account that made a list, also after it was deleted; lists of version 3 have
/// none. `retired_name` has the usernames of deleted accounts, which no list gets.
const VERSION_4: &str = "
    ALTER TABLE account ADD COLUMN state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2));
    ALTER TABLE account ADD COLUMN code BLOB;
    ALTER TABLE account ADD COLUMN code_expires_at INTEGER;
    ALTER TABLE account ADD COLUMN quota_mails INTEGER;
    ALTER TABLE account ADD COLUMN quota_bytes INTEGER;
    ALTER TABLE account ADD COLUMN created_at INTEGER;
    ALTER TABLE account ADD COLUMN used_at INTEGER;
    ALTER TABLE account ADD COLUMN warned_on INTEGER;
    ALTER TABLE account ADD COLUMN mails_warned_on INTEGER;
    ALTER TABLE account ADD COLUMN mails_warned_before INTEGER;
    ALTER TABLE account ADD COLUMN mails_warned_seq INTEGER;
    ALTER TABLE meta ADD COLUMN retention_day INTEGER;
    ALTER TABLE meta ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE list ADD COLUMN creator INTEGER;
    CREATE INDEX list_creator ON list (creator) WHERE creator IS NOT NULL;
    CREATE TABLE retired_name (username TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    DROP TABLE IF EXISTS directory;
    CREATE TABLE invite (
        id BLOB PRIMARY KEY,
        made_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        is_revoked INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX invite_age ON invite (made_at, id);
";

/// `digest` is the SHA-256 of an app password; its index finds the app password of a login in the
/// same time whatever username was named. `used_day` is the begin of a day in milliseconds since
/// 1970, and `used_from` an address as text.
const VERSION_5: &str = "
    CREATE TABLE app_password (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL,
        label TEXT NOT NULL,
        digest BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        used_day INTEGER,
        used_from TEXT,
        UNIQUE (account, label),
        UNIQUE (digest, account),
        CHECK (length(digest) = 32),
        CHECK ((used_day IS NULL) = (used_from IS NULL))
    ) STRICT;
";

/// An upload with `is_open` has no size yet: `size` is the largest that its content may have.
/// `textures.rs` describes `texture`; a mail that names a content has none.
const VERSION_6: &str = "
    ALTER TABLE mail ADD COLUMN texture BLOB CHECK (texture IS NULL OR content IS NULL);
    ALTER TABLE content ADD COLUMN texture BLOB;
    ALTER TABLE upload ADD COLUMN texture BLOB;
    ALTER TABLE upload ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));
";

/// A table `WITHOUT ROWID` is an index, and SQLite reads a whole row, here 256 KiB, for each
/// comparison on the way to another. In a table with numbered rows, the way leads through an index
/// of `pieces` and `position` alone.
const VERSION_7: &str = "
    ALTER TABLE piece RENAME TO piece_by_key;
    CREATE TABLE piece (
        pieces INTEGER NOT NULL,
        position INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (pieces, position)
    ) STRICT;
    INSERT INTO piece SELECT pieces, position, bytes FROM piece_by_key ORDER BY pieces, position;
    DROP TABLE piece_by_key;
";

fn random() -> Result<[u8; 16], SqliteOpenError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| SqliteOpenError::Random { detail: error.to_string() })?;
    Ok(bytes)
}

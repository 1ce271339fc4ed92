//! The schema of the database, as steps from one version to the next.
//!
//! The number of the version is in `meta`. A step is never changed after a release; a new version
//! is a new step. There are no foreign keys, whose checks would lock rows of accounts for each
//! mail.

/// SQL that makes version 1, then version 2 of it, and so on.
pub(super) const STEPS: &[&str] = &[VERSION_1];

/// The version that all steps lead to.
pub(super) const VERSION: i32 = 1;

/// Key of the advisory lock that a server holds while it makes or upgrades the tables: "corr".
pub(super) const UPGRADE_LOCK: i64 = 0x636f_7272;

/// Key of the advisory lock that a transaction holds while it takes room for an upload: the bound
/// of all uploads together holds over all servers.
pub(super) const UPLOAD_LOCK: i64 = 0x636f_7273;

/// Key of the advisory lock that a transaction holds while it adds to `ended_session`: their
/// numbers become visible in their order.
pub(super) const ENDED_LOCK: i64 = 0x636f_7274;

/// Key of the advisory lock that a step of retention holds: several servers take their steps one
/// after the other, so that nobody is warned twice.
pub(super) const RETENTION_LOCK: i64 = 0x636f_7275;

/// Key of the advisory lock that `correiod migrate` holds on a database that it reads or fills, and
/// that a server shares while it opens the database.
pub(super) const COPY_LOCK: i64 = 0x636f_7276;

/// `name` has the names that accounts (`kind` 0) and lists (1) have, and those of deleted accounts
/// (2), which no list gets: its key keeps two servers from giving a name to an account and a list.
///
/// A transaction that changes a mailbox locks its row in `mailbox` first, rows of several accounts
/// in their order. The row is narrow, and its page has room for a new version of it. Only under
/// that lock is a number of `mail_seq` drawn: otherwise a lower number could become visible after a
/// higher one in the same mailbox, and a client that has asked for mails after the higher one would
/// never see it.
///
/// An account whose `hash` is empty has no password yet. `state` is 0 for an account that can be
/// used, 1 for one that is disabled and gets mail, 2 for one that is disabled and gets none. `code`
/// is the digest of a recovery code. An account without `quota_mails` has the server's quota. Times
/// are milliseconds since 1970, and `used_at` is the day of the last login. `folded` is the text
/// that the directory looks people up by.
///
/// `retention_days` counts the days on which retention ran; `retention_day` is the last of them, as
/// a number since 1970. An account has the count at its warning in `warned_on`, which a login takes
/// back, and in `mails_warned_on`, for mails of before `mails_warned_before`, up to number
/// `mails_warned_seq`. `invite` has the invites that were recorded when they were made; those that
/// were used are in `used_invite`.
///
/// A row of `mail` that names a row of `content` has no texts of its own, and in `recipients` the
/// hidden recipient that its mailbox sees, if there is one. A content is deleted with the last of
/// its mails. `body` has the bytes of a text or, with `is_message`, of a message; those of a large
/// content are in `piece`, under the number of the upload that brought them. `quota_bytes` are the
/// bytes of subject and content, and `inline_bytes` those that a page of mails has of the content.
/// Bytes are not compressed: the database would try it with each.
///
/// Of the list whose `membership` is 1, all accounts are members, and the rows of `list_member` are
/// its owners alone. `role` is 0 for owners. `creator` is the account that made a list, also after
/// it was deleted.
///
/// An upload with `is_open` has no size yet: `size` is the largest that its content may have.
/// `dropped` has contents in pieces that no mail names any more, whose pieces are deleted in
/// slices. `node` has a row for each server, whose `beats` a transaction raises that must write
/// something; a row without a name is that of a command. `host` and `directory` are the machine and
/// the data directory of a server, which has the directory locked. `node_key` has the digests of
/// the keys that all servers have in common, and the machine and data directory of the first one.
/// `ended_session` tells the other servers whose sessions end; `meta.ended_through` is the highest
/// number of it that was deleted. `meta.news_key` is the key of `sealer.rs`, of which 244 bits are
/// random.
const VERSION_1: &str = "
    CREATE TABLE meta (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        version integer NOT NULL,
        realm bytea NOT NULL,
        retention_day bigint,
        retention_days bigint NOT NULL DEFAULT 0,
        ended_through bigint NOT NULL DEFAULT 0,
        news_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    );
    CREATE TABLE ended_session (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        node bytea NOT NULL,
        account bigint NOT NULL,
        of_gateways boolean NOT NULL,
        ended_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ended_session_age ON ended_session (ended_at);
    CREATE TABLE node (
        id bytea PRIMARY KEY,
        beats bigint NOT NULL DEFAULT 0,
        seen_at timestamptz NOT NULL DEFAULT now(),
        name text,
        host text,
        directory text,
        version text NOT NULL DEFAULT '',
        started_at timestamptz NOT NULL DEFAULT now(),
        sessions bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50);
    CREATE TABLE node_key (
        file text PRIMARY KEY,
        digest bytea NOT NULL CHECK (length(digest) = 32),
        host text NOT NULL,
        directory text NOT NULL
    );
    CREATE TABLE name (
        username text COLLATE \"C\" PRIMARY KEY,
        kind smallint NOT NULL CHECK (kind IN (0, 1, 2))
    );
    CREATE TABLE account (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        username text COLLATE \"C\" NOT NULL UNIQUE,
        full_name text NOT NULL,
        folded text COLLATE \"C\" NOT NULL,
        hash text NOT NULL,
        register_id bytea,
        state smallint NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
        code bytea,
        code_expires_at bigint,
        quota_mails bigint,
        quota_bytes bigint,
        created_at bigint,
        used_at bigint,
        warned_on bigint,
        mails_warned_on bigint,
        mails_warned_before bigint,
        mails_warned_seq bigint
    );
    CREATE TABLE mailbox (
        account bigint PRIMARY KEY,
        mails bigint NOT NULL DEFAULT 0,
        bytes bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50);
    CREATE SEQUENCE mail_seq;
    CREATE TABLE mail (
        account bigint NOT NULL,
        seq bigint NOT NULL,
        id bytea NOT NULL,
        content bigint,
        sender text NOT NULL,
        sender_name text NOT NULL,
        recipients text NOT NULL,
        sent_at bigint NOT NULL,
        subject text NOT NULL,
        is_message boolean NOT NULL,
        quota_bytes bigint NOT NULL,
        inline_bytes bigint NOT NULL,
        body bytea,
        texture bytea,
        CHECK ((body IS NULL) = (content IS NOT NULL)),
        PRIMARY KEY (account, seq)
    );
    ALTER TABLE mail ALTER body SET STORAGE EXTERNAL;
    CREATE INDEX mail_content ON mail (content) WHERE content IS NOT NULL;
    CREATE TABLE content (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sender text NOT NULL,
        sender_name text NOT NULL,
        recipients text NOT NULL,
        sent_at bigint NOT NULL,
        subject text NOT NULL,
        is_message boolean NOT NULL,
        size bigint NOT NULL,
        sha256 bytea,
        pieces bigint,
        body bytea,
        texture bytea,
        CHECK ((body IS NULL) = (pieces IS NOT NULL)),
        CHECK ((pieces IS NULL) = (sha256 IS NULL))
    );
    ALTER TABLE content ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE upload (
        pieces bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account bigint NOT NULL,
        id bytea NOT NULL,
        size bigint NOT NULL,
        is_open boolean NOT NULL,
        staged bigint NOT NULL,
        touched bigint NOT NULL,
        texture bytea,
        UNIQUE (account, id)
    );
    CREATE INDEX upload_age ON upload (touched);
    CREATE TABLE piece (
        pieces bigint NOT NULL,
        position bigint NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (pieces, position)
    );
    ALTER TABLE piece ALTER bytes SET STORAGE EXTERNAL;
    CREATE TABLE dropped (pieces bigint PRIMARY KEY);
    CREATE TABLE verdict (
        id bytea NOT NULL,
        sender bigint NOT NULL,
        digest bytea NOT NULL,
        sent_at bigint NOT NULL,
        PRIMARY KEY (id, sender)
    );
    CREATE INDEX verdict_age ON verdict (sent_at);
    CREATE TABLE used_invite (id bytea PRIMARY KEY);
    CREATE TABLE invite (
        id bytea PRIMARY KEY,
        made_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        is_revoked boolean NOT NULL DEFAULT false
    );
    CREATE INDEX invite_age ON invite (made_at, id);
    CREATE TABLE list (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text COLLATE \"C\" NOT NULL UNIQUE,
        title text NOT NULL,
        senders smallint NOT NULL,
        membership smallint NOT NULL,
        members integer NOT NULL,
        creator bigint
    );
    CREATE INDEX list_creator ON list (creator) WHERE creator IS NOT NULL;
    CREATE TABLE list_member (
        list bigint NOT NULL,
        username text COLLATE \"C\" NOT NULL,
        account bigint NOT NULL,
        role smallint NOT NULL,
        PRIMARY KEY (list, username)
    );
    CREATE INDEX list_member_account ON list_member (account, role, list);
    CREATE TABLE app_password (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account bigint NOT NULL,
        label text NOT NULL,
        digest bytea NOT NULL CHECK (length(digest) = 32),
        made_at bigint NOT NULL,
        used_day bigint,
        used_from text,
        UNIQUE (account, label),
        UNIQUE (digest, account),
        CHECK ((used_day IS NULL) = (used_from IS NULL))
    );
    INSERT INTO list (name, title, senders, membership, members)
        VALUES ('everybody', 'Everybody · Todos', 0, 1, 0);
    INSERT INTO name (username, kind) VALUES ('everybody', 1);
";

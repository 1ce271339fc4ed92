//! The tables that are copied, and their columns.

use self::ValueKind::{Bytes, Number, Text};

/// A table, in the form that both kinds of store can read and write. The documentation names the
/// columns in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationTable {
    /// `id, username, full_name, hash, register_id, state, code, code_expires_at, quota_mails,
    /// quota_bytes, created_at, used_at, warned_on, mails_warned_on, mails_warned_before,
    /// mails_warned_seq, mails, bytes`. `register_id` is NULL where no client made the account.
    Account,
    /// `username` of accounts that were deleted, which no list gets, unless an account has it.
    RetiredName,
    /// `id, name, title, senders, membership, members, creator`.
    List,
    /// `list, username, account, role`.
    ListMember,
    /// `id, sender, sender_name, recipients, sent_at, subject, is_message, size, sha256, pieces,
    /// body, texture`. `size` is that of every content.
    Content,
    /// `pieces, account, id, size, is_open, staged, touched, texture`. Every row has the texture of
    /// the bytes so far.
    Upload,
    /// `pieces, position, bytes`, of contents and uploads; those that are left to be deleted are
    /// not copied.
    Piece,
    /// `account, seq, id, content, sender, sender_name, recipients, sent_at, subject, is_message,
    /// quota_bytes, inline_bytes, body, texture`. A mail that names a content has its `sent_at` and
    /// `is_message`.
    Mail,
    /// `id, sender, digest, sent_at`.
    Verdict,
    /// `id`.
    UsedInvite,
    /// `id, made_at, expires_at, is_revoked`.
    Invite,
    /// `id, account, label, digest, made_at, used_day, used_from`.
    AppPassword,
}

/// What a column has, besides NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
}

impl MigrationTable {
    /// All tables, in the order in which they are copied.
    pub const ALL: [Self; 12] = [
        Self::Account,
        Self::RetiredName,
        Self::List,
        Self::ListMember,
        Self::Content,
        Self::Upload,
        Self::Piece,
        Self::Mail,
        Self::Verdict,
        Self::UsedInvite,
        Self::Invite,
        Self::AppPassword,
    ];

    /// The table's name, for a person.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::RetiredName => "retired name",
            Self::List => "list",
            Self::ListMember => "list member",
            Self::Content => "content",
            Self::Upload => "upload",
            Self::Piece => "piece",
            Self::Mail => "mail",
            Self::Verdict => "idempotency record",
            Self::UsedInvite => "used invite",
            Self::Invite => "recorded invite",
            Self::AppPassword => "app password",
        }
    }

    /// The kinds of its columns.
    #[must_use]
    pub fn columns(self) -> &'static [ValueKind] {
        match self {
            Self::Account => &[
                Number, Text, Text, Text, Bytes, Number, Bytes, Number, Number, Number, Number,
                Number, Number, Number, Number, Number, Number, Number,
            ],
            Self::RetiredName => &[Text],
            Self::List => &[Number, Text, Text, Number, Number, Number, Number],
            Self::ListMember => &[Number, Text, Number, Number],
            Self::Content => &[
                Number, Text, Text, Text, Number, Text, Number, Number, Bytes, Number, Bytes, Bytes,
            ],
            Self::Upload => &[Number, Number, Bytes, Number, Number, Number, Number, Bytes],
            Self::Piece => &[Number, Number, Bytes],
            Self::Mail => &[
                Number, Number, Bytes, Number, Text, Text, Text, Number, Text, Number, Number,
                Number, Bytes, Bytes,
            ],
            Self::Verdict => &[Bytes, Number, Bytes, Number],
            Self::UsedInvite => &[Bytes],
            Self::Invite => &[Bytes, Number, Number, Number],
            Self::AppPassword => &[Number, Number, Text, Bytes, Number, Number, Text],
        }
    }

    /// The columns of the key by which PostgreSQL reads and orders the rows.
    #[must_use]
    pub fn key(self) -> &'static [usize] {
        match self {
            Self::Account
            | Self::RetiredName
            | Self::List
            | Self::Content
            | Self::Upload
            | Self::UsedInvite
            | Self::Invite
            | Self::AppPassword => &[0],
            Self::ListMember | Self::Piece | Self::Mail | Self::Verdict => &[0, 1],
        }
    }
}

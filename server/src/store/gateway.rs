//! Jobs of the gateways: what SMTP submission and POP3 need of a store besides the jobs of
//! correio's own protocol.

use std::net::IpAddr;

use correio_proto::mail::{
    ContentKind, FullName, MailId, MailRef, Piece, Subject, Timestamp, Username,
};

use super::account_record::AccountRecord;
use crate::ids::{AccountId, AppPasswordDigest};

/// Most mails of a page of outlines.
pub const OUTLINES_MAX: u32 = 1000;

/// A job of a gateway. [`GatewayDone`] has the results; any job may have
/// [`super::StoreDone::Unavailable`], and any job with an account [`super::StoreDone::NoAccount`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayJob {
    /// Look up the account of this username that has this app password, and record the use. Result:
    /// `LoggedIn`, or `WrongPassword` if the account has no such app password or there is no
    /// account. A disabled account is `LoggedIn`: its record says so.
    LogIn {
        /// The account's username.
        username: Username,
        /// Digest of the app password.
        password: AppPasswordDigest,
        /// The program's address, which the owner is shown.
        from: IpAddr,
        /// The time.
        now: Timestamp,
    },
    /// Tell whether a mail of this account may go to this username, before there is a mail. Result:
    /// `Recipient`, `UnknownRecipient` or `MayNotSend`. Whether there is room is not looked at.
    FindRecipient {
        /// The account that is logged in.
        sender: AccountId,
        /// Username of an account, or name of a list.
        username: Username,
    },
    /// Read a page of a mailbox without the contents, oldest first. A page may have fewer mails
    /// than there is room for, even none, although the mailbox has more: the store takes a few
    /// milliseconds for each, and goes on when the job is submitted again. Result: `Outlines`.
    Outline {
        /// The account of the mailbox.
        account: AccountId,
        /// Only mails with a larger number.
        after: correio_proto::mail::Seq,
        /// At most this many mails, and [`OUTLINES_MAX`].
        mails: u32,
    },
    /// Add a piece at the end of a content whose size is not known yet; the first piece begins the
    /// upload. As [`super::StoreJob::Upload`] otherwise: an upload without a size counts with
    /// [`super::UploadLimits::content`], it takes the same places, and is displaced and forgotten
    /// at the same time. The id may also be that of a mail that was sent. Result:
    /// [`super::StoreDone::Uploaded`], [`super::StoreDone::Incomplete`],
    /// [`super::StoreDone::UploadsFull`], or [`super::StoreDone::Conflict`] if the upload was begun
    /// with a size or would have more bytes than a content may have.
    Stage {
        /// The account that is logged in.
        account: AccountId,
        /// The upload's id: [`super::NewMailRecord::staged`] of the mail that will take it over.
        id: MailId,
        /// Position of the piece in the content.
        offset: u64,
        /// The piece.
        bytes: Piece,
        /// The time from which the upload is kept.
        now: Timestamp,
    },
    /// Forget an upload without a size, which no mail will take over. Result: `Discarded`, also if
    /// there is none.
    Discard {
        /// The account that is logged in.
        account: AccountId,
        /// The upload's id.
        id: MailId,
    },
}

/// Result of a [`GatewayJob`], inside of [`super::StoreDone::Gateway`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayDone {
    /// The account that has the app password.
    LoggedIn(Box<AccountRecord>),
    /// No account has this username and this app password.
    WrongPassword,
    /// An account, or a list that takes mail of the sender.
    Recipient,
    /// There is no such account or list, or the account is disabled and takes no mail.
    UnknownRecipient,
    /// The list takes no mail of the sender.
    MayNotSend,
    /// A page of a mailbox.
    Outlines {
        /// The mails, oldest first.
        mails: Vec<MailOutline>,
        /// Whether the mailbox has further mails after these. The next page is that after the last
        /// of them, or after the same number as before if there are none.
        more: bool,
    },
    /// There is no such upload any more.
    Discarded,
}

/// A mail of a mailbox without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailOutline {
    /// Number and id.
    pub mail: MailRef,
    /// Username of the sender.
    pub from: Username,
    /// Full name of the sender when the mail was sent.
    pub from_name: FullName,
    /// The recipients, as this mailbox sees them.
    pub to: Vec<Username>,
    /// The subject.
    pub subject: Subject,
    /// When the mail was put into the mailbox.
    pub sent_at: Timestamp,
    /// Whether the content is a text or an RFC 5322 message.
    pub kind: ContentKind,
    /// The content's bytes.
    pub size: u64,
    /// What the content's bytes are, for its form in mail programs.
    pub texture: Texture,
}

/// Properties of a content that decide how it is sent to another mail program, and how many octets
/// it has then. They are counted once, while the content arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texture {
    /// LF without a CR before it, and CR without an LF after it: line ends that become CR LF.
    pub bare_ends: u64,
    /// NUL bytes.
    pub nuls: u64,
    /// Bytes of the longest line, without its end; a line ends with LF or CR.
    pub longest_line: u64,
    /// Whether the last byte is LF or CR.
    pub is_ended: bool,
    /// Whether every byte is below 128.
    pub is_ascii: bool,
}

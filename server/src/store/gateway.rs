//! The jobs that only the gateways need of a store: SMTP submission and POP3 also use jobs of
//! correio's own protocol.

use std::net::IpAddr;

use correio_proto::mail::{
    ContentKind, FullName, MailId, MailRef, Piece, Subject, Timestamp, Username,
};

use super::account_record::AccountRecord;
use crate::ids::{AccountId, AppPasswordDigest};

/// Most mails of a page of outlines.
pub const OUTLINES_MAX: u32 = 1000;

/// A job of a gateway. [`GatewayDone`] has the results. Besides, any job may have the result
/// [`super::StoreDone::Unavailable`], and any job with an account [`super::StoreDone::NoAccount`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayJob {
    /// Look up the account of this username that has this app password, and record the use. Result:
    /// `LoggedIn`, or `WrongPassword` if there is no such account or it has no such app password.
    /// The result of a disabled account is `LoggedIn`, too; its record has the state.
    LogIn {
        /// The account's username.
        username: Username,
        /// Digest of the app password.
        password: AppPasswordDigest,
        /// The program's address, which is shown to the account's owner.
        from: IpAddr,
        /// The time.
        now: Timestamp,
    },
    /// Tell whether this account may send mail to this username, before there is a mail. The room
    /// in the mailbox does not count. Result: `Recipient`, `UnknownRecipient` or `MayNotSend`.
    FindRecipient {
        /// The account that is logged in.
        sender: AccountId,
        /// Username of an account, or name of a list.
        username: Username,
    },
    /// Read a page of a mailbox without the contents, oldest first. A page may have fewer mails
    /// than the job asks for, even none, although the mailbox has more: the store works a few
    /// milliseconds on a page, and goes on when the job is submitted again. Result: `Outlines`.
    Outline {
        /// The account of the mailbox.
        account: AccountId,
        /// Only mails with a larger number.
        after: correio_proto::mail::Seq,
        /// At most this many mails, and [`OUTLINES_MAX`].
        mails: u32,
    },
    /// Add a piece at the end of a content whose size is not known yet; the first piece begins the
    /// upload. In everything else an upload without a size is as one of
    /// [`super::StoreJob::Upload`]: it counts with [`super::UploadLimits::content`], takes the same
    /// places, and is displaced and forgotten after the same times. A mail that was sent may have
    /// the same id. Result: [`super::StoreDone::Uploaded`], [`super::StoreDone::Incomplete`],
    /// [`super::StoreDone::UploadsFull`], or [`super::StoreDone::Conflict`] if the upload was begun
    /// with a size or would have more bytes than a content may have.
    Stage {
        /// The account that is logged in.
        account: AccountId,
        /// The upload's id, which becomes [`super::NewMailRecord::staged`] of its mail.
        id: MailId,
        /// Position of the piece in the content.
        offset: u64,
        /// The piece.
        bytes: Piece,
        /// The time from which the upload is kept.
        now: Timestamp,
    },
    /// Forget an upload without a size, which no mail will take over. Result: `Discarded`, also if
    /// there is no such upload.
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
    /// The username is of an account, or of a list that takes mail of the sender.
    Recipient,
    /// There is no such account or list, or the account takes no mail while it is disabled.
    UnknownRecipient,
    /// The list takes no mail of the sender.
    MayNotSend,
    /// A page of a mailbox.
    Outlines {
        /// The mails, oldest first.
        mails: Vec<MailOutline>,
        /// Whether the mailbox has further mails. The next page begins after the last of these
        /// mails, or after the same number as this page if it has none.
        more: bool,
    },
    /// There is no such upload any more.
    Discarded,
}

/// A mail of a mailbox without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailOutline {
    /// The mail's number and id.
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
    /// The content's texture, which decides about its form for mail programs.
    pub texture: Texture,
}

/// Properties of a content that decide how the server sends it to a mail program, and how many
/// octets it has then. The store counts them once, while the content arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texture {
    /// Bare line ends, which become CR LF: LF without CR before it, and CR without LF after it.
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

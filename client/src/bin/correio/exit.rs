//! How the program ends: failures, and the exit status of each (sysexits.h).

use std::{path::PathBuf, process::ExitCode};

use correio_client::{
    AddressBookError, ConnectError, ContentError, DraftError, DraftMailError, InvalidWords,
    KnownServersError, MailboxError, MakeError, ReattachError, ReceiveError, RecipientsError,
    RequestError, SaveError, SendError,
};
use correio_proto::{
    credential::Password,
    mail::Invalid,
    message::{ErrorCode, ErrorReply, RegistrationPolicy},
};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGQUIT, SIGTERM};

use crate::{config::ConfigError, output::Output, text::Text};

/// The exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// A command line that is not understood.
    Usage = 64,
    /// Unknown recipient, refused text.
    BadData = 65,
    /// The server cannot be reached.
    Unreachable = 69,
    /// Something on this computer failed.
    Local = 74,
    /// Busy, rate limited.
    TryAgain = 75,
    /// Bad credentials, untrusted certificate.
    NotAllowed = 77,
    /// A server or user that is missing or malformed.
    Configuration = 78,
    /// SIGHUP, as shells count it: the terminal has gone.
    HungUp = 129,
    /// Ctrl-C, as shells count it.
    Interrupted = 130,
    /// SIGQUIT, as shells count it.
    Quit = 131,
    /// SIGTERM, as shells count it.
    Terminated = 143,
}

impl ExitStatus {
    /// The status of a program that a signal has ended.
    pub(crate) fn of_signal(signal: i32) -> Self {
        match signal {
            SIGHUP => Self::HungUp,
            SIGQUIT => Self::Quit,
            SIGTERM => Self::Terminated,
            _ => Self::Interrupted,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command failed.
pub(crate) struct Failure {
    pub(crate) status: ExitStatus,
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// The message, in the user's language.
    pub(crate) text: String,
    pub(crate) retry_after: Option<u64>,
    /// Recipients that the server named.
    pub(crate) recipients: Vec<String>,
    /// The draft of a mail that was not sent.
    pub(crate) draft: Option<Box<KeptDraft>>,
    /// The answer for the part that was done before the failure.
    pub(crate) partial: Option<Box<Output>>,
}

/// A draft that a failure has left.
#[derive(Clone, Debug)]
pub(crate) struct KeptDraft {
    /// The id of the mail.
    pub(crate) id: String,
    pub(crate) file: PathBuf,
}

impl Failure {
    pub(crate) fn new(status: ExitStatus, code: &'static str, text: String) -> Self {
        let (retry_after, recipients) = (None, Vec::new());
        Self { status, code, text, retry_after, recipients, draft: None, partial: None }
    }

    pub(crate) fn invalid(text: &Text, invalid: Invalid) -> Self {
        Self::new(ExitStatus::BadData, "invalid", text.invalid(invalid))
    }

    pub(crate) fn connect(text: &Text, error: &ConnectError) -> Self {
        let said = text.connect(error);
        match error {
            ConnectError::Rejected(error) => Self::refusal(text, error),
            ConnectError::Busy { retry_after } => Self {
                retry_after: retry_after.map(|wait| wait.as_secs()),
                ..Self::new(ExitStatus::TryAgain, "busy", said)
            },
            ConnectError::Cancelled => Self::new(ExitStatus::Interrupted, "cancelled", said),
            ConnectError::NameNotFound { .. } => {
                Self::new(ExitStatus::Unreachable, "name_not_found", said)
            }
            ConnectError::Refused { .. } => Self::new(ExitStatus::Unreachable, "refused", said),
            ConnectError::TimedOut { .. } => Self::new(ExitStatus::Unreachable, "timed_out", said),
            ConnectError::NotCorreio { .. } => {
                Self::new(ExitStatus::Unreachable, "not_correio", said)
            }
            ConnectError::Untrusted(_) => Self::new(ExitStatus::NotAllowed, "untrusted", said),
            ConnectError::NoTls { .. } => Self::new(ExitStatus::Unreachable, "no_tls", said),
            ConnectError::Tls { .. } => Self::new(ExitStatus::Unreachable, "tls", said),
            ConnectError::OtherVersion { .. } => {
                Self::new(ExitStatus::Unreachable, "version", said)
            }
            ConnectError::Io { .. } => Self::new(ExitStatus::Unreachable, "network", said),
        }
    }

    pub(crate) fn request(text: &Text, error: &RequestError) -> Self {
        let said = text.request(error);
        match error {
            RequestError::Refused(error) => Self::refusal(text, error),
            RequestError::Unreachable(error) => Self::connect(text, error),
            RequestError::TimedOut => Self::new(ExitStatus::Unreachable, "timed_out", said),
            RequestError::Cancelled => Self::new(ExitStatus::Interrupted, "cancelled", said),
            RequestError::SessionEnded => Self::new(ExitStatus::NotAllowed, "session_ended", said),
            RequestError::OtherServersRealm { .. } => {
                Self::new(ExitStatus::NotAllowed, "other_servers_realm", said)
            }
            RequestError::KnownServers(_) => {
                Self::new(ExitStatus::Configuration, "known_servers", said)
            }
            RequestError::TooLarge { .. } => Self::new(ExitStatus::BadData, "too_large", said),
            RequestError::NoMessages => Self::new(ExitStatus::BadData, "no_messages", said),
            RequestError::Answer(_) => Self::new(ExitStatus::Unreachable, "protocol", said),
            RequestError::Overloaded => Self::new(ExitStatus::TryAgain, "busy", said),
            RequestError::Closed => Self::new(ExitStatus::Unreachable, "closed", said),
        }
    }

    /// A login that failed with this typed password.
    pub(crate) fn login(text: &Text, error: &RequestError, password: &Password) -> Self {
        Self { text: text.login(error, Some(password)), ..Self::request(text, error) }
    }

    /// An account that was not registered on a server with this policy.
    pub(crate) fn registration(
        text: &Text,
        error: &RequestError,
        policy: RegistrationPolicy,
    ) -> Self {
        Self { text: text.registration(error, policy), ..Self::request(text, error) }
    }

    /// A code of the operator that has set no password.
    pub(crate) fn recovery(text: &Text, error: &RequestError) -> Self {
        Self { text: text.recovery(error), ..Self::request(text, error) }
    }

    pub(crate) fn send(text: &Text, error: &SendError) -> Self {
        match error {
            SendError::Request(error) => Self::request(text, error),
            SendError::Content(error) => Self::content(text, error),
            SendError::CancelledUnsent => {
                Self::new(ExitStatus::Interrupted, "cancelled", text.send(error))
            }
        }
    }

    /// A content that cannot be sent.
    pub(crate) fn content(text: &Text, error: &ContentError) -> Self {
        let said = text.content(error);
        match error {
            ContentError::Io { .. } => Self::new(ExitStatus::Local, "body", said),
            ContentError::NotText { .. } => Self::new(ExitStatus::BadData, "body", said),
            ContentError::Invalid(_) => Self::new(ExitStatus::BadData, "invalid", said),
            ContentError::Changed { .. } => Self::new(ExitStatus::Local, "changed", said),
        }
    }

    /// A draft that does not become a mail.
    pub(crate) fn draft_mail(text: &Text, error: &DraftMailError) -> Self {
        match error {
            DraftMailError::Invalid(invalid) => Self::invalid(text, *invalid),
            DraftMailError::NoMessages => {
                Self::new(ExitStatus::BadData, "no_messages", text.draft_mail(error))
            }
            DraftMailError::Make(error) => Self::make(text, error),
            DraftMailError::Content(error) => Self::content(text, error),
            DraftMailError::Draft(error) => Self::draft(text, error),
        }
    }

    /// A message that is not made.
    pub(crate) fn make(text: &Text, error: &MakeError) -> Self {
        let (status, code) = match error {
            MakeError::Attachment { .. } => (ExitStatus::Local, "attachment"),
            MakeError::Changed { .. } => (ExitStatus::Local, "changed"),
            MakeError::TooMany { .. } => (ExitStatus::BadData, "too_many"),
            MakeError::TooLarge { .. } => (ExitStatus::BadData, "too_large"),
            MakeError::Domain(_) | MakeError::Write { .. } => (ExitStatus::Local, "message"),
            MakeError::Cancelled => (ExitStatus::Interrupted, "cancelled"),
        };
        Self::new(status, code, text.make(error))
    }

    /// An attachment that is not saved.
    pub(crate) fn save(text: &Text, error: &SaveError) -> Self {
        let (status, code) = match error {
            SaveError::NoSuchAttachment(_) => (ExitStatus::BadData, "no_such_attachment"),
            SaveError::Read(_) => (ExitStatus::Local, "mailbox"),
            SaveError::Write { .. } | SaveError::TooManyFiles { .. } => (ExitStatus::Local, "save"),
            SaveError::Cancelled => (ExitStatus::Interrupted, "cancelled"),
        };
        Self::new(status, code, text.save(error))
    }

    /// Attachments that are not forwarded.
    pub(crate) fn reattach(text: &Text, error: &ReattachError) -> Self {
        match error {
            ReattachError::Mailbox(error) => Self::mailbox(text, error),
            ReattachError::Save(error) => Self::save(text, error),
            ReattachError::Make(error) => Self::make(text, error),
            ReattachError::Draft(error) => Self::draft(text, error),
        }
    }

    fn refusal(text: &Text, error: &ErrorReply) -> Self {
        let status = match error.code {
            ErrorCode::BadCredentials
            | ErrorCode::Disabled
            | ErrorCode::NotAuthenticated
            | ErrorCode::NotAllowed
            | ErrorCode::MayNotSend => ExitStatus::NotAllowed,
            ErrorCode::UsernameTaken
            | ErrorCode::UnknownRecipient
            | ErrorCode::TooLarge
            | ErrorCode::Invalid
            | ErrorCode::Conflict
            | ErrorCode::NoSuchMail
            | ErrorCode::NoSuchList
            | ErrorCode::ListFull
            | ErrorCode::LabelTaken
            | ErrorCode::AppPasswordsFull => ExitStatus::BadData,
            ErrorCode::MailboxFull
            | ErrorCode::Busy
            | ErrorCode::RateLimited
            | ErrorCode::Incomplete
            | ErrorCode::Unavailable => ExitStatus::TryAgain,
            ErrorCode::Protocol | ErrorCode::Version | ErrorCode::Other => ExitStatus::Unreachable,
        };
        Self {
            retry_after: error.retry_after.map(u64::from),
            recipients: error.recipients.iter().map(ToString::to_string).collect(),
            ..Self::new(status, error.code.as_str(), text.refusal(error))
        }
    }

    pub(crate) fn receive(text: &Text, error: &ReceiveError) -> Self {
        match error {
            ReceiveError::Request(error) => Self::request(text, error),
            ReceiveError::Mailbox(error) => Self::mailbox(text, error),
            ReceiveError::Page(_) => {
                Self::new(ExitStatus::Unreachable, "protocol", text.receive(error))
            }
        }
    }

    pub(crate) fn mailbox(text: &Text, error: &MailboxError) -> Self {
        let said = text.mailbox(error);
        match error {
            MailboxError::NoSuchMail(..) => Self::new(ExitStatus::BadData, "no_such_mail", said),
            MailboxError::Damaged(_) => Self::new(ExitStatus::BadData, "damaged", said),
            MailboxError::Locked => Self::new(ExitStatus::TryAgain, "locked", said),
            MailboxError::Cancelled => Self::new(ExitStatus::Interrupted, "cancelled", said),
            MailboxError::Io { .. } => Self::new(ExitStatus::Local, "mailbox", said),
        }
    }

    /// Words that cannot be looked for.
    pub(crate) fn words(text: &Text, error: InvalidWords) -> Self {
        Self::new(ExitStatus::BadData, "invalid", text.words(error))
    }

    /// A configuration file that is refused.
    pub(crate) fn config(text: &Text, error: &ConfigError) -> Self {
        Self::new(ExitStatus::Configuration, "config", text.config(error))
    }

    pub(crate) fn known_servers(text: &Text, error: &KnownServersError) -> Self {
        let status = match error {
            KnownServersError::Io { .. } => ExitStatus::Local,
            KnownServersError::Locked { .. } => ExitStatus::TryAgain,
            KnownServersError::Cancelled => ExitStatus::Interrupted,
            KnownServersError::Line { .. } | KnownServersError::Full { .. } => {
                ExitStatus::Configuration
            }
        };
        Self::new(status, "known_servers", text.known_servers(error))
    }

    pub(crate) fn address_book(text: &Text, error: &AddressBookError) -> Self {
        let status = match error {
            AddressBookError::Io { .. } => ExitStatus::Local,
            AddressBookError::Locked { .. } => ExitStatus::TryAgain,
            AddressBookError::Cancelled => ExitStatus::Interrupted,
            AddressBookError::Line { .. } => ExitStatus::Configuration,
            AddressBookError::Full { .. } | AddressBookError::TooMany { .. } => ExitStatus::BadData,
        };
        Self::new(status, "address_book", text.address_book(error))
    }

    /// Recipients that cannot be read.
    pub(crate) fn recipients(text: &Text, error: &RecipientsError) -> Self {
        let said = text.recipients(error);
        match error {
            RecipientsError::Invalid(_) | RecipientsError::Nickname(_) => {
                Self::new(ExitStatus::BadData, "invalid", said)
            }
            RecipientsError::Unknown(_) => Self::new(ExitStatus::BadData, "no_such_nickname", said),
            RecipientsError::AddressBook(error) => Self::address_book(text, error),
        }
    }

    pub(crate) fn draft(text: &Text, error: &DraftError) -> Self {
        let reason = error.to_string();
        Self::new(
            ExitStatus::Local,
            "draft",
            text.with("send-not-kept", &[("reason", reason.into())]),
        )
    }

    /// Whether a retry may succeed, or the server may have done it already.
    pub(crate) fn is_retryable(&self) -> bool {
        match self.status {
            ExitStatus::Unreachable | ExitStatus::TryAgain | ExitStatus::Interrupted => true,
            ExitStatus::HungUp | ExitStatus::Quit | ExitStatus::Terminated => true,
            // The session ended while the request was under way.
            ExitStatus::NotAllowed => self.code == "session_ended",
            ExitStatus::Usage
            | ExitStatus::BadData
            | ExitStatus::Local
            | ExitStatus::Configuration => false,
        }
    }

    /// The failure as one JSON document, with the answer for the part that was done before it.
    pub(crate) fn json(&self) -> Value {
        let mut error = serde_json::Map::new();
        error.insert("code".to_owned(), self.code.into());
        error.insert("text".to_owned(), self.text.clone().into());
        if let Some(seconds) = self.retry_after {
            error.insert("retry_after".to_owned(), seconds.into());
        }
        if !self.recipients.is_empty() {
            error.insert("recipients".to_owned(), self.recipients.clone().into());
        }
        if let Some(KeptDraft { id, file }) = self.draft.as_deref() {
            let file = file.to_string_lossy();
            error.insert("draft".to_owned(), json!({ "id": id, "file": file }));
        }
        let mut json = match self.partial.as_ref().map(|partial| &partial.json) {
            Some(Value::Object(partial)) => partial.clone(),
            _ => serde_json::Map::new(),
        };
        json.insert("error".to_owned(), error.into());
        json.into()
    }
}

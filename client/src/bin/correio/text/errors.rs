//! The texts of errors and of notes about the local mailbox, in the user's language.

use std::borrow::Cow;

use correio_client::{
    Attempt, ConnectError, ContentError, DraftError, InvalidAddress, InvalidWords, MailboxError,
    MailboxNote, Progress, ReceiveError, RequestError, SendError, Skipped, WhiteSpace, sanitize,
};
use correio_proto::{
    credential::Password,
    mail::{Field, Invalid, Problem, Subject, Username},
    message::{ErrorCode, ErrorReply, RegistrationPolicy},
};

use super::{Text, size::Rounding};
use crate::mail_number::MailNumber;

impl Text {
    pub(crate) fn invalid(&self, invalid: Invalid) -> String {
        // People know mail addresses, which mail programs want.
        if (invalid.field, invalid.problem) == (Field::Username, Problem::Character('@')) {
            return self.of("username-with-domain");
        }
        self.invalid_field(field_key(invalid.field), invalid)
    }

    /// Why a list's title is not valid, which has the rules of a full name.
    pub(crate) fn invalid_title(&self, invalid: Invalid) -> String {
        self.invalid_field("field-title", invalid)
    }

    fn invalid_field(&self, key: &str, invalid: Invalid) -> String {
        let field = ("field", Cow::from(self.of(key)));
        let number = |number: usize| {
            let limit = match invalid.field {
                Field::Body | Field::Message | Field::Content => {
                    self.size(number as u64, Rounding::Down)
                }
                field => self.count(unit(field), number as u64),
            };
            ("limit", Cow::from(limit))
        };
        let character = |c: char| ("character", Cow::from(visible(c)));
        let allowed = ("allowed", Cow::from(self.of(allowed(invalid.field))));
        match invalid.problem {
            Problem::Empty => self.with("problem-empty", &[field]),
            Problem::TooShort(min) => self.with("problem-too-short", &[field, number(min)]),
            Problem::TooLong(max) => self.with("problem-too-long", &[field, number(max)]),
            Problem::Character(c) => {
                self.with("problem-character", &[field, character(c), allowed])
            }
            Problem::Start(c) => self.with("problem-start", &[field, character(c), allowed]),
            Problem::Form => self.with("problem-form", &[field, allowed]),
        }
    }

    pub(crate) fn address(&self, invalid: &InvalidAddress) -> String {
        match invalid {
            InvalidAddress::Empty => self.of("address-empty"),
            InvalidAddress::Host(text) => self.with("address-host", &[("text", one_line(text))]),
            InvalidAddress::Port(text) => self.with("address-port", &[("text", one_line(text))]),
        }
    }

    pub(crate) fn connect(&self, error: &ConnectError) -> String {
        match error {
            ConnectError::NameNotFound { host, .. } => {
                self.with("connect-name-not-found", &[("host", one_line(host))])
            }
            ConnectError::Refused { tried } => with_tried(self.of("connect-refused"), tried),
            ConnectError::TimedOut { tried } => with_tried(self.of("connect-timed-out"), tried),
            ConnectError::NotCorreio { tried, .. } => {
                with_tried(self.of("connect-not-correio"), tried)
            }
            ConnectError::Untrusted(untrusted) => self.untrusted(untrusted),
            ConnectError::NoTls { .. } => self.of("connect-no-tls"),
            ConnectError::Tls { detail, .. } => {
                self.with("connect-tls", &[("detail", one_line(detail))])
            }
            ConnectError::OtherVersion { spoken } => {
                let versions: Vec<_> = spoken.iter().map(u32::to_string).collect();
                self.with("connect-other-version", &[("versions", versions.join(", ").into())])
            }
            ConnectError::Busy { retry_after } => {
                let seconds = retry_after.map_or(1, |wait| wait.as_secs().max(1));
                self.with("connect-busy", &[("wait", self.wait(seconds).into())])
            }
            ConnectError::Rejected(error) => self.refusal(error),
            ConnectError::Cancelled => self.of("connect-cancelled"),
            ConnectError::Io { detail, .. } => {
                self.with("connect-io", &[("detail", one_line(detail))])
            }
        }
    }

    pub(crate) fn request(&self, error: &RequestError) -> String {
        match error {
            RequestError::Refused(error) => self.refusal(error),
            RequestError::Unreachable(error) => self.connect(error),
            RequestError::TimedOut => self.of("request-timed-out"),
            RequestError::Cancelled => self.of("request-cancelled"),
            RequestError::SessionEnded => self.of("request-session-ended"),
            RequestError::OtherServersRealm { keeper } => {
                self.with("request-other-servers-realm", &[("keeper", keeper.to_string().into())])
            }
            RequestError::KnownServers(reason) => {
                self.with("known-servers-error", &[("reason", one_line(reason))])
            }
            RequestError::TooLarge { size, limit } => self.with(
                "request-too-large",
                &[
                    ("size", self.size(*size, Rounding::Up).into()),
                    ("limit", self.size(*limit, Rounding::Down).into()),
                ],
            ),
            RequestError::NoMessages => self.of("request-no-messages"),
            RequestError::Answer(reason) => {
                self.with("request-answer", &[("reason", (*reason).into())])
            }
            RequestError::Overloaded => self.of("request-overloaded"),
            RequestError::Closed => self.of("request-closed"),
        }
    }

    /// Why a login failed, with the typed password if an account can have it.
    pub(crate) fn login(&self, error: &RequestError, password: Option<&Password>) -> String {
        if let Some(said) = self.refused_for_now(error, "login-rate-limited") {
            return said;
        }
        let said = self.request(error);
        let is_wrong = error.code() == Some(ErrorCode::BadCredentials);
        match is_wrong && password.is_some_and(Password::is_app_password) {
            true => format!("{said}; {}", self.of("login-app-password")),
            false => said,
        }
    }

    /// Why an account was not registered on a server with this policy.
    pub(crate) fn registration(&self, error: &RequestError, policy: RegistrationPolicy) -> String {
        match (error.code(), policy) {
            (Some(ErrorCode::NotAllowed), RegistrationPolicy::Invite {}) => {
                self.of("register-invite-refused")
            }
            _ => self.request(error),
        }
    }

    /// Why a code of the operator has set no password.
    pub(crate) fn recovery(&self, error: &RequestError) -> String {
        match error.code() {
            Some(ErrorCode::BadCredentials) => self.of("recover-wrong"),
            _ => self
                .refused_for_now(error, "recover-rate-limited")
                .unwrap_or_else(|| self.request(error)),
        }
    }

    /// What to say, with this text, if the server refuses every login for now. The text says that
    /// the password may be right, so that nobody looks for another one.
    fn refused_for_now(&self, error: &RequestError, text: &str) -> Option<String> {
        let RequestError::Refused(reply) = error else { return None };
        let is_limited = reply.code == ErrorCode::RateLimited;
        is_limited.then(|| self.with(text, &[("wait", self.wait_of(reply))]))
    }

    /// How long an error reply asks to wait.
    fn wait_of(&self, reply: &ErrorReply) -> Cow<'static, str> {
        self.wait(reply.retry_after.unwrap_or(1).into()).into()
    }

    pub(crate) fn send(&self, error: &SendError) -> String {
        match error {
            SendError::Request(error) => self.request(error),
            SendError::Content(error) => self.content(error),
            SendError::CancelledUnsent => self.of("send-cancelled-unsent"),
        }
    }

    /// Why a content cannot be sent.
    pub(crate) fn content(&self, error: &ContentError) -> String {
        match error {
            ContentError::Io { path, source } => self.with(
                "body-unreadable",
                &[
                    ("path", one_line(&path.to_string_lossy())),
                    ("reason", self.file_error(source).into()),
                ],
            ),
            ContentError::NotText { line } => {
                self.with("body-not-text", &[("line", line.to_string().into())])
            }
            ContentError::Invalid(invalid) => self.invalid(*invalid),
            ContentError::Changed { path } => {
                self.with("body-changed", &[("path", one_line(&path.to_string_lossy()))])
            }
        }
    }

    /// A server's error reply, by its code.
    pub(crate) fn refusal(&self, error: &ErrorReply) -> String {
        let names: Vec<_> = error.recipients.iter().map(ToString::to_string).collect();
        self.with(
            &format!("error-{}", error.code),
            &[
                ("names", names.join(", ").into()),
                ("wait", self.wait_of(error)),
                ("text", one_line(&error.text)),
            ],
        )
    }

    pub(crate) fn receive(&self, error: &ReceiveError) -> String {
        match error {
            ReceiveError::Request(error) => self.request(error),
            ReceiveError::Mailbox(error) => self.mailbox(error),
            ReceiveError::Page(reason) => {
                self.with("receive-page", &[("reason", (*reason).into())])
            }
        }
    }

    pub(crate) fn mailbox_note(&self, note: &MailboxNote) -> String {
        match note {
            MailboxNote::Unreadable(file) => self.skipped_mail(file),
            MailboxNote::NotSynced(file) => self.skipped("mailbox-not-synced", file),
            MailboxNote::ContentDamaged { from, subject } => {
                self.of_mail("receive-damaged", from, subject)
            }
            MailboxNote::NotMarked(file) => self.skipped("mailbox-not-marked", file),
        }
    }

    /// A text that names a mail by its sender and its subject.
    pub(crate) fn of_mail(&self, id: &str, from: &Username, subject: &Subject) -> String {
        let values = [("from", from.to_string().into()), ("subject", one_line(subject.as_str()))];
        self.with(id, &values)
    }

    /// A file of the local mailbox that a list leaves out.
    pub(crate) fn skipped_mail(&self, file: &Skipped) -> String {
        self.skipped("local-skipped", file)
    }

    /// A file of the drafts that a list leaves out.
    pub(crate) fn skipped_draft(&self, file: &Skipped) -> String {
        self.skipped("drafts-skipped", file)
    }

    fn skipped(&self, key: &str, Skipped { path, reason }: &Skipped) -> String {
        let path = one_line(&path.to_string_lossy());
        self.with(key, &[("path", path), ("reason", one_line(reason))])
    }

    /// An error of the drafts, which are a part of the local mailbox for its user.
    pub(crate) fn draft(&self, error: &DraftError) -> String {
        self.with("mailbox-error", &[("reason", one_line(&error.to_string()))])
    }

    /// How many mails are on this computer during a download, those included that were there
    /// before it.
    pub(crate) fn progress(&self, progress: &Progress) -> String {
        self.count("receive-progress", (progress.saved + progress.known) as u64)
    }

    /// Why words cannot be looked for.
    pub(crate) fn words(&self, error: InvalidWords) -> String {
        match error {
            InvalidWords::Empty => self.of("search-no-words"),
            InvalidWords::TooLong => self.of("search-too-long"),
        }
    }

    pub(crate) fn mailbox(&self, error: &MailboxError) -> String {
        match error {
            MailboxError::NoSuchMail(folder, number) => {
                let number = MailNumber { folder: *folder, number: *number };
                self.with("no-such-mail", &[("number", number.to_string().into())])
            }
            MailboxError::Locked => self.of("locked"),
            MailboxError::Cancelled => self.of("interrupted"),
            other => {
                let reason = sanitize(&other.to_string(), WhiteSpace::OneLine).into();
                self.with("mailbox-error", &[("reason", reason)])
            }
        }
    }
}

/// Key of a field's name.
fn field_key(field: Field) -> &'static str {
    match field {
        Field::Username => "field-username",
        Field::FullName => "field-full-name",
        Field::Subject => "field-subject",
        Field::Body => "field-body",
        Field::Message => "field-message",
        Field::Content => "field-content",
        Field::Piece => "field-piece",
        Field::MailId => "field-mail-id",
        Field::Recipients => "field-recipients",
        Field::Password => "field-password",
        Field::Software => "field-software",
        Field::Query => "field-query",
        Field::Label => "field-label",
    }
}

/// The unit of a field's length.
fn unit(field: Field) -> &'static str {
    match field {
        Field::Username
        | Field::FullName
        | Field::Subject
        | Field::MailId
        | Field::Password
        | Field::Query
        | Field::Label => "unit-characters",
        Field::Body | Field::Message | Field::Content | Field::Piece | Field::Software => {
            "unit-bytes"
        }
        Field::Recipients => "unit-recipients",
    }
}

/// The characters and form that a field may have.
fn allowed(field: Field) -> &'static str {
    match field {
        Field::Username | Field::Recipients => "allowed-username",
        Field::FullName | Field::Subject | Field::Software | Field::Query | Field::Label => {
            "allowed-line"
        }
        Field::Body | Field::Message | Field::Content | Field::Piece | Field::Password => {
            "allowed-text"
        }
        Field::MailId => "allowed-mail-id",
    }
}

/// Untrusted text as a value: sanitized, one line.
fn one_line(text: &str) -> Cow<'static, str> {
    sanitize(text, WhiteSpace::OneLine).into()
}

fn visible(c: char) -> String {
    match c {
        ' ' => "' '".to_owned(),
        c => sanitize(&c.to_string(), WhiteSpace::OneLine),
    }
}

/// A sentence with the addresses that were tried, which may differ from the address that was typed.
fn with_tried(said: String, tried: &[Attempt]) -> String {
    match tried {
        [] => said,
        tried => {
            let addresses: Vec<_> =
                tried.iter().map(|attempt| attempt.address.to_string()).collect();
            format!("{said} ({})", addresses.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use correio_client::OutgoingContent;
    use correio_proto::mail::{FullName, Recipients, Subject, Username};

    use super::*;
    use crate::text::Lang;

    #[test]
    fn a_refused_invite_is_said_in_the_language_with_what_to_do() {
        let reply = ErrorReply::new(ErrorCode::NotAllowed, "the invite was used already");
        let error = RequestError::Refused(reply);
        for (lang, advice) in [
            (Lang::En, "Ask the server's operator for another one"),
            (Lang::Pt, "Peça outro ao operador do servidor"),
        ] {
            let text = Text::new(lang);
            let said = text.registration(&error, RegistrationPolicy::Invite {});
            assert!(said.contains(advice), "{said}");
            let said = text.registration(&error, RegistrationPolicy::Closed {});
            assert!(!said.contains(advice), "{said}");
        }
    }

    #[test]
    fn limits_have_units_and_refusals_say_what_is_allowed() {
        let long = |count| "x".repeat(count);
        let cases = [
            (long(201).parse::<Subject>().map(drop), "o assunto pode ter no máximo 200 caracteres"),
            (
                long(101).parse::<FullName>().map(drop),
                "o nome completo pode ter no máximo 100 caracteres",
            ),
            (
                long(33).parse::<Username>().map(drop),
                "o nome de usuário pode ter no máximo 32 caracteres",
            ),
            (
                "tony@mail.example.org".parse::<Username>().map(drop),
                "um nome de usuário não tem @: escreva só o nome, por exemplo tony no lugar de \
                 tony@mail.example.org",
            ),
            (Password::new("curta").map(drop), "a senha precisa ter no mínimo 8 caracteres"),
            (
                "joão".parse::<Username>().map(drop),
                "o nome de usuário não pode conter ã: um nome de usuário tem letras de a até z sem \
                 acento, algarismos, pontos, sublinhados e hífens, e começa com uma letra ou um \
                 algarismo",
            ),
        ];
        let text = Text::new(Lang::Pt);
        for (parsed, said) in cases {
            assert_eq!(text.invalid(parsed.unwrap_err()), said);
        }
        let invalid = OutgoingContent::too_long();
        assert_eq!(text.invalid(invalid), "o corpo pode ter no máximo 64 MiB");
        let many: Vec<_> = (0..101).map(|n| format!("u{n}")).collect();
        let invalid = many.join(",").parse::<Recipients>().unwrap_err();
        let said = Text::new(Lang::En).invalid(invalid);
        assert_eq!(said, "the list of recipients may have at most 100 usernames");
    }
}

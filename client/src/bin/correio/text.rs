//! What is said to a person, in Portuguese or English: the catalogues in `i18n/`.

use std::borrow::Cow;

use correio_client::{
    Attempt, ConnectError, InvalidAddress, Layout, MailboxError, MailboxNote, ReceiveError,
    RequestError, Skipped, sanitize,
};
use correio_proto::{
    mail::{Field, Invalid, Problem, Timestamp},
    message::ErrorReply,
};
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

/// The languages there are catalogues for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lang {
    /// Brazilian Portuguese.
    Pt,
    /// English.
    En,
}

impl Lang {
    /// What was asked for, or else what the environment says, or else Portuguese.
    pub(crate) fn choose(asked: Option<Self>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|locale| !locale.is_empty());
        asked.unwrap_or_else(|| match locale.as_deref() {
            Some(locale) if locale.starts_with("en") => Self::En,
            // C and POSIX name no language; one without a catalogue gets the default.
            _ => Self::Pt,
        })
    }

    fn catalogue(self) -> (LanguageIdentifier, &'static str) {
        match self {
            Self::Pt => (langid!("pt-BR"), include_str!("../../../i18n/pt-BR.ftl")),
            Self::En => (langid!("en"), include_str!("../../../i18n/en.ftl")),
        }
    }
}

/// A catalogue.
pub(crate) struct Text {
    lang: Lang,
    bundle: FluentBundle<FluentResource>,
}

/// Names and values that a text is filled with.
pub(crate) type Values<'a> = [(&'a str, Cow<'a, str>)];

impl Text {
    pub(crate) fn new(lang: Lang) -> Self {
        let (identifier, source) = lang.catalogue();
        let mut bundle = FluentBundle::new(vec![identifier]);
        // Marks for the direction of text would stand in every line and every comparison.
        bundle.set_use_isolating(false);
        // What of a catalogue is malformed is missing from it, and a test finds that.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(rest, _)| rest);
        bundle.add_resource_overriding(resource);
        Self { lang, bundle }
    }

    /// The keys of a catalogue.
    #[cfg(test)]
    pub(crate) fn keys(lang: Lang) -> Vec<String> {
        let (_, source) = lang.catalogue();
        let keys = source.lines().filter_map(|line| line.split_once(" =").map(|(key, _)| key));
        let is_key = |key: &&str| !key.starts_with([' ', '#']);
        keys.filter(is_key).map(str::to_owned).collect()
    }

    /// The text of a key.
    pub(crate) fn of(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// The text of a key, filled in. A key that is missing stands for itself.
    pub(crate) fn with(&self, key: &str, values: &Values<'_>) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(value.clone()));
        }
        self.fill(key, &args)
    }

    /// The text of a key for a count, in the language's plural.
    pub(crate) fn count(&self, key: &str, count: u32) -> String {
        let mut args = FluentArgs::new();
        args.set("count", FluentValue::from(count));
        self.fill(key, &args)
    }

    fn fill(&self, key: &str, args: &FluentArgs<'_>) -> String {
        let message = self.bundle.get_message(key);
        let Some(pattern) = message.and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let filled = self.bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{key} lacks a value: {errors:?}");
        filled
    }

    /// A moment in the person's own time zone.
    pub(crate) fn time(&self, time: Timestamp) -> String {
        let format = match self.lang {
            Lang::Pt => "%d/%m/%Y %H:%M:%S %Z",
            Lang::En => "%Y-%m-%d %H:%M:%S %Z",
        };
        let moment =
            i64::try_from(time.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        moment.map_or_else(String::new, |moment| {
            moment.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string()
        })
    }

    pub(crate) fn invalid(&self, invalid: Invalid) -> String {
        let field = self.of(match invalid.field {
            Field::Username => "field-username",
            Field::FullName => "field-full-name",
            Field::Subject => "field-subject",
            Field::Body => "field-body",
            Field::MailId => "field-mail-id",
            Field::Recipients => "field-recipients",
            Field::Password => "field-password",
            Field::Software => "field-software",
        });
        let field = ("field", Cow::from(field));
        let number = |number: usize| {
            (
                "limit",
                Cow::from(self.with(unit(invalid.field), &[("count", number.to_string().into())])),
            )
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
                self.with("connect-busy", &[("seconds", seconds.to_string().into())])
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
            RequestError::TooLarge { limit } => {
                self.with("request-too-large", &[("limit", limit.to_string().into())])
            }
            RequestError::Overloaded => self.of("request-overloaded"),
            RequestError::Closed => self.of("request-closed"),
        }
    }

    /// A server's error, by its code.
    pub(crate) fn refusal(&self, error: &ErrorReply) -> String {
        let names: Vec<_> = error.recipients.iter().map(ToString::to_string).collect();
        self.with(
            &format!("error-{}", error.code),
            &[
                ("names", names.join(", ").into()),
                ("seconds", error.retry_after.unwrap_or(1).to_string().into()),
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
        let (key, Skipped { path, reason }) = match note {
            MailboxNote::Unreadable(file) => ("local-skipped", file),
            MailboxNote::NotSynced(file) => ("mailbox-not-synced", file),
            MailboxNote::NotMarked(file) => ("mailbox-not-marked", file),
        };
        let path = one_line(&path.to_string_lossy());
        self.with(key, &[("path", path), ("reason", one_line(reason))])
    }

    pub(crate) fn mailbox(&self, error: &MailboxError) -> String {
        match error {
            MailboxError::NoSuchMail(number) => {
                self.with("no-such-mail", &[("number", number.to_string().into())])
            }
            MailboxError::Locked => self.of("locked"),
            other => {
                let reason = sanitize(&other.to_string(), Layout::OneLine).into();
                self.with("mailbox-error", &[("reason", reason)])
            }
        }
    }
}

/// What the length of a field is counted in.
fn unit(field: Field) -> &'static str {
    match field {
        Field::Username | Field::FullName | Field::Subject | Field::MailId | Field::Password => {
            "unit-characters"
        }
        Field::Body | Field::Software => "unit-bytes",
        Field::Recipients => "unit-recipients",
    }
}

/// What a field may consist of.
fn allowed(field: Field) -> &'static str {
    match field {
        Field::Username | Field::Recipients => "allowed-username",
        Field::FullName | Field::Subject | Field::Software => "allowed-line",
        Field::Body | Field::Password => "allowed-text",
        Field::MailId => "allowed-mail-id",
    }
}

/// A text of somebody else's as a value.
fn one_line(text: &str) -> Cow<'static, str> {
    sanitize(text, Layout::OneLine).into()
}

fn visible(c: char) -> String {
    match c {
        ' ' => "' '".to_owned(),
        c => sanitize(&c.to_string(), Layout::OneLine),
    }
}

/// A sentence and the addresses that it is about, which a person may not have typed.
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
    use std::collections::BTreeMap;

    use correio_proto::{
        credential::Password,
        mail::{FullName, Recipients, Subject, Username},
    };
    use fluent_syntax::ast;

    use super::*;

    /// The keys of a catalogue, each with the variables it uses.
    fn keys(lang: Lang) -> BTreeMap<String, Vec<String>> {
        let (_, source) = lang.catalogue();
        let resource = fluent_syntax::parser::parse(source).expect("the catalogue is well-formed");
        let mut keys = BTreeMap::new();
        for entry in resource.body {
            let ast::Entry::Message(message) = entry else {
                continue;
            };
            let text = format!("{:?}", message.value);
            let mut variables: Vec<_> = text
                .split("VariableReference { id: Identifier { name: \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next().map(str::to_owned))
                .collect();
            variables.sort();
            variables.dedup();
            keys.insert(message.id.name.to_owned(), variables);
        }
        keys
    }

    #[test]
    fn the_catalogues_have_the_same_keys_and_variables() {
        assert_eq!(keys(Lang::Pt), keys(Lang::En));
    }

    #[test]
    fn every_error_code_has_a_text() {
        let keys = keys(Lang::Pt);
        for code in correio_proto::message::ErrorCode::ALL {
            assert!(keys.contains_key(&format!("error-{code}")), "{code}");
        }
    }

    #[test]
    fn every_key_in_the_sources_has_a_text() {
        let keys = keys(Lang::Pt);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/correio");
        let mut folders = vec![folder];
        let mut used = 0;
        // Looked up by an error's code; by the names of commands and arguments (`help`).
        let is_composed = |key: &&String| key.starts_with("error-") || key.starts_with("help-");
        let mut unused: Vec<_> = keys.keys().filter(|key| !is_composed(key)).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                unused.retain(|key| !source.contains(&format!("\"{key}\"")));
                for call in [".of(\"", ".with(\"", ".count(\""] {
                    for rest in source.split(call).skip(1) {
                        let key = rest.split('"').next().unwrap();
                        assert!(keys.contains_key(key), "{key:?} in {}", path.display());
                        used += 1;
                    }
                }
            }
        }
        assert!(used > 50, "the keys are found: {used}");
        assert!(unused.is_empty(), "nothing uses {unused:?}");
    }

    #[test]
    fn the_language_comes_from_the_first_that_says_one() {
        let environment = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let choose = |asked, pairs| Lang::choose(asked, environment(pairs));
        assert_eq!(choose(None, &[]), Lang::Pt);
        assert_eq!(choose(None, &[("LANG", "en_US.UTF-8")]), Lang::En);
        assert_eq!(choose(None, &[("LC_ALL", "pt_BR.UTF-8"), ("LANG", "en_US")]), Lang::Pt);
        assert_eq!(choose(None, &[("LC_ALL", ""), ("LC_MESSAGES", "en")]), Lang::En);
        assert_eq!(choose(None, &[("LANG", "C.UTF-8")]), Lang::Pt);
        assert_eq!(choose(Some(Lang::En), &[("LANG", "pt_BR")]), Lang::En);
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
        let many: Vec<_> = (0..101).map(|n| format!("u{n}")).collect();
        let invalid = many.join(",").parse::<Recipients>().unwrap_err();
        let said = Text::new(Lang::En).invalid(invalid);
        assert_eq!(said, "the list of recipients may have at most 100 usernames");
    }

    #[test]
    fn plurals() {
        let text = Text::new(Lang::Pt);
        assert_eq!(text.count("home-waiting", 1), "Há 1 e-mail esperando no servidor.");
        assert_eq!(text.count("home-waiting", 4), "Há 4 e-mails esperando no servidor.");
    }
}

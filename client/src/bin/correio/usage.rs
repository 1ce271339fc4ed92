//! Errors of the command line, in the user's language.

use std::{borrow::Cow, ffi::OsString};

use clap::{
    Arg, Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};
use correio_client::{WhiteSpace, sanitize};

use crate::{help, text::Text};

/// The message for an error: what is wrong, what may have been meant, the usage line, and where the
/// help is. `arguments` is the command line, with the program's name first.
pub(crate) fn message(
    text: &Text,
    command: &Command,
    error: &Error,
    arguments: &[OsString],
) -> String {
    let mut lines = vec![sentence(text, command, error)];
    let used = UsedCommand::of(command, arguments);
    lines.extend(used.takes_rest(text, error));
    for (kind, key) in [
        (ContextKind::ValidValue, "usage-valid-values"),
        (ContextKind::SuggestedArg, "usage-similar"),
        (ContextKind::SuggestedSubcommand, "usage-similar"),
        (ContextKind::SuggestedValue, "usage-similar"),
    ] {
        let names = strings(error, kind);
        if !names.is_empty() {
            lines.push(format!("{} {}", text.of(key), names.join(", ")));
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = help::usage(text, &usage.to_string());
        lines.push(format!("\n{}: {usage}", text.of("help-heading-usage")));
    }
    lines.push(text.with("usage-more", &[("command", used.path.into())]));
    lines.join("\n")
}

/// The command that a refused command line names.
struct UsedCommand<'a> {
    command: &'a Command,
    /// Its name, with the names of the commands above it.
    path: String,
    /// Its options that the command line has.
    options: Vec<&'a Arg>,
}

impl<'a> UsedCommand<'a> {
    /// Finds it. The parser's error does not always say it.
    fn of(root: &'a Command, arguments: &[OsString]) -> Self {
        let mut used =
            Self { command: root, path: root.get_name().to_owned(), options: Vec::new() };
        let mut arguments = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
        while let Some(argument) = arguments.next().filter(|argument| argument != "--") {
            if let Some(option) = argument.strip_prefix("--") {
                let (name, value) = option.split_once('=').unzip();
                let name = name.unwrap_or(option);
                let known = used.command.get_arguments().find(|it| it.get_long() == Some(name));
                used.options.extend(known);
                if value.is_none() && known.is_some_and(|it| it.get_action().takes_values()) {
                    arguments.next();
                }
            } else if argument != help::HELP
                && let Some(below) = used.command.find_subcommand(argument.as_ref())
            {
                used.path = format!("{} {argument}", used.path);
                used.command = below;
            }
        }
        used
    }

    /// The sentence for a missing argument that a list of values before it has taken.
    fn takes_rest(&self, text: &Text, error: &Error) -> Option<String> {
        if error.kind() != ErrorKind::MissingRequiredArgument {
            return None;
        }
        let missing = strings(error, ContextKind::InvalidArg);
        let missing = missing.into_iter().find(|argument| argument.starts_with('<'))?;
        let takes_several =
            |option: &&&Arg| option.get_num_args().is_some_and(|range| range.max_values() > 1);
        let option = self.options.iter().rfind(takes_several)?.get_long()?;
        let values = [("argument", format!("--{option}").into()), ("missing", missing.into())];
        Some(text.with("usage-takes-rest", &values))
    }
}

/// The sentence that says what is wrong.
fn sentence(text: &Text, command: &Command, error: &Error) -> String {
    let argument = strings(error, ContextKind::InvalidArg);
    let value = strings(error, ContextKind::InvalidValue).concat();
    let unknown = strings(error, ContextKind::InvalidSubcommand).concat();
    let prior = strings(error, ContextKind::PriorArg);
    let key = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => "usage-value-missing",
        ErrorKind::ArgumentConflict if prior == argument => "usage-repeated",
        kind => key(kind),
    };
    let said = text.with(
        key,
        &[
            ("argument", Cow::from(argument.join(", "))),
            ("value", value.into()),
            ("command", unknown.into()),
            ("other", prior.join(", ").into()),
        ],
    );
    match form(command, argument.first()) {
        Some(key) if error.kind() == ErrorKind::ValueValidation => {
            format!("{said}: {}", text.of(key))
        }
        _ => said,
    }
}

/// The key of the sentence for a kind of error.
fn key(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "usage-invalid-value",
        ErrorKind::UnknownArgument => "usage-unknown-argument",
        ErrorKind::InvalidSubcommand => "usage-unknown-command",
        ErrorKind::NoEquals => "usage-no-equals",
        ErrorKind::TooManyValues => "usage-too-many-values",
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => "usage-too-few-values",
        ErrorKind::ArgumentConflict => "usage-conflict",
        ErrorKind::MissingRequiredArgument => "usage-missing",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "usage-missing-command"
        }
        ErrorKind::InvalidUtf8 => "usage-not-text",
        // Kinds that are not errors of a command line, and kinds that a later version of the parser
        // adds.
        _ => "usage-other",
    }
}

/// The key of the text that describes the form of an argument's value, if the value has a form.
fn form(command: &Command, argument: Option<&String>) -> Option<&'static str> {
    match find(command, argument?)?.get_id().as_str() {
        "fingerprint" => Some("usage-form-fingerprint"),
        "invite" => Some("invite-form"),
        "number" => Some("usage-form-number"),
        "attachment" => Some("usage-form-attachment"),
        "page" => Some("usage-form-page"),
        "since" | "until" => Some("usage-form-date"),
        _ => None,
    }
}

/// The argument that an error names.
pub(crate) fn find<'a>(command: &'a Command, written: &str) -> Option<&'a Arg> {
    let mut arguments = command.get_arguments();
    arguments
        .find(|known| known.to_string() == *written)
        .or_else(|| command.get_subcommands().find_map(|command| find(command, written)))
}

/// The texts of a part of an error, sanitized.
fn strings(error: &Error, kind: ContextKind) -> Vec<String> {
    let harmless = |text: &String| sanitize(text, WhiteSpace::OneLine);
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![harmless(text)],
        Some(ContextValue::Strings(texts)) => texts.iter().map(harmless).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{args, text::Lang};

    /// Every kind of error that the parser has.
    const KINDS: [ErrorKind; 17] = [
        ErrorKind::InvalidValue,
        ErrorKind::UnknownArgument,
        ErrorKind::InvalidSubcommand,
        ErrorKind::NoEquals,
        ErrorKind::ValueValidation,
        ErrorKind::TooManyValues,
        ErrorKind::TooFewValues,
        ErrorKind::WrongNumberOfValues,
        ErrorKind::ArgumentConflict,
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::InvalidUtf8,
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::DisplayVersion,
        ErrorKind::Io,
        ErrorKind::Format,
    ];

    /// That no catalogue lacks a key is tested in `text`.
    #[test]
    fn every_kind_of_error_has_a_text_of_its_own() {
        for kind in KINDS {
            let is_an_error = !matches!(
                kind,
                ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::Io
                    | ErrorKind::Format
            );
            assert_eq!(key(kind) != "usage-other", is_an_error, "{kind:?}");
        }
    }

    #[test]
    fn errors_are_said_in_the_language() {
        let cases: &[(&[&str], &str, &str)] = &[
            (&["--nada"], "não há o argumento --nada", "there is no argument --nada"),
            (&["sned"], "não há o comando sned\nSeria isto: send", "there is no command sned"),
            (&["read"], "falta informar: <N>", "required, but missing: <N>"),
            (&["read", "um"], "\"um\" não serve para <N>", "\"um\" is not a valid value for <N>"),
            (&["--lang", "fr"], "Pode ser: pt, en", "Allowed values: pt, en"),
            (&["--server"], "falta um valor para --server", "--server <HOST:PORT> needs a value"),
            (&["--json", "--json"], "só pode ser informado uma vez", "may be given once only"),
            (
                &["--plaintext", "--fingerprint", FINGERPRINT, "ping"],
                "não podem ser informados juntos",
                "cannot be given together",
            ),
            (
                &["--fingerprint", "SHA256:C2", "ping"],
                "não é uma impressão digital",
                "a fingerprint is SHA256:",
            ),
        ];
        for (lang, of) in [(Lang::Pt, 0), (Lang::En, 1)] {
            let text = Text::new(lang);
            let command = args::command(&text);
            for (arguments, pt, en) in cases {
                let said = refused(&text, &command, arguments);
                assert!(said.contains([pt, en][of]), "{said}");
                for english in ["Usage: correio [OPTIONS]", "error:", "tip:", "For more"] {
                    let is_said = said.contains(english);
                    assert!(
                        !is_said || (english.starts_with("Usage") && lang == Lang::En),
                        "{said}"
                    );
                }
            }
        }
    }

    /// The message for a command line that is refused.
    fn refused(text: &Text, command: &Command, arguments: &[&str]) -> String {
        let all: Vec<_> = ["correio"].iter().chain(arguments).map(OsString::from).collect();
        let error = command.clone().try_get_matches_from(&all).unwrap_err();
        message(text, command, &error, &all)
    }

    #[test]
    fn an_error_names_the_help_of_its_command() {
        let text = Text::new(Lang::En);
        let command = args::command(&text);
        for (arguments, path) in [
            (&["--nada"][..], "correio"),
            (&["sned"], "correio"),
            (&["help", "sned"], "correio"),
            (&["read"], "correio read"),
            (&["--user", "list", "read", "um"], "correio read"),
            (&["--user=list", "--json", "read", "send"], "correio read"),
            (&["list", "create", "turma"], "correio list create"),
            (&["config", "set", "usre", "tony"], "correio config set"),
            (&["read", "--", "list"], "correio read"),
        ] {
            let said = refused(&text, &command, arguments);
            let more = format!("\nMore: {path} --help");
            assert!(said.ends_with(&more), "{arguments:?}: {said}");
        }
    }

    #[test]
    fn an_option_that_has_taken_the_number_is_named() {
        let text = Text::new(Lang::En);
        let command = args::command(&text);
        for (arguments, option) in [
            (&["reply", "--attach", "nota.txt", "3"][..], "--attach"),
            (&["forward", "--attach", "nota.txt", "3"], "--attach"),
            (&["save", "--attachment", "2", "3"], "--attachment"),
        ] {
            let said = refused(&text, &command, arguments);
            let sentence = format!("{option} takes all values after it: write <N> before it");
            assert!(said.contains(&sentence), "{said}");
        }
        for arguments in [&["reply"][..], &["reply", "--body", "x"], &["send", "--attach", "a"]] {
            let said = refused(&text, &command, arguments);
            assert!(!said.contains("takes all values"), "{said}");
        }
    }

    const FINGERPRINT: &str = "SHA256:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:\
                               10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";
}

//! Errors of the command line, in the user's language.

use std::borrow::Cow;

use clap::{
    Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};
use correio_client::{WhiteSpace, sanitize};

use crate::{help, text::Text};

/// The message for an error: what is wrong, what may have been meant, the usage line.
pub(crate) fn message(text: &Text, command: &Command, error: &Error) -> String {
    let mut lines = vec![sentence(text, command, error)];
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
    lines.push(text.of("usage-more"));
    lines.join("\n")
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
        "page" => Some("usage-form-page"),
        "since" | "until" => Some("usage-form-date"),
        _ => None,
    }
}

/// The argument that an error names.
pub(crate) fn find<'a>(command: &'a Command, written: &str) -> Option<&'a clap::Arg> {
    let mut arguments =
        command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments));
    arguments.find(|known| known.to_string() == *written)
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
                let all = [&["correio"], *arguments].concat();
                let error = command.clone().try_get_matches_from(all).unwrap_err();
                let said = message(&text, &command, &error);
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

    const FINGERPRINT: &str = "SHA256:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:\
                               10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";
}

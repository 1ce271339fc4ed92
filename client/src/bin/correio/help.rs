//! The help of the command line in the user's language. Every text comes from the catalogue; the
//! comments in `args` are for readers of the source.

use clap::{Arg, ArgAction, Command};

use crate::text::Text;

/// The parser's word for options in a usage line, in English only.
const OPTIONS: &str = "[OPTIONS]";

/// The parser's title of a usage line, in English only.
pub(crate) const USAGE: &str = "Usage: ";

/// Most columns of the help: longer lines of prose are hard to read. The parser breaks the lines;
/// the texts have breaks between paragraphs and between examples only.
const WIDTH_MAX: usize = 100;

/// Positions in a list of options: those of all commands, and help and version, which come last.
const GENERAL: usize = 100;
const LAST: usize = 200;

/// The command that the parser adds.
pub(crate) const HELP: &str = "help";

/// Gives a command line its texts in a language, and builds it.
pub(crate) fn localized(text: &Text, command: Command) -> Command {
    let command = command.disable_help_flag(true).disable_version_flag(true);
    let command = command.max_term_width(WIDTH_MAX);
    let mut command = with_all_texts(text, command, None)
        .arg(flag(text, "help", 'h', ArgAction::Help).global(true))
        .arg(flag(text, "version", 'V', ArgAction::Version))
        .after_help(text.of("help-after"));
    // Only a built command has usage lines and the command `help`.
    command.build();
    if command.find_subcommand(HELP).is_some() {
        command = command.mut_subcommand(HELP, |command| help_command(text, command));
    }
    with_all_usages(text, command)
}

/// Gives a command and those below it their texts. `path` is its name after those above it, with
/// hyphens between them.
fn with_all_texts(text: &Text, command: Command, path: Option<&str>) -> Command {
    let mut command = with_texts(text, command, path);
    for name in names(&command) {
        let path = path.map_or_else(|| name.clone(), |path| format!("{path}-{name}"));
        command = command.mut_subcommand(&name, |command| {
            // `correio help config` is enough.
            with_all_texts(text, command.disable_help_subcommand(true), Some(&path))
        });
    }
    command
}

/// Translates the usage lines of a built command and of those below it.
fn with_all_usages(text: &Text, mut command: Command) -> Command {
    for name in names(&command) {
        command = command.mut_subcommand(&name, |command| with_all_usages(text, command));
    }
    with_usage(text, command)
}

fn names(command: &Command) -> Vec<String> {
    command.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Gives one command its texts, apart from its subcommands.
fn with_texts(text: &Text, command: Command, name: Option<&str>) -> Command {
    // Options of all commands come after those of one command.
    let mut order = if name.is_some() { 0 } else { GENERAL };
    command
        .about(text.of(&about_key(name)))
        .help_template(template(text))
        .subcommand_help_heading(text.of("help-heading-commands"))
        .subcommand_value_name(text.of("help-value-command"))
        .mut_args(move |argument| {
            order += 1;
            described(text, argument, name).display_order(order)
        })
}

/// The parser's own layout, with its one fixed word translated.
fn template(text: &Text) -> String {
    let style = *Command::new("").get_styles().get_usage();
    let usage = text.of("help-heading-usage");
    format!(
        "{{about-with-newline}}\n{style}{usage}:{style:#} {{usage}}\n\n{{all-args}}{{after-help}}"
    )
}

fn described(text: &Text, argument: Arg, command: Option<&str>) -> Arg {
    let mut help = text.of(&argument_key(command, argument.get_id().as_str()));
    if let Some(variable) = argument.get_env().and_then(|variable| variable.to_str())
        && !variable.is_empty()
    {
        let values = [("variable", variable.to_owned().into())];
        help = format!("{help} {}", text.with("help-environment", &values));
    }
    let values: Vec<_> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let takes_value = argument.get_action().takes_values();
    if takes_value && !values.is_empty() {
        let values = [("values", values.join(", ").into())];
        help = format!("{help} {}", text.with("help-possible-values", &values));
    }
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults: Vec<_> = defaults.collect();
    if takes_value && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let values = [("values", defaults.join(", ").into())];
        help = format!("{help} {}", text.with("help-default", &values));
    }
    let heading = match argument.is_positional() {
        true => "help-heading-arguments",
        false => "help-heading-options",
    };
    let argument = argument.help(help).help_heading(text.of(heading)).hide_env(true);
    match takes_value {
        true => {
            let name = text.of(&value_key(argument.get_id().as_str()));
            argument.value_name(name).hide_possible_values(true).hide_default_value(true)
        }
        false => argument,
    }
}

fn flag(text: &Text, name: &'static str, short: char, action: ArgAction) -> Arg {
    Arg::new(name)
        .short(short)
        .long(name)
        .action(action)
        .help(text.of(&argument_key(None, name)))
        .help_heading(text.of("help-heading-options"))
        .display_order(LAST)
}

/// Gives texts to the command that the parser adds, and to its own entry below it.
fn help_command(text: &Text, command: Command) -> Command {
    command
        .about(text.of(&about_key(Some(HELP))))
        .help_template(template(text))
        .subcommand_help_heading(text.of("help-heading-commands"))
        .mut_subcommand(HELP, |command| command.about(text.of(&about_key(Some(HELP)))))
}

fn with_usage(text: &Text, mut command: Command) -> Command {
    let usage = usage(text, &command.render_usage().to_string());
    command.override_usage(usage)
}

/// A usage line of the parser, translated and without its title.
pub(crate) fn usage(text: &Text, line: &str) -> String {
    let line = line.trim().strip_prefix(USAGE).unwrap_or(line.trim());
    line.replace(OPTIONS, &format!("[{}]", text.of("help-value-options")))
}

fn about_key(command: Option<&str>) -> String {
    match command {
        Some(command) => format!("help-command-{command}"),
        None => "help-about".to_owned(),
    }
}

fn argument_key(command: Option<&str>, id: &str) -> String {
    format!("help-{}-{id}", command.unwrap_or("option"))
}

fn value_key(id: &str) -> String {
    format!("help-value-{id}")
}

/// Adds the keys of a command and of those below it.
#[cfg(test)]
fn add_keys(command: &Command, path: Option<&str>, keys: &mut Vec<String>) {
    keys.push(about_key(path));
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        keys.push(argument_key(path, id));
        if argument.get_action().takes_values() {
            keys.push(value_key(id));
        }
    }
    for command in command.get_subcommands() {
        let name = command.get_name();
        let path = path.map_or_else(|| name.to_owned(), |path| format!("{path}-{name}"));
        add_keys(command, Some(&path), keys);
    }
}

/// All keys that the help of a command line looks up.
#[cfg(test)]
pub(crate) fn keys(command: &Command) -> Vec<String> {
    let mut keys: Vec<String> = [
        "help-after",
        "help-heading-usage",
        "help-heading-commands",
        "help-heading-arguments",
        "help-heading-options",
        "help-environment",
        "help-possible-values",
        "help-default",
        "help-value-command",
        "help-value-options",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.extend([about_key(None), about_key(Some(HELP))]);
    keys.extend(["help", "version"].map(|id| argument_key(None, id)));
    add_keys(command, None, &mut keys);
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::{
        args::{self, Cli},
        text::Lang,
    };

    fn help(lang: Lang, arguments: &[&str]) -> String {
        let command = args::command(&Text::new(lang));
        let arguments = [&["correio"], arguments, &["--help"]].concat();
        command.try_get_matches_from(arguments).unwrap_err().to_string()
    }

    #[test]
    fn every_command_and_argument_has_a_text() {
        for lang in [Lang::Pt, Lang::En] {
            let mut known: Vec<String> = Text::keys(lang);
            known.retain(|key| key.starts_with("help-"));
            known.sort();
            assert_eq!(known, keys(&Cli::command()));
        }
    }

    /// `client/tests/program_json.rs` runs the commands, and compares their answers with the
    /// schemas.
    #[test]
    fn every_command_has_a_schema_and_every_schema_a_command() {
        fn add(command: &Command, path: &str, commands: &mut Vec<String>) {
            for below in command.get_subcommands() {
                let path = format!("{path}{}", below.get_name());
                // A command with commands below it may have an answer of its own, too.
                let is_whole = !below.has_subcommands() || !below.is_subcommand_required_set();
                commands.extend(is_whole.then(|| path.clone()));
                add(below, &format!("{path}-"), commands);
            }
        }
        let mut commands = Vec::new();
        add(&Cli::command(), "", &mut commands);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file());
        let name =
            |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut schemas: Vec<_> = files.map(name).filter(|name| name != "error").collect();
        commands.sort();
        schemas.sort();
        assert_eq!(schemas, commands, "client/schemas has one file for each command");
    }

    /// Adds the names of all commands below a command.
    fn add_paths<'a>(command: &'a Command, above: &[&'a str], paths: &mut Vec<Vec<&'a str>>) {
        for below in command.get_subcommands() {
            let path = [above, &[below.get_name()]].concat();
            add_paths(below, &path, paths);
            paths.push(path);
        }
    }

    /// No command's help has a line that is the same in both languages, apart from examples.
    #[test]
    fn the_help_is_in_the_language() {
        let command = Cli::command();
        let mut paths = vec![vec![]];
        add_paths(&command, &[], &mut paths);
        for arguments in paths {
            let (pt, en) = (help(Lang::Pt, &arguments), help(Lang::En, &arguments));
            assert!(pt.contains("\nUso: correio") && en.contains("\nUsage: correio"), "{pt}{en}");
            for line in pt.lines().filter(|line| !line.trim().is_empty()) {
                let is_example = line.trim_start().starts_with(['c', 'e', '~']);
                // A list of values may end with a name in a line of its own.
                let is_name = !line.trim().contains(' ');
                let is_same = en.lines().any(|other| other == line);
                assert!(is_example || is_name || !is_same, "{line}");
                for english in ["[default", "[possible", "[env", "[alias", "Usage", "Options"] {
                    assert!(!line.contains(english), "{line}");
                }
            }
        }
        let overview = args::command(&Text::new(Lang::Pt))
            .try_get_matches_from(["correio", "help", "send"])
            .unwrap_err()
            .to_string();
        assert!(overview.contains("Uso: correio send [OPÇÕES] --to <NOME"), "{overview}");
    }

    #[test]
    fn the_language_is_known_before_the_command_line_is() {
        let lang = |arguments: &[&str], set: &'static [(&str, &str)]| {
            args::lang(
                arguments.iter().map(Into::into),
                |name| {
                    set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
                },
                None,
            )
        };
        assert_eq!(lang(&["--lang", "en", "--nada"], &[]), Lang::En);
        assert_eq!(lang(&["nada", "--lang=en"], &[("CORREIO_LANG", "pt")]), Lang::En);
        assert_eq!(lang(&["--help"], &[("CORREIO_LANG", "en"), ("LANG", "pt_BR")]), Lang::En);
        assert_eq!(lang(&["--help"], &[("LANG", "en_US.UTF-8")]), Lang::En);
        assert_eq!(lang(&["--lang", "fr"], &[("LANG", "en_US.UTF-8")]), Lang::En);
        assert_eq!(lang(&["--", "--lang", "en"], &[]), Lang::Pt);
        assert_eq!(lang(&["--lang"], &[]), Lang::Pt);
    }
}

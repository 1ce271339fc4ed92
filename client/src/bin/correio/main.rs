//! `correio`: runs the menus or one command, writes the answer, and decides the exit status.

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH},
};

use correio_client::{Cancel, sanitize_json};
use etcetera::BaseStrategy;

use crate::{
    app::App,
    args::{Cli, Options, UsageError, variable_at_fault},
    commands::Context,
    config::Config,
    connect::TrustOption,
    exit::{ExitStatus, Failure},
    output::Output,
    prompt::Stop,
    terminal::Terminal,
    text::Text,
};

mod app;
mod app_password_args;
mod app_passwords;
mod args;
mod attach;
mod commands;
mod complete;
mod completions;
mod compose;
mod config;
mod connect;
mod editor;
mod exit;
mod flag_marks;
mod fullness;
mod help;
mod last_used;
mod list_args;
mod local_args;
mod mail_number;
mod mail_view;
mod man;
mod names;
mod notify;
mod output;
mod owners;
mod password;
mod password_command;
mod people;
mod private_file;
mod program;
mod prompt;
mod quoting;
mod reply_args;
mod screens;
mod search;
mod sent;
mod signature;
mod spinner;
mod terminal;
mod text;
mod transfer;
mod tty;
mod typed_path;
mod usage;
mod view;
mod wrap;

/// How the program ended without a failure.
enum Ended {
    /// A command has an answer.
    Answered(Box<Output>),
    /// The user has left the menus.
    Left,
    /// A script could not go on and was told why, or a signal has ended the menus.
    Failed(ExitStatus),
}

fn main() -> ExitCode {
    heed_empty_no_color();
    let variable = |name: &str| env::var(name).ok();
    let config = Config::load();
    let configured = config.as_ref().ok().and_then(Config::language);
    let lang = args::lang(env::args_os(), variable, configured);
    // The catalogue is used until the end of the program.
    let text: &'static Text = Box::leak(Box::new(Text::new(lang)));
    match completions::answer(|| args::command(text)) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(status) => return status.into(),
    }
    let command = args::command(text);
    let mut cli = match Cli::read(&command) {
        Ok(cli) => cli,
        Err(refused) => return refuse(text, &command, &refused),
    };
    let json = cli.options.json;
    match config {
        Ok(config) => cli.options.with_defaults(config),
        // Commands that do without the file still work, so that it can be mended.
        Err(_) if cli.works_without_config() => {}
        Err(error) => return fail(text, &Failure::config(text, &error), json),
    }
    match run(&cli, text) {
        Ok(Ended::Left) => ExitCode::SUCCESS,
        Ok(Ended::Failed(status)) => status.into(),
        Ok(Ended::Answered(output)) => {
            match write_answer(text, &output, || output.write(text, json)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => {
                    let _ = writeln!(io::stderr(), "correio: {}", failure.text);
                    failure.status.into()
                }
            }
        }
        Err(failure) => fail(text, &failure, json),
    }
}

/// Takes an empty `NO_COLOR` for one that is not set, as <https://no-color.org> asks. console takes
/// it for one that is set.
fn heed_empty_no_color() {
    let is_empty = env::var_os("NO_COLOR").is_some_and(|value| value.is_empty());
    let has_colours = env::var("TERM").is_ok_and(|term| term != "dumb")
        && env::var("CLICOLOR").map_or(true, |colours| colours != "0");
    if is_empty && has_colours {
        console::set_colors_enabled(io::stdout().is_terminal());
        console::set_colors_enabled_stderr(io::stderr().is_terminal());
    }
}

/// Writes why a command failed, and what it did before. Returns its status even if nothing can be
/// written.
fn fail(text: &Text, failure: &Failure, json: bool) -> ExitCode {
    let write_json = || writeln!(io::stdout(), "{}", sanitize_json(&failure.json()));
    let written = match (&failure.partial, json) {
        (Some(partial), true) => write_answer(text, partial, write_json),
        (Some(partial), false) => write_answer(text, partial, || partial.write(text, json)),
        (None, true) => {
            let _ = write_json();
            Ok(())
        }
        (None, false) => Ok(()),
    };
    if !json {
        let _ = writeln!(io::stderr(), "correio: {}", failure.text);
        if let Some(draft) = &failure.draft {
            let file = draft.file.display().to_string();
            let said = text.with("command-draft", &[("file", file.into())]);
            let _ = writeln!(io::stderr(), "{said}");
        }
    }
    if let Err(unwritten) = written {
        let _ = writeln!(io::stderr(), "correio: {}", unwritten.text);
    }
    failure.status.into()
}

/// Writes an answer and then marks the mails that it shows. Without a complete write nothing is
/// marked; a reader that closed the pipe has read enough.
fn write_answer(
    text: &Text,
    output: &Output,
    write: impl FnOnce() -> io::Result<()>,
) -> Result<(), Failure> {
    match write().and_then(|()| io::stdout().flush()) {
        Ok(()) => output.written(text).map_err(|error| Failure::mailbox(text, &error)),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(ExitStatus::Local, "output", error.to_string())),
    }
}

/// Writes the help, the version, or what is wrong with the command line.
fn refuse(text: &Text, command: &clap::Command, refused: &UsageError) -> ExitCode {
    let (said, variable) = match refused {
        // Help and version are no errors.
        UsageError::Parser(error) if !error.use_stderr() => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        UsageError::Parser(error) => {
            let arguments: Vec<_> = env::args_os().collect();
            let said = usage::message(text, command, error, &arguments);
            (said, variable_at_fault(command, error))
        }
        UsageError::WithoutCommand(option) => {
            (text.with("usage-needs-command", &[("option", (*option).into())]), None)
        }
    };
    let json =
        env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    let (status, code) = match variable {
        Some(_) => (ExitStatus::Configuration, "invalid"),
        None => (ExitStatus::Usage, "usage"),
    };
    let said = match variable {
        Some(variable) => {
            let source = text.with("usage-variable", &[("variable", variable.into())]);
            format!("{said}\n{source}")
        }
        None => said,
    };
    fail(text, &Failure::new(status, code, said), json)
}

/// Runs one command, or the menus, which write their messages themselves.
fn run(cli: &Cli, text: &'static Text) -> Result<Ended, Failure> {
    let options = &cli.options;
    check_clock(text, SystemTime::elapsed(&UNIX_EPOCH))?;
    let data = data_directory(options)?;
    let cancel = Cancel::new();
    let terminal = Terminal::install(cancel.clone())
        .map_err(|error| Failure::new(ExitStatus::Local, "signals", error.to_string()))?;
    if let Some(command) = &cli.command {
        let context = Context { text, options, data, cancel, terminal };
        return commands::run(&context, command).map(|output| Ended::Answered(Box::new(output)));
    }
    let preset = match &options.server {
        Some(_) => Some(options.address(text)?),
        None => None,
    };
    let mut app = App::new(text, data, TrustOption::of(options), terminal.clone(), cancel);
    app.user = options.user.clone().unwrap_or_default();
    app.config = options.config.clone();
    let stop = screens::first::run(&mut app, preset.as_ref());
    match stop {
        Stop::Interrupted => {
            terminal.clean_up();
            let said = app.text.of("interrupted");
            Err(Failure::new(ExitStatus::Interrupted, "interrupted", said))
        }
        Stop::Signal(signal) => {
            terminal.clean_up();
            Ok(Ended::Failed(ExitStatus::of_signal(signal)))
        }
        Stop::Failed(status) => Ok(Ended::Failed(status)),
        Stop::Back | Stop::Leave => match app.failed {
            // Without a server, nothing that the script asked for was done.
            Some(status) if app.is_script() => Ok(Ended::Failed(status)),
            _ => Ok(Ended::Left),
        },
    }
}

/// Refuses a clock before 1970: neither TLS nor the ids of mails work with it.
fn check_clock(text: &Text, since_1970: Result<Duration, SystemTimeError>) -> Result<(), Failure> {
    let wrong = |_| Failure::new(ExitStatus::Configuration, "clock", text.of("clock-before-1970"));
    since_1970.map(drop).map_err(wrong)
}

fn data_directory(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(directory) = &options.data_dir {
        return Ok(directory.clone());
    }
    let base = etcetera::choose_base_strategy()
        .map_err(|error| Failure::new(ExitStatus::Configuration, "no_home", error.to_string()))?;
    Ok(base.data_dir().join("correio"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_refused() {
        let text = Text::new(text::Lang::Pt);
        assert!(check_clock(&text, Ok(Duration::ZERO)).is_ok());
        let before = UNIX_EPOCH.duration_since(UNIX_EPOCH + Duration::from_secs(1));
        let failure = check_clock(&text, before).unwrap_err();
        assert_eq!((failure.status, failure.code), (ExitStatus::Configuration, "clock"));
        assert!(failure.text.contains("antes de 1970"));
    }
}

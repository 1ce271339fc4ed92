//! `correio`: the menus, or one command. What it says, and with which status it ends, is decided
//! here.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use correio_client::{Cancel, show_json};
use etcetera::BaseStrategy;

use crate::{
    app::App,
    args::{Cli, Options, variable_at_fault},
    commands::{Context, Output},
    exit::{Failure, Status},
    prompt::Stop,
    terminal::Guard,
    text::{Lang, Text},
    trust::Stated,
};

mod app;
mod args;
mod commands;
mod editor;
mod exit;
mod fields;
mod person;
mod prompt;
mod screens;
mod terminal;
mod text;
mod trust;
mod writing;

/// How the program came to its end without a failure.
enum Ended {
    /// A command has something to say.
    Answered(Output),
    /// The person has left the menus.
    Left,
    /// A script could not go on, and was told why.
    Failed(Status),
    /// A signal, by its number.
    Signal(i32),
}

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let text = Text::new(Lang::choose(cli.options.lang, |name| env::var(name).ok()));
    let json = cli.options.json;
    match run(&cli, text) {
        Ok(Ended::Left) => ExitCode::SUCCESS,
        Ok(Ended::Failed(status)) => status.into(),
        // As shells count it.
        Ok(Ended::Signal(signal)) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(Ended::Answered(output)) => {
            let answer = if json { show_json(&output.json) } else { output.text };
            answered(writeln!(io::stdout(), "{answer}").and_then(|()| io::stdout().flush()))
        }
        Err(failure) => {
            // The status tells, whether anybody reads it or not.
            let _ = match json {
                true => writeln!(io::stdout(), "{}", show_json(&failure.json())),
                false => writeln!(io::stderr(), "correio: {}", failure.text),
            };
            failure.status.into()
        }
    }
}

/// An answer that could not be written was not given. Whoever closed a pipe has read enough.
fn answered(written: io::Result<()>) -> ExitCode {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "correio: {error}");
            Status::Local.into()
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says what is wrong with the command line, or what was asked about it.
fn refuse(error: &clap::Error) -> ExitCode {
    // Help and version are no errors.
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let json =
        env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    let variable = variable_at_fault(error);
    let (status, code) = match variable {
        Some(_) => (Status::Configuration, "invalid"),
        None => (Status::Usage, "usage"),
    };
    let source = variable.map(|variable| format!("The value is that of {variable}.\n"));
    let source = source.unwrap_or_default();
    let _ = match json {
        true => {
            let failure = Failure::new(status, code, format!("{error}{source}"));
            writeln!(io::stdout(), "{}", show_json(&failure.json()))
        }
        false => error.print().and_then(|()| write!(io::stderr(), "{source}")),
    };
    status.into()
}

/// Runs the menus, which say everything themselves, or one command.
fn run(cli: &Cli, text: Text) -> Result<Ended, Failure> {
    let options = &cli.options;
    let data = data_directory(options)?;
    let cancel = Cancel::new();
    let guard = Guard::install(cancel.clone())
        .map_err(|error| Failure::new(Status::Local, "signals", error.to_string()))?;
    if let Some(command) = &cli.command {
        let context = Context { text: &text, options, data, cancel };
        return commands::run(&context, &guard, command).map(Ended::Answered);
    }
    let preset = match &options.server {
        Some(_) => Some(options.address(&text)?),
        None => None,
    };
    let mut app = App::new(text, data, Stated::of(options), guard.clone(), cancel);
    app.user = options.user.clone().unwrap_or_default();
    let stop = screens::first::run(&mut app, preset.as_ref());
    match stop {
        Stop::Interrupted => {
            guard.clean_up();
            let said = app.text.of("interrupted");
            Err(Failure::new(Status::Interrupted, "interrupted", said))
        }
        Stop::Signal(signal) => {
            guard.clean_up();
            Ok(Ended::Signal(signal))
        }
        Stop::Failed(status) => Ok(Ended::Failed(status)),
        Stop::Back | Stop::Leave => match app.failed {
            // Nothing else that the script said can have been done.
            Some(status) if app.is_script() => Ok(Ended::Failed(status)),
            _ => Ok(Ended::Left),
        },
    }
}

fn data_directory(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(directory) = &options.data_dir {
        return Ok(directory.clone());
    }
    let base = etcetera::choose_base_strategy()
        .map_err(|error| Failure::new(Status::Configuration, "no_home", error.to_string()))?;
    Ok(base.data_dir().join("correio"))
}

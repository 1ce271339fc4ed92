//! `correio`: the menus, or one command. What it says, and with which status it ends, is decided
//! here.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use correio_client::{Address, Cancel};
use etcetera::BaseStrategy;

use crate::{
    app::App,
    args::{Cli, Options},
    commands::Context,
    exit::{Failure, Status},
    terminal::Guard,
    text::{Lang, Text},
};

mod app;
mod args;
mod commands;
mod exit;
mod fields;
mod prompt;
mod screens;
mod show;
mod terminal;
mod text;

/// Wrong usage, as sysexits.h counts it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; nor is a reader that has gone away.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let text = Text::new(Lang::choose(cli.options.lang, |name| env::var(name).ok()));
    let json = cli.options.json;
    let (answer, failure) = match run(&cli, text) {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(output)) if json => (Some(output.json.to_string()), None),
        Ok(Some(output)) => (Some(output.text), None),
        Err(failure) if json => (Some(failure.json().to_string()), Some(failure)),
        Err(failure) => (None, Some(failure)),
    };
    if let Some(answer) = answer {
        // Whoever read it may have gone; the status still tells.
        let _ = writeln!(io::stdout(), "{answer}");
    }
    let Some(failure) = failure else {
        return ExitCode::SUCCESS;
    };
    if !json {
        let _ = writeln!(io::stderr(), "correio: {}", failure.text);
    }
    ExitCode::from(failure.status as u8)
}

/// Runs the menus, which say everything themselves, or one command.
fn run(cli: &Cli, text: Text) -> Result<Option<commands::Output>, Failure> {
    let options = &cli.options;
    let data = data_directory(options)?;
    let cancel = Cancel::new();
    let guard = Guard::install(cancel.clone())
        .map_err(|error| Failure::new(Status::Local, "signals", error.to_string()))?;
    if let Some(command) = &cli.command {
        let context = Context {
            text: &text,
            options,
            data,
            cancel,
        };
        return commands::run(&context, &guard, command).map(Some);
    }
    let preset = preset(options, &text)?;
    let mut app = App::new(text, data, guard, cancel);
    screens::first::run(&mut app, preset.as_ref());
    Ok(None)
}

/// The server that was named for the menus.
fn preset(options: &Options, text: &Text) -> Result<Option<Address>, Failure> {
    let address = options
        .server
        .as_deref()
        .map(str::parse::<Address>)
        .transpose();
    address
        .map_err(|invalid| Failure::new(Status::Configuration, "invalid", text.address(&invalid)))
}

fn data_directory(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(directory) = &options.data_dir {
        return Ok(directory.clone());
    }
    let base = etcetera::choose_base_strategy()
        .map_err(|error| Failure::new(Status::Configuration, "no_home", error.to_string()))?;
    Ok(base.data_dir().join("correio"))
}

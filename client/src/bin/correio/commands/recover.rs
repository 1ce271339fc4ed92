//! `correio recover`: sets a forgotten password by a code of the server's operator.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use correio_client::RecoveryCode;
use correio_proto::capability::RECOVER;
use serde_json::json;
use zeroize::Zeroizing;

use super::context::Context;
use crate::{
    app_passwords,
    exit::{ExitStatus, Failure},
    output::Output,
    tty::Tty,
};

/// Maximum length of the line with the code, in bytes. A code has 19 characters.
const LINE_MAX: u64 = 200;

pub(super) fn run(context: &Context<'_>, code_file: Option<&Path>) -> Result<Output, Failure> {
    let text = context.text;
    let address = context.address()?;
    let username = context.username()?;
    if code_file.is_none() && !context.may_ask() {
        return Err(no_code(context));
    }
    context.needs_password()?;
    // The connection comes first: no code is typed for a server that is not there.
    let service = context.connect()?;
    if !service.welcome().capabilities.contains(RECOVER) {
        return Err(Failure::new(ExitStatus::NotAllowed, "no_recovery", text.of("recover-off")));
    }
    let code = match code_file {
        Some(path) => code_of(context, path)?,
        None => asked_code(context)?,
    };
    let password = context.new_password("account-new")?;
    let revoked = service
        .recover(&username, &code, &password, &context.cancel)
        .map_err(|error| Failure::recovery(text, &error))?;
    let values = [
        ("username", username.as_str().to_owned().into()),
        ("address", address.to_string().into()),
    ];
    let said = [Some(text.with("command-recovered", &values))]
        .into_iter()
        .chain([app_passwords::revoked(text, &service, revoked)])
        .flatten()
        .collect::<Vec<_>>();
    Ok(Output::new(
        said.join("\n"),
        json!({ "username": username.as_str(), "app_passwords_revoked": revoked }),
    ))
}

/// The code in the first line of a file; `-` is standard input, whose next line may be the
/// password.
fn code_of(context: &Context<'_>, path: &Path) -> Result<RecoveryCode, Failure> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_MAX as usize));
    // A pipe may stay silent: Ctrl-C ends the program.
    context.terminal.set_busy(false);
    let read = match path.as_os_str() == "-" {
        true => first_line(io::stdin().lock(), &mut line),
        false => File::open(path).and_then(|file| first_line(BufReader::new(file), &mut line)),
    };
    context.terminal.set_busy(true);
    read.map_err(|error| {
        let (path, reason) = (path.to_string_lossy().into_owned(), context.text.file_error(&error));
        let values = [("path", path.into()), ("reason", reason.into())];
        Failure::new(ExitStatus::Local, "code", context.text.with("recover-unreadable", &values))
    })?;
    str::from_utf8(&line)
        .ok()
        .and_then(|line| line.trim_start_matches('\u{feff}').trim().parse().ok())
        .ok_or_else(|| bad_code(context))
}

fn first_line(file: impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    file.take(LINE_MAX).read_until(b'\n', line).map(drop)
}

/// Asks for the code on the terminal. The terminal shows the code, which is void after its use.
fn asked_code(context: &Context<'_>) -> Result<RecoveryCode, Failure> {
    // During the question, Ctrl-C ends the program.
    context.terminal.set_busy(false);
    let mut tty = Tty::find(&context.terminal).ok_or_else(|| no_code(context))?;
    let question = context.text.of("recover-code");
    let typed = tty.line(&question).map(Zeroizing::new).map_err(|_| no_code(context))?;
    context.terminal.set_busy(true);
    typed.trim().parse().map_err(|_| bad_code(context))
}

fn bad_code(context: &Context<'_>) -> Failure {
    Failure::new(ExitStatus::BadData, "invalid", context.text.of("recover-code-form"))
}

fn no_code(context: &Context<'_>) -> Failure {
    Failure::new(ExitStatus::Configuration, "no_code", context.text.of("needs-code"))
}

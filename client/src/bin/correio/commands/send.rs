//! `correio send`: sends a mail, or keeps it as a draft.

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use correio_client::{Draft, Drafts, RequestError, Service, new_mail_id};
use correio_proto::{
    limits,
    mail::{Body, Field, Invalid, MailId, Problem, Recipients, Subject, Username},
    message::Send,
};
use serde_json::json;

use super::{context::Context, json::utc};
use crate::{
    compose::{Composition, DraftField},
    editor::Editor,
    exit::{ExitStatus, Failure, KeptDraft},
    output::Output,
    prompt::{BodyEnd, Prompt, Stop},
    terminal::SignalRoute,
    text::Text,
};

/// Source of the body.
pub(super) enum BodySource {
    Argument(String),
    File(PathBuf),
    StandardInput,
}

impl BodySource {
    pub(super) fn of(body: Option<&str>, file: Option<&Path>) -> Self {
        match (body, file) {
            (Some(body), _) => Self::Argument(body.to_owned()),
            (None, Some(file)) if file == Path::new("-") => Self::StandardInput,
            (None, Some(file)) => Self::File(file.to_owned()),
            (None, None) => Self::StandardInput,
        }
    }

    /// Whether a user types the body now, so that it exists nowhere else.
    fn is_typed(&self) -> bool {
        matches!(self, Self::StandardInput) && io::stdin().is_terminal()
    }

    /// Reads at most the maximum length of a body and one more byte, which shows that the body is
    /// too long.
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let max = limits::BODY_MAX as u64 + 1;
        match self {
            Self::Argument(text) => bytes.extend_from_slice(text.as_bytes()),
            Self::File(path) => _ = fs::File::open(path)?.take(max).read_to_end(&mut bytes)?,
            Self::StandardInput => _ = io::stdin().lock().take(max).read_to_end(&mut bytes)?,
        }
        Ok(bytes)
    }
}

pub(super) fn run(
    context: &Context<'_>,
    to: &str,
    subject: &str,
    source: &BodySource,
) -> Result<Output, Failure> {
    let text = context.text;
    let invalid = |invalid| Failure::invalid(text, invalid);
    context.address()?;
    let username = context.username()?;
    let (to, subject) = (to.parse().map_err(invalid)?, subject.parse().map_err(invalid)?);
    context.needs_password()?;
    // First the connection, then the password, then the body, which may follow the password on
    // standard input. Without a connection the mail is still saved as a draft.
    let connected = match context.connect() {
        Ok(service) => Ok((service, context.password()?)),
        Err(failure) => {
            if context.options.password_stdin {
                // Its line stands before the body.
                context.password()?;
            }
            Err(failure)
        }
    };
    let (mail, composition) = match source.is_typed() {
        true => {
            let (mail, composition) = typed(context, &username, to, subject)?;
            (mail, Some(composition))
        }
        false => {
            (Send { id: new_mail_id(), to, subject, content: body(text, source)?.into() }, None)
        }
    };
    let kept = |composition: Option<Composition>, failure: Failure| match composition {
        Some(mut composition) => keep_typed(context, &mut composition, failure),
        None => keep(context, &username, &mail, failure),
    };

    context.terminal.set_busy(true);
    let (service, password) = match connected {
        Ok(connected) => connected,
        Err(failure) => return Err(kept(composition, failure)),
    };
    let logged_in = service.login(&username, &password, &context.cancel);
    let sent = logged_in
        .map_err(|error| Failure::request(text, &error))
        .and_then(|_| send(context, &service, &mail));
    match sent {
        Ok(output) => {
            if let Some(composition) = composition {
                composition.sent();
            }
            Ok(output)
        }
        Err(failure) => Err(kept(composition, failure)),
    }
}

/// Asks for the body. The mail is a draft from the first character on, until it is sent.
fn typed(
    context: &Context<'_>,
    username: &Username,
    to: Recipients,
    subject: Subject,
) -> Result<(Send, Composition), Failure> {
    let text = context.text;
    let drafts = Drafts::open(&context.data, &context.address()?, username);
    let mut composition = Composition::begin(&drafts, text);
    composition.set(DraftField::To, &to.to_string());
    composition.set(DraftField::Subject, subject.as_str());
    context.terminal.set_busy(false);
    let mut prompt = Prompt::on_stderr(&context.terminal, text);
    let typed = type_body(context, &mut prompt, &mut composition);
    drop(prompt);
    context.terminal.route_signals(SignalRoute::Exit);
    let body = typed?;
    // Saved durably before the mail is sent. If that fails, the last version that was saved stays.
    let _ = composition.save();
    Ok((Send { id: composition.mail.id, to, subject, content: body.into() }, composition))
}

fn type_body(
    context: &Context<'_>,
    prompt: &mut Prompt,
    composition: &mut Composition,
) -> Result<Body, Failure> {
    let text = context.text;
    prompt.say(&text.of("command-body"));
    loop {
        let mut body = composition.mail.body.clone();
        let written = prompt.body(&mut body, &mut composition.field(DraftField::Body));
        composition.set(DraftField::Body, &body);
        match written {
            Ok(BodyEnd::Editor) => {
                edit(context, composition);
                context.terminal.redraw();
                continue;
            }
            // The end of the input ends the body.
            Ok(BodyEnd::Complete) | Err(Stop::Leave) => {}
            Err(stop) => return Err(stopped(context, composition, stop)),
        }
        match composition.mail.body.parse() {
            Ok(body) => return Ok(body),
            Err(invalid) if written == Err(Stop::Leave) => {
                return Err(keep_typed(context, composition, Failure::invalid(text, invalid)));
            }
            // The user can correct it.
            Err(invalid) => prompt.say(&text.invalid(invalid)),
        }
    }
}

/// Edits the body in an editor, and reports a failure.
fn edit(context: &Context<'_>, composition: &mut Composition) {
    let text = context.text;
    let Some(editor) = Editor::of_user() else {
        let _ = writeln!(io::stderr(), "{}", text.of("send-body-no-editor"));
        return;
    };
    context.terminal.set_busy(true);
    let mode = context.terminal.release();
    let edited = editor.edit_mail(&context.data, composition);
    drop(mode);
    context.terminal.set_busy(false);
    if let Err(said) = edited {
        let values = [("editor", editor.shown().into()), ("reason", said.into())];
        let _ = writeln!(io::stderr(), "{}", text.with("send-editor-failed", &values));
    }
}

/// Keeps the draft of a mail that the user or a signal has stopped.
fn stopped(context: &Context<'_>, composition: &mut Composition, stop: Stop) -> Failure {
    let text = context.text;
    let status = match stop {
        Stop::Signal(signal) => ExitStatus::of_signal(signal),
        Stop::Failed(status) => status,
        Stop::Back | Stop::Leave | Stop::Interrupted => ExitStatus::Interrupted,
    };
    keep_typed(context, composition, Failure::new(status, "cancelled", text.of("interrupted")))
}

/// Saves a typed mail that was not sent, and says where. If that fails, shows the mail, so that its
/// text can be copied.
fn keep_typed(context: &Context<'_>, composition: &mut Composition, failure: Failure) -> Failure {
    if composition.mail.body.trim().is_empty() {
        return failure;
    }
    match composition.save() {
        Ok(()) => {
            let id = composition.mail.id;
            say_kept(context, failure, id, composition.path().unwrap_or_default())
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", composition.not_saved(&error));
            failure
        }
    }
}

/// Reads the body. Bytes that are not UTF-8 are refused, never replaced. A body that is too long is
/// refused as too long, although only its beginning was read.
fn body(text: &Text, source: &BodySource) -> Result<Body, Failure> {
    let bytes = source.read().map_err(|error| {
        let place = match source {
            BodySource::File(path) => format!("{}: ", path.display()),
            BodySource::Argument(_) | BodySource::StandardInput => String::new(),
        };
        Failure::new(ExitStatus::Local, "body", format!("{place}{error}"))
    })?;
    let invalid = |invalid| Failure::invalid(text, invalid);
    if bytes.len() > limits::BODY_MAX {
        let problem = Problem::TooLong(limits::BODY_MAX);
        return Err(invalid(Invalid { field: Field::Body, problem }));
    }
    let body = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let lines = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        let line = (lines + 1).to_string();
        Failure::new(
            ExitStatus::BadData,
            "body",
            text.with("body-not-text", &[("line", line.into())]),
        )
    })?;
    body.parse().map_err(invalid)
}

fn send(context: &Context<'_>, service: &Service, mail: &Send) -> Result<Output, Failure> {
    let sent_at = service.send(mail, &context.cancel).map_err(|error| match error {
        // The server may have accepted the mail: cancelling does not take the request back.
        RequestError::Cancelled => {
            Failure::new(ExitStatus::Interrupted, "cancelled", context.text.of("send-cancelled"))
        }
        error => Failure::request(context.text, &error),
    })?;
    Ok(Output::new(
        context.text.of("command-sent"),
        json!({
            "id": mail.id.to_string(),
            "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
            "sent_at": utc(sent_at),
        }),
    ))
}

/// Saves a mail as a draft, and says where, if a retry may succeed. A mail that the server refused
/// is not saved: its body exists elsewhere.
fn keep(context: &Context<'_>, username: &Username, mail: &Send, failure: Failure) -> Failure {
    let Ok(address) = context.address() else {
        return failure;
    };
    if !failure.is_retryable() {
        return failure;
    }
    let drafts = Drafts::open(&context.data, &address, username);
    match drafts.save(&Draft::from(mail)) {
        Ok(()) => say_kept(context, failure, mail.id, drafts.file(mail.id)),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", Failure::draft(context.text, &error).text);
            failure
        }
    }
}

/// Says where a draft is. With `--json` the document has the file.
fn say_kept(context: &Context<'_>, mut failure: Failure, id: MailId, file: PathBuf) -> Failure {
    if !context.options.json {
        let shown = file.display().to_string();
        let said = context.text.with("command-draft", &[("file", shown.into())]);
        let _ = writeln!(io::stderr(), "{said}");
    }
    failure.draft = Some(Box::new(KeptDraft { id: id.to_string(), file }));
    failure
}

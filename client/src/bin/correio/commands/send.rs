//! `correio send`

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use correio_client::{Draft, Drafts, RequestError, Service, new_mail_id};
use correio_proto::{
    limits,
    mail::{Body, Field, Invalid, Problem, Username},
    message::Send,
};
use serde_json::json;

use super::{Context, Output, utc};
use crate::{
    exit::{Failure, KeptDraft, Status},
    terminal::Guard,
    text::Text,
};

/// Where the body comes from.
pub(super) enum Source {
    Argument(String),
    File(PathBuf),
    StandardInput,
}

impl Source {
    pub(super) fn of(body: Option<&str>, file: Option<&Path>) -> Self {
        match (body, file) {
            (Some(body), _) => Self::Argument(body.to_owned()),
            (None, Some(file)) if file == Path::new("-") => Self::StandardInput,
            (None, Some(file)) => Self::File(file.to_owned()),
            (None, None) => Self::StandardInput,
        }
    }

    /// Whether a person is typing it now, who has it nowhere else.
    fn is_typed(&self) -> bool {
        matches!(self, Self::StandardInput) && io::stdin().is_terminal()
    }

    /// Reads no more than a body can have, and one byte to see that there is more.
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
    guard: &Guard,
    to: &str,
    subject: &str,
    source: &Source,
) -> Result<Output, Failure> {
    let text = context.text;
    let invalid = |invalid| Failure::invalid(text, invalid);
    context.address()?;
    let username = context.username()?;
    let (to, subject) = (to.parse().map_err(invalid)?, subject.parse().map_err(invalid)?);
    context.needs_password(guard)?;
    // The server is known before a password is asked for, and that comes before the body, which
    // may follow it on standard input. Without a server there is still a draft to keep.
    let service = context.connect(guard);
    let password = match (&service, context.options.password_stdin) {
        (Ok(_), _) | (Err(_), true) => Some(context.password(guard)?),
        (Err(_), false) => None,
    };
    if source.is_typed() {
        guard.set_busy(false);
        let _ = writeln!(io::stderr(), "{}", text.of("command-body"));
    }
    let body = body(text, source)?;
    let mail = Send { id: new_mail_id(), to, subject, body };

    guard.set_busy(true);
    let (service, password) = match (service, password) {
        (Ok(service), Some(password)) => (service, password),
        (Err(failure), _) => return Err(keep(context, &username, &mail, source, failure)),
        (Ok(_), None) => unreachable!("where there is a server, the password was asked for"),
    };
    let logged_in = service.login(&username, &password, &context.cancel);
    logged_in
        .map_err(|error| Failure::request(text, &error))
        .and_then(|_| send(context, &service, &mail))
        .map_err(|failure| keep(context, &username, &mail, source, failure))
}

/// Reads the body. Bytes that are no UTF-8 text are refused, never replaced; one that is too long
/// is refused as such, although it was cut off where reading stopped.
fn body(text: &Text, source: &Source) -> Result<Body, Failure> {
    let bytes = source.read().map_err(|error| {
        let place = match source {
            Source::File(path) => format!("{}: ", path.display()),
            Source::Argument(_) | Source::StandardInput => String::new(),
        };
        Failure::new(Status::Local, "body", format!("{place}{error}"))
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
        Failure::new(Status::BadData, "body", text.with("body-not-text", &[("line", line.into())]))
    })?;
    body.parse().map_err(invalid)
}

fn send(context: &Context<'_>, service: &Service, mail: &Send) -> Result<Output, Failure> {
    let sent_at = service.send(mail, &context.cancel).map_err(|error| match error {
        // The server may have it: what was under way is not taken back.
        RequestError::Cancelled => {
            Failure::new(Status::Interrupted, "cancelled", context.text.of("send-cancelled"))
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

/// Keeps a mail as a draft, and says where, unless it was refused and its body stands elsewhere:
/// sending the same again would not help then.
fn keep(
    context: &Context<'_>,
    username: &Username,
    mail: &Send,
    source: &Source,
    mut failure: Failure,
) -> Failure {
    let Ok(address) = context.address() else {
        return failure;
    };
    if !failure.is_open() && !source.is_typed() {
        return failure;
    }
    let drafts = Drafts::open(&context.data, &address, username);
    let said = match drafts.save(&Draft::from(mail)) {
        Ok(()) => {
            let file = drafts.file(mail.id);
            let shown = file.display().to_string();
            failure.draft = Some(Box::new(KeptDraft { id: mail.id.to_string(), file }));
            context.text.with("command-draft", &[("file", shown.into())])
        }
        Err(error) => Failure::draft(context.text, &error).text,
    };
    // In a document it stands with the rest.
    if failure.draft.is_none() || !context.options.json {
        let _ = writeln!(io::stderr(), "{said}");
    }
    failure
}

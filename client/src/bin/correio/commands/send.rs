//! `correio send`: sends a mail, or keeps it as a draft.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use correio_client::{
    DraftFile, Drafts, OutgoingContent, OutgoingMail, RequestError, SendError, Service, new_mail_id,
};
use correio_proto::mail::{MailId, Recipients, Subject, Timestamp, Username};
use serde_json::json;

use super::{body_source::BodySource, context::Context, json::utc};
use crate::{
    compose::{Composition, DraftField},
    editor::Editor,
    exit::{ExitStatus, Failure, KeptDraft},
    output::Output,
    prompt::{BodyEnd, Prompt, Stop},
    sent::{self, Sender},
    terminal::SignalRoute,
    transfer::TransferBar,
};

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
    // A body that cannot be sent is refused before a password is typed.
    let at_once = source.content_at_once(text)?;
    // First the connection, then the password, then any other body, which may follow the password on
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
    let (mail, draft) = match source.is_typed() {
        true => {
            let (mail, composition) = typed(context, &username, to, subject)?;
            (mail, KeptMail::Typed(composition))
        }
        false => {
            let content = at_once.map_or_else(|| source.content(text), Ok)?;
            let mail = OutgoingMail { id: new_mail_id(), to, subject, content };
            let drafts = Drafts::open(&context.data, &context.address()?, &username);
            (mail, KeptMail::Elsewhere(drafts))
        }
    };

    context.terminal.set_busy(true);
    let (service, password) = match connected {
        Ok(connected) => connected,
        Err(failure) => return Err(draft.keep(context, &mail, failure)),
    };
    let full_name = match service.login(&username, &password, &context.cancel) {
        Ok(logged_in) => logged_in.full_name,
        Err(error) => {
            return Err(draft.keep(context, &mail, Failure::request(text, &error)));
        }
    };
    let draft = draft.before_upload(context, &service, &mail);
    match send(context, &service, &mail) {
        Ok((sent_at, output)) => {
            let server = &context.address()?;
            let sender = Sender { server, username: &username, full_name: &full_name };
            match sent::keep(text, &context.data, &sender, (&mail, sent_at)) {
                Ok(()) => draft.sent(),
                // The draft, if there is one, stays as the only copy.
                Err(said) => _ = writeln!(io::stderr(), "{said}"),
            }
            Ok(output)
        }
        Err(failure) => Err(draft.keep(context, &mail, failure)),
    }
}

/// Where the text of a mail is until the mail is sent.
enum KeptMail {
    /// The user has typed it: it is a draft.
    Typed(Composition),
    /// It exists elsewhere, and becomes a draft if the mail may be sent later.
    Elsewhere(Drafts),
    /// A draft was made before the content is uploaded, which takes long.
    Draft(Drafts, DraftFile),
}

impl KeptMail {
    /// Keeps a mail whose content is uploaded as a draft: a program that is killed meanwhile would
    /// leave an upload that no mail can go on with. If that fails, the mail is sent all the same.
    fn before_upload(self, context: &Context<'_>, service: &Service, mail: &OutgoingMail) -> Self {
        let (size, limits) = (mail.content.size(), service.welcome().limits);
        let is_uploaded = u64::from(limits.body) < size && size <= limits.content;
        let drafts = match self {
            Self::Elsewhere(drafts) if is_uploaded => drafts,
            other => return other,
        };
        let mut file = drafts.begin();
        match file.save_mail(mail) {
            Ok(()) => Self::Draft(drafts, file),
            Err(error) => {
                let _ = writeln!(io::stderr(), "{}", Failure::draft(context.text, &error).text);
                Self::Elsewhere(drafts)
            }
        }
    }

    /// Deletes the draft of a mail that was sent.
    fn sent(self) {
        match self {
            Self::Typed(composition) => composition.sent(),
            Self::Elsewhere(_) => {}
            // A draft that stays does no harm: to the server it is the same mail.
            Self::Draft(_, file) => _ = file.delete(),
        }
    }

    /// Keeps a mail that was not sent, and says where. A mail that the server refused, and whose
    /// text is elsewhere, is not kept.
    fn keep(self, context: &Context<'_>, mail: &OutgoingMail, failure: Failure) -> Failure {
        match self {
            Self::Typed(mut composition) => keep_typed(&mut composition, failure),
            Self::Elsewhere(drafts) if failure.is_retryable() => {
                keep(context, &drafts, mail, failure)
            }
            Self::Elsewhere(_) => failure,
            Self::Draft(drafts, _) if failure.is_retryable() => {
                with_draft(failure, mail.id, drafts.file(mail.id))
            }
            Self::Draft(_, file) => {
                // A draft that stays does no harm.
                let _ = file.delete();
                failure
            }
        }
    }
}

/// Asks for the body. The mail is a draft from the first character on, until it is sent.
fn typed(
    context: &Context<'_>,
    username: &Username,
    to: Recipients,
    subject: Subject,
) -> Result<(OutgoingMail, Composition), Failure> {
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
    let content = typed?;
    // Saved durably before the mail is sent. If that fails, the last version that was saved stays.
    let _ = composition.save();
    Ok((OutgoingMail { id: composition.mail.id, to, subject, content }, composition))
}

fn type_body(
    context: &Context<'_>,
    prompt: &mut Prompt,
    composition: &mut Composition,
) -> Result<OutgoingContent, Failure> {
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
        match OutgoingContent::text(&composition.mail.body) {
            Ok(content) => return Ok(content),
            Err(invalid) if written == Err(Stop::Leave) => {
                return Err(keep_typed(composition, Failure::invalid(text, invalid)));
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
    keep_typed(composition, Failure::new(status, "cancelled", text.of("interrupted")))
}

/// Saves a typed mail that was not sent, and says where. If that fails, shows the mail, so that its
/// text can be copied.
fn keep_typed(composition: &mut Composition, failure: Failure) -> Failure {
    if composition.mail.body.trim().is_empty() {
        return failure;
    }
    match composition.save() {
        Ok(()) => {
            let id = composition.mail.id;
            with_draft(failure, id, composition.path().unwrap_or_default())
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", composition.not_saved(&error));
            failure
        }
    }
}

fn send(
    context: &Context<'_>,
    service: &Service,
    mail: &OutgoingMail,
) -> Result<(Timestamp, Output), Failure> {
    let mut bar = TransferBar::on_stderr(context.text.of("send-working"));
    let sent = service.send_mail(mail, &mut |done| bar.show(done), &context.cancel);
    drop(bar);
    let sent_at = sent.map_err(|error| match error {
        // The server may have accepted the mail: cancelling does not take the request back.
        SendError::Request(RequestError::Cancelled) => {
            Failure::new(ExitStatus::Interrupted, "cancelled", context.text.of("send-cancelled"))
        }
        error => Failure::send(context.text, &error),
    })?;
    let output = Output::new(
        context.text.of("command-sent"),
        json!({
            "id": mail.id.to_string(),
            "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
            "sent_at": utc(sent_at),
        }),
    );
    Ok((sent_at, output))
}

/// Saves a mail whose sending may succeed later as a draft, and says where.
fn keep(context: &Context<'_>, drafts: &Drafts, mail: &OutgoingMail, failure: Failure) -> Failure {
    match drafts.begin().save_mail(mail) {
        Ok(()) => with_draft(failure, mail.id, drafts.file(mail.id)),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", Failure::draft(context.text, &error).text);
            failure
        }
    }
}

/// A failure that says where a draft is.
fn with_draft(mut failure: Failure, id: MailId, file: PathBuf) -> Failure {
    failure.draft = Some(Box::new(KeptDraft { id: id.to_string(), file }));
    failure
}

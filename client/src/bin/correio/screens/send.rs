//! The screen "4) Send a mail". Typed text is never lost: a mail is a draft from its first
//! character on, until it is sent.

use correio_client::{
    Author, Cancel, Draft, DraftError, DraftMail, DraftMailError, Drafts, Mailbox, MakeError,
    OutgoingContent, OutgoingMail, Reopened, RequestError, SendError, Service, ThreadFields,
    WhiteSpace, sanitize,
};
use correio_proto::{
    mail::{MailId, Problem, Subject, Timestamp},
    message::ErrorCode,
};
use indicatif::ProgressBar;

use super::{
    recipients::{self, EmptyAnswer},
    user::CurrentUser,
};
use crate::{
    app::{App, parse},
    attach,
    compose::{Composition, DraftField},
    config::Key,
    editor::Editor,
    people,
    prompt::{Answer, BodyEnd, CursorAt, MenuChoice, Stop},
    sent, signature,
    transfer::show_content,
};

/// Asks for a new mail, or opens the last draft, and sends it.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let drafts = open(app, user);
    let last = drafts.list().ok().and_then(|mut list| list.drafts.pop());
    if let Some(draft) = &last {
        let values = [
            ("to", sanitize(&draft.to, WhiteSpace::OneLine).into()),
            ("subject", sanitize(&draft.subject, WhiteSpace::OneLine).into()),
        ];
        app.say(&app.text.with("send-draft-offer", &values));
    }
    let mut composition = Composition::begin(&drafts, app.text);
    let empty = if last.is_some() { EmptyAnswer::Draft } else { EmptyAnswer::Refused };
    let asked = recipients::ask(app, user, &mut composition, empty);
    match (asked, last) {
        (Ok(None), Some(draft)) => change(app, user, draft.id),
        (Ok(_), _) => {
            let asked = ask_text(app, &mut composition, CursorAt::End);
            finish(app, user, composition, asked)
        }
        (Err(stop), _) => finish(app, user, composition, Err(stop)),
    }
}

/// Asks for the parts of a new mail that has a text already, offering what it has, and sends it.
pub(super) fn compose(
    app: &mut App,
    user: &CurrentUser,
    draft: Draft,
    cursor: CursorAt,
) -> Answer<()> {
    let mut composition = Composition::of(&open(app, user), draft, app.text);
    let asked = recipients::ask(app, user, &mut composition, EmptyAnswer::Refused)
        .and_then(|_| ask_text(app, &mut composition, cursor));
    finish(app, user, composition, asked)
}

/// Asks for the parts of a draft, offering their text, and sends it.
pub(crate) fn change(app: &mut App, user: &CurrentUser, id: MailId) -> Answer<()> {
    let doing = app.text.of("drafts-opening");
    let opened = app.wait(&doing, |cancel, _| match reopen(app, user, id) {
        // The draft stays as it was.
        _ if cancel.is_cancelled() => Err(app.text.of("interrupted")),
        opened => opened,
    });
    let mut composition = match opened {
        Ok(composition) => composition,
        Err(said) => {
            app.say(&said);
            return Ok(());
        }
    };
    let asked = recipients::ask(app, user, &mut composition, EmptyAnswer::Refused)
        .and_then(|_| ask_text(app, &mut composition, CursorAt::End));
    finish(app, user, composition, asked)
}

/// Sends a draft as it is.
pub(crate) fn send_draft(app: &mut App, user: &CurrentUser, id: MailId) {
    let doing = app.text.of("send-working");
    let sent = app.wait(&doing, |cancel, bar| {
        let mut composition = reopen(app, user, id)?;
        let submitted = submit(app, user, &mut composition, cancel, bar);
        Ok::<_, String>((composition, submitted))
    });
    match sent {
        Ok((composition, submitted)) => report(app, composition, submitted),
        Err(said) => app.say(&said),
    }
}

/// Opens a draft again. The error is the message.
fn reopen(app: &App, user: &CurrentUser, id: MailId) -> Result<Composition, String> {
    let drafts = open(app, user);
    match drafts.reopen(id) {
        Ok(Reopened::Draft(file, mail)) => {
            let mut composition = Composition::reopened(file, mail, app.text);
            let body = &composition.mail.body;
            if let Some(left) = Editor::unsaved_text(&app.data, id, &drafts.file(id), body) {
                // The program was killed while the text was open in an editor.
                composition.set(DraftField::Body, &left);
                if keep(&mut composition).is_ok() {
                    Editor::forget(&app.data, id);
                }
            }
            Ok(composition)
        }
        Ok(Reopened::InUse) => Err(app.text.with("drafts-in-use", &[("count", "1".into())])),
        Ok(Reopened::Gone) => Err(app.text.of("drafts-empty")),
        Err(error) => Err(app.text.draft(&error)),
    }
}

/// Sends a mail after its questions, or keeps it as a draft if they were not all answered. After
/// Esc, the user may discard it.
fn finish(
    app: &mut App,
    user: &CurrentUser,
    mut composition: Composition,
    asked: Answer<()>,
) -> Answer<()> {
    match asked {
        Ok(()) => send(app, user, composition),
        Err(_) if composition.mail.is_blank() => composition.sent(),
        Err(stop) => {
            // The draft is on disk before the question.
            let kept = keep(&mut composition);
            let left = match stop {
                Stop::Back if kept.is_ok() && app.prompt.is_interactive() => ask_to_keep(app),
                stop => Err(stop),
            };
            match left {
                Ok(LeaveChoice::Discard) => discard(app, composition),
                Ok(LeaveChoice::Keep) | Err(_) => say_kept(app, &kept),
            }
            return Err(left.err().unwrap_or(stop));
        }
    }
    asked
}

/// The choices for a mail that is left before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaveChoice {
    Keep,
    Discard,
}

impl MenuChoice for LeaveChoice {
    const ALL: &'static [Self] = &[Self::Keep, Self::Discard];

    fn digit(self) -> u8 {
        match self {
            Self::Keep => 1,
            Self::Discard => 2,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Keep => "send-leave-keep",
            Self::Discard => "send-leave-discard",
        }
    }
}

/// Asks whether a mail stays as a draft. Esc and Enter keep it.
fn ask_to_keep(app: &mut App) -> Answer<LeaveChoice> {
    match app.prompt.menu(app.text, "send-leave") {
        Err(Stop::Back) => Ok(LeaveChoice::Keep),
        answer => answer,
    }
}

fn discard(app: &mut App, composition: Composition) {
    let ids = composition.ids();
    let deleted = composition.discard();
    say_discarded(app, &ids, deleted, "send-discarded");
}

/// Removes the editor's files of a mail whose draft was deleted, and reports one result.
pub(super) fn say_discarded(
    app: &mut App,
    ids: &[MailId],
    deleted: Result<(), DraftError>,
    done_key: &str,
) {
    let said = match deleted {
        Ok(()) => {
            let removed = ids.iter().map(|id| Editor::discard(&app.data, *id));
            match removed.fold(Ok(()), Result::and) {
                Ok(()) => app.text.of(done_key),
                Err(reason) => app.text.with("mailbox-error", &[("reason", reason.into())]),
            }
        }
        Err(error) => app.text.draft(&error),
    };
    app.say(&said);
}

/// Saves a mail as a draft, sends it, and reports one result.
fn send(app: &mut App, user: &CurrentUser, mut composition: Composition) {
    let doing = app.text.of("send-working");
    let submitted =
        app.wait(&doing, |cancel, bar| submit(app, user, &mut composition, cancel, bar));
    report(app, composition, submitted);
}

/// What became of a mail that was saved and sent.
struct Submitted {
    /// The error is the message.
    kept: Result<(), String>,
    /// The error is the lines of the message: the mail was not sent.
    sent: Result<Delivered, Vec<String>>,
}

/// A mail that was sent.
struct Delivered {
    /// Whether a copy of the mail is kept; the error is the message.
    copied: Result<(), String>,
    thread: ThreadFields,
}

/// Saves a mail as a draft, and sends it. Runs while Ctrl-C cancels: a large mail takes long to
/// save and to measure.
fn submit(
    app: &App,
    user: &CurrentUser,
    composition: &mut Composition,
    cancel: &Cancel,
    bar: &ProgressBar,
) -> Submitted {
    let kept = keep(composition);
    let drafts = composition.drafts().clone();
    let sent = deliver(app, user, (&drafts, &composition.mail), cancel, bar);
    Submitted { kept, sent }
}

/// Reports how a mail was sent. The draft is deleted after the mail was sent and has a copy among
/// the sent mails.
fn report(app: &mut App, composition: Composition, submitted: Submitted) {
    match submitted.sent {
        Ok(delivered) => {
            app.say(&app.text.of("send-done"));
            if delivered.thread == ThreadFields::LeftOut {
                app.say(&app.text.of("send-no-thread"));
            }
            match delivered.copied {
                Ok(()) => composition.sent(),
                Err(said) => app.say(&said),
            }
        }
        Err(lines) => {
            lines.iter().for_each(|line| app.say(line));
            say_kept(app, &submitted.kept);
        }
    }
}

/// Sends a mail to the server, and keeps a copy of it. The error is the lines of the message.
fn deliver(
    app: &App,
    user: &CurrentUser,
    (drafts, draft): (&Drafts, &Draft),
    cancel: &Cancel,
    bar: &ProgressBar,
) -> Result<Delivered, Vec<String>> {
    if cancel.is_cancelled() {
        return Err(vec![app.text.of("send-cancelled-unsent")]);
    }
    let Some(service) = &app.service else {
        return Err(failed(app, app.text.of("request-closed")));
    };
    let mailbox = Mailbox::open(&app.data, &user.server, &user.username);
    let (username, full_name) = (&user.username, &user.full_name);
    let author = Author { username, full_name, domain: mailbox.domain() };
    let made = drafts.outgoing(draft, &author, &service.welcome().capabilities, cancel);
    let DraftMail { mail, thread } = made.map_err(|error| match error {
        DraftMailError::Make(MakeError::Cancelled) => {
            vec![app.text.of("send-cancelled-unsent")]
        }
        error => failed(app, app.text.draft_mail(&error)),
    })?;
    let sent_at = transfer(app, service, &mail, cancel, bar)?;
    people::note_written_to(&app.data, service, &mail.to, cancel);
    let sender = user.sender();
    let copied = sent::keep(app.text, &app.data, &sender, (&mail, sent_at));
    sent::mark_origin(&app.data, &sender, draft);
    Ok(Delivered { copied, thread })
}

/// Sends a mail to the server, and returns when the server accepted it. The error is the lines of
/// the message.
fn transfer(
    app: &App,
    service: &Service,
    mail: &OutgoingMail,
    cancel: &Cancel,
    bar: &ProgressBar,
) -> Result<Timestamp, Vec<String>> {
    match service.send_mail(mail, &mut |done| show_content(bar, done), cancel) {
        Ok(sent_at) => Ok(sent_at),
        Err(SendError::Request(RequestError::Refused(error)))
            if error.code == ErrorCode::UnknownRecipient =>
        {
            let mut lines = vec![app.text.of("send-unknown")];
            if mail.to.as_slice().len() > 1 {
                let names: Vec<_> = error.recipients.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                let values = [("names", names.into())];
                lines.push(app.text.with("send-unknown-names", &values));
            }
            Err(lines)
        }
        // The server may have accepted the mail: cancelling does not take the request back.
        Err(SendError::Request(RequestError::Cancelled)) => {
            Err(vec![app.text.of("send-cancelled")])
        }
        Err(error @ SendError::CancelledUnsent) => Err(vec![app.text.send(&error)]),
        Err(error) => Err(failed(app, app.text.send(&error))),
    }
}

fn failed(app: &App, reason: String) -> Vec<String> {
    vec![app.text.with("send-failed", &[("reason", reason.into())])]
}

/// Saves a mail durably. The error is the message.
fn keep(composition: &mut Composition) -> Result<(), String> {
    composition.save().map_err(|error| composition.not_saved(&error))
}

fn say_kept(app: &mut App, kept: &Result<(), String>) {
    match kept {
        Ok(()) => app.say(&app.text.of("send-kept")),
        // The message contains the mail, to be copied.
        Err(said) => app.prompt.say_verbatim(said),
    }
}

fn open(app: &App, user: &CurrentUser) -> Drafts {
    Drafts::open(&app.data, &user.server, &user.username)
}

fn ask_text(app: &mut App, composition: &mut Composition, cursor: CursorAt) -> Answer<()> {
    let (question, offered) = (app.text.of("send-subject"), composition.mail.subject.clone());
    let subject: Subject =
        app.ask_autosaved(&question, &offered, parse, &mut composition.field(DraftField::Subject))?;
    composition.set(DraftField::Subject, subject.as_str());
    loop {
        ask_body(app, composition, cursor)?;
        let signed = signature::add(&composition.mail.body, app.config.get(Key::Signature));
        composition.set(DraftField::Body, &signed);
        match OutgoingContent::check(&composition.mail.body) {
            Ok(()) => return Ok(()),
            // Attachments need no text.
            Err(invalid) if invalid.problem == Problem::Empty && has_files(composition) => {
                return Ok(());
            }
            Err(invalid) => app.say(&app.text.invalid(invalid)),
        }
    }
}

fn has_files(composition: &Composition) -> bool {
    !composition.mail.attachments.is_empty()
}

/// Asks for the body. The text stays in the mail however the input ends.
fn ask_body(app: &mut App, composition: &mut Composition, mut cursor: CursorAt) -> Answer<()> {
    let editor = Editor::of_user(&app.config).filter(|_| app.prompt.is_interactive());
    app.say(&app.text.of("send-body"));
    match &editor {
        Some(editor) => {
            let values = [("editor", editor.shown().into())];
            app.say(&app.text.with("send-body-editor", &values));
        }
        None if app.prompt.is_interactive() => app.say(&app.text.of("send-body-no-editor")),
        None if !composition.mail.body.is_empty() => {
            app.say(&sanitize(&composition.mail.body, WhiteSpace::Lines));
        }
        None => {}
    }
    for line in attach::lines(app.text, composition) {
        app.say(&line);
    }
    loop {
        let mut body = composition.mail.body.clone();
        let written = app.prompt.body(&mut body, cursor, &mut composition.field(DraftField::Body));
        composition.set(DraftField::Body, &body);
        cursor = CursorAt::End;
        match (written?, &editor) {
            (BodyEnd::Complete, _) => return Ok(()),
            (BodyEnd::Attach, _) => attach::ask(&mut app.prompt, app.text, composition)?,
            (BodyEnd::Editor, Some(editor)) => edit(app, editor, composition),
            (BodyEnd::Editor, None) => app.say(&app.text.of("send-body-no-editor")),
        }
    }
}

/// Edits the body in an editor.
fn edit(app: &mut App, editor: &Editor, composition: &mut Composition) {
    if let Err(reason) = app.run_in_terminal(|| editor.edit_mail(&app.data, composition)) {
        let values = [("editor", editor.shown().into()), ("reason", reason.into())];
        app.say(&app.text.with("send-editor-failed", &values));
    }
}

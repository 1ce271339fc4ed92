//! `correio send`: sends a mail, or keeps it as a draft.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use correio_client::{
    AddressBook, Author, Draft, DraftAttachment, DraftFile, DraftMail, Drafts, Mailbox,
    OutgoingContent, OutgoingMail, RequestError, SendError, Service, ThreadFields, new_mail_id,
};
use correio_proto::mail::{Invalid, MailId, Problem, Recipients, Subject, Timestamp, Username};
use serde_json::json;

use super::{body_source::BodySource, context::Context, json::utc};
use crate::{
    attach,
    compose::{Composition, DraftField},
    editor::Editor,
    exit::{ExitStatus, Failure, KeptDraft},
    output::Output,
    people,
    prompt::{BodyEnd, CursorAt, Prompt, Stop},
    sent::{self, Sender},
    signature,
    terminal::SignalRoute,
    text::Text,
    transfer::TransferBar,
};

/// A mail that a command sends, before its text is known.
pub(super) struct NewMail {
    pub(super) to: Recipients,
    pub(super) subject: Subject,
    /// The attachments and the mail that is answered or forwarded; the rest is not used.
    pub(super) draft: Draft,
    pub(super) quotation: Quotation,
    /// Stands under the body.
    pub(super) signature: Option<String>,
}

/// The text of another mail in a mail.
pub(super) enum Quotation {
    Nothing,
    /// It stands before the mail's own text, as in an answer.
    First(String),
    /// It stands after the mail's own text, as in a mail that forwards.
    Last(String),
}

impl Quotation {
    /// The whole body, with the mail's own text.
    fn around(&self, typed: &str) -> String {
        match self {
            Self::Nothing => typed.to_owned(),
            Self::First(quotation) => format!("{quotation}{typed}"),
            Self::Last(quotation) => format!("{typed}{quotation}"),
        }
    }

    fn cursor(&self) -> CursorAt {
        match self {
            Self::Nothing | Self::First(_) => CursorAt::End,
            Self::Last(_) => CursorAt::Start,
        }
    }
}

impl NewMail {
    /// Whether the mail is a text alone, which may travel from its file.
    fn is_text(&self) -> bool {
        self.draft.attachments.is_empty()
            && self.draft.origin.is_none()
            && matches!(self.quotation, Quotation::Nothing)
    }
}

/// A mail that was not sent yet.
enum Unsent {
    Text(OutgoingMail),
    Draft(Draft),
}

pub(super) fn run(
    context: &Context<'_>,
    (to, subject): (&str, &str),
    source: &BodySource,
    attach: &[PathBuf],
    signature: Option<&str>,
) -> Result<Output, Failure> {
    let text = context.text;
    let invalid = |invalid| Failure::invalid(text, invalid);
    context.address()?;
    let username = context.username()?;
    let subject = subject.parse().map_err(invalid)?;
    let to = recipients(context, &username, to)?;
    let mut draft = Draft::begin(new_mail_id());
    attach_files(text, &mut draft, attach)?;
    let (quotation, signature) = (Quotation::Nothing, signature.map(ToOwned::to_owned));
    send_new(context, NewMail { to, subject, draft, quotation, signature }, source)
}

/// Attaches files to a draft.
pub(super) fn attach_files(
    text: &Text,
    draft: &mut Draft,
    files: &[PathBuf],
) -> Result<(), Failure> {
    for path in files {
        let attached = DraftAttachment::open(path).and_then(|file| draft.attach(file));
        attached.map_err(|error| Failure::make(text, &error))?;
    }
    Ok(())
}

/// Reads the text of a mail and sends the mail, or keeps it as a draft.
pub(super) fn send_new(
    context: &Context<'_>,
    new: NewMail,
    source: &BodySource,
) -> Result<Output, Failure> {
    let text = context.text;
    context.needs_password()?;
    // A body that cannot be sent is refused before a password is typed.
    let at_once = match new.is_text() {
        true => source.content_at_once(text, new.signature.as_deref())?,
        false => None,
    };
    // First the connection, then the password, then any other body, which may follow the password
    // on standard input. Without a connection the mail is still saved as a draft.
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
    let (unsent, kept) = written(context, new, source, at_once)?;
    context.terminal.set_busy(true);
    let (service, password) = match connected {
        Ok(connected) => connected,
        Err(failure) => return Err(kept.keep(context, &unsent, failure)),
    };
    let username = context.username()?;
    let full_name = match service.login(&username, &password, &context.cancel) {
        Ok(logged_in) => logged_in.full_name,
        Err(error) => {
            let failure = Failure::login(text, &error, &password);
            return Err(kept.keep(context, &unsent, failure));
        }
    };
    let sender = Sender { server: &context.address()?, username: &username, full_name: &full_name };
    submit(context, &service, &sender, &unsent, kept)
}

/// Sends a mail over a connection that is logged in.
fn submit(
    context: &Context<'_>,
    service: &Service,
    sender: &Sender<'_>,
    unsent: &Unsent,
    kept: KeptMail,
) -> Result<Output, Failure> {
    let made = made(context, service, sender, unsent);
    let DraftMail { mail, thread } = match made {
        Ok(made) => made,
        Err(failure) => return Err(kept.keep(context, unsent, failure)),
    };
    let kept = kept.before_upload(context, service, &mail);
    let (sent_at, mut output) = match send(context, service, &mail) {
        Ok(sent) => sent,
        Err(failure) => return Err(kept.keep(context, unsent, failure)),
    };
    match sent::keep(context.text, &context.data, sender, (&mail, sent_at)) {
        Ok(()) => kept.sent(unsent),
        // The draft, if there is one, stays as the only copy.
        Err(said) => _ = writeln!(io::stderr(), "{said}"),
    }
    if let Unsent::Draft(draft) = unsent {
        sent::mark_origin(&context.data, sender, draft);
        add_parts(&mut output, draft, thread);
    }
    if thread == ThreadFields::LeftOut {
        let _ = writeln!(io::stderr(), "{}", context.text.of("send-no-thread"));
    }
    Ok(output)
}

/// Makes the mail. Of a draft with attachments or a thread this is a message, in a file.
fn made(
    context: &Context<'_>,
    service: &Service,
    sender: &Sender<'_>,
    unsent: &Unsent,
) -> Result<DraftMail, Failure> {
    let draft = match unsent {
        Unsent::Text(mail) => {
            return Ok(DraftMail { mail: mail.clone(), thread: ThreadFields::Kept });
        }
        Unsent::Draft(draft) => draft,
    };
    let Sender { server, username, full_name } = sender;
    let mailbox = Mailbox::open(&context.data, server, username);
    let author = Author { username, full_name, domain: mailbox.domain() };
    let drafts = Drafts::open(&context.data, server, username);
    let capabilities = &service.welcome().capabilities;
    let made = drafts.outgoing(draft, &author, capabilities, &context.cancel);
    made.map_err(|error| Failure::draft_mail(context.text, &error))
}

/// Adds to an answer what only a mail with attachments or a thread has.
fn add_parts(output: &mut Output, draft: &Draft, thread: ThreadFields) {
    let Some(fields) = output.json.as_object_mut() else { return };
    if draft.origin.is_some() {
        fields.insert("subject".to_owned(), draft.subject.clone().into());
    }
    if thread == ThreadFields::LeftOut {
        fields.insert("thread".to_owned(), false.into());
    }
    if !draft.attachments.is_empty() {
        let attachments: Vec<_> = draft
            .attachments
            .iter()
            .map(|file| json!({ "name": file.name(), "size": file.size() }))
            .collect();
        fields.insert("attachments".to_owned(), attachments.into());
    }
}

/// Reads the text of a mail.
fn written(
    context: &Context<'_>,
    new: NewMail,
    source: &BodySource,
    at_once: Option<OutgoingContent>,
) -> Result<(Unsent, KeptMail), Failure> {
    let text = context.text;
    if source.is_typed() {
        let composition = typed(context, new)?;
        let unsent = Unsent::Draft(composition.mail.clone());
        return Ok((unsent, KeptMail::Typed(Box::new(composition))));
    }
    let drafts = Drafts::open(&context.data, &context.address()?, &context.username()?);
    if new.is_text() {
        let content = at_once.map_or_else(|| source.content(text, new.signature.as_deref()), Ok)?;
        let NewMail { to, subject, draft, .. } = new;
        let mail = OutgoingMail { id: draft.id, to, subject, content };
        return Ok((Unsent::Text(mail), KeptMail::Elsewhere(drafts)));
    }
    let typed = source.text(text)?;
    // An answer has more than its quotation.
    if matches!(new.quotation, Quotation::First(_)) {
        let checked = check(&typed, &new.draft.attachments);
        checked.map_err(|invalid| Failure::invalid(text, invalid))?;
    }
    let body = new.quotation.around(&typed);
    let body = signature::add(&body, new.signature.as_deref());
    let draft = new.draft(body);
    let checked = check(&draft.body, &draft.attachments);
    checked.map_err(|invalid| Failure::invalid(text, invalid))?;
    let mut file = drafts.begin();
    // The message is made beside the draft's file.
    file.save(&draft).map_err(|error| Failure::draft(text, &error))?;
    Ok((Unsent::Draft(draft), KeptMail::Draft(drafts, file)))
}

/// Checks a body. A mail with attachments needs none.
fn check(body: &str, attachments: &[DraftAttachment]) -> Result<(), Invalid> {
    match OutgoingContent::check(body) {
        Err(invalid) if invalid.problem == Problem::Empty && !attachments.is_empty() => Ok(()),
        checked => checked,
    }
}

impl NewMail {
    fn draft(self, body: String) -> Draft {
        let (to, subject) = (self.to.to_string(), self.subject.as_str().to_owned());
        Draft { to, subject, body, ..self.draft }
    }
}

/// Reads the recipients, and says what the nicknames among them stand for.
pub(super) fn recipients(
    context: &Context<'_>,
    username: &Username,
    typed: &str,
) -> Result<Recipients, Failure> {
    let text = context.text;
    let book = AddressBook::open(&context.data, &context.address()?, username);
    let named = book.recipients(typed).map_err(|error| Failure::recipients(text, &error))?;
    for entry in &named.nicknames {
        let _ = writeln!(io::stderr(), "{}", people::nickname_line(text, entry));
    }
    Ok(named.to)
}

/// Where the text of a mail is until the mail is sent.
enum KeptMail {
    /// The user has typed it: it is a draft.
    Typed(Box<Composition>),
    /// It exists elsewhere, and becomes a draft if the mail may be sent later.
    Elsewhere(Drafts),
    /// A draft was made before the content is uploaded, which takes long, or since the mail has
    /// more than a text.
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
    fn sent(self, unsent: &Unsent) {
        match self {
            Self::Typed(composition) => composition.sent(),
            Self::Elsewhere(_) => {}
            Self::Draft(_, file) => delete(file, unsent),
        }
    }

    /// Keeps a mail that was not sent, and says where. A mail that the server refused, and whose
    /// text is elsewhere, is not kept.
    fn keep(self, context: &Context<'_>, unsent: &Unsent, failure: Failure) -> Failure {
        match (self, unsent) {
            (Self::Typed(mut composition), _) => keep_typed(&mut composition, failure),
            (Self::Elsewhere(drafts), Unsent::Text(mail)) if failure.is_retryable() => {
                keep(context, &drafts, mail, failure)
            }
            (Self::Elsewhere(_), _) => failure,
            (Self::Draft(drafts, _), unsent) if is_kept(unsent, &failure) => {
                let id = unsent.id();
                with_draft(failure, id, drafts.file(id))
            }
            (Self::Draft(_, file), unsent) => {
                delete(file, unsent);
                failure
            }
        }
    }
}

/// Whether a failure leaves the draft. That an attachment cannot be read is no reason to lose a
/// text that came through a pipe.
fn is_kept(unsent: &Unsent, failure: &Failure) -> bool {
    let is_local = matches!(unsent, Unsent::Draft(_)) && failure.status == ExitStatus::Local;
    failure.is_retryable() || is_local
}

/// Deletes a draft. One that stays does no harm: to the server it is the same mail.
fn delete(file: DraftFile, unsent: &Unsent) {
    let _ = match unsent {
        Unsent::Text(_) => file.delete(),
        Unsent::Draft(draft) => file.delete_draft(draft),
    };
}

impl Unsent {
    fn id(&self) -> MailId {
        match self {
            Self::Text(mail) => mail.id,
            Self::Draft(draft) => draft.id,
        }
    }
}

/// Asks for the body. The mail is a draft from the first character on, until it is sent.
fn typed(context: &Context<'_>, new: NewMail) -> Result<Composition, Failure> {
    let text = context.text;
    let drafts = Drafts::open(&context.data, &context.address()?, &context.username()?);
    let (cursor, signature) = (new.quotation.cursor(), new.signature.clone());
    let body = new.quotation.around("");
    let mut composition = Composition::of(&drafts, new.draft(body), text);
    context.terminal.set_busy(false);
    let mut prompt = Prompt::on_stderr(&context.terminal, text);
    let typed = type_body(context, &mut prompt, &mut composition, cursor, signature.as_deref());
    drop(prompt);
    context.terminal.route_signals(SignalRoute::Exit);
    typed?;
    // Saved durably before the mail is sent. If that fails, the last version that was saved stays.
    let _ = composition.save();
    Ok(composition)
}

fn type_body(
    context: &Context<'_>,
    prompt: &mut Prompt,
    composition: &mut Composition,
    mut cursor: CursorAt,
    signature: Option<&str>,
) -> Result<(), Failure> {
    let text = context.text;
    prompt.say(&text.of("command-body"));
    attach::lines(text, composition).iter().for_each(|line| prompt.say(line));
    loop {
        let mut body = composition.mail.body.clone();
        let written = prompt.body(&mut body, cursor, &mut composition.field(DraftField::Body));
        composition.set(DraftField::Body, &body);
        cursor = CursorAt::End;
        match written {
            Ok(BodyEnd::Attach) => {
                let asked = attach::ask(prompt, text, composition);
                asked.map_err(|stop| stopped(context, composition, stop))?;
                continue;
            }
            Ok(BodyEnd::Editor) => {
                edit(context, composition);
                context.terminal.redraw();
                continue;
            }
            // The end of the input ends the body.
            Ok(BodyEnd::Complete) | Err(Stop::Leave) => {}
            Err(stop) => return Err(stopped(context, composition, stop)),
        }
        let signed = signature::add(&composition.mail.body, signature);
        composition.set(DraftField::Body, &signed);
        match check(&composition.mail.body, &composition.mail.attachments) {
            Ok(()) => return Ok(()),
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
    let Some(editor) = Editor::of_user(&context.options.config) else {
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
    if composition.mail.body.trim().is_empty() && composition.mail.attachments.is_empty() {
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
    people::note_written_to(&context.data, service, &mail.to, &context.cancel);
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

//! 4) Send a mail. What was typed is never lost: a mail that was not sent becomes a draft.

use correio_client::{Draft, DraftError, Drafts, RequestError, Shown, new_mail_id, show};
use correio_proto::{
    mail::{Body, Recipients, Subject},
    message::{ErrorCode, Send},
};

use super::home::Person;
use crate::{
    app::{App, parse},
    editor::Editor,
    prompt::{Answer, Written},
};

/// Asks for a new mail, or goes on with the last draft, and sends it.
pub(crate) fn run(app: &mut App, person: &Person) -> Answer<()> {
    let last = open(app, person).list().ok().and_then(|mut list| list.drafts.pop());
    if let Some(draft) = &last {
        let values = [
            ("to", show(&draft.to, Shown::OneLine).into()),
            ("subject", show(&draft.subject, Shown::OneLine).into()),
        ];
        app.say(&app.text.with("send-draft-offer", &values));
    }
    let to = app.ask(&app.text.of("send-to"), "", |text, typed| {
        if last.is_some() && typed.trim().is_empty() {
            return Ok(None);
        }
        parse::<Recipients>(text, typed).map(Some)
    })?;
    match (to, &last) {
        (None, Some(draft)) => change(app, person, draft),
        (to, _) => {
            let mut mail = Draft {
                id: new_mail_id(),
                to: to.map(|to| to.to_string()).unwrap_or_default(),
                subject: String::new(),
                body: String::new(),
            };
            let asked = ask_text(app, &mut mail);
            finish(app, person, &mail, asked)
        }
    }
}

/// Asks for the parts of a draft again, what there is of them being the start, and sends it.
pub(crate) fn change(app: &mut App, person: &Person, draft: &Draft) -> Answer<()> {
    let mut mail = draft.clone();
    let asked = ask_recipients(app, &mut mail).and_then(|()| ask_text(app, &mut mail));
    if mail != *draft {
        // Another text is another mail: the server may have taken the first.
        mail.id = new_mail_id();
        let drafts = open(app, person);
        if drafts.save(&mail).is_ok() {
            // It stands in the other's place now; should this fail there are two drafts.
            let _ = drafts.delete(draft.id);
        }
    }
    finish(app, person, &mail, asked)
}

/// Sends a mail that was asked for, or keeps what there is of it.
fn finish(app: &App, person: &Person, mail: &Draft, asked: Answer<()>) -> Answer<()> {
    match asked {
        Ok(()) => send(app, person, mail),
        Err(_) if mail.subject.is_empty() && mail.body.trim().is_empty() => {}
        Err(_) => say_kept(app, &keep(app, person, mail)),
    }
    asked
}

/// Sends a mail and says exactly one thing about it. A draft of it is there until it is sent.
pub(crate) fn send(app: &App, person: &Person, draft: &Draft) {
    let kept = keep(app, person, draft);
    let sent = match draft.mail() {
        Ok(mail) => deliver(app, &mail),
        Err(invalid) => Err(failed(app, app.text.invalid(invalid))),
    };
    match sent {
        Ok(()) => {
            app.say(&app.text.of("send-done"));
            // A draft that stays behind is the same mail to the server and would do no harm.
            let _ = open(app, person).delete(draft.id);
        }
        Err(lines) => {
            lines.iter().for_each(|line| app.say(line));
            say_kept(app, &kept);
        }
    }
}

/// Hands a mail in, or says in lines why that failed.
fn deliver(app: &App, mail: &Send) -> Result<(), Vec<String>> {
    let Some(service) = &app.service else {
        return Err(failed(app, app.text.of("request-closed")));
    };
    let doing = app.text.of("send-working");
    match app.wait(&doing, |cancel, _| service.send(mail, cancel)) {
        Ok(_) => Ok(()),
        Err(RequestError::Refused(error)) if error.code == ErrorCode::UnknownRecipient => {
            let mut lines = vec![app.text.of("send-unknown")];
            if mail.to.as_slice().len() > 1 {
                let names: Vec<_> = error.recipients.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                let values = [("names", names.into())];
                lines.push(app.text.with("send-unknown-names", &values));
            }
            Err(lines)
        }
        // The server may have it: what was under way is not taken back.
        Err(RequestError::Cancelled) => Err(vec![app.text.of("send-cancelled")]),
        Err(error) => Err(failed(app, app.text.request(&error))),
    }
}

fn failed(app: &App, reason: String) -> Vec<String> {
    vec![app.text.with("send-failed", &[("reason", reason.into())])]
}

fn keep(app: &App, person: &Person, draft: &Draft) -> Result<(), DraftError> {
    open(app, person).save(draft)
}

fn say_kept(app: &App, kept: &Result<(), DraftError>) {
    match kept {
        Ok(()) => app.say(&app.text.of("send-kept")),
        Err(error) => {
            let reason = show(&error.to_string(), Shown::OneLine);
            app.say(&app.text.with("send-not-kept", &[("reason", reason.into())]));
        }
    }
}

fn open(app: &App, person: &Person) -> Drafts {
    Drafts::open(&app.data, &person.server, &person.username)
}

fn ask_recipients(app: &mut App, mail: &mut Draft) -> Answer<()> {
    let to: Recipients = app.ask(&app.text.of("send-to"), &mail.to, parse)?;
    mail.to = to.to_string();
    Ok(())
}

fn ask_text(app: &mut App, mail: &mut Draft) -> Answer<()> {
    let subject: Subject = app.ask(&app.text.of("send-subject"), &mail.subject, parse)?;
    subject.as_str().clone_into(&mut mail.subject);
    loop {
        ask_body(app, &mut mail.body)?;
        match mail.body.parse::<Body>() {
            Ok(_) => return Ok(()),
            Err(invalid) => app.say(&app.text.invalid(invalid)),
        }
    }
}

/// Asks for a body of several lines. What was typed stays in `body` however that ends.
fn ask_body(app: &mut App, body: &mut String) -> Answer<()> {
    let editor = Editor::of_person().filter(|_| app.prompt.is_interactive());
    app.say(&app.text.of("send-body"));
    if let Some(editor) = &editor {
        let values = [("editor", editor.shown().into())];
        app.say(&app.text.with("send-body-editor", &values));
    }
    loop {
        if !body.is_empty() {
            app.say(&show(body, Shown::Lines));
        }
        if app.prompt.body(body)? == Written::Done {
            return Ok(());
        }
        let Some(editor) = &editor else { continue };
        match app.undisturbed(|_| editor.edit(body)) {
            Ok(edited) => *body = edited,
            Err(error) => {
                let reason = show(&error.to_string(), Shown::OneLine);
                let values = [("editor", editor.shown().into()), ("reason", reason.into())];
                app.say(&app.text.with("send-editor-failed", &values));
            }
        }
    }
}

//! 4) Send a mail. What was typed is never lost: a mail that was not sent becomes a draft.

use std::{env, ffi::OsString, fs, io::Write, process::Command};

use correio_client::{Draft, DraftError, Drafts, Service, new_mail_id};
use correio_proto::{
    mail::{Body, Recipients, Subject},
    message::ErrorCode,
};

use super::home::Person;
use crate::{
    app::{App, parse},
    prompt::{Answer, Stop},
    show::{Shown, show},
};

/// Asks for a new mail and sends it.
pub(crate) fn run(app: &mut App, person: &Person) -> Answer<()> {
    let blank = Draft {
        id: new_mail_id(),
        to: String::new(),
        subject: String::new(),
        body: String::new(),
    };
    compose(app, person, blank)
}

/// Asks for the parts of a mail, what there is of them being the start, and sends it.
pub(crate) fn compose(app: &mut App, person: &Person, mut draft: Draft) -> Answer<()> {
    let typed = ask_parts(app, &mut draft);
    if let Err(stop) = typed {
        if !draft.body.trim().is_empty() {
            keep(app, person, &draft);
        }
        return Err(stop);
    }
    send(app, person, &draft);
    Ok(())
}

fn ask_parts(app: &mut App, draft: &mut Draft) -> Answer<()> {
    let to: Recipients = app.ask(&app.text.of("send-to"), &draft.to, parse)?;
    draft.to = to.to_string();
    let subject: Subject = app.ask(&app.text.of("send-subject"), &draft.subject, parse)?;
    subject.as_str().clone_into(&mut draft.subject);
    loop {
        ask_body(app, &mut draft.body)?;
        match draft.body.parse::<Body>() {
            Ok(_) => return Ok(()),
            Err(invalid) => app.say(&app.text.invalid(invalid)),
        }
    }
}

/// Sends a mail that is complete and says exactly one thing about it; a draft of it goes away
/// once it is sent, and is kept until then.
pub(crate) fn send(app: &mut App, person: &Person, draft: &Draft) {
    let mail = match draft.mail() {
        Ok(mail) => mail,
        Err(invalid) => return app.say(&app.text.invalid(invalid)),
    };
    let Some(service) = &app.service else { return };
    let doing = app.text.of("send-working");
    match app.wait(&doing, |cancel, _| service.send(&mail, cancel)) {
        Ok(_) => {
            app.say(&app.text.of("send-done"));
            // A draft that stays behind is the same mail to the server and would do no harm.
            if let Ok(drafts) = open(app, person, service) {
                let _ = drafts.delete(draft.id);
            }
            return;
        }
        Err(error) if error.code() == Some(ErrorCode::UnknownRecipient) => {
            app.say(&app.text.of("send-unknown"));
            if let correio_client::RequestError::Refused(error) = &error
                && mail.to.as_slice().len() > 1
            {
                let names: Vec<_> = error.recipients.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                app.say(
                    &app.text
                        .with("send-unknown-names", &[("names", names.into())]),
                );
            }
        }
        Err(error) => {
            let reason = app.text.request(&error);
            app.say(&app.text.with("send-failed", &[("reason", reason.into())]));
        }
    }
    keep(app, person, draft);
}

fn keep(app: &App, person: &Person, draft: &Draft) {
    let Some(service) = &app.service else { return };
    match open(app, person, service).and_then(|drafts| drafts.save(draft)) {
        Ok(()) => app.say(&app.text.of("send-kept")),
        Err(error) => {
            let reason = show(&error.to_string(), Shown::OneLine);
            app.say(&app.text.with("send-not-kept", &[("reason", reason.into())]));
        }
    }
}

fn open(app: &App, person: &Person, service: &Service) -> Result<Drafts, DraftError> {
    Drafts::open(&app.data, service.address(), &person.username)
}

/// Asks for a body of several lines. What was typed stays in `body` however that ends.
fn ask_body(app: &mut App, body: &mut String) -> Answer<()> {
    let editor = editor().filter(|_| app.prompt.is_interactive());
    let question = match &editor {
        Some(editor) => {
            let name = show(&editor.to_string_lossy(), Shown::OneLine);
            app.text
                .with("send-body-editor", &[("editor", name.into())])
        }
        None => app.text.of("send-body"),
    };
    app.say(&question);
    for line in body.lines() {
        app.say(&show(line, Shown::Lines));
    }
    loop {
        let line = app
            .prompt
            .line(if app.prompt.is_interactive() { "" } else { ">" }, "")?;
        match (line.as_str(), &editor) {
            (".", _) => return Ok(()),
            (":e", Some(editor)) => {
                if edit(app, editor, body) {
                    return Ok(());
                }
                continue;
            }
            _ => {}
        }
        // Of a line of dots, one stands for the line's not being the end.
        let is_dots = line.len() > 1 && line.bytes().all(|byte| byte == b'.');
        body.push_str(if is_dots {
            line.get(1..).unwrap_or_default()
        } else {
            &line
        });
        body.push('\n');
    }
}

fn editor() -> Option<OsString> {
    ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|name| !name.is_empty())
}

/// Has the body changed in the person's editor. False where it was not.
fn edit(app: &App, editor: &OsString, body: &mut String) -> bool {
    let edited = (|| {
        let mut file = tempfile::Builder::new()
            .prefix("correio-")
            .suffix(".txt")
            .tempfile()?;
        file.write_all(body.as_bytes())?;
        file.flush()?;
        // As git does it: what stands in the variable may have arguments.
        let status = Command::new("sh")
            .arg("-c")
            .arg(r#"eval "$CORREIO_EDITOR \"\$1\"""#)
            .arg("sh")
            .arg(file.path())
            .env("CORREIO_EDITOR", editor)
            .status()?;
        if !status.success() {
            return Err(std::io::Error::other(status.to_string()));
        }
        fs::read_to_string(file.path())
    })();
    match edited {
        Ok(text) => {
            *body = text;
            true
        }
        Err(error) => {
            let editor = show(&editor.to_string_lossy(), Shown::OneLine);
            let reason = show(&error.to_string(), Shown::OneLine);
            let values = [("editor", editor.into()), ("reason", reason.into())];
            app.say(&app.text.with("send-editor-failed", &values));
            false
        }
    }
}

/// Goes back instead of leaving where a person stopped in the middle of a mail.
pub(crate) fn settled(result: Answer<()>) -> Answer<()> {
    match result {
        Err(Stop::Back) => Ok(()),
        other => other,
    }
}

//! 5) Receive mail: download, keep, confirm, show.

use correio_client::{Mailbox, Stored};

use super::home::Person;
use crate::{
    app::App,
    prompt::{Answer, Stop},
    show::{Shown, show},
};

/// Receives everything and lets the person read it.
pub(crate) fn run(app: &mut App, person: &Person) -> Answer<()> {
    app.say(&app.text.of("receive-working"));
    let Some(mut mailbox) = open(app, person) else {
        return Ok(());
    };
    let Some(service) = &app.service else {
        return Ok(());
    };
    let doing = app.text.of("receive-working");
    let received = app.wait(&doing, |cancel, spinner| {
        let mut progress = |progress: correio_client::Progress| {
            let count = progress.saved.to_string();
            spinner.set_message(
                app.text
                    .with("receive-progress", &[("count", count.into())]),
            );
        };
        service.receive(&mut mailbox, &mut progress, cancel)
    });
    let mails = match received {
        Ok(mails) => mails,
        Err(error) => {
            let reason = app.text.receive(&error);
            app.say(
                &app.text
                    .with("receive-failed", &[("reason", reason.into())]),
            );
            // What did arrive is shown all the same.
            let Ok(mails) = mailbox.unseen() else {
                return Ok(());
            };
            if mails.is_empty() {
                return Ok(());
            }
            mails
        }
    };
    if mails.is_empty() {
        app.say(&app.text.of("receive-none"));
        return Ok(());
    }
    let count = format!("{:02}", mails.len());
    app.say(&app.text.with("receive-count", &[("count", count.into())]));
    let listed: Vec<_> = (1..).zip(mails).collect();
    show_list(app, &listed);
    // From now on they are not new any more: the person has seen that they are there.
    let shown: Vec<Stored> = listed.iter().map(|(_, mail)| mail.clone()).collect();
    if let Err(error) = mailbox.mark_shown(&shown) {
        app.say(&app.text.mailbox(&error));
    }
    read_some(app, &mailbox, &listed)
}

/// Opens the local mailbox, or says why not.
pub(crate) fn open(app: &App, person: &Person) -> Option<Mailbox> {
    let service = app.service.as_ref()?;
    match Mailbox::open(&app.data, service.address(), &person.username) {
        Ok(mailbox) => Some(mailbox),
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            None
        }
    }
}

/// Shows a line for each mail: its number here, the sender's full name, the subject.
pub(crate) fn show_list(app: &App, mails: &[(usize, Stored)]) {
    for (number, mail) in mails {
        app.say(&line(*number, mail));
    }
}

/// A mail in a list.
pub(crate) fn line(number: usize, mail: &Stored) -> String {
    let from = show(mail.from_name.as_str(), Shown::OneLine);
    let subject = show(mail.subject.as_str(), Shown::OneLine);
    format!("[{number}] {from}: {subject}")
}

/// Lets the person read mails of a list until that is enough.
pub(crate) fn read_some(app: &mut App, mailbox: &Mailbox, mails: &[(usize, Stored)]) -> Answer<()> {
    loop {
        let question = app.text.of("receive-choose");
        let question = question.trim_end_matches(':').to_owned();
        let typed = match app.prompt.line(&question, "") {
            Ok(typed) => typed,
            Err(Stop::Back) => return Ok(()),
            Err(Stop::Leave) => return Err(Stop::Leave),
        };
        let typed = typed.trim();
        if typed.is_empty() || typed == "0" {
            return Ok(());
        }
        let chosen = typed.parse().ok();
        match mails.iter().find(|(number, _)| Some(*number) == chosen) {
            Some((_, mail)) => {
                read(app, mailbox, mail)?;
                show_list(app, mails);
            }
            None => {
                let choice = show(typed, Shown::OneLine);
                app.say(
                    &app.text
                        .with("choice-unknown", &[("choice", choice.into())]),
                );
            }
        }
    }
}

fn read(app: &mut App, mailbox: &Mailbox, stored: &Stored) -> Answer<()> {
    let mail = match mailbox.read(stored) {
        Ok(mail) => mail,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(());
        }
    };
    let shown = crate::fields::text(&app.text, &mail);
    match app.prompt.page(&shown, &app.text.of("mail-more")) {
        Err(Stop::Leave) => return Err(Stop::Leave),
        Ok(()) | Err(Stop::Back) => {}
    }
    // Only a mark for the next list.
    let _ = mailbox.mark_read(stored);
    Ok(())
}

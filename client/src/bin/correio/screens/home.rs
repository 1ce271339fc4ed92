//! The screen behind the login: send, receive, log out, and what stays on this computer.

use correio_client::{Drafts, RequestError};
use correio_proto::{
    mail::{FullName, Username},
    message::LoggedIn,
};

use super::{account, drafts, local, receive, send};
use crate::{
    app::App,
    prompt::{Answer, Choice, Menu, Stop},
    show::{Shown, show},
};

/// Who is logged in.
pub(crate) struct Person {
    pub(crate) username: Username,
    pub(crate) full_name: FullName,
}

/// Whether the person stays logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    Yes,
    No,
}

/// Runs the menu until the person logs out.
pub(crate) fn run(app: &mut App, logged_in: LoggedIn) -> Answer<()> {
    let LoggedIn {
        username,
        full_name,
        waiting,
    } = logged_in;
    let mut person = Person {
        username,
        full_name,
    };
    if waiting > 0 {
        app.say(&app.text.count("home-waiting", waiting));
    }
    loop {
        let done = match choose(app, &person) {
            Ok(4) => send::run(app, &person),
            Ok(5) => receive::run(app, &person),
            Ok(6) => {
                logout(app, &person);
                return Ok(());
            }
            Ok(7) => local::run(app, &person),
            Ok(8) => drafts::run(app, &person),
            Ok(_) => match account::run(app, &mut person) {
                Ok(Stay::No) => return Ok(()),
                Ok(Stay::Yes) => Ok(()),
                Err(stop) => Err(stop),
            },
            // Esc in this menu would log out by accident.
            Err(Stop::Back) => Ok(()),
            Err(Stop::Leave) => Err(Stop::Leave),
        };
        if done == Err(Stop::Leave) {
            logout(app, &person);
            return Err(Stop::Leave);
        }
    }
}

fn choose(app: &mut App, person: &Person) -> Answer<u8> {
    let text = &app.text;
    let service = app.service.as_ref();
    let drafts = service
        .and_then(|service| Drafts::open(&app.data, service.address(), &person.username).ok())
        .and_then(|drafts| drafts.list().ok())
        .map_or(0, |(drafts, _)| drafts.len());
    let drafts = text.with("home-drafts", &[("count", drafts.to_string().into())]);
    let choices = [
        Choice::new(4, text.of("home-send")),
        Choice::new(5, text.of("home-receive")),
        Choice::new(6, text.of("home-logout")),
        Choice::new(7, text.of("home-local")),
        Choice::new(8, drafts),
        Choice::new(9, text.of("home-account")),
    ];
    let name = show(person.full_name.as_str(), Shown::OneLine);
    let menu = Menu {
        title: &text.with("home-title", &[("name", name.into())]),
        choices: &choices,
        question: &text.of("prompt-choice"),
        refuse: &|choice| choice.label.clone(),
        news: &|| {
            let notices = service
                .map(correio_client::Service::take_notices)
                .unwrap_or_default();
            let line = |mail: correio_proto::message::NewMail| {
                let from = show(mail.from_name.as_str(), Shown::OneLine);
                let subject = show(mail.subject.as_str(), Shown::OneLine);
                text.with(
                    "home-new-mail",
                    &[("from", from.into()), ("subject", subject.into())],
                )
            };
            notices.into_iter().map(line).collect()
        },
    };
    app.prompt.choose(&menu)
}

fn logout(app: &App, person: &Person) {
    let Some(service) = &app.service else { return };
    // Whatever the server says, this client is logged out.
    let doing = app.text.of("home-logout");
    let _: Result<(), RequestError> = app.wait(&doing, |cancel, _| service.logout(cancel));
    let name = show(person.full_name.as_str(), Shown::OneLine);
    app.say(&app.text.with("logout-done", &[("name", name.into())]));
}

//! The screen behind the login: send, receive, log out, and what stays on this computer.

use correio_client::{Address, Drafts, Mailbox, RequestError, Service, Shown, State, show};
use correio_proto::message::{LoggedIn, NewMail};

use super::{
    account::{self, LoginState},
    drafts, local, receive, send,
    user::CurrentUser,
};
use crate::{
    app::App,
    names::Names,
    prompt::{Answer, Choice, Menu, MenuStatus, Stop},
    text::Text,
};

/// Runs the menu until the person logs out.
pub(crate) fn run(app: &mut App, server: Address, logged_in: LoggedIn) -> Answer<()> {
    let LoggedIn { username, full_name, waiting } = logged_in;
    let mut user = CurrentUser { server, username, full_name, waiting };
    if waiting > 0 {
        app.say(&app.text.count("home-waiting", waiting));
    }
    let left = loop {
        if has_ended(app) {
            return Ok(());
        }
        let done = match choose(app, &user) {
            Ok(4) => send::run(app, &user),
            Ok(5) => receive::run(app, &user),
            Ok(6) => break Ok(()),
            Ok(7) => local::run(app, &user),
            Ok(8) => drafts::run(app, &user),
            Ok(_) => match account::run(app, &mut user) {
                Ok(LoginState::LoggedOut) => return Ok(()),
                Ok(LoginState::LoggedIn) => Ok(()),
                Err(stop) => Err(stop),
            },
            Err(stop) => Err(stop),
        };
        match done {
            // Esc in this menu would log out by accident.
            Ok(()) | Err(Stop::Back) => {}
            Err(Stop::Leave) => break Err(Stop::Leave),
            Err(stop) => return Err(stop),
        }
    };
    logout(app, &user);
    left
}

/// Whether the session was ended by somebody else; says so.
fn has_ended(app: &mut App) -> bool {
    let service = app.service.as_ref();
    if service.is_some_and(|service| service.username().is_some()) {
        return false;
    }
    app.say(&app.text.of("session-ended"));
    true
}

fn choose(app: &mut App, user: &CurrentUser) -> Answer<u8> {
    let text = &app.text;
    let service = app.service.as_ref();
    let drafts = Drafts::open(&app.data, &user.server, &user.username)
        .list()
        .map_or(0, |list| list.drafts.len());
    let drafts = text.with("home-drafts", &[("count", drafts.to_string().into())]);
    let choices = [
        Choice::new(4, text.of("home-send")),
        Choice::new(5, text.of("home-receive")),
        Choice::new(6, text.of("home-logout")),
        Choice::apart(7, text.of("home-local")),
        Choice::new(8, drafts),
        Choice::new(9, text.of("home-account")),
    ];
    let name = show(user.full_name.as_str(), Shown::OneLine);
    let mailbox = Mailbox::open(&app.data, &user.server, &user.username);
    let title = text.with("home-title", &[("name", name.into())]);
    let menu = Menu { text, title: &title, choices: &choices, current: None };
    let mut status = Status { text, service, user, mailbox: &mailbox, arrived: Arrived::default() };
    app.prompt.choose_with(&menu, &mut status)
}

/// What stands below the menu.
struct Status<'a> {
    text: &'a Text,
    service: Option<&'a Service>,
    user: &'a CurrentUser,
    mailbox: &'a Mailbox,
    arrived: Arrived,
}

impl MenuStatus for Status<'_> {
    fn lines(&mut self) -> Vec<String> {
        self.arrived.add(self.service.map(Service::take_notices).unwrap_or_default());
        let stops = self.service.is_some_and(|service| service.state() == State::Stopping);
        let stops = stops.then(|| self.text.of("home-stopping"));
        let arrived = self.arrived.line(self.text, || self.user.names(self.mailbox));
        arrived.into_iter().chain(stops).collect()
    }
}

/// Mails that arrived while the menu is open: however many, one line tells of them.
#[derive(Default)]
struct Arrived {
    count: usize,
    last: Option<NewMail>,
    /// Read from the mailbox when the first mail arrives.
    names: Option<Names>,
}

impl Arrived {
    fn add(&mut self, notices: Vec<NewMail>) {
        self.count += notices.len();
        self.last = notices.into_iter().next_back().or(self.last.take());
    }

    fn line(&mut self, text: &Text, names: impl FnOnce() -> Names) -> Option<String> {
        let mail = self.last.as_ref()?;
        let names = self.names.get_or_insert_with(names);
        names.add(&mail.from, &mail.from_name);
        let from = names.sender(&mail.from, &mail.from_name);
        let subject = show(mail.subject.as_str(), Shown::OneLine);
        let values = [
            ("from", from.into()),
            ("subject", subject.into()),
            ("count", self.count.to_string().into()),
        ];
        let key = if self.count == 1 { "home-new-mail" } else { "home-new-mails" };
        Some(text.with(key, &values))
    }
}

fn logout(app: &mut App, user: &CurrentUser) {
    let Some(service) = &app.service else { return };
    // Whatever the server says, this client is logged out.
    let doing = app.text.of("home-logout");
    let _: Result<(), RequestError> = app.wait(&doing, |cancel, _| service.logout(cancel));
    let name = show(user.full_name.as_str(), Shown::OneLine);
    app.say(&app.text.with("logout-done", &[("name", name.into())]));
}

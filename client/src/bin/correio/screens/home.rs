//! The screen after the login: send, receive, log out, local mail, drafts, the account.

use std::path::Path;

use correio_client::{Address, Drafts, Folder, RequestError, Service, State, WhiteSpace, sanitize};
use correio_proto::message::{LoggedIn, NewMail};

use super::{
    account::{self, AfterChange},
    drafts, local, receive, search, send,
    user::CurrentUser,
};
use crate::{
    app::App,
    fullness::Fullness,
    names::{Names, Since},
    prompt::{Answer, Choice, Menu, MenuChoice, MenuStatus, Stop},
    text::Text,
};

/// The choices of the menu. Their digits go on after those of the first screen; where these are
/// used up, they begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HomeChoice {
    Send,
    Receive,
    Logout,
    Local,
    Sent,
    Search,
    Drafts,
    Account,
}

impl MenuChoice for HomeChoice {
    const ALL: &'static [Self] = &[
        Self::Send,
        Self::Receive,
        Self::Logout,
        Self::Local,
        Self::Sent,
        Self::Search,
        Self::Drafts,
        Self::Account,
    ];

    fn digit(self) -> u8 {
        match self {
            Self::Send => 4,
            Self::Receive => 5,
            Self::Logout => 6,
            Self::Local => 7,
            Self::Sent => 1,
            Self::Search => 2,
            Self::Drafts => 8,
            Self::Account => 9,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Send => "home-send",
            Self::Receive => "home-receive",
            Self::Logout => "home-logout",
            Self::Local => "home-local",
            Self::Drafts => "home-drafts",
            Self::Account => "home-account",
            Self::Sent => "home-sent",
            Self::Search => "home-search",
        }
    }
}

/// Runs the menu until the user logs out.
pub(crate) fn run(app: &mut App, server: Address, logged_in: LoggedIn) -> Answer<()> {
    let LoggedIn { username, full_name, waiting, usage } = logged_in;
    let mut user = CurrentUser { server, username, full_name, waiting, usage };
    if waiting > 0 {
        app.say(&app.text.count("home-waiting", waiting));
    }
    let warning = user.usage.and_then(|usage| Fullness::of(&usage).warning(app.text));
    if let Some(warning) = warning {
        app.say(&warning);
    }
    let left = loop {
        if has_ended(app) {
            return Ok(());
        }
        let done = match choose(app, &user) {
            Ok(HomeChoice::Send) => send::run(app, &user),
            Ok(HomeChoice::Receive) => receive::run(app, &user),
            Ok(HomeChoice::Logout) => break Ok(()),
            Ok(HomeChoice::Local) => local::run(app, &user, Folder::Received),
            Ok(HomeChoice::Sent) => local::run(app, &user, Folder::Sent),
            Ok(HomeChoice::Search) => search::run(app, &user),
            Ok(HomeChoice::Drafts) => drafts::run(app, &user),
            Ok(HomeChoice::Account) => match account::run(app, &mut user) {
                Ok(AfterChange::LoggedOut) => return Ok(()),
                Ok(AfterChange::LoggedIn) => Ok(()),
                Err(stop) => Err(stop),
            },
            Err(stop) => Err(stop),
        };
        match done {
            // In this menu Esc does nothing, so that it does not log out by accident.
            Ok(()) | Err(Stop::Back) => {}
            Err(Stop::Leave) => break Err(Stop::Leave),
            Err(stop) => return Err(stop),
        }
    };
    logout(app, &user);
    left
}

/// Whether the session has ended on the server's side. If so, says so.
fn has_ended(app: &mut App) -> bool {
    let service = app.service.as_ref();
    if service.is_some_and(|service| service.username().is_some()) {
        return false;
    }
    app.say(&app.text.of("session-ended"));
    true
}

fn choose(app: &mut App, user: &CurrentUser) -> Answer<HomeChoice> {
    let text = &app.text;
    let service = app.service.as_deref();
    let drafts = Drafts::open(&app.data, &user.server, &user.username).count().unwrap_or_default();
    let choices: Vec<_> =
        HomeChoice::ALL.iter().map(|choice| home_line(text, *choice, drafts)).collect();
    let name = sanitize(user.full_name.as_str(), WhiteSpace::OneLine);
    let title = text.with("home-title", &[("name", name.into())]);
    let menu = Menu { text, title: &title, choices: &choices, current: None };
    let mut status =
        HomeStatus { text, service, user, data: &app.data, arrived: Arrived::default() };
    app.prompt.choose_with(&menu, &mut status)
}

/// A choice's line; that of the drafts shows how many there are.
fn home_line(text: &Text, choice: HomeChoice, drafts: usize) -> Choice<HomeChoice> {
    match choice {
        HomeChoice::Drafts => {
            let label = text.with(choice.label_key(), &[("count", drafts.to_string().into())]);
            Choice::new(choice, choice.digit(), label)
        }
        // A blank line separates the main choices from the others.
        HomeChoice::Local => Choice { apart: true, ..Choice::of(choice, text) },
        HomeChoice::Send
        | HomeChoice::Receive
        | HomeChoice::Logout
        | HomeChoice::Account
        | HomeChoice::Sent
        | HomeChoice::Search => Choice::of(choice, text),
    }
}

/// The lines below the menu: new mail, and a server that stops.
struct HomeStatus<'a> {
    text: &'a Text,
    service: Option<&'a Service>,
    user: &'a CurrentUser,
    data: &'a Path,
    arrived: Arrived,
}

impl MenuStatus for HomeStatus<'_> {
    fn lines(&mut self) -> Vec<String> {
        self.arrived.add(self.service.map(Service::take_notices).unwrap_or_default());
        let stops = self.service.is_some_and(|service| service.state() == State::Stopping);
        let stops = stops.then(|| self.text.of("home-stopping"));
        let arrived = self.arrived.line(self.text, || self.user.names(self.data));
        arrived.into_iter().chain(stops).collect()
    }
}

/// Mails that arrived while the menu is open. One line tells of all of them.
#[derive(Default)]
struct Arrived {
    count: usize,
    last: Option<NewMail>,
    /// Read from the local mailbox when the first mail arrives.
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
        let is_stranger = !names.resembled(&mail.from, &mail.from_name, &Since::Now).is_empty();
        names.add(&mail.from, &mail.from_name, &Since::Now);
        let mut from = names.sender(&mail.from, &mail.from_name);
        if is_stranger {
            from = format!("{from} {}", text.of("stranger"));
        }
        let subject = sanitize(mail.subject.as_str(), WhiteSpace::OneLine);
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
    // Whatever the server replies, this client is logged out.
    let doing = app.text.of("home-logout");
    let _: Result<(), RequestError> = app.wait(&doing, |cancel, _| service.logout(cancel));
    let name = sanitize(user.full_name.as_str(), WhiteSpace::OneLine);
    app.say(&app.text.with("logout-done", &[("name", name.into())]));
}

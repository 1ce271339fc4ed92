//! The screen behind the login: send, receive, log out, and what stays on this computer.

use correio_client::{
    Address, Drafts, Layout, Mailbox, RequestError, Service, State, Stored, sanitize,
};
use correio_proto::{
    mail::{FullName, Username},
    message::{LoggedIn, NewMail},
};

use super::{account, drafts, local, receive, send};
use crate::{
    app::App,
    names::Names,
    prompt::{Answer, Choice, Menu, MenuStatus, Stop},
    text::Text,
};

/// Who is logged in.
pub(crate) struct Person {
    /// The server with the account.
    pub(crate) server: Address,
    pub(crate) username: Username,
    pub(crate) full_name: FullName,
    /// Mails that were waiting at the login.
    pub(crate) waiting: u32,
}

impl Person {
    /// The accounts whose names the person may mistake: the senders of all mails that are here,
    /// and the person.
    pub(crate) fn names(&self, mailbox: &Mailbox) -> Names {
        let mut names = Names::of_mailbox(mailbox).unwrap_or_default();
        names.add(&self.username, &self.full_name);
        names
    }

    /// The same, of mails that are known already.
    pub(crate) fn names_among(&self, mails: &[Stored]) -> Names {
        let mut names = Names::of_mails(mails);
        names.add(&self.username, &self.full_name);
        names
    }
}

/// Whether the person stays logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    Yes,
    No,
}

/// Runs the menu until the person logs out.
pub(crate) fn run(app: &mut App, server: Address, logged_in: LoggedIn) -> Answer<()> {
    let LoggedIn { username, full_name, waiting } = logged_in;
    let mut person = Person { server, username, full_name, waiting };
    if waiting > 0 {
        app.say(&app.text.count("home-waiting", waiting));
    }
    let left = loop {
        if has_ended(app) {
            return Ok(());
        }
        let done = match choose(app, &person) {
            Ok(4) => send::run(app, &person),
            Ok(5) => receive::run(app, &person),
            Ok(6) => break Ok(()),
            Ok(7) => local::run(app, &person),
            Ok(8) => drafts::run(app, &person),
            Ok(_) => match account::run(app, &mut person) {
                Ok(Stay::No) => return Ok(()),
                Ok(Stay::Yes) => Ok(()),
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
    logout(app, &person);
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

fn choose(app: &mut App, person: &Person) -> Answer<u8> {
    let text = &app.text;
    let service = app.service.as_ref();
    let drafts = Drafts::open(&app.data, &person.server, &person.username)
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
    let name = sanitize(person.full_name.as_str(), Layout::OneLine);
    let mailbox = Mailbox::open(&app.data, &person.server, &person.username);
    let title = text.with("home-title", &[("name", name.into())]);
    let menu = Menu { text, title: &title, choices: &choices, current: None };
    let mut status =
        Status { text, service, person, mailbox: &mailbox, arrived: Arrived::default() };
    app.prompt.choose_with(&menu, &mut status)
}

/// What stands below the menu.
struct Status<'a> {
    text: &'a Text,
    service: Option<&'a Service>,
    person: &'a Person,
    mailbox: &'a Mailbox,
    arrived: Arrived,
}

impl MenuStatus for Status<'_> {
    fn lines(&mut self) -> Vec<String> {
        self.arrived.add(self.service.map(Service::take_notices).unwrap_or_default());
        let stops = self.service.is_some_and(|service| service.state() == State::Stopping);
        let stops = stops.then(|| self.text.of("home-stopping"));
        let arrived = self.arrived.line(self.text, || self.person.names(self.mailbox));
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
        let subject = sanitize(mail.subject.as_str(), Layout::OneLine);
        let values = [
            ("from", from.into()),
            ("subject", subject.into()),
            ("count", self.count.to_string().into()),
        ];
        let key = if self.count == 1 { "home-new-mail" } else { "home-new-mails" };
        Some(text.with(key, &values))
    }
}

fn logout(app: &mut App, person: &Person) {
    let Some(service) = &app.service else { return };
    // Whatever the server says, this client is logged out.
    let doing = app.text.of("home-logout");
    let _: Result<(), RequestError> = app.wait(&doing, |cancel, _| service.logout(cancel));
    let name = sanitize(person.full_name.as_str(), Layout::OneLine);
    app.say(&app.text.with("logout-done", &[("name", name.into())]));
}

//! The first screen: choose a server, register, log in, set a forgotten password, quit.

use correio_client::Address;

use super::{login, recover, register, server};
use crate::{
    app::App,
    prompt::{Answer, Choice, Menu, MenuChoice, Stop},
};

/// The choices of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstChoice {
    Server,
    Register,
    Login,
    /// Only after a wrong password, on a server that sets passwords by codes.
    Recover,
    Quit,
}

impl MenuChoice for FirstChoice {
    const ALL: &'static [Self] =
        &[Self::Server, Self::Register, Self::Login, Self::Recover, Self::Quit];

    fn digit(self) -> u8 {
        match self {
            Self::Server => 1,
            Self::Register => 2,
            Self::Login => 3,
            Self::Recover => 4,
            Self::Quit => 0,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Server => "first-server",
            Self::Register => "first-register",
            Self::Login => "first-login",
            Self::Recover => "first-recover",
            Self::Quit => "first-quit",
        }
    }
}

/// Runs the menus until the user quits, and returns how they ended.
pub(crate) fn run(app: &mut App, preset: Option<&Address>) -> Stop {
    // On a terminal the last server is used again; a script names its server.
    let last = app.prompt.is_interactive().then(|| app.last_server()).flatten();
    if let Some(address) = preset.cloned().or(last)
        && let Err(stop) = server::point_at(app, &address)
        && stop != Stop::Back
    {
        return stop;
    }
    let mut current = app.service.as_ref().map(|_| FirstChoice::Login);
    loop {
        let chosen = choose(app, current);
        // The cursor stays on the last choice, so that Enter, typed by habit, does not ask for an
        // address.
        current = chosen.as_ref().ok().copied().or(current);
        let done = match chosen {
            Ok(FirstChoice::Server) => server::run(app, preset),
            Ok(FirstChoice::Register) => register::run(app),
            Ok(FirstChoice::Login) => login::run(app),
            Ok(FirstChoice::Recover) => recover::run(app),
            Ok(FirstChoice::Quit) => return Stop::Leave,
            Err(stop) => Err(stop),
        };
        match done {
            Ok(()) if app.refused.is_none() => {
                current = app.service.as_ref().map(|_| FirstChoice::Login);
            }
            // This is the first menu: Esc does nothing.
            Ok(()) | Err(Stop::Back) => {}
            Err(stop) => return stop,
        }
    }
}

fn choose(app: &mut App, current: Option<FirstChoice>) -> Answer<FirstChoice> {
    let text = app.text;
    let no_server = app.service.is_none().then(|| text.of("needs-server"));
    let line = |choice: &FirstChoice| {
        let unavailable = match choice {
            FirstChoice::Server | FirstChoice::Quit => None,
            FirstChoice::Register | FirstChoice::Login | FirstChoice::Recover => no_server.clone(),
        };
        Choice { unavailable, ..Choice::of(*choice, text) }
    };
    let is_shown =
        |choice: &&FirstChoice| **choice != FirstChoice::Recover || app.forgotten.is_some();
    let choices: Vec<_> = FirstChoice::ALL.iter().filter(is_shown).map(line).collect();
    app.prompt.choose(&Menu { text, title: &text.of("first-title"), choices: &choices, current })
}

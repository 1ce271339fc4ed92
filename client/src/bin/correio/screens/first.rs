//! The first screen: point at a server, register, log in, quit.

use correio_client::Address;

use super::{login, register, server};
use crate::{
    app::App,
    prompt::{Choice, Menu, Stop},
};

/// Runs the menus until the person quits and returns how.
pub(crate) fn run(app: &mut App, preset: Option<&Address>) -> Stop {
    // A person goes on where they left off; a script says which server it wants.
    let last = app.prompt.is_interactive().then(|| app.last_server()).flatten();
    if let Some(address) = preset.cloned().or(last)
        && let Err(stop) = server::point_at(app, &address)
        && stop != Stop::Back
    {
        return stop;
    }
    let mut current = app.service.as_ref().map(|_| LOGIN);
    loop {
        let chosen = choose(app, current);
        // The cursor stays where it was: what is typed by habit is not taken for an address.
        current = chosen.as_ref().ok().copied().or(current);
        let done = match chosen {
            Ok(SERVER) => server::run(app, preset),
            Ok(REGISTER) => register::run(app),
            Ok(LOGIN) => login::run(app),
            Ok(_) => return Stop::Leave,
            Err(stop) => Err(stop),
        };
        match done {
            Ok(()) if app.refused.is_none() => current = app.service.as_ref().map(|_| LOGIN),
            // In this menu there is nothing to go back to.
            Ok(()) | Err(Stop::Back) => {}
            Err(stop) => return stop,
        }
    }
}

const SERVER: u8 = 1;
const REGISTER: u8 = 2;
const LOGIN: u8 = 3;

fn choose(app: &mut App, current: Option<u8>) -> Result<u8, Stop> {
    let text = &app.text;
    let unavailable = app.service.is_none().then(|| text.of("needs-server"));
    let needs_server =
        |digit, label| Choice { unavailable: unavailable.clone(), ..Choice::new(digit, label) };
    let choices = [
        Choice::new(SERVER, text.of("first-server")),
        needs_server(REGISTER, text.of("first-register")),
        needs_server(LOGIN, text.of("first-login")),
        Choice::new(0, text.of("first-quit")),
    ];
    app.prompt.choose(&Menu { text, title: &text.of("first-title"), choices: &choices, current })
}

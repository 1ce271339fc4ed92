//! The first screen: point at a server, register, log in, quit.

use correio_client::Address;

use super::{login, register, server};
use crate::{
    app::App,
    prompt::{Choice, Menu, Stop},
};

/// Runs the menus until the person quits and returns how.
pub(crate) fn run(app: &mut App, preset: Option<&Address>) -> Stop {
    if let Some(address) = preset
        && let Err(stop @ (Stop::Leave | Stop::Interrupted)) = server::point_at(app, address)
    {
        return stop;
    }
    loop {
        let done = match choose(app) {
            Ok(1) => server::run(app, preset),
            Ok(2) => register::run(app),
            Ok(3) => login::run(app),
            Ok(_) => return Stop::Leave,
            Err(stop) => Err(stop),
        };
        match done {
            // In this menu there is nothing to go back to.
            Ok(()) | Err(Stop::Back) => {}
            Err(stop) => return stop,
        }
    }
}

fn choose(app: &mut App) -> Result<u8, Stop> {
    let text = &app.text;
    let unavailable = app.service.is_none().then(|| text.of("needs-server"));
    let needs_server =
        |digit, label| Choice { unavailable: unavailable.clone(), ..Choice::new(digit, label) };
    let choices = [
        Choice::new(1, text.of("first-server")),
        needs_server(2, text.of("first-register")),
        needs_server(3, text.of("first-login")),
        Choice::new(0, text.of("first-quit")),
    ];
    app.prompt.choose(&Menu {
        text,
        title: &text.of("first-title"),
        choices: &choices,
        news: &Vec::new,
    })
}

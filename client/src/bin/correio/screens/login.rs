//! 3) Open my e-mail.

use crate::{
    app::{App, parse},
    prompt::{Answer, Stop},
    screens::home,
};

/// Asks who it is and, if the server agrees, opens the screen behind the login.
pub(crate) fn run(app: &mut App) -> Answer<()> {
    let username = app.ask(&app.text.of("login-username"), "", parse)?;
    let password = app.ask_password(&app.text.of("login-password"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("login-working");
    match app.wait(&doing, |cancel, _| {
        service.login(&username, &password, cancel)
    }) {
        Ok(logged_in) => home::run(app, logged_in),
        Err(error) => {
            let reason = app.text.request(&error);
            app.say(&app.text.with("login-failed", &[("reason", reason.into())]));
            Ok(())
        }
    }
}

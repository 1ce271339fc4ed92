//! 3) Open my e-mail.

use crate::{
    app::{App, parse},
    prompt::{Answer, Stop},
    screens::home,
};

/// Asks who it is and, if the server agrees, opens the screen behind the login.
pub(crate) fn run(app: &mut App) -> Answer<()> {
    let offered = app.user.clone();
    let username = app.ask(&app.text.of("login-username"), &offered, parse)?;
    let password = app.ask_password(&app.text.of("login-password"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    // What came for whoever was logged in before is not for this person.
    drop(service.take_notices());
    let server = service.address().clone();
    let doing = app.text.of("login-working");
    let logged_in = password.and_then(|password| {
        app.wait(&doing, |cancel, _| service.login(&username, &password, cancel))
    });
    match logged_in {
        Ok(logged_in) => home::run(app, server, logged_in),
        Err(error) => {
            let reason = app.text.request(&error);
            app.say(&app.text.with("login-failed", &[("reason", reason.into())]));
            Ok(())
        }
    }
}

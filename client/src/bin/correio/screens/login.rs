//! The screen "3) Open my e-mail".

use std::sync::Arc;

use correio_client::RequestError;
use correio_proto::{
    capability::RECOVER, credential::Password, mail::Username, message::ErrorCode,
};

use crate::{
    app::{App, parse},
    exit::Failure,
    prompt::{Answer, Stop},
    screens::home,
};

/// Asks for the username and the password, logs in, and opens the screen after the login.
///
/// After a refused password, only the password is asked for, so that a password typed by habit is
/// never shown. Esc in that question leads to the username.
pub(crate) fn run(app: &mut App) -> Answer<()> {
    let (username, question) = match app.refused.take() {
        Some(refused) if app.prompt.is_interactive() => {
            let values = [("username", refused.as_str().to_owned().into())];
            (refused, app.text.with("login-password-of", &values))
        }
        _ => (ask_username(app)?, app.text.of("login-password")),
    };
    match app.ask_password(&question) {
        Err(Stop::Back) if question != app.text.of("login-password") => {
            app.user = username.as_str().to_owned();
            let username = ask_username(app)?;
            let password = app.ask_password(&app.text.of("login-password"))?;
            log_in(app, username, password)
        }
        password => log_in(app, username, password?),
    }
}

fn ask_username(app: &mut App) -> Answer<Username> {
    let offered = match app.user.is_empty() {
        true if app.prompt.is_interactive() => app.last_user().map(|user| user.to_string()),
        _ => None,
    };
    let offered = offered.unwrap_or_else(|| app.user.clone());
    app.ask_before_password(&app.text.of("login-username"), &offered, parse)
}

/// Logs in, unless no account can have the password, and opens the screen after the login.
pub(super) fn log_in(
    app: &mut App,
    username: Username,
    password: Result<Arc<Password>, RequestError>,
) -> Answer<()> {
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    app.forgotten = None;
    // Notices of the session before do not belong to this session.
    drop(service.take_notices());
    let server = service.address().clone();
    let doing = app.text.of("login-working");
    let typed = password.as_ref().ok().cloned();
    let logged_in = password.and_then(|password| {
        app.wait(&doing, |cancel, _| service.login(&username, &password, cancel))
    });
    match logged_in {
        Ok(logged_in) => {
            app.remember_user(&username);
            home::run(app, server, logged_in)
        }
        Err(error) => {
            let reason = app.text.login(&error, typed.as_deref());
            app.say(&app.text.with("login-failed", &[("reason", reason.into())]));
            if app.is_script() {
                // The script's next lines are meant for the screen after the login.
                return Err(Stop::Failed(Failure::request(app.text, &error).status));
            }
            offer_recovery(app, &username, &error);
            app.refused = Some(username);
            Ok(())
        }
    }
}

/// Offers to set a new password after a wrong one, if the server does that by codes of its
/// operator.
fn offer_recovery(app: &mut App, username: &Username, error: &RequestError) {
    let service = app.service.as_ref();
    let is_offered =
        service.is_some_and(|service| service.welcome().capabilities.contains(RECOVER));
    if is_offered && error.code() == Some(ErrorCode::BadCredentials) {
        app.say(&app.text.of("login-forgotten"));
        app.forgotten = Some(username.clone());
    }
}

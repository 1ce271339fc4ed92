//! The choice after a wrong password: set a new one by a code of the server's operator.

use correio_client::RecoveryCode;
use correio_proto::mail::Username;

use super::login;
use crate::{
    app::{App, parse},
    app_passwords,
    prompt::{Answer, Stop},
};

/// Asks for the username, the code and the new password, sets it, and logs in with it.
pub(crate) fn run(app: &mut App) -> Answer<()> {
    let offered = app.forgotten.as_ref().map(ToString::to_string).unwrap_or_default();
    let question = app.text.of("login-username");
    let username: Username = app.ask_before_password(&question, &offered, parse)?;
    let question = app.text.of("recover-code");
    let code: RecoveryCode = app.ask_before_password(&question, "", |text, typed| {
        typed.trim().parse().map_err(|_| text.of("recover-code-form"))
    })?;
    let password = app.ask_new_password(&app.text.of("account-new"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let set = app.wait(&doing, |cancel, _| service.recover(&username, &code, &password, cancel));
    match set {
        Ok(revoked) => {
            let values = [("username", username.as_str().to_owned().into())];
            let line = app_passwords::revoked(app.text, service, revoked);
            app.say(&app.text.with("recover-done", &values));
            if let Some(line) = line {
                app.say(&line);
            }
            login::log_in(app, username, Ok(password))
        }
        Err(error) => {
            let reason = app.text.recovery(&error);
            app.say(&app.text.with("recover-failed", &[("reason", reason.into())]));
            Ok(())
        }
    }
}

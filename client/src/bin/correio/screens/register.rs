//! The screen "2) Register an account".

use correio_client::{NewAccount, RequestError, new_mail_id};
use correio_proto::{
    invite::Invite,
    mail::{FullName, Username},
    message::{ErrorCode, RegistrationPolicy},
};

use crate::{
    app::{App, parse},
    prompt::{Answer, Stop},
};

/// Asks for the data of an account and registers it. If the username is taken, asks for another.
pub(crate) fn run(app: &mut App) -> Answer<()> {
    let invite = match app.service.as_ref().map(|service| service.welcome().registration) {
        Some(RegistrationPolicy::Invite {}) => Some(ask_invite(app)?),
        Some(RegistrationPolicy::Closed {}) => {
            app.say(&app.text.of("register-closed"));
            return Ok(());
        }
        Some(RegistrationPolicy::Open {}) | None => None,
    };
    let full_name: FullName =
        app.ask_before_password(&app.text.of("register-full-name"), "", parse)?;
    let username_question = app.text.of("register-username");
    let mut username: Username = app.ask_before_password(&username_question, "", parse)?;
    let password = app.ask_new_password(&app.text.of("register-password"))?;
    // The id stays the same for a retry, so that a retry after a lost reply is not refused as
    // taken.
    let mut id = new_mail_id();
    loop {
        let registration = NewAccount {
            id,
            username: username.clone(),
            full_name: full_name.clone(),
            password: password.clone(),
            invite: invite.clone(),
        };
        let Some(service) = &app.service else {
            return Err(Stop::Back);
        };
        let policy = service.welcome().registration;
        let doing = app.text.of("register-working");
        let name = ("username", username.as_str().to_owned().into());
        match app.wait(&doing, |cancel, _| service.register(&registration, cancel)) {
            Ok(()) => {
                app.say(&app.text.with("register-done", &[name]));
                // The next login offers this username.
                username.as_str().clone_into(&mut app.user);
                return Ok(());
            }
            Err(error) if error.code() == Some(ErrorCode::UsernameTaken) => {
                app.say(&app.text.with("register-taken", &[name]));
                username = app.ask(&username_question, username.as_str(), parse)?;
                id = new_mail_id();
            }
            Err(error) => {
                let reason = app.text.registration(&error, policy);
                app.say(&app.text.with("register-failed", &[("reason", reason.into())]));
                if !try_again(app, &error)? {
                    return Ok(());
                }
            }
        }
    }
}

fn ask_invite(app: &mut App) -> Answer<Invite> {
    app.ask_before_password(&app.text.of("register-invite"), "", |text, typed| {
        typed.parse().map_err(|_| text.of("invite-form"))
    })
}

/// Asks whether to try again with the same data, if a retry may succeed.
fn try_again(app: &mut App, error: &RequestError) -> Answer<bool> {
    let may_help = match error {
        RequestError::Refused(error) => {
            matches!(error.code, ErrorCode::Busy | ErrorCode::RateLimited | ErrorCode::Unavailable)
        }
        RequestError::Unreachable(_) | RequestError::TimedOut => true,
        _ => false,
    };
    if !may_help {
        return Ok(false);
    }
    let question = app.text.of("register-retry");
    app.prompt.confirm(&question, app.text)
}

//! The screen of the account that is logged in: change the name or the password, delete the
//! account, and the way to its app passwords.

use correio_client::RequestError;

use super::{app_passwords as app_passwords_screen, user::CurrentUser};
use crate::{
    app::{App, parse},
    app_passwords, fullness,
    prompt::{Answer, MenuChoice, Stop},
};

/// Whether the user is still logged in after a change of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterChange {
    LoggedIn,
    /// The account was deleted.
    LoggedOut,
}

/// The choices of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountChoice {
    Name,
    Password,
    Delete,
    AppPasswords,
    Back,
}

impl MenuChoice for AccountChoice {
    const ALL: &'static [Self] =
        &[Self::Name, Self::Password, Self::Delete, Self::AppPasswords, Self::Back];

    fn digit(self) -> u8 {
        match self {
            Self::Name => 1,
            Self::Password => 2,
            Self::Delete => 3,
            Self::AppPasswords => 4,
            Self::Back => 0,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Name => "account-name",
            Self::Password => "account-password",
            Self::Delete => "account-delete",
            Self::AppPasswords => "account-app-passwords",
            Self::Back => "account-back",
        }
    }
}

/// Changes or deletes the account.
pub(crate) fn run(app: &mut App, user: &mut CurrentUser) -> Answer<AfterChange> {
    if let Some(usage) = &user.usage {
        let used = fullness::line(app.text, usage);
        app.say(&app.text.with("account-usage", &[("used", used.into())]));
    }
    match app.prompt.menu(app.text, "account-title")? {
        AccountChoice::Name => rename(app, user).map(|()| AfterChange::LoggedIn),
        AccountChoice::Password => change_password(app).map(|()| AfterChange::LoggedIn),
        AccountChoice::Delete => delete(app, user),
        AccountChoice::AppPasswords => {
            app_passwords_screen::run(app, user).map(|()| AfterChange::LoggedIn)
        }
        AccountChoice::Back => Ok(AfterChange::LoggedIn),
    }
}

fn rename(app: &mut App, user: &mut CurrentUser) -> Answer<()> {
    let question = app.text.of("register-full-name");
    let full_name = app.ask(&question, user.full_name.as_str(), parse)?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let changed = app.wait(&doing, |cancel, _| service.change_full_name(&full_name, cancel));
    if report(app, changed) {
        user.full_name = full_name;
    }
    Ok(())
}

fn change_password(app: &mut App) -> Answer<()> {
    let current = match app.ask_password(&app.text.of("account-current"))? {
        Ok(current) => current,
        Err(error) => {
            report(app, Err(error));
            return Ok(());
        }
    };
    let new = app.ask_new_password(&app.text.of("account-new"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let changed = app.wait(&doing, |cancel, _| service.change_password(&current, &new, cancel));
    let revoked = match &changed {
        Ok(number) => app_passwords::revoked(app.text, service, *number),
        Err(_) => None,
    };
    report(app, changed.map(drop));
    if let Some(line) = revoked {
        app.say(&line);
    }
    Ok(())
}

fn delete(app: &mut App, user: &CurrentUser) -> Answer<AfterChange> {
    let username = user.username.as_str().to_owned();
    let question = app.text.with("account-delete-sure", &[("username", username.clone().into())]);
    if !app.prompt.confirm(&question, app.text)? {
        return Ok(AfterChange::LoggedIn);
    }
    let password = app.ask_password(&app.text.of("account-current"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let deleted = password.and_then(|password| {
        app.wait(&doing, |cancel, _| service.delete_account(&password, cancel))
    });
    match deleted {
        Ok(()) => {
            app.say(&app.text.with("account-deleted", &[("username", username.into())]));
            Ok(AfterChange::LoggedOut)
        }
        Err(error) => {
            report(app, Err(error));
            Ok(AfterChange::LoggedIn)
        }
    }
}

/// Reports the result of a change. Returns whether it succeeded.
fn report(app: &mut App, changed: Result<(), RequestError>) -> bool {
    match changed {
        Ok(()) => {
            app.say(&app.text.of("account-done"));
            true
        }
        Err(error) => {
            // Some changes need the password, whose failures count as those of logins.
            let reason = app.text.login(&error, None);
            app.say(&app.text.with("account-failed", &[("reason", reason.into())]));
            false
        }
    }
}

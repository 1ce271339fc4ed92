//! The account that is logged in: its name, its password, its end.

use correio_client::RequestError;

use super::home::{Person, Stay};
use crate::{
    app::{App, parse},
    prompt::{Answer, Choice, Menu, Stop},
};

/// Changes or deletes the account.
pub(crate) fn run(app: &mut App, person: &mut Person) -> Answer<Stay> {
    let text = &app.text;
    let choices = [
        Choice::new(1, text.of("account-name")),
        Choice::new(2, text.of("account-password")),
        Choice::new(3, text.of("account-delete")),
        Choice::new(0, text.of("account-back")),
    ];
    let menu = Menu { text, title: &text.of("account-title"), choices: &choices, current: None };
    match app.prompt.choose(&menu)? {
        1 => rename(app, person).map(|()| Stay::Yes),
        2 => change_password(app).map(|()| Stay::Yes),
        3 => delete(app, person),
        _ => Ok(Stay::Yes),
    }
}

fn rename(app: &mut App, person: &mut Person) -> Answer<()> {
    let question = app.text.of("register-full-name");
    let full_name = app.ask(&question, person.full_name.as_str(), parse)?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let changed = app.wait(&doing, |cancel, _| service.change_full_name(&full_name, cancel));
    if tell(app, changed) {
        person.full_name = full_name;
    }
    Ok(())
}

fn change_password(app: &mut App) -> Answer<()> {
    let current = match app.ask_password(&app.text.of("account-current"))? {
        Ok(current) => current,
        Err(error) => {
            tell(app, Err(error));
            return Ok(());
        }
    };
    let new = app.ask_new_password(&app.text.of("account-new"))?;
    let Some(service) = &app.service else {
        return Err(Stop::Back);
    };
    let doing = app.text.of("account-working");
    let changed = app.wait(&doing, |cancel, _| service.change_password(&current, &new, cancel));
    tell(app, changed);
    Ok(())
}

fn delete(app: &mut App, person: &Person) -> Answer<Stay> {
    let username = person.username.as_str().to_owned();
    let question = app.text.with("account-delete-sure", &[("username", username.clone().into())]);
    if !app.prompt.confirm(&question, app.text)? {
        return Ok(Stay::Yes);
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
            Ok(Stay::No)
        }
        Err(error) => {
            tell(app, Err(error));
            Ok(Stay::Yes)
        }
    }
}

/// Says what became of a change. True where it holds.
fn tell(app: &mut App, changed: Result<(), RequestError>) -> bool {
    match changed {
        Ok(()) => {
            app.say(&app.text.of("account-done"));
            true
        }
        Err(error) => {
            let reason = app.text.request(&error);
            app.say(&app.text.with("account-failed", &[("reason", reason.into())]));
            false
        }
    }
}

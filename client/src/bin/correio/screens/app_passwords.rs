//! The screen that shows, makes and revokes the app passwords with which mail programs log in.

use std::sync::Arc;

use correio_client::{RequestError, Service};
use correio_proto::{
    app_password::{AppPasswordOverview, Label},
    capability::APP_PASSWORDS,
};

use super::user::CurrentUser;
use crate::{
    app::{App, parse},
    app_passwords,
    prompt::{Answer, MenuChoice, Stop},
};

/// The choices of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppPasswordChoice {
    Create,
    Revoke,
    Back,
}

impl MenuChoice for AppPasswordChoice {
    const ALL: &'static [Self] = &[Self::Create, Self::Revoke, Self::Back];

    fn digit(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Revoke => 2,
            Self::Back => 0,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Create => "app-password-create",
            Self::Revoke => "app-password-revoke",
            Self::Back => "account-back",
        }
    }
}

/// Shows the app passwords, makes and revokes them until the user goes back.
pub(super) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let Some(service) = app.service.clone() else {
        return Err(Stop::Back);
    };
    if !service.welcome().capabilities.contains(APP_PASSWORDS) {
        app.say(&app.text.of("app-password-off"));
        return Ok(());
    }
    loop {
        let doing = app.text.of("app-password-working");
        let listed = app.wait(&doing, |cancel, _| service.app_passwords(cancel));
        let Some(passwords) = reported(app, listed) else { return Ok(()) };
        for line in app_passwords::lines(app.text, &passwords) {
            app.say(&line);
        }
        match app.prompt.menu(app.text, "app-password-title")? {
            AppPasswordChoice::Create => create(app, user, &service)?,
            AppPasswordChoice::Revoke => revoke(app, &service, &passwords)?,
            AppPasswordChoice::Back => return Ok(()),
        }
    }
}

fn create(app: &mut App, user: &CurrentUser, service: &Arc<Service>) -> Answer<()> {
    let label: Label = app.ask(&app.text.of("app-password-label"), "", parse)?;
    let doing = app.text.of("app-password-working");
    let made = app.wait(&doing, |cancel, _| service.create_app_password(&label, cancel));
    if let Some((_, password)) = reported(app, made) {
        for line in app_passwords::made(app.text, &user.username, &label, &password) {
            app.say(&line);
        }
    }
    Ok(())
}

fn revoke(app: &mut App, service: &Arc<Service>, passwords: &[AppPasswordOverview]) -> Answer<()> {
    if passwords.is_empty() {
        return Ok(());
    }
    let question = app.text.of("app-password-which");
    let (id, label) = app.ask(&question, "", |text, typed| {
        let found = app_passwords::find(passwords, typed);
        found.map(|found| (found.id, found.label.clone())).ok_or_else(|| {
            let name = app_passwords::label_of(typed);
            text.with("app-password-unknown", &[("name", name.into())])
        })
    })?;
    let doing = app.text.of("app-password-working");
    let revoked = app.wait(&doing, |cancel, _| service.revoke_app_password(id, cancel));
    if reported(app, revoked).is_some() {
        let label = app_passwords::label(&label);
        app.say(&app.text.with("app-password-revoked", &[("label", label.into())]));
    }
    Ok(())
}

/// The result of a request. If the request failed, shows the reason and returns `None`.
fn reported<T>(app: &mut App, result: Result<T, RequestError>) -> Option<T> {
    match result {
        Ok(result) => Some(result),
        Err(error) => {
            let reason = app.text.request(&error);
            app.say(&app.text.with("account-failed", &[("reason", reason.into())]));
            None
        }
    }
}

//! `correio app-password`: makes, lists and revokes the passwords with which mail programs log in.

use correio_client::Service;
use correio_proto::{
    app_password::{AppPasswordOverview, Label},
    capability::APP_PASSWORDS,
};
use serde_json::{Value, json};

use super::{context::Context, json::utc};
use crate::{
    app_password_args::AppPasswordCommand,
    app_passwords,
    exit::{ExitStatus, Failure},
    output::Output,
};

pub(super) fn run(context: &Context<'_>, command: &AppPasswordCommand) -> Result<Output, Failure> {
    match command {
        AppPasswordCommand::Create { label } => create(context, label),
        AppPasswordCommand::List => list(context),
        AppPasswordCommand::Revoke { app_password } => revoke(context, app_password),
    }
}

fn create(context: &Context<'_>, label: &str) -> Result<Output, Failure> {
    let text = context.text;
    let label: Label = label.parse().map_err(|invalid| Failure::invalid(text, invalid))?;
    let username = context.username()?;
    let service = log_in(context)?;
    let made = service.create_app_password(&label, &context.cancel);
    let (id, password) = made.map_err(|error| Failure::request(text, &error))?;
    let lines = app_passwords::made(text, &username, &label, &password);
    let json = json!({
        "id": id.0,
        "label": label.as_str(),
        "username": username.as_str(),
        "password": password.to_string(),
    });
    Ok(Output::new(lines.join("\n"), json))
}

fn list(context: &Context<'_>) -> Result<Output, Failure> {
    let service = log_in(context)?;
    let passwords = present(context, &service)?;
    let json = passwords.iter().map(overview_json).collect::<Vec<_>>();
    let lines = app_passwords::lines(context.text, &passwords);
    Ok(Output::new(lines.join("\n"), json!({ "app_passwords": json })))
}

fn revoke(context: &Context<'_>, typed: &str) -> Result<Output, Failure> {
    let text = context.text;
    let service = log_in(context)?;
    let passwords = present(context, &service)?;
    let Some(AppPasswordOverview { id, label, .. }) = app_passwords::find(&passwords, typed) else {
        let name = app_passwords::label_of(typed);
        let said = text.with("app-password-unknown", &[("name", name.into())]);
        return Err(Failure::new(ExitStatus::BadData, "no_such_app_password", said));
    };
    let revoked = service.revoke_app_password(*id, &context.cancel);
    revoked.map_err(|error| Failure::request(text, &error))?;
    let said = text.with("app-password-revoked", &[("label", app_passwords::label(label).into())]);
    Ok(Output::new(said, json!({ "id": id.0, "label": label.as_str() })))
}

fn log_in(context: &Context<'_>) -> Result<Service, Failure> {
    let (service, _) = context.log_in()?;
    match service.welcome().capabilities.contains(APP_PASSWORDS) {
        true => Ok(service),
        false => {
            let said = context.text.of("app-password-off");
            Err(Failure::new(ExitStatus::NotAllowed, "no_app_passwords", said))
        }
    }
}

fn present(context: &Context<'_>, service: &Service) -> Result<Vec<AppPasswordOverview>, Failure> {
    let passwords = service.app_passwords(&context.cancel);
    passwords.map_err(|error| Failure::request(context.text, &error))
}

fn overview_json(password: &AppPasswordOverview) -> Value {
    json!({
        "id": password.id.0,
        "label": password.label.as_str(),
        "made_at": utc(password.made_at),
        "used_at": password.used.and_then(|used| utc(used.day)),
        "used_from": password.used.map(|used| used.from.to_string()),
    })
}

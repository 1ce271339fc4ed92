//! `correio register`: makes an account.

use correio_client::{NewAccount, new_mail_id};
use correio_proto::{invite::Invite, message::RegistrationPolicy};
use serde_json::json;

use super::context::Context;
use crate::{
    exit::{ExitStatus, Failure},
    output::Output,
};

pub(super) fn run(
    context: &Context<'_>,
    name: &str,
    invite: Option<&Invite>,
) -> Result<Output, Failure> {
    let text = context.text;
    context.address()?;
    let username = context.username()?;
    let full_name = name.parse().map_err(|invalid| Failure::invalid(text, invalid))?;
    context.needs_password()?;
    // The connection comes first: no password is typed for a server that is not there.
    let service = context.connect()?;
    let policy = service.welcome().registration;
    if policy == (RegistrationPolicy::Invite {}) && invite.is_none() {
        let text = text.of("needs-invite");
        return Err(Failure::new(ExitStatus::NotAllowed, "no_invite", text));
    }
    let password = context.new_password("register-password")?;
    let registration = NewAccount {
        id: new_mail_id(),
        username: username.clone(),
        full_name,
        password,
        invite: invite.cloned(),
    };
    service
        .register(&registration, &context.cancel)
        .map_err(|error| Failure::registration(text, &error, policy))?;
    Ok(Output::new(
        text.with("command-registered", &[("username", username.as_str().to_owned().into())]),
        json!({
            "username": username.as_str(),
            "full_name": registration.full_name.as_str(),
        }),
    ))
}

//! The account of a mail program: made with correio's own protocol, as its owner would.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use correio_client::{Cancel, ConnectOptions, Service};
use correio_proto::{
    app_password::AppPasswordRequest,
    credential::Credential,
    message::{Login, Reply, Request},
};

use super::ProgramPlan;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the account, if there is none yet, and an app password.
///
/// # Errors
///
/// The server cannot be reached, or refuses.
pub(super) fn prepare(plan: &ProgramPlan) -> Result<String> {
    let address = plan.server.to_string().parse().context("the server's address")?;
    let options = ConnectOptions {
        deadline: PATIENCE,
        request_deadline: PATIENCE,
        trust: plan.trust,
        ..ConnectOptions::default()
    };
    let cancel = Cancel::default();
    let service = Service::connect(&address, &options, &cancel)?;
    let username = plan.username.as_str();
    // A repetition finds the account.
    let _ = service.ask(crate::register(username)?, &cancel);
    let login = Login { username: plan.username.clone(), credential: Credential::from([0x2a; 23]) };
    service.ask(Request::Login(login), &cancel)?;
    // An app password whose reply was lost keeps its label.
    let label =
        format!("load {}", correio_client::new_mail_id()).chars().take(40).collect::<String>();
    let create = AppPasswordRequest::Create { label: label.parse()? };
    match service.ask(Request::AppPassword(create), &cancel)? {
        Reply::AppPasswordCreated { password, .. } => Ok(password.to_string()),
        reply => bail!("an app password was expected, not {reply:?}"),
    }
}

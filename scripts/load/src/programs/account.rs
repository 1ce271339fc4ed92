//! The account of a mail program: made with correio's own protocol, as its owner would.

use anyhow::{Result, bail};
use correio_proto::{
    app_password::AppPasswordRequest,
    message::{Reply, Request},
};
use correio_testing::client::Client;

use super::{context::ProgramPlan, received::security};

/// Makes the account, if there is none yet, and an app password.
///
/// # Errors
///
/// The server cannot be reached, or refuses.
pub(super) fn prepare(plan: &ProgramPlan) -> Result<String> {
    let security = security(plan.server, plan.trust);
    let mut client = Client::try_connect_with(plan.server, &security)?;
    client.try_ask(crate::hello())?;
    // A repetition finds the account.
    client.try_ask(crate::register(plan.username.as_str())?)?;
    client.try_ask(crate::login(plan.username.as_str())?)?;
    // An app password whose reply was lost keeps its label.
    let label = correio_client::new_mail_id().to_string().parse()?;
    let create = Request::AppPassword(AppPasswordRequest::Create { label });
    match client.try_ask(create)? {
        Reply::AppPasswordCreated { password, .. } => Ok(password.to_string()),
        reply => bail!("an app password was expected, not {reply:?}"),
    }
}

//! Makes the account and the app password of a mail program, by correio's own protocol.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use correio_client::Trust;
use correio_proto::{
    app_password::AppPasswordRequest,
    message::{Reply, Request},
};
use correio_testing::client::Client;

use super::received::security;

/// Makes the account, if there is none yet, and a new app password of it. Returns the app password.
///
/// # Errors
///
/// The server cannot be reached, or refuses.
pub fn app_password(server: SocketAddr, trust: Trust, username: &str) -> Result<String> {
    let mut client = Client::try_connect_with(server, &security(server, trust))?;
    client.try_ask(crate::hello())?;
    // A repetition finds the account in place.
    client.try_ask(crate::register(username)?)?;
    client.try_ask(crate::login(username)?)?;
    // A new label each time: an app password whose reply was lost keeps its own.
    let label = correio_client::new_mail_id().to_string().parse()?;
    let create = Request::AppPassword(AppPasswordRequest::Create { label });
    match client.try_ask(create)? {
        Reply::AppPasswordCreated { password, .. } => Ok(password.to_string()),
        reply => bail!("an app password was expected, not {reply:?}"),
    }
}

//! The account of a mail program: made with correio's own protocol, as its owner would.

use anyhow::{Result, bail};
use correio_proto::{
    app_password::AppPasswordRequest,
    channel::Channel,
    limits,
    message::{Reply, Request},
};
use correio_testing::client::Client;

use super::{ProgramPlan, received::security};

/// Makes the account, if there is none yet, and an app password.
///
/// # Errors
///
/// The server cannot be reached, or refuses.
pub(super) fn prepare(plan: &ProgramPlan) -> Result<String> {
    let mut client = Client::try_connect(plan.server)?;
    client.channel = Channel::new(&security(plan.server, plan.trust), limits::REPLY_FRAME_MAX);
    shake_hands(&mut client)?;
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

fn shake_hands(client: &mut Client) -> Result<()> {
    loop {
        while client.channel.wants_write() {
            client.channel.write_to(&mut client.stream)?;
        }
        if !client.channel.is_handshaking() {
            return Ok(());
        }
        if client.channel.read_from(&mut client.stream)? == 0 {
            bail!("the server closed the connection");
        }
    }
}

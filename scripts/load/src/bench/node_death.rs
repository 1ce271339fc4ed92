//! The death of a server with many sessions, which come back at another server of the same store.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use correio_proto::{message::Reply, resume::ResumeTicket};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    frames::account,
    setup::{Endpoint, SetupScript, open, open_answered, register_accounts},
};

/// What the sessions log in with after the death of their server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Credentials {
    /// A resume ticket.
    Tickets,
    /// The password, which costs the server a bcrypt.
    Passwords,
}

/// The sessions: their number, and how many of them an account has.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// Number of sessions.
    pub count: usize,
    /// Most of one account; a server allows a hundred.
    pub of_account: usize,
}

/// Logs sessions in at a server, kills its process, and logs them in at the other server. Reports
/// the seconds from the kill to the last login. As many connections are begun at a time as
/// [`open`] begins.
///
/// # Errors
///
/// A server refuses a login, or gives no tickets; there is no such process.
pub fn run(
    (first, pid): (&Endpoint, u32),
    other: &Endpoint,
    prefix: &str,
    Sessions { count, of_account }: Sessions,
    credentials: Credentials,
) -> Result<Value> {
    let accounts = count.div_ceil(of_account.max(1));
    register_accounts(first, prefix, accounts)?;
    let account = |session: usize| account(prefix, session / of_account.max(1));
    let logins = || (0..count).map(|session| SetupScript::logging_in(&account(session)));
    let tickets = match credentials {
        Credentials::Tickets => {
            tickets(first, (0..accounts).map(|index| account(index * of_account)))?
        }
        Credentials::Passwords => Vec::new(),
    };
    let held = open(first, logins().collect::<Result<_>>()?)?;
    let again: Vec<SetupScript> = match credentials {
        Credentials::Passwords => logins().collect::<Result<_>>()?,
        Credentials::Tickets => (0..count)
            .map(|session| {
                let ticket = tickets.get(session / of_account.max(1)).context("a ticket")?;
                SetupScript::resuming(&account(session), ticket.clone())
            })
            .collect::<Result<_>>()?,
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process")?;
    let died = Instant::now();
    kill_process(process, Signal::KILL).context("the server cannot be killed")?;
    drop(held);
    let back = open(other, again)?;
    let seconds = died.elapsed().as_secs_f64();
    ensure!(back.len() == count, "{} sessions of {count} are back", back.len());
    Ok(json!({ "value": seconds, "sessions": count, "per_second": count as f64 / seconds }))
}

/// A ticket of each account.
fn tickets(server: &Endpoint, accounts: impl Iterator<Item = String>) -> Result<Vec<ResumeTicket>> {
    let scripts = accounts.map(|username| SetupScript::getting_a_ticket(&username));
    let answered = open_answered(server, scripts.collect::<Result<_>>()?)?;
    let ticket = |reply| match reply {
        Some(Reply::Ticket(given)) => Ok(given.ticket),
        reply => bail!("no ticket: {reply:?}"),
    };
    answered.into_iter().map(|(_, reply)| ticket(reply)).collect()
}

//! Silent sessions of mail programs, logged in, to measure the server's memory.

use std::{net::SocketAddr, thread, time::Instant};

use anyhow::{Context, Result, ensure};
use correio_client::Trust;
use serde_json::{Value, json};

use super::frames::account;
use crate::{
    process,
    programs::{HeldSession, ProgramProtocol, app_password},
};

/// The listeners of a server, and the trust in each.
#[derive(Clone, Copy, Debug)]
pub struct Listeners {
    /// Correio's own protocol.
    pub own: (SocketAddr, Trust),
    /// The protocol of the programs.
    pub programs: (SocketAddr, Trust),
}

/// Makes the accounts, each for so many sessions, opens the sessions, and reports the server's
/// memory before and after. Both are read once the server had this time to settle.
///
/// # Errors
///
/// The server refuses a login, its memory cannot be read, or does not grow.
pub fn run(
    protocol: ProgramProtocol,
    listeners: Listeners,
    pid: u32,
    (sessions, per_account): (usize, usize),
    settle: std::time::Duration,
) -> Result<Value> {
    let (own, own_trust) = listeners.own;
    let (server, trust) = listeners.programs;
    let mut logins = Vec::new();
    for index in 0..sessions.div_ceil(per_account.max(1)) {
        let username = account("p", index);
        let password = app_password(own, own_trust, &username)?;
        logins.push((username, password));
    }
    thread::sleep(settle);
    let before = process::memory(pid)?;
    let started = Instant::now();
    let mut held = Vec::with_capacity(sessions);
    for (username, password) in logins.iter().cycle().take(sessions) {
        let session = HeldSession::log_in(protocol, server, trust, username, password);
        held.push(session.with_context(|| format!("session {} of {username}", held.len()))?);
    }
    let seconds = started.elapsed().as_secs_f64();
    thread::sleep(settle);
    let after = process::memory(pid)?;
    ensure!(after > before, "the server's memory did not grow: {before} B before, {after} B after");
    Ok(json!({
        "before": before,
        "after": after,
        "bytes_each": after.saturating_sub(before) as f64 / held.len().max(1) as f64,
        "logged_in_after_seconds": seconds,
    }))
}

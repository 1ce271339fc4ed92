//! `correio trust`: accept a server's certificate, forget it, or list those accepted.

use std::io;

use correio_client::{Address, ConnectError, KnownServer, KnownServers, Proof, Trust, Untrusted};
use serde_json::json;

use super::{Context, Output};
use crate::{
    exit::{Failure, Status},
    person::Person,
    terminal::Guard,
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    Forget,
}

pub(super) fn run(
    context: &Context<'_>,
    guard: &Guard,
    server: Option<&str>,
    action: Action,
) -> Result<Output, Failure> {
    let text = context.text;
    let known = context.known();
    let address = match server {
        Some(server) => server
            .parse()
            .map_err(|invalid| Failure::new(Status::Usage, "invalid", text.address(&invalid)))?,
        None if context.options.server.is_some() || action == Action::Forget => {
            context.address()?
        }
        None => return list(context, &known),
    };
    match action {
        Action::Accept => accept(context, guard, &known, &address),
        Action::Forget => forget(context, &known, &address),
    }
}

fn list(context: &Context<'_>, known: &KnownServers) -> Result<Output, Failure> {
    let servers = known.list().map_err(|error| Failure::known_servers(context.text, &error))?;
    // What was only stated for a time was not accepted.
    let servers: Vec<_> =
        servers.into_iter().filter(|known| !matches!(known.proof, Proof::Stated(_))).collect();
    let lines: Vec<_> =
        servers.iter().map(|known| format!("{} {}", known.address, known.proof)).collect();
    let text = match lines.is_empty() {
        true => context.text.of("trust-none"),
        false => lines.join("\n"),
    };
    let entry = |known: &KnownServer| {
        let fingerprint = match known.proof {
            Proof::Certificate(fingerprint) => Some(fingerprint.to_string()),
            Proof::Stated(_) | Proof::Authorities => None,
        };
        json!({ "server": known.address.to_string(), "fingerprint": fingerprint })
    };
    Ok(Output { text, json: servers.iter().map(entry).collect() })
}

fn forget(
    context: &Context<'_>,
    known: &KnownServers,
    address: &Address,
) -> Result<Output, Failure> {
    let forgotten =
        known.forget(address).map_err(|error| Failure::known_servers(context.text, &error))?;
    let key = if forgotten { "trust-forgotten" } else { "trust-not-known" };
    Ok(Output {
        text: context.text.with(key, &[("address", address.to_string().into())]),
        json: json!({ "server": address.to_string(), "forgotten": forgotten }),
    })
}

/// Looks at the certificate that the server shows now, whatever was accepted before.
fn accept(
    context: &Context<'_>,
    guard: &Guard,
    known: &KnownServers,
    address: &Address,
) -> Result<Output, Failure> {
    let text = context.text;
    let stated = context.options.fingerprint;
    let trust = stated.map_or(Trust::Authorities, Trust::Fingerprint);
    let fingerprint = match context.connect_trusting(guard, address, trust) {
        Ok(_) => stated,
        Err(ConnectError::Untrusted(untrusted)) if context.accepts(guard, &untrusted)? => {
            Some(untrusted.found)
        }
        Err(error) => return Err(Failure::connect(text, &error)),
    };
    let changed = match fingerprint {
        Some(fingerprint) => known.remember(address, fingerprint),
        // What the authorities vouch for needs no memory, and an old one would be in the way.
        None => known.forget(address).map(drop),
    };
    changed.map_err(|error| Failure::known_servers(text, &error))?;
    let key = if fingerprint.is_some() { "trust-accepted" } else { "trust-vouched" };
    Ok(Output {
        text: text.with(key, &[("address", address.to_string().into())]),
        json: json!({
            "server": address.to_string(),
            "fingerprint": fingerprint.map(|fingerprint| fingerprint.to_string()),
        }),
    })
}

impl Context<'_> {
    /// Asks the person whether to trust a certificate; nobody is asked where nobody sits.
    pub(super) fn accepts(&self, guard: &Guard, untrusted: &Untrusted) -> Result<bool, Failure> {
        let Some(offer) = self.text.offer(untrusted) else {
            return Ok(false);
        };
        if self.options.password_stdin {
            return Ok(false);
        }
        let Some(mut person) = Person::find(guard) else {
            return Ok(false);
        };
        guard.set_busy(false);
        let failed = |error: io::Error| Failure::new(Status::Local, "terminal", error.to_string());
        let (question, yes_no) = (self.text.of("trust-question"), self.text.of("prompt-yes-no"));
        let question = format!("{offer}\n{question} {yes_no}");
        let answer = person.line(&question).map_err(failed)?;
        Ok(answer.trim().to_lowercase().starts_with(&self.text.of("prompt-yes")))
    }
}

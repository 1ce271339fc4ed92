//! `correio trust`: accepts a server's certificate, forgets it, or lists the accepted certificates.

use std::borrow::Cow;

use correio_client::{
    Address, ConnectError, Distrust, KnownServer, KnownServers, Proof, Trust, Untrusted,
};
use correio_proto::fingerprint::Fingerprint;
use serde_json::json;

use super::context::Context;
use crate::{
    args::Origin,
    connect::{TrustOption, not_connected},
    exit::{ExitStatus, Failure},
    output::Output,
    text::Text,
};

/// The action of the command on a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    Forget,
}

pub(super) fn run(
    context: &Context<'_>,
    server: Option<&str>,
    action: Action,
) -> Result<Output, Failure> {
    let text = context.text;
    let known = context.known();
    let address = match server {
        Some(server) => server.parse().map_err(|invalid| {
            Failure::new(ExitStatus::Usage, "invalid", text.address(&invalid))
        })?,
        None if action == Action::Forget => context.address()?,
        // `CORREIO_SERVER` is for every command, so only the option `--server` asks to accept a
        // certificate.
        None => match context.options.server_origin {
            Origin::CommandLine => context.address()?,
            Origin::Elsewhere => return list(context, &known),
        },
    };
    match action {
        Action::Accept => accept(context, &known, &address),
        Action::Forget => forget(context, &known, &address),
    }
}

fn list(context: &Context<'_>, known: &KnownServers) -> Result<Output, Failure> {
    let servers = known.list().map_err(|error| Failure::known_servers(context.text, &error))?;
    // A certificate that was only stated with `--fingerprint` was not accepted.
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
    Ok(Output::new(text, servers.iter().map(entry).collect()))
}

fn forget(
    context: &Context<'_>,
    known: &KnownServers,
    address: &Address,
) -> Result<Output, Failure> {
    let forgotten =
        known.forget(address).map_err(|error| Failure::known_servers(context.text, &error))?;
    let key = if forgotten { "trust-forgotten" } else { "trust-not-known" };
    Ok(Output::new(
        context.text.with(key, &[("address", address.to_string().into())]),
        json!({ "server": address.to_string(), "forgotten": forgotten }),
    ))
}

/// Connects and reads the certificate that the server shows now. If it is the accepted certificate,
/// nothing changes; another certificate is the user's to accept.
fn accept(
    context: &Context<'_>,
    known: &KnownServers,
    address: &Address,
) -> Result<Output, Failure> {
    let text = context.text;
    let unknown = |error| Failure::known_servers(text, &error);
    let accepted =
        known.list().map_err(unknown)?.into_iter().find(|known| known.address == *address);
    let accepted = match accepted.map(|known| known.proof) {
        Some(Proof::Certificate(fingerprint)) => Some(fingerprint),
        Some(Proof::Stated(_) | Proof::Authorities) | None => None,
    };
    let stated = context.options.fingerprint;
    let trust = stated.or(accepted).map_or(Trust::Authorities, Trust::Fingerprint);
    let fingerprint = match context.connect_once(address, trust) {
        Ok(_) if stated.is_none_or(|stated| accepted == Some(stated)) && accepted.is_some() => {
            return Ok(answer(context, "trust-known", address, accepted));
        }
        Ok(_) => stated,
        Err(ConnectError::Untrusted(untrusted)) if stated.is_none() => {
            let untrusted = match known.was_vouched(address).map_err(unknown)? {
                true => untrusted.after_vouched(),
                false => untrusted,
            };
            if !context.may_ask() {
                return Err(nobody_to_ask(text, &untrusted));
            }
            if !context.accepts(&untrusted)? {
                let said = text.with("trust-not-accepted", &[address_value(address)]);
                return Err(Failure::new(ExitStatus::NotAllowed, "untrusted", said));
            }
            needed(context, &untrusted)?
        }
        Err(error) => {
            let option = stated.map_or(TrustOption::Unset, TrustOption::Fingerprint);
            return Err(not_connected(text, option, &error));
        }
    };
    let changed = match fingerprint {
        Some(fingerprint) => known.remember(address, fingerprint),
        // The entry of an accepted certificate would refuse a certificate that authorities vouch
        // for.
        None => known.vouched(address),
    };
    changed.map_err(unknown)?;
    let key = if fingerprint.is_some() { "trust-accepted" } else { "trust-vouched" };
    Ok(answer(context, key, address, fingerprint))
}

/// The fingerprint to remember after the user has accepted a certificate. `None` if a public
/// authority vouches for the new certificate of a known server.
fn needed(context: &Context<'_>, accepted: &Untrusted) -> Result<Option<Fingerprint>, Failure> {
    if matches!(accepted.distrust, Distrust::Unvouched(_) | Distrust::NoLongerVouched(_)) {
        return Ok(Some(accepted.found));
    }
    match context.connect_once(&accepted.address, Trust::Authorities) {
        Ok(_) => Ok(None),
        Err(ConnectError::Untrusted(again)) if again.found == accepted.found => {
            Ok(Some(accepted.found))
        }
        Err(error) => Err(Failure::connect(context.text, &error)),
    }
}

fn answer(
    context: &Context<'_>,
    key: &str,
    address: &Address,
    fingerprint: Option<Fingerprint>,
) -> Output {
    Output::new(
        context.text.with(key, &[address_value(address)]),
        json!({
            "server": address.to_string(),
            "fingerprint": fingerprint.map(|fingerprint| fingerprint.to_string()),
        }),
    )
}

fn address_value(address: &Address) -> (&'static str, Cow<'static, str>) {
    ("address", address.to_string().into())
}

/// The failure without a terminal: says which option accepts the certificate.
fn nobody_to_ask(text: &Text, untrusted: &Untrusted) -> Failure {
    let offer = text.offer(untrusted);
    let values = [address_value(&untrusted.address), ("found", untrusted.found.to_string().into())];
    let said = format!("{offer}\n{}", text.with("trust-nobody-to-ask", &values));
    Failure::new(ExitStatus::NotAllowed, "untrusted", said)
}

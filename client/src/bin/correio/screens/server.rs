//! 1) Point at a server.

use correio_client::{Address, ConnectError, KnownServersError, Trust};

use crate::{
    app::App,
    exit::{Failure, Status},
    prompt::Answer,
};

/// Asks for address and port and says whether a correio server is there.
pub(crate) fn run(app: &mut App, preset: Option<&Address>) -> Answer<()> {
    // An address that did not answer is offered again: only the port may have been wrong.
    let last = app.tried.clone().or_else(|| app.last_server()).or_else(|| preset.cloned());
    let host = last.as_ref().map_or_else(|| "localhost".to_owned(), Address::host);
    let question = app.text.of("server-address");
    let typed = app.ask(&question, &host, |text, typed| {
        typed.parse::<Address>().map_err(|invalid| text.address(&invalid))
    })?;
    // A port that was typed with the address is not asked for again.
    let known = last.filter(|last| last.host() == typed.host());
    let port =
        known.filter(|_| typed.port() == correio_proto::DEFAULT_PORT).unwrap_or(typed.clone());
    let question = app.text.of("server-port");
    let address = app.ask(&question, &port.port().to_string(), |text, number| {
        let port = number.trim().parse().unwrap_or(0);
        Address::new(&typed.host(), port)
            .map_err(|_| text.with("address-port", &[("text", format!("{number:?}").into())]))
    })?;
    point_at(app, &address)
}

/// Connects and says what became of it.
pub(crate) fn point_at(app: &mut App, address: &Address) -> Answer<()> {
    // The server pointed at before is none any more, whatever comes of this one.
    app.service = None;
    app.refused = None;
    app.failed = None;
    app.tried = Some(address.clone());
    match connect(app, address)? {
        Ok(()) => {
            app.say(&app.text.of("server-available"));
            if let Some(service) = &app.service {
                app.say(&app.server_details(service));
            }
        }
        Err(Unavailable { reason, status }) => {
            app.failed = Some(status);
            app.say(&app.text.with("server-unavailable", &[("reason", reason.into())]));
        }
    }
    Ok(())
}

/// Why there is no connection, for people and as the status with which a script ends.
struct Unavailable {
    reason: String,
    status: Status,
}

impl From<Failure> for Unavailable {
    fn from(failure: Failure) -> Self {
        Self { reason: failure.text, status: failure.status }
    }
}

/// Connects. A certificate that is not known yet is the person's to accept.
fn connect(app: &mut App, address: &Address) -> Answer<Result<(), Unavailable>> {
    let unknown = |app: &App, error: &KnownServersError| Failure::known_servers(app.text, error);
    let trust = match app.trust(address) {
        Ok(trust) => trust,
        Err(error) => return Ok(Err(unknown(app, &error).into())),
    };
    let untrusted = match app.connect(address, trust) {
        Ok(()) => return Ok(Ok(())),
        Err(ConnectError::Untrusted(untrusted)) => untrusted,
        Err(error) => return Ok(Err(Failure::connect(app.text, &error).into())),
    };
    let refused =
        Unavailable { reason: app.text.untrusted(&untrusted), status: Status::NotAllowed };
    let Some(offer) = app.text.offer(&untrusted) else {
        return Ok(Err(refused));
    };
    app.say(&offer);
    let question = app.text.of("trust-question");
    if !app.prompt.confirm(&question, app.text)? {
        return Ok(Err(refused));
    }
    let remembered = app.undisturbed(|_| app.known().remember(address, untrusted.found));
    if let Err(error) = remembered {
        return Ok(Err(unknown(app, &error).into()));
    }
    let connected = app.connect(address, Trust::Fingerprint(untrusted.found));
    Ok(connected.map_err(|error| Failure::connect(app.text, &error).into()))
}

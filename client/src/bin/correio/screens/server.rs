//! The screen "1) Choose a server".

use correio_client::Address;

use crate::{app::App, connect, prompt::Answer};

/// Asks for the address and the port, and says whether a correio server answers.
pub(crate) fn run(app: &mut App, preset: Option<&Address>) -> Answer<()> {
    // An address that did not answer is offered again: perhaps only the port was wrong.
    let last = app.tried.clone().or_else(|| app.last_server()).or_else(|| preset.cloned());
    let host = last.as_ref().map_or_else(|| "localhost".to_owned(), Address::host);
    let question = app.text.of("server-address");
    let typed = app.ask(&question, &host, |text, typed| {
        typed.parse::<Address>().map_err(|invalid| text.address(&invalid))
    })?;
    // A port that was typed with the address is offered as the answer.
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

/// Connects to a server and says whether it is available.
pub(crate) fn point_at(app: &mut App, address: &Address) -> Answer<()> {
    // The connection to the server before ends, whether this server answers or not.
    app.service = None;
    app.refused = None;
    app.forgotten = None;
    app.failed = None;
    app.tried = Some(address.clone());
    let (option, known) = (app.trust_option, app.known());
    match connect::connect(app, option, &known, address)? {
        Ok(service) => {
            let details = app.server_details(&service);
            app.set_service(service);
            app.say(&app.text.of("server-available"));
            app.say(&details);
        }
        Err(error) => {
            let failure = error.failure(app.text, option);
            app.failed = Some(failure.status);
            app.say(&app.text.with("server-unavailable", &[("reason", failure.text.into())]));
        }
    }
    Ok(())
}

//! `correio ping`: says whether a correio server answers, and how long it takes.

use serde_json::json;

use super::context::Context;
use crate::{exit::Failure, output::Output};

pub(super) fn run(context: &Context<'_>) -> Result<Output, Failure> {
    let address = context.address()?;
    let service = context.connect()?;
    let trip =
        service.ping(&context.cancel).map_err(|error| Failure::request(context.text, &error))?;
    let (welcome, milliseconds) = (service.welcome(), trip.as_secs_f64() * 1000.0);
    let (name, version) = (welcome.software.name.as_str(), welcome.software.version.as_str());
    let values = [
        ("name", name.to_owned().into()),
        ("version", version.to_owned().into()),
        ("address", address.to_string().into()),
        ("milliseconds", context.text.milliseconds(trip).into()),
    ];
    Ok(Output::new(
        context.text.with("command-available", &values),
        json!({
            "server": address.to_string(),
            "name": name,
            "version": version,
            "round_trip_ms": (milliseconds * 1000.0).round() / 1000.0,
        }),
    ))
}

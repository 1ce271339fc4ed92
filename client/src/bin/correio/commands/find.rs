//! `correio find`: people in the server's directory.

use correio_proto::{
    capability::FIND,
    directory::{Person, Query},
};
use serde_json::{Value, json};

use super::context::Context;
use crate::{
    exit::{ExitStatus, Failure},
    names::with_username,
    output::Output,
    people::LocalPeople,
};

pub(super) fn run(context: &Context<'_>, part: &str) -> Result<Output, Failure> {
    let text = context.text;
    let query: Query = part.parse().map_err(|invalid| Failure::invalid(text, invalid))?;
    let (service, _) = context.log_in()?;
    if !service.welcome().capabilities.contains(FIND) {
        return Err(Failure::new(ExitStatus::NotAllowed, "no_directory", text.of("find-off")));
    }
    let found =
        service.find(&query, &context.cancel).map_err(|error| Failure::request(text, &error))?;
    let people =
        LocalPeople::load(&context.data, service.address(), &context.username()?, &context.cancel);
    let names = people.names();
    let line = |person: &Person| {
        let line = with_username(&person.username, &person.full_name);
        match names.may_be_mistaken(&person.username, &person.full_name) {
            true => format!("{line} {}", text.of("stranger")),
            false => line,
        }
    };
    let mut lines: Vec<String> = found.people.iter().map(line).collect();
    if lines.is_empty() {
        lines.push(text.of("find-none"));
    }
    if found.more {
        lines.push(text.of("find-more"));
    }
    let people: Vec<Value> = found
        .people
        .iter()
        .map(|person| {
            json!({
                "username": person.username.as_str(),
                "full_name": person.full_name.as_str(),
            })
        })
        .collect();
    Ok(Output::new(lines.join("\n"), json!({ "people": people, "more": found.more })))
}

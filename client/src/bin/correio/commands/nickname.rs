//! `correio nickname`: the address book of an account.

use correio_client::{
    AddressBook, BookEntry, BookPerson, Folder, InvalidNickname, KnownPerson, Nickname, People,
};
use correio_proto::mail::{FullName, Invalid, Username};
use serde_json::{Value, json};

use super::context::Context;
use crate::{
    exit::{ExitStatus, Failure},
    output::Output,
    people::{self, LocalPeople},
};

/// What becomes of the people that a command line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The nickname stands for them, too; without people, it is shown.
    Add,
    /// The nickname stands for them no longer; without people, it is removed.
    Remove,
}

/// Lists the address book, or shows, makes or changes one nickname.
pub(super) fn run(
    context: &Context<'_>,
    nickname: Option<&str>,
    people: &[String],
    action: Action,
) -> Result<Output, Failure> {
    let text = context.text;
    let failed = |error| Failure::address_book(text, &error);
    let parsed = nickname.map(str::parse::<Nickname>).transpose();
    let nickname = parsed.map_err(|invalid: InvalidNickname| {
        Failure::new(ExitStatus::BadData, "invalid", text.nickname(invalid))
    })?;
    let usernames: Result<Vec<Username>, Invalid> =
        people.iter().map(|name| name.trim().parse()).collect();
    let usernames = usernames.map_err(|invalid| Failure::invalid(text, invalid))?;
    let (server, username) = context.account(&[Folder::Received, Folder::Sent])?;
    let book = AddressBook::open(&context.data, &server, &username).cancelled_by(&context.cancel);
    // A wrong line is reported first.
    let before = book.list().map_err(failed)?;
    let known = LocalPeople::load(&context.data, &server, &username, &context.cancel).people;
    let as_seen = |mut entries: Vec<BookEntry>| {
        people::name_as_seen(&mut entries, &known);
        entries
    };
    let Some(nickname) = nickname else { return Ok(list(context, &as_seen(before))) };
    match action {
        Action::Add if !usernames.is_empty() => {
            book.add(&nickname, &named(usernames, &known)).map_err(failed)?;
        }
        Action::Add => {}
        Action::Remove => {
            if book.remove(&nickname, &usernames).map_err(failed)? == 0 {
                return Err(unknown(context, &nickname));
            }
        }
    }
    let entry = book.entry(&nickname).map_err(failed)?.map(|entry| as_seen(vec![entry]));
    match (entry.as_deref(), action) {
        (Some([entry]), _) => Ok(Output::new(people::nickname_line(text, entry), json_of(entry))),
        (_, Action::Remove) => {
            let values = [("nickname", nickname.to_string().into())];
            let json = json!({ "nickname": nickname.as_str(), "people": [] });
            Ok(Output::new(text.with("nickname-removed", &values), json))
        }
        (_, Action::Add) => Err(unknown(context, &nickname)),
    }
}

/// People with the full names that they had last, if these are known.
fn named(usernames: Vec<Username>, known: &People) -> Vec<BookPerson> {
    let named = usernames.into_iter().map(|username| {
        let full_name = known.get(&username).and_then(KnownPerson::full_name).cloned();
        BookPerson { username, full_name }
    });
    named.collect()
}

fn list(context: &Context<'_>, entries: &[BookEntry]) -> Output {
    let text = context.text;
    let mut lines: Vec<_> =
        entries.iter().map(|entry| people::nickname_line(text, entry)).collect();
    if lines.is_empty() {
        lines.push(text.of("nickname-none"));
    }
    let entries: Vec<Value> = entries.iter().map(json_of).collect();
    Output::new(lines.join("\n"), json!({ "nicknames": entries }))
}

fn json_of(entry: &BookEntry) -> Value {
    let people = entry.people.iter().map(|person| {
        json!({
            "username": person.username.as_str(),
            "full_name": person.full_name.as_ref().map(FullName::as_str),
        })
    });
    json!({ "nickname": entry.nickname.as_str(), "people": people.collect::<Vec<_>>() })
}

fn unknown(context: &Context<'_>, nickname: &Nickname) -> Failure {
    let values = [("nickname", nickname.to_string().into())];
    let said = context.text.with("nickname-unknown", &values);
    Failure::new(ExitStatus::BadData, "no_such_nickname", said)
}

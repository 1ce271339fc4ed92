//! The question for the recipients of a mail: usernames and nicknames, which Tab completes.

use std::sync::Arc;

use correio_client::{AddressBook, NamedRecipients};
use correio_proto::mail::Recipients;

use super::user::CurrentUser;
use crate::{
    app::App,
    complete::{Account, Directory, RecipientCompleter},
    compose::{Composition, DraftField},
    people,
    prompt::Answer,
    text::Text,
};

/// What an answer without recipients means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmptyAnswer {
    /// The question is asked again.
    Refused,
    /// There are no recipients: the user goes on with a draft.
    Draft,
}

/// Asks for the recipients of a mail and keeps them in the mail. Shows what nicknames stand for.
/// `None` is an empty answer that means a draft.
pub(super) fn ask(
    app: &mut App,
    user: &CurrentUser,
    composition: &mut Composition,
    empty: EmptyAnswer,
) -> Answer<Option<Recipients>> {
    let book = AddressBook::open(&app.data, &user.server, &user.username);
    let (question, offered) = (app.text.of("send-to"), composition.mail.to.clone());
    let parse = |text: &Text, typed: &str| match empty {
        EmptyAnswer::Draft if typed.trim().is_empty() => Ok(None),
        _ => book.recipients(typed).map(Some).map_err(|error| text.recipients(&error)),
    };
    let mut autosave = composition.field(DraftField::To);
    let named: Option<NamedRecipients> = match app.prompt.is_interactive() {
        true => {
            let mut completer = completer(app, user);
            app.ask_completed(&question, &offered, parse, &mut autosave, &mut completer)?
        }
        false => app.ask_autosaved(&question, &offered, parse, &mut autosave)?,
    };
    let Some(named) = named else { return Ok(None) };
    for entry in &named.nicknames {
        app.say(&people::nickname_line(app.text, entry));
    }
    composition.set(DraftField::To, &named.to.to_string());
    Ok(Some(named.to))
}

fn completer(app: &App, user: &CurrentUser) -> RecipientCompleter {
    let account = Account {
        data: app.data.clone(),
        server: user.server.clone(),
        username: user.username.clone(),
        stranger: app.text.of("stranger"),
    };
    let directory =
        app.service.as_ref().map(|service| -> Box<dyn Directory> { Box::new(Arc::clone(service)) });
    RecipientCompleter::new(account, directory)
}

//! Mails that were not sent: send, change or delete them.

use correio_client::{Draft, Drafts, Shown, show};

use super::{home::Person, send};
use crate::{
    app::App,
    prompt::{Answer, Choice, Menu},
};

/// Drafts that one menu offers: as many as there are digits.
const OFFERED_MAX: usize = 9;

/// Has a draft chosen, and what is to be done with it.
pub(crate) fn run(app: &mut App, person: &Person) -> Answer<()> {
    let drafts = Drafts::open(&app.data, &person.server, &person.username);
    let list = match drafts.list() {
        Ok(list) => list.drafts,
        Err(error) => {
            let reason = show(&error.to_string(), Shown::OneLine);
            app.say(&app.text.with("mailbox-error", &[("reason", reason.into())]));
            return Ok(());
        }
    };
    if list.is_empty() {
        app.say(&app.text.of("drafts-empty"));
        return Ok(());
    }
    // The latest first: those that do not fit are the ones that waited longest.
    let list: Vec<_> = list.into_iter().rev().collect();
    if let Some(more) = list.len().checked_sub(OFFERED_MAX).filter(|more| *more > 0) {
        app.say(&app.text.with("drafts-more", &[("count", more.to_string().into())]));
    }
    let offered = (1_u8..).zip(list.iter().take(OFFERED_MAX));
    let choices: Vec<_> = offered.map(|(digit, draft)| Choice::new(digit, label(draft))).collect();
    let digit = choose(app, "drafts-title", choices)?;
    let Some(draft) = usize::from(digit).checked_sub(1).and_then(|index| list.get(index)) else {
        return Ok(());
    };
    act(app, person, &drafts, draft)
}

fn act(app: &mut App, person: &Person, drafts: &Drafts, draft: &Draft) -> Answer<()> {
    let choices = vec![
        Choice::new(1, app.text.of("draft-send")),
        Choice::new(2, app.text.of("draft-edit")),
        Choice::new(3, app.text.of("draft-delete")),
    ];
    match choose(app, "drafts-title", choices)? {
        1 => send::send(app, person, draft),
        2 => send::change(app, person, draft)?,
        3 if drafts.delete(draft.id).is_ok() => app.say(&app.text.of("draft-deleted")),
        _ => {}
    }
    Ok(())
}

fn label(draft: &Draft) -> String {
    show(&format!("{}: {}", draft.to, draft.subject), Shown::OneLine)
}

fn choose(app: &mut App, title: &str, mut choices: Vec<Choice>) -> Answer<u8> {
    choices.push(Choice::new(0, app.text.of("drafts-back")));
    let menu =
        Menu { text: &app.text, title: &app.text.of(title), choices: &choices, news: &Vec::new };
    app.prompt.choose(&menu)
}

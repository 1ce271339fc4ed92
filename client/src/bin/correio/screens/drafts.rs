//! Mails that were not sent: send, change or delete them.

use std::{fs, time::UNIX_EPOCH};

use correio_client::{Draft, Drafts, Shown, show};
use correio_proto::mail::Timestamp;

use super::{receive::list_footer, send, user::CurrentUser};
use crate::{
    app::App,
    prompt::{Answer, Choice, Listing, Menu},
    text::Text,
};

/// Most drafts that a menu offers: as many as there are digits. More are a list.
const OFFERED_MAX: usize = 9;

/// Has a draft chosen, and what is to be done with it.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let drafts = Drafts::open(&app.data, &user.server, &user.username);
    let list = match drafts.list() {
        Ok(list) => list,
        Err(error) => {
            let reason = show(&error.to_string(), Shown::OneLine);
            app.say(&app.text.with("mailbox-error", &[("reason", reason.into())]));
            return Ok(());
        }
    };
    for skipped in &list.skipped {
        let path = show(&skipped.path.to_string_lossy(), Shown::OneLine);
        let reason = show(&skipped.reason, Shown::OneLine);
        app.say(
            &app.text.with("drafts-skipped", &[("path", path.into()), ("reason", reason.into())]),
        );
    }
    if !list.in_use.is_empty() {
        let count = list.in_use.len().to_string();
        app.say(&app.text.with("drafts-in-use", &[("count", count.into())]));
    }
    // The one written last comes first.
    let list: Vec<_> = list.drafts.into_iter().rev().collect();
    if list.is_empty() {
        app.say(&app.text.of("drafts-empty"));
        return Ok(());
    }
    let Some(draft) = pick(app, &drafts, &list)? else { return Ok(()) };
    act(app, user, &drafts, draft)
}

/// Has one of the drafts picked: by a digit where there are few, else by a number in a list.
fn pick<'a>(app: &mut App, drafts: &Drafts, list: &'a [Draft]) -> Answer<Option<&'a Draft>> {
    let labels = DraftLabels { text: app.text, drafts };
    if list.len() <= OFFERED_MAX {
        let offered = (1_u8..).zip(list);
        let choice = |(digit, draft)| Choice::new(digit, labels.label(draft));
        let choices = offered.map(choice).collect();
        let digit = choose(app, "drafts-title", choices)?;
        return Ok(usize::from(digit).checked_sub(1).and_then(|index| list.get(index)));
    }
    app.say("");
    app.say(&app.text.of("drafts-title"));
    app.prompt.page(&mut DraftListing { labels, list }, 0, &list_footer(app.text))?;
    let question =
        format!("{} {}", app.text.of("drafts-choose"), app.text.of("receive-choose-hint"));
    loop {
        let typed = app.prompt.line(&question, "")?;
        let typed = typed.trim();
        if typed.is_empty() || typed == "0" {
            return Ok(None);
        }
        let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let Some(draft) = number.and_then(|index| list.get(index)) {
            return Ok(Some(draft));
        }
        let choice = show(typed, Shown::OneLine);
        app.say(&app.text.with("choice-unknown", &[("choice", choice.into())]));
    }
}

/// The lines of a list of drafts.
struct DraftListing<'a> {
    labels: DraftLabels<'a>,
    list: &'a [Draft],
}

impl Listing for DraftListing<'_> {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn line(&mut self, number: usize) -> String {
        let label = self.list.get(number).map(|draft| self.labels.label(draft));
        format!("[{}] {}", number + 1, label.unwrap_or_default())
    }
}

fn act(app: &mut App, user: &CurrentUser, drafts: &Drafts, draft: &Draft) -> Answer<()> {
    let choices = vec![
        Choice::new(1, app.text.of("draft-send")),
        Choice::new(2, app.text.of("draft-edit")),
        Choice::new(3, app.text.of("draft-delete")),
    ];
    match choose(app, "drafts-title", choices)? {
        1 => send::send_draft(app, user, draft.id),
        2 => send::change(app, user, draft.id)?,
        3 => match drafts.delete(draft.id) {
            Ok(()) => app.say(&app.text.of("draft-deleted")),
            Err(error) => {
                let reason = show(&error.to_string(), Shown::OneLine);
                app.say(&app.text.with("mailbox-error", &[("reason", reason.into())]));
            }
        },
        _ => {}
    }
    Ok(())
}

/// Makes the lines that stand for drafts.
struct DraftLabels<'a> {
    text: &'a Text,
    drafts: &'a Drafts,
}

impl DraftLabels<'_> {
    /// When the draft was written last, to whom, and the subject, as `correio list` shows mails.
    fn label(&self, draft: &Draft) -> String {
        let mail = show(&format!("{}: {}", draft.to, draft.subject), Shown::OneLine);
        match self.written_at(draft) {
            Some(time) => format!("{} {mail}", self.text.time(time)),
            None => mail,
        }
    }

    /// When the draft's file was changed last. `None` where another program has just deleted it.
    fn written_at(&self, draft: &Draft) -> Option<Timestamp> {
        let modified = fs::metadata(self.drafts.file(draft.id)).ok()?.modified().ok()?;
        let since_1970 = modified.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since_1970.as_millis()).ok().map(Timestamp)
    }
}

fn choose(app: &mut App, title: &str, mut choices: Vec<Choice>) -> Answer<u8> {
    choices.push(Choice::new(0, app.text.of("drafts-back")));
    let menu =
        Menu { text: app.text, title: &app.text.of(title), choices: &choices, current: None };
    app.prompt.choose(&menu)
}

//! The screen of the drafts: send, change or delete a mail that was not sent.

use std::{fs, time::UNIX_EPOCH};

use correio_client::{Draft, Drafts, WhiteSpace, sanitize};
use correio_proto::mail::Timestamp;

use super::{receive::list_footer, send, user::CurrentUser};
use crate::{
    app::App,
    prompt::{Answer, Choice, Listing, Menu, MenuChoice},
    text::Text,
    view,
};

/// Maximum number of drafts in a menu, one a digit. More drafts are shown as a list.
const OFFERED_MAX: usize = 9;

/// Key of the label that leaves a menu of drafts.
const BACK: &str = "drafts-back";

/// Asks for a draft and for what to do with it.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let drafts = Drafts::open(&app.data, &user.server, &user.username);
    // Large drafts take long to read.
    let listed = app.wait(&app.text.of("drafts-listing"), |cancel, _| match drafts.list() {
        _ if cancel.is_cancelled() => Err(app.text.of("interrupted")),
        listed => listed.map_err(|error| app.text.draft(&error)),
    });
    let list = match listed {
        Ok(list) => list,
        Err(said) => {
            app.say(&said);
            return Ok(());
        }
    };
    for skipped in &list.skipped {
        app.say(&app.text.skipped_draft(skipped));
    }
    if !list.in_use.is_empty() {
        let count = list.in_use.len().to_string();
        app.say(&app.text.with("drafts-in-use", &[("count", count.into())]));
    }
    // The newest draft comes first.
    let list: Vec<_> = list.drafts.into_iter().rev().collect();
    if list.is_empty() {
        app.say(&app.text.of("drafts-empty"));
        return Ok(());
    }
    let Some(draft) = pick(app, &drafts, &list)? else { return Ok(()) };
    act(app, user, &drafts, draft)
}

/// Asks for one of the drafts: by a digit in a menu, or by a number in a list.
fn pick<'a>(app: &mut App, drafts: &Drafts, list: &'a [Draft]) -> Answer<Option<&'a Draft>> {
    let labels = DraftLabels { text: app.text, drafts };
    if list.len() <= OFFERED_MAX {
        let offered = (1_u8..).zip(list);
        let line = |(digit, draft)| Choice::new(Some(digit), digit, labels.label(draft));
        let back = Choice::new(None, 0, app.text.of(BACK));
        let choices: Vec<_> = offered.map(line).chain([back]).collect();
        let title = app.text.of("drafts-title");
        let menu = Menu { text: app.text, title: &title, choices: &choices, current: None };
        let digit = app.prompt.choose(&menu)?;
        let index = digit.and_then(|digit| usize::from(digit).checked_sub(1));
        return Ok(index.and_then(|index| list.get(index)));
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
        let choice = sanitize(typed, WhiteSpace::OneLine);
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

/// The choices for one draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DraftChoice {
    Send,
    Edit,
    Delete,
    Back,
}

impl MenuChoice for DraftChoice {
    const ALL: &'static [Self] = &[Self::Send, Self::Edit, Self::Delete, Self::Back];

    fn digit(self) -> u8 {
        match self {
            Self::Send => 1,
            Self::Edit => 2,
            Self::Delete => 3,
            Self::Back => 0,
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Self::Send => "draft-send",
            Self::Edit => "draft-edit",
            Self::Delete => "draft-delete",
            Self::Back => BACK,
        }
    }
}

/// Asks for one draft's choice and does it.
fn act(app: &mut App, user: &CurrentUser, drafts: &Drafts, draft: &Draft) -> Answer<()> {
    match app.prompt.menu(app.text, "drafts-title")? {
        DraftChoice::Send => send::send_draft(app, user, draft.id),
        DraftChoice::Edit => send::change(app, user, draft.id)?,
        DraftChoice::Delete => {
            let deleted = drafts.delete_draft(draft);
            send::say_discarded(app, &[draft.id], deleted, "draft-deleted");
        }
        DraftChoice::Back => {}
    }
    Ok(())
}

/// Makes the lines of drafts.
struct DraftLabels<'a> {
    text: &'a Text,
    drafts: &'a Drafts,
}

impl DraftLabels<'_> {
    fn label(&self, draft: &Draft) -> String {
        view::draft_line(self.text, draft, self.written_at(draft))
    }

    /// When the draft's file was last changed. `None` if another program has just deleted it.
    fn written_at(&self, draft: &Draft) -> Option<Timestamp> {
        let modified = fs::metadata(self.drafts.file(draft.id)).ok()?.modified().ok()?;
        let since_1970 = modified.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since_1970.as_millis()).ok().map(Timestamp)
    }
}

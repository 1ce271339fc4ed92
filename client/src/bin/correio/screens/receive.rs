//! The screen "5) Receive mails": downloads, saves, confirms and shows mails.

use std::ops::ControlFlow;

use correio_client::{Mailbox, Progress, Stored, WhiteSpace, sanitize};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    reading::{self, MailKey, Place},
    user::CurrentUser,
};
use crate::{
    app::App,
    names::Names,
    prompt::{Answer, Footer, Listing, Stop},
    text::Text,
    transfer::show_content,
    view,
};

/// Receives all mails and lets the user read them.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    app.say(&app.text.of("receive-working"));
    let mut mailbox = Mailbox::open(&app.data, &user.server, &user.username);
    let Some(service) = &app.service else {
        return Ok(());
    };
    let doing = app.text.of("receive-working");
    let received = app.wait(&doing, |cancel, bar| {
        let mut progress = |progress| show_progress(app.text, bar, user.waiting, progress);
        service.receive(&mut mailbox, &mut progress, cancel)
    });
    let mails = match received {
        Ok(mails) => mails,
        Err(error) => {
            let reason = app.text.receive(&error);
            app.say(&app.text.with("receive-failed", &[("reason", reason.into())]));
            // Mails that arrived before the failure are shown.
            let Ok(mails) = mailbox.unseen() else {
                return Ok(());
            };
            if mails.is_empty() {
                return Ok(());
            }
            mails
        }
    };
    say_notes(app, &mailbox);
    if mails.is_empty() {
        app.say(&app.text.of("receive-none"));
        return Ok(());
    }
    app.say(&view::received(app.text, mails.len()));
    let names = user.names_among(&app.data, &mails);
    let mut listed = MailList { names, mails: (1..).zip(mails).collect() };
    listed.show(app, 0)?;
    // The user has seen the list, so its mails are not new any more.
    let shown: Vec<Stored> = listed.mails.iter().map(|(_, mail)| mail.clone()).collect();
    if let Err(error) = mailbox.mark_shown(&shown) {
        app.say(&app.text.mailbox(&error));
    }
    say_notes(app, &mailbox);
    read_some(app, user, &mailbox, &mut listed)
}

/// Shows the mailbox's notes, each once.
fn say_notes(app: &mut App, mailbox: &Mailbox) {
    for note in mailbox.take_notes() {
        app.say(&app.text.mailbox_note(&note));
    }
}

/// Shows the progress of a download. If there is more than one page, a bar shows it against the
/// number of mails that were waiting; while a large content is read, against its size.
fn show_progress(text: &Text, bar: &ProgressBar, waiting: u32, progress: Progress) {
    let done = (progress.saved + progress.known) as u64;
    bar.set_message(text.progress(&progress));
    if let Some(content) = progress.content {
        show_content(bar, content);
    } else if progress.more
        && let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bar:20}")
    {
        bar.set_style(style);
        bar.set_length(done.max(waiting.into()));
        bar.set_position(done);
    }
}

/// Mails with their numbers, and the names that the user may know.
pub(crate) struct MailList {
    pub(crate) names: Names,
    pub(crate) mails: Vec<(usize, Stored)>,
}

impl MailList {
    /// Shows a line for each mail: its number in the list, the sender, the subject. The mail of
    /// this index, or the last mail, is on the first screen.
    pub(crate) fn show(&self, app: &mut App, index: usize) -> Answer<()> {
        let mut listing = MailListing { text: app.text, list: self };
        app.prompt.page(&mut listing, index, &list_footer(app.text)).map(drop)
    }
}

/// The footer of a list from which a number is chosen.
pub(crate) fn list_footer(text: &Text) -> Footer {
    Footer { more: text.of("list-more"), end: text.of("list-end") }
}

/// The lines of a list.
struct MailListing<'a> {
    text: &'a Text,
    list: &'a MailList,
}

impl Listing for MailListing<'_> {
    fn count(&self) -> usize {
        self.list.mails.len()
    }

    fn line(&mut self, index: usize) -> String {
        let Some((number, mail)) = self.list.mails.get(index) else {
            return String::new();
        };
        view::mail_line(self.text, *number, mail, &self.list.names)
    }
}

/// Lets the user read mails of a list, until the user goes back.
pub(crate) fn read_some(
    app: &mut App,
    user: &CurrentUser,
    mailbox: &Mailbox,
    list: &mut MailList,
) -> Answer<()> {
    loop {
        let (question, hint) = (app.text.of("receive-choose"), app.text.of("receive-choose-hint"));
        let question = format!("{question} {hint}");
        let typed = match app.prompt.line(&question, "") {
            Ok(typed) => typed,
            Err(Stop::Back) => return Ok(()),
            Err(stop) => return Err(stop),
        };
        let typed = typed.trim();
        if typed.is_empty() || typed == "0" {
            return Ok(());
        }
        let (key, number) = match MailKey::with_number(typed) {
            Some((key, number)) => (Some(key), number),
            None => (None, typed),
        };
        let chosen = number.parse().ok();
        match list.mails.iter().position(|(number, _)| Some(*number) == chosen) {
            Some(index) => {
                let index = list.open(app, user, mailbox, index, key)?;
                if list.mails.is_empty() {
                    return Ok(());
                }
                list.show(app, index)?;
            }
            None => {
                let choice = sanitize(typed, WhiteSpace::OneLine);
                app.say(&app.text.with("choice-unknown", &[("choice", choice.into())]));
            }
        }
    }
}

impl MailList {
    /// Lets the user read a mail and its neighbours, or carries out the key for this mail. Returns
    /// the index of the last mail.
    fn open(
        &mut self,
        app: &mut App,
        user: &CurrentUser,
        mailbox: &Mailbox,
        mut index: usize,
        key: Option<MailKey>,
    ) -> Answer<usize> {
        while let Some((_, stored)) = self.mails.get(index) {
            let (has_next, has_previous) = (index + 1 < self.mails.len(), index > 0);
            let names = &self.names;
            let place = Place { mailbox, stored, names, has_next, has_previous };
            let then = match key {
                Some(key) => reading::act(app, user, &place, key)?,
                None => reading::read(app, user, &place)?,
            };
            self.refresh(mailbox, index);
            match then.go_on(&mut self.mails, index) {
                ControlFlow::Continue(neighbour) => index = neighbour,
                ControlFlow::Break(last) => {
                    index = last;
                    break;
                }
            }
        }
        app.say("");
        Ok(index)
    }

    /// Takes the flags that a mail has got.
    fn refresh(&mut self, mailbox: &Mailbox, index: usize) {
        if let Some((_, stored)) = self.mails.get_mut(index)
            // Those of a mail that is gone stay: what was done with it is told already.
            && let Ok(Some(flags)) = mailbox.flags(stored)
        {
            stored.flags = flags;
        }
    }
}

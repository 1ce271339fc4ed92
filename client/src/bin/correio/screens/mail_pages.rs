//! Lists of local mail, page by page. Only the mails on the screen are read from their files.

use std::ops::ControlFlow;

use correio_client::{Entry, Folder, Mailbox, Stored, WhiteSpace, sanitize};

use super::{
    reading::{self, MailKey, Place},
    receive::list_footer,
    user::CurrentUser,
};
use crate::{
    app::App,
    names::Names,
    prompt::{Answer, Listing, Stop},
    text::Text,
    view,
};

/// Mails with the numbers by which the user chooses them.
pub(super) struct MailPages {
    text: &'static Text,
    received: Mailbox,
    sent: Mailbox,
    names: Names,
    mails: Vec<(usize, Folder, Entry)>,
}

impl MailPages {
    /// A list of mails, each with its number and folder.
    pub(super) fn new(app: &App, user: &CurrentUser, mails: Vec<(usize, Folder, Entry)>) -> Self {
        let received = Mailbox::open(&app.data, &user.server, &user.username);
        let has_received = mails.iter().any(|(_, folder, _)| *folder == Folder::Received);
        let names = match has_received {
            // The senders of 100,000 new mails take a moment.
            true => app.wait(&app.text.of("local-listing"), |_, _| user.names(&app.data)),
            // The sender of sent mail is the reader.
            false => Names::default(),
        };
        let sent = received.in_folder(Folder::Sent);
        Self { text: app.text, received, sent, names, mails }
    }

    /// Lists the mails, with that of an index, or the last one, on the first screen, and lets the
    /// user read until the user goes back.
    pub(super) fn run(
        &mut self,
        app: &mut App,
        user: &CurrentUser,
        mut index: usize,
    ) -> Answer<()> {
        let (question, hint) = (app.text.of("receive-choose"), app.text.of("receive-choose-hint"));
        let question = format!("{question} {hint}");
        while !self.mails.is_empty() {
            app.prompt.page(self, index, &list_footer(app.text))?;
            let Some((chosen, key)) = self.ask(app, &question)? else { return Ok(()) };
            index = self.open(app, user, chosen, key)?;
        }
        Ok(())
    }

    /// Lets the user read a mail and its neighbours, or carries out the key for this mail. Returns
    /// the index of the last mail.
    fn open(
        &mut self,
        app: &mut App,
        user: &CurrentUser,
        mut index: usize,
        key: Option<MailKey>,
    ) -> Answer<usize> {
        loop {
            let (folder, mail) = match self.load(index) {
                Ok(loaded) => loaded,
                Err(said) => {
                    app.say(&said);
                    return Ok(index);
                }
            };
            let place = Place {
                mailbox: self.mailbox(folder),
                stored: &mail,
                names: &self.names,
                has_next: index + 1 < self.mails.len(),
                has_previous: index > 0,
            };
            let then = match key {
                Some(key) => reading::act(app, user, &place, key)?,
                None => reading::read(app, user, &place)?,
            };
            self.refresh(index);
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
    fn refresh(&mut self, index: usize) {
        if let Some((_, folder, entry)) = self.mails.get(index)
            // A mail that was deleted, or whose folder cannot be read, is told where it is shown.
            && let Ok(Some(now)) = self.mailbox(*folder).refreshed(entry)
            && let Some((_, _, entry)) = self.mails.get_mut(index)
        {
            *entry = now;
        }
    }

    /// Asks for a number, and returns its index. A letter before the number says what is to be done
    /// with the mail.
    fn ask(&self, app: &mut App, question: &str) -> Answer<Option<(usize, Option<MailKey>)>> {
        loop {
            let typed = match app.prompt.line(question, "") {
                Ok(typed) => typed,
                Err(Stop::Back) => return Ok(None),
                Err(stop) => return Err(stop),
            };
            let typed = typed.trim();
            if typed.is_empty() || typed == "0" {
                return Ok(None);
            }
            let (key, number) = match MailKey::with_number(typed) {
                Some((key, number)) => (Some(key), number),
                None => (None, typed),
            };
            let chosen = number.parse().ok();
            let found = self.mails.iter().position(|(number, ..)| Some(*number) == chosen);
            if let Some(index) = found {
                return Ok(Some((index, key)));
            }
            let choice = sanitize(typed, WhiteSpace::OneLine);
            app.say(&app.text.with("choice-unknown", &[("choice", choice.into())]));
        }
    }

    fn mailbox(&self, folder: Folder) -> &Mailbox {
        match folder {
            Folder::Received => &self.received,
            Folder::Sent => &self.sent,
        }
    }

    /// Reads the head of a mail. The error is a message.
    fn load(&self, index: usize) -> Result<(Folder, Stored), String> {
        let gone = || self.text.of("local-gone");
        let (_, folder, entry) = self.mails.get(index).ok_or_else(gone)?;
        let list = self.mailbox(*folder).load(std::slice::from_ref(entry));
        let mut list = list.map_err(|error| self.text.mailbox(&error))?;
        match (list.mails.pop(), list.skipped.pop()) {
            (Some(mail), _) => Ok((*folder, mail)),
            (None, Some(skipped)) => Err(self.text.skipped_mail(&skipped)),
            (None, None) => Err(gone()),
        }
    }
}

impl Listing for MailPages {
    fn count(&self) -> usize {
        self.mails.len()
    }

    fn line(&mut self, index: usize) -> String {
        let Some((number, ..)) = self.mails.get(index) else {
            return String::new();
        };
        match self.load(index) {
            Ok((_, mail)) => view::mail_line(self.text, *number, &mail, &self.names),
            Err(said) => format!("[{number}] {said}"),
        }
    }
}

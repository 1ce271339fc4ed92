//! A mail on the screen, and what the user does with it after reading: answer, forward, save its
//! attachments, delete it, mark it, see its source.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use correio_client::{
    Attachment, AttachmentSaver, Flag, FlagChange, Mailbox, Stored, WhiteSpace, sanitize,
};

use super::{reply, user::CurrentUser};
use crate::{
    app::App,
    mail_view::MailView,
    names::Names,
    people,
    prompt::{Answer, Footer, Listing, PagesShown, Stop},
    quoting::{Original, ReplyTo},
    typed_path::expanded,
};

/// Most bytes of a mail's file that are shown as its source.
const SOURCE_MAX: u64 = 1 << 20;

/// What follows after a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The list.
    List,
    /// The next mail of the list.
    Next,
    /// The mail before in the list.
    Previous,
    /// The list without this mail, which was deleted.
    Deleted,
}

impl Then {
    /// Goes on in a list from the mail of an index: to the index of a neighbour, or back to the
    /// list, without this mail if it was deleted.
    pub(super) fn go_on<T>(self, mails: &mut Vec<T>, index: usize) -> ControlFlow<usize, usize> {
        match self {
            Self::Next => ControlFlow::Continue(index + 1),
            Self::Previous => ControlFlow::Continue(index.saturating_sub(1)),
            Self::List => ControlFlow::Break(index),
            Self::Deleted => {
                mails.remove(index);
                ControlFlow::Break(index)
            }
        }
    }
}

/// A letter that does something with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailKey {
    Reply,
    ReplyAll,
    Forward,
    Save,
    Delete,
    Important,
    Next,
    Previous,
    Source,
}

impl MailKey {
    const ALL: [Self; 9] = [
        Self::Reply,
        Self::ReplyAll,
        Self::Forward,
        Self::Save,
        Self::Delete,
        Self::Important,
        Self::Next,
        Self::Previous,
        Self::Source,
    ];

    fn letter(self) -> char {
        match self {
            Self::Reply => 'r',
            Self::ReplyAll => 'a',
            Self::Forward => 'f',
            Self::Save => 's',
            Self::Delete => 'd',
            Self::Important => 'i',
            Self::Next => 'n',
            Self::Previous => 'p',
            Self::Source => 'v',
        }
    }

    fn of(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.letter() == letter)
    }

    /// A letter and a number, such as `r 3`: what is to be done with that mail of a list.
    pub(super) fn with_number(typed: &str) -> Option<(Self, &str)> {
        let mut characters = typed.chars();
        let key = Self::of(characters.next()?)?;
        let number = characters.as_str();
        let is_number = number.starts_with([' ', '\t']);
        (is_number && !matches!(key, Self::Next | Self::Previous)).then(|| (key, number.trim()))
    }
}

/// A mail of a list, and whether the list has others around it.
pub(super) struct Place<'a> {
    pub(super) mailbox: &'a Mailbox,
    pub(super) stored: &'a Stored,
    /// The names that the user could confuse.
    pub(super) names: &'a Names,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

/// Shows a mail, page by page, marks it as read, and does what the user asks for.
pub(super) fn read(app: &mut App, user: &CurrentUser, place: &Place<'_>) -> Answer<Then> {
    let Place { mailbox, stored, names, .. } = *place;
    let read = mailbox.read(stored).and_then(|mail| Ok((mail, mailbox.readable(stored)?)));
    let (mail, content) = match read {
        Ok(read) => read,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(Then::List);
        }
    };
    app.say("");
    let warning = people::stranger_warning(app.text, stored, names);
    let view = MailView::new(app.text, &mail, content).with_warning(warning);
    let question = match pages(app, view)? {
        PagesShown::ToTheEnd => "mail-keys-end",
        PagesShown::InPart => "mail-keys",
    };
    // Only a mark for the next list: a mailbox that cannot be written can still be read.
    let _ = mailbox.mark_read(stored);
    let letters = MailKey::ALL.map(MailKey::letter);
    let mut open = OpenMail::new(place);
    loop {
        let letter = app.prompt.letter(&app.text.of(question), &letters)?;
        let Some(key) = letter.and_then(MailKey::of) else { return Ok(Then::List) };
        if let Some(then) = open.act(app, user, key)? {
            return Ok(then);
        }
    }
}

/// Does something with a mail of a list that is not on the screen.
pub(super) fn act(
    app: &mut App,
    user: &CurrentUser,
    place: &Place<'_>,
    key: MailKey,
) -> Answer<Then> {
    let then = OpenMail::new(place).act(app, user, key)?;
    Ok(then.unwrap_or(Then::List))
}

fn pages(app: &mut App, view: MailView) -> Answer<PagesShown> {
    let footer = Footer { more: app.text.of("mail-more"), end: app.text.of("mail-end") };
    app.prompt.page(&mut MailLines(view), 0, &footer)
}

/// A mail that was read. Its text is not kept: a large one would be in memory twice.
struct OpenMail<'a> {
    place: &'a Place<'a>,
    is_important: bool,
}

impl<'a> OpenMail<'a> {
    fn new(place: &'a Place<'a>) -> Self {
        Self { place, is_important: place.stored.flags.has(Flag::Important) }
    }

    /// Does what a key stands for. `None` if the mail stays on the screen.
    fn act(&mut self, app: &mut App, user: &CurrentUser, key: MailKey) -> Answer<Option<Then>> {
        match key {
            MailKey::Reply | MailKey::ReplyAll | MailKey::Forward | MailKey::Save => {
                self.use_mail(app, user, key)?;
            }
            MailKey::Delete => return self.delete(app),
            MailKey::Important => self.toggle_important(app),
            MailKey::Next if self.place.has_next => return Ok(Some(Then::Next)),
            MailKey::Previous if self.place.has_previous => return Ok(Some(Then::Previous)),
            MailKey::Next => app.say(&app.text.of("mail-no-next")),
            MailKey::Previous => app.say(&app.text.of("mail-no-previous")),
            MailKey::Source => self.show_source(app)?,
        }
        Ok(None)
    }

    /// Reads the mail again, and answers, forwards or saves it.
    fn use_mail(&self, app: &mut App, user: &CurrentUser, key: MailKey) -> Answer<()> {
        let Place { mailbox, stored, .. } = *self.place;
        let original = match Original::read(mailbox, stored) {
            Ok(original) => original,
            Err(error) => {
                app.say(&app.text.mailbox(&error));
                return Ok(());
            }
        };
        match key {
            MailKey::ReplyAll => reply::reply(app, user, mailbox, &original, ReplyTo::All),
            MailKey::Forward => reply::forward(app, user, mailbox, &original),
            MailKey::Save => self.save(app, original.attachments()),
            _ => reply::reply(app, user, mailbox, &original, ReplyTo::Sender),
        }
    }

    /// Asks before it deletes.
    fn delete(&self, app: &mut App) -> Answer<Option<Then>> {
        let is_sure = match app.prompt.confirm(&app.text.of("mail-delete-sure"), app.text) {
            Err(Stop::Back) => false,
            answer => answer?,
        };
        if !is_sure {
            return Ok(None);
        }
        match self.place.mailbox.delete(self.place.stored) {
            Ok(()) => {
                app.say(&app.text.count("delete-done", 1_u32));
                Ok(Some(Then::Deleted))
            }
            Err(error) => {
                app.say(&app.text.mailbox(&error));
                Ok(None)
            }
        }
    }

    fn toggle_important(&mut self, app: &mut App) {
        let (change, key) = match self.is_important {
            true => (FlagChange::Clear, "mail-not-important"),
            false => (FlagChange::Set, "mail-important"),
        };
        let Place { mailbox, stored, .. } = *self.place;
        match mailbox.mark(stored, Flag::Important, change) {
            Ok(()) => {
                self.is_important = change == FlagChange::Set;
                let notes = mailbox.take_notes();
                if notes.is_empty() {
                    app.say(&app.text.of(key));
                }
                for note in notes {
                    app.say(&app.text.mailbox_note(&note));
                }
            }
            Err(error) => app.say(&app.text.mailbox(&error)),
        }
    }

    fn show_source(&self, app: &mut App) -> Answer<()> {
        let Place { mailbox, stored, .. } = *self.place;
        match mailbox.source(stored, SOURCE_MAX) {
            Ok(source) => {
                app.say("");
                pages(app, MailView::of_source(app.text, source)).map(drop)
            }
            Err(error) => {
                app.say(&app.text.mailbox(&error));
                Ok(())
            }
        }
    }

    /// Asks which attachments, and where to. Esc saves nothing.
    fn save(&self, app: &mut App, attachments: &[Attachment]) -> Answer<()> {
        if attachments.is_empty() {
            app.say(&app.text.of("save-none"));
            return Ok(());
        }
        let asked = ask_which(app, attachments).and_then(|chosen| Ok((chosen, ask_where(app)?)));
        let (chosen, directory) = match asked {
            Err(Stop::Back) => return Ok(()),
            asked => asked?,
        };
        if let Err(said) = self.save_in(app, &chosen, &directory) {
            app.say(&said);
        }
        Ok(())
    }

    /// Saves attachments, and shows their paths.
    fn save_in(
        &self,
        app: &mut App,
        chosen: &[&Attachment],
        directory: &Path,
    ) -> Result<(), String> {
        let Place { mailbox, stored, .. } = *self.place;
        let content = mailbox.content(stored).map_err(|error| app.text.mailbox(&error))?;
        let (doing, fallback) = (app.text.of("save-working"), app.text.of("attachment-name"));
        let mut saver = AttachmentSaver::new(content, directory, &fallback);
        for attachment in chosen {
            let saved = app.wait(&doing, |cancel, _| saver.save(attachment.index, cancel));
            let path = saved.map_err(|error| app.text.save(&error))?;
            let path = sanitize(&path.to_string_lossy(), WhiteSpace::OneLine);
            app.say(&app.text.with("save-done", &[("path", path.into())]));
        }
        Ok(())
    }
}

/// Asks for the numbers of attachments, and returns the attachments in the order of the message. Of
/// a single one nothing is asked; an empty answer means all.
fn ask_which<'a>(app: &mut App, attachments: &'a [Attachment]) -> Answer<Vec<&'a Attachment>> {
    if attachments.len() == 1 {
        return Ok(attachments.iter().collect());
    }
    app.ask(&app.text.of("save-which"), "", |text, typed| {
        if typed.trim().is_empty() {
            return Ok(attachments.iter().collect());
        }
        let numbers = typed.split([',', ' ']).filter(|number| !number.is_empty());
        let of_number = |number: &str| {
            let index = number.parse().ok().and_then(|number: usize| number.checked_sub(1));
            index.and_then(|index| attachments.get(index)).ok_or_else(|| {
                let number = sanitize(number, WhiteSpace::OneLine);
                text.with("attach-no-such", &[("number", number.into())])
            })
        };
        let mut chosen: Vec<&Attachment> = numbers.map(of_number).collect::<Result<_, _>>()?;
        chosen.sort_unstable_by_key(|attachment| attachment.index);
        chosen.dedup_by_key(|attachment| attachment.index);
        Ok(chosen)
    })
}

fn ask_where(app: &mut App) -> Answer<PathBuf> {
    app.ask_path(&app.text.of("save-where"), ".", |text, typed| {
        let path = expanded(typed.trim());
        match path.is_dir() {
            true => Ok(path),
            false => {
                let path = sanitize(typed.trim(), WhiteSpace::OneLine);
                Err(text.with("save-no-directory", &[("path", path.into())]))
            }
        }
    })
}

/// The lines of a mail.
struct MailLines(MailView);

impl Listing for MailLines {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn line(&mut self, number: usize) -> String {
        self.0.line(number)
    }

    fn rows(&mut self, number: usize, width: usize) -> Vec<String> {
        self.0.rows(number, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_and_a_number_name_what_to_do_and_the_mail() {
        assert_eq!(MailKey::with_number("r 3"), Some((MailKey::Reply, "3")));
        assert_eq!(MailKey::with_number("v  12"), Some((MailKey::Source, "12")));
        for typed in ["3", "r", "r3", "x 3", "n 3", "p 3", "", "é 3"] {
            assert_eq!(MailKey::with_number(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn every_letter_is_there_once() {
        for key in MailKey::ALL {
            assert_eq!(MailKey::of(key.letter()), Some(key));
        }
    }
}

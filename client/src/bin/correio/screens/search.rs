//! The screen of a search in the local mail, received and sent.

use correio_client::{Condition, Folder, Mailbox, Words};

use super::{mail_pages::MailPages, user::CurrentUser};
use crate::{app::App, prompt::Answer, search};

/// Asks for words, and lists the mails that have all of them, the newest first. An empty answer
/// goes back.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let question = app.text.of("search-question");
    let words: Option<Words> = app.ask(&question, "", |text, typed| {
        if typed.trim().is_empty() {
            return Ok(None);
        }
        typed.parse().map(Some).map_err(|error| text.words(error))
    })?;
    let Some(words) = words else { return Ok(()) };
    let conditions = [Condition::Words(words)];
    let mailbox = Mailbox::open(&app.data, &user.server, &user.username);
    let folders = [Folder::Received, Folder::Sent];
    let doing = app.text.of("search-working");
    let found =
        app.wait(&doing, |cancel, _| search::search(&mailbox, &folders, &conditions, cancel));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(());
        }
    };
    for skipped in &found.skipped {
        app.say(&app.text.skipped_mail(skipped));
    }
    if found.mails.is_empty() {
        app.say(&app.text.of("search-none"));
        return Ok(());
    }
    let count = u32::try_from(found.mails.len()).unwrap_or(u32::MAX);
    app.say(&app.text.count("search-count", count));
    let numbered = (1..).zip(found.mails);
    let mails = numbered.map(|(number, (folder, entry))| (number, folder, entry)).collect();
    MailPages::new(app, user, mails).run(app, user, 0)
}

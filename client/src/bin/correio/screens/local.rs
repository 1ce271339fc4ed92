//! The screens of the local mail: mails that were received before, and mails that were sent.

use correio_client::{Folder, Mailbox, WhiteSpace, sanitize};

use super::{mail_pages::MailPages, user::CurrentUser};
use crate::{app::App, prompt::Answer};

/// Lists a folder of the local mail and lets the user read.
pub(crate) fn run(app: &mut App, user: &CurrentUser, folder: Folder) -> Answer<()> {
    let (title, empty) = match folder {
        Folder::Received => ("local-title", "local-empty"),
        Folder::Sent => ("sent-title", "sent-empty"),
    };
    let mailbox = Mailbox::open(&app.data, &user.server, &user.username).in_folder(folder);
    let found = match mailbox.entries() {
        Ok(found) => found,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(());
        }
    };
    for skipped in &found.skipped {
        app.say(&app.text.skipped_mail(skipped));
    }
    if found.entries.is_empty() {
        app.say(&app.text.of(empty));
        return Ok(());
    }
    let directory = sanitize(&mailbox.directory().to_string_lossy(), WhiteSpace::OneLine);
    app.say(&app.text.with(title, &[("directory", directory.into())]));
    // The newest mails are at the end, so the last screenful is shown first.
    let last = found.entries.len();
    let mails = found.entries.into_iter().map(|entry| (entry.number(), folder, entry)).collect();
    MailPages::new(app, user, mails).run(app, user, last)
}

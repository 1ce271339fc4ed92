//! The screen of the local mailbox: mails that were received before.

use correio_client::{Mailbox, WhiteSpace, sanitize};

use super::{
    receive::{self, MailList},
    user::CurrentUser,
};
use crate::{app::App, prompt::Answer};

/// Lists the local mailbox and lets the user read.
pub(crate) fn run(app: &mut App, user: &CurrentUser) -> Answer<()> {
    let mailbox = Mailbox::open(&app.data, &user.server, &user.username);
    let list = match mailbox.list(1, usize::MAX) {
        Ok(list) => list,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(());
        }
    };
    for skipped in &list.skipped {
        app.say(&app.text.skipped_mail(skipped));
    }
    if list.mails.is_empty() {
        app.say(&app.text.of("local-empty"));
        return Ok(());
    }
    let directory = sanitize(&mailbox.directory().to_string_lossy(), WhiteSpace::OneLine);
    app.say(&app.text.with("local-title", &[("directory", directory.into())]));
    let names = user.names_among(&app.data, &list.mails);
    let mails = list.mails.into_iter().map(|mail| (mail.number, mail)).collect();
    let list = MailList { names, mails };
    // The newest mails are at the end, so the last screenful is shown first.
    list.show(app, list.mails.len())?;
    receive::read_some(app, &mailbox, &list)
}

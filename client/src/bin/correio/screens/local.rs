//! Mails that were received before and are kept on this computer.

use correio_client::{Layout, Mailbox, sanitize};

use super::{
    home::Person,
    receive::{self, List},
};
use crate::{app::App, prompt::Answer};

/// Lists the local mailbox and lets the person read.
pub(crate) fn run(app: &mut App, person: &Person) -> Answer<()> {
    let mailbox = Mailbox::open(&app.data, &person.server, &person.username);
    let list = match mailbox.list(1, usize::MAX) {
        Ok(list) => list,
        Err(error) => {
            app.say(&app.text.mailbox(&error));
            return Ok(());
        }
    };
    for skipped in &list.skipped {
        let path = sanitize(&skipped.path.to_string_lossy(), Layout::OneLine);
        let reason = sanitize(&skipped.reason, Layout::OneLine);
        let values = [("path", path.into()), ("reason", reason.into())];
        app.say(&app.text.with("local-skipped", &values));
    }
    if list.mails.is_empty() {
        app.say(&app.text.of("local-empty"));
        return Ok(());
    }
    let directory = sanitize(&mailbox.directory().to_string_lossy(), Layout::OneLine);
    app.say(&app.text.with("local-title", &[("directory", directory.into())]));
    let names = person.names_among(&list.mails);
    let mails = list.mails.into_iter().map(|mail| (mail.number, mail)).collect();
    let list = List { names, mails };
    // The newest are at the end, and are shown first.
    list.show(app, list.mails.len())?;
    receive::read_some(app, &mailbox, &list)
}

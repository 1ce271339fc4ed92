//! Answers and forwards a mail: the questions of "4) Send a mail", with what is known as their
//! offered answers.

use correio_client::{Drafts, Mailbox};

use super::{send, user::CurrentUser};
use crate::{
    app::App,
    prompt::{Answer, CursorAt, Stop},
    quoting::{Original, ReplyTo},
};

/// Answers a mail.
pub(super) fn reply(
    app: &mut App,
    user: &CurrentUser,
    mailbox: &Mailbox,
    original: &Original,
    to: ReplyTo,
) -> Answer<()> {
    let draft = original.reply(app.text, &user.username, mailbox.domain(), to);
    stay(send::compose(app, user, draft, CursorAt::End))
}

/// Forwards a mail with its attachments.
pub(super) fn forward(
    app: &mut App,
    user: &CurrentUser,
    mailbox: &Mailbox,
    original: &Original,
) -> Answer<()> {
    let drafts = Drafts::open(&app.data, &user.server, &user.username);
    let mut draft = original.forward(app.text);
    let (doing, fallback) = (app.text.of("forward-working"), app.text.of("attachment-name"));
    let attached = app.wait(&doing, |cancel, _| {
        let mail = (mailbox, &original.stored);
        drafts.reattach(&mut draft, mail, original.attachments(), &fallback, cancel)
    });
    if let Err(error) = attached {
        // The files of a draft that is not there are deleted later.
        app.say(&app.text.reattach(&error));
        return Ok(());
    }
    stay(send::compose(app, user, draft, CursorAt::Start))
}

/// Going back from a mail that is written leads to the mail that was read.
fn stay(composed: Answer<()>) -> Answer<()> {
    match composed {
        Err(Stop::Back) => Ok(()),
        composed => composed,
    }
}

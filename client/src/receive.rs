//! Receiving: fetch a page, save it durably, and only then confirm it.
//!
//! Whatever stops it in between, nothing is lost and nothing is there twice: what was not
//! confirmed comes again, and what was saved is known by its sender and id.

use correio_proto::{
    limits::CONFIRM_MAX,
    mail::{Mail, MailRef, Seq},
    message::{Confirm, Fetch, Page, Reply, Request},
};

use crate::{Cancel, Mailbox, MailboxError, Progress, ReceiveError, RequestError, Stored};

/// Empties the mailbox on the server into the one here, through whatever `ask` asks, and returns
/// what was never shown.
pub(crate) fn receive(
    mailbox: &Mailbox,
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    progress: &mut dyn FnMut(Progress),
    cancel: &Cancel,
) -> Result<Vec<Stored>, ReceiveError> {
    let mut saving = match mailbox.start_saving(cancel) {
        Err(MailboxError::Locked) if cancel.is_cancelled() => {
            return Err(RequestError::Cancelled.into());
        }
        saving => saving?,
    };
    let mut so_far = Progress::default();
    let mut after = Seq(0);
    loop {
        let page = fetch(ask, after)?;
        let Some(last) = page.mails.last() else {
            break;
        };
        after = last.seq;
        let saved = saving.save(&page.mails)?;
        confirm(ask, &page.mails)?;
        so_far.saved += saved;
        so_far.known += page.mails.len() - saved;
        so_far.more = page.more;
        progress(so_far);
        if !page.more {
            break;
        }
    }
    Ok(mailbox.unseen()?)
}

fn fetch(
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    after: Seq,
) -> Result<Page, ReceiveError> {
    let page = match ask(Request::Fetch(Fetch { after, max: 0 }))? {
        Reply::Page(page) => page,
        _ => return Err(ReceiveError::Page("it is no page")),
    };
    // Each page starts behind the one before, so that this comes to an end on any server.
    let mut previous = after;
    for mail in &page.mails {
        if mail.seq <= previous {
            return Err(ReceiveError::Page("its mails are not in order"));
        }
        previous = mail.seq;
    }
    if page.mails.is_empty() && page.more {
        return Err(ReceiveError::Page("it is empty and not the last"));
    }
    Ok(page)
}

fn confirm(
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    mails: &[Mail],
) -> Result<(), RequestError> {
    for part in mails.chunks(CONFIRM_MAX) {
        let mails: Vec<MailRef> = part.iter().map(Mail::reference).collect();
        ask(Request::Confirm(Confirm { mails }))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

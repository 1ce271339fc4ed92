//! Sends a mail whose content is larger than a body: uploads it in pieces, then sends the mail.

mod sending;

use correio_proto::{
    mail::Timestamp,
    message::{Limits, Reply, Request},
};

use super::receive::ContentProgress;
use crate::{
    cancel::Cancel,
    error::{RequestError, SendError},
    storage::outgoing::{ContentPieces, OutgoingMail},
};

pub use sending::{LargeMail, SendStep, Sending};

/// Sends a mail to a server with these limits, which is reached through `ask`. Once `cancel` is
/// cancelled, the mail is not sent any more.
pub(crate) fn send(
    mail: &OutgoingMail,
    limits: &Limits,
    ask: &mut dyn FnMut(Request) -> Result<Reply, RequestError>,
    progress: &mut dyn FnMut(ContentProgress),
    cancel: &Cancel,
) -> Result<Timestamp, SendError> {
    let OutgoingMail { id, to, subject, content } = mail.clone();
    let size = content.size();
    let large = LargeMail { id, to, subject, content: content.stated() };
    let mut sending = Sending::new(large, limits);
    let mut pieces = ContentPieces::open(&content)?;
    loop {
        match sending.next_step() {
            SendStep::Ask(request) => {
                if cancel.is_cancelled() {
                    return Err(SendError::CancelledUnsent);
                }
                let is_mail = matches!(request, Request::Send(_));
                let reply = match ask(request) {
                    Err(RequestError::Refused(error)) => Reply::Error(error),
                    Err(RequestError::Cancelled) if !is_mail => {
                        return Err(SendError::CancelledUnsent);
                    }
                    answer => answer?,
                };
                sending.answered(reply)?;
                progress(ContentProgress { done: sending.uploaded(), size });
            }
            SendStep::Read { offset, length } => {
                pieces.seek(offset)?;
                sending.read(pieces.next(length)?);
            }
            SendStep::Compare => {
                pieces.compare()?;
                sending.compared();
            }
            SendStep::Finished(sent_at) => return Ok(sent_at),
        }
    }
}

#[cfg(test)]
mod tests;

//! Large contents of a device: the real sending code uploads them in pieces before their mails are
//! sent.

use correio_client::{LargeMail, RequestError, SendStep, Sending};
use correio_proto::{
    mail::{Content, MailId, Piece},
    message::{Limits, Reply, Request},
};

use super::{Device, DeviceContext, Operation, QueuedMail, large::SendingLarge};
use crate::{
    check::{Check, Violation, require},
    contents::stated,
};

impl Device {
    /// Begins to send a mail with a large content, or to send it again.
    pub(super) fn start_sending(
        &mut self,
        context: &mut DeviceContext<'_>,
        id: MailId,
    ) -> Result<(), Violation> {
        let piece = 1 + self.rng.below(2 * context.plan.bounds.piece_max);
        let piece = piece.max(context.plan.session_config.piece_min);
        let queued = self.outbox.iter().find(|queued| queued.mail.id == id);
        let Some(QueuedMail { mail, content: Some(bytes), .. }) = queued else {
            return Ok(());
        };
        let (Content::Large(content), Some(program)) = (&mail.content, &mut self.program) else {
            return Ok(());
        };
        let Some(welcome) = program.client.welcome() else {
            return Ok(());
        };
        let limits = Limits { piece: u32::try_from(piece).unwrap_or(u32::MAX), ..welcome.limits };
        let (to, subject) = (mail.to.clone(), mail.subject.clone());
        let large = LargeMail { id, to, subject, content: *content };
        let sending = Sending::new(large, &limits);
        let (bytes, stated) = (bytes.clone(), *content);
        program.sending = Some(SendingLarge { id, bytes, stated, sending });
        self.continue_sending(context)
    }

    /// Whether the mail of this id is being sent in pieces.
    pub(super) fn is_sending(&self, id: MailId) -> bool {
        let sending = self.program.as_ref().and_then(|program| program.sending.as_ref());
        sending.is_some_and(|sending| sending.id == id)
    }

    /// Whether a mail with a large content is under way.
    pub(super) fn is_uploading(&self) -> bool {
        self.outbox.iter().any(|queued| queued.is_asked && queued.content.is_some())
    }

    /// Takes the reply to a request of the sending flow.
    pub(super) fn sending_answered(
        &mut self,
        context: &mut DeviceContext<'_>,
        operation: &Operation,
        reply: Reply,
    ) -> Result<(), Violation> {
        let Some(large) = self.program.as_mut().and_then(|program| program.sending.as_mut()) else {
            return Ok(());
        };
        match large.sending.answered(reply) {
            Ok(()) => self.continue_sending(context),
            Err(RequestError::Refused(error)) => self.handle_error(context, operation, &error),
            Err(error) => {
                let text = format!("{}: {operation:?}: {error}", self.name);
                Err(Violation::new(Check::Answered, text))
            }
        }
    }

    /// Reads pieces and sends requests as the sending flow asks.
    fn continue_sending(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        loop {
            let Some(SendingLarge { id, bytes, stated: in_mail, sending }) =
                self.program.as_mut().and_then(|program| program.sending.as_mut())
            else {
                return Ok(());
            };
            let id = *id;
            match sending.next_step() {
                SendStep::Ask(request) => {
                    let operation = match request {
                        Request::Send(_) => Operation::Send(id),
                        _ => Operation::Upload(id),
                    };
                    self.ask(context, operation, request);
                    return Ok(());
                }
                SendStep::Read { offset, length } => {
                    let start = usize::try_from(offset).unwrap_or(usize::MAX);
                    let rest = bytes.get(start..).unwrap_or_default();
                    let piece = Piece::try_from(rest.get(..length).unwrap_or_default());
                    let text = || format!("a piece of {length} bytes at {offset} is asked for");
                    let piece = piece.map_err(|_| Violation::new(Check::Bounded, text()))?;
                    require(!piece.as_bytes().is_empty(), Check::Bounded, text)?;
                    sending.read(piece);
                }
                SendStep::Compare => {
                    let text = || format!("the content of {id} is not what its mail states");
                    require(
                        stated(in_mail.kind, bytes).as_ref() == Some(in_mail),
                        Check::Intact,
                        text,
                    )?;
                    sending.compared();
                }
                SendStep::Finished(_) => {
                    if let Some(program) = &mut self.program {
                        program.sending = None;
                    }
                    return self.sent(context, id);
                }
            }
        }
    }
}

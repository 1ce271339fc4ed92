//! The order in which a mail with a large content is sent, as a state machine without I/O: ask how
//! far the upload is, upload the rest in pieces, compare the content, and then send the mail.

use correio_proto::{
    limits,
    mail::{Content, LargeContent, MailId, Piece, Recipients, Subject, Timestamp},
    message::{ErrorCode, ErrorReply, Limits, Reply, Request, Send, Upload},
};

use crate::error::RequestError;

/// Times that the server may state that it has less of the upload than it had. A server forgets an
/// upload after a day, or after a minute without a piece if the account begins too many others.
const LOST_MAX: u32 = 8;

/// A mail with a large content, without the content's bytes.
#[derive(Clone, Debug)]
pub struct LargeMail {
    /// The mail's id, which is the upload's, too.
    pub id: MailId,
    /// The recipients.
    pub to: Recipients,
    /// The subject.
    pub subject: Subject,
    /// Size and digest of the content.
    pub content: LargeContent,
}

/// State machine of sending a mail with a large content: says what to do next, and does no I/O.
///
/// Sending the same mail may begin anew at any time, also after a restart of the program: the
/// server states how much of the upload it has, and whether the mail was sent before.
#[derive(Debug)]
pub struct Sending {
    mail: LargeMail,
    piece_max: usize,
    state: SendState,
    /// Times that the server may still lose a part of the upload.
    losses_left: u32,
}

/// The next step; see [`Sending::next_step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendStep {
    /// Send the server this request, and pass its reply, an error included, to
    /// [`Sending::answered`].
    Ask(Request),
    /// Read a piece of the content and pass it to [`Sending::read`].
    Read {
        /// Position of the piece in the content, in bytes.
        offset: u64,
        /// Bytes of the piece.
        length: usize,
    },
    /// The upload is whole: compare the content with what the mail states, and call
    /// [`Sending::compared`].
    Compare,
    /// The server has accepted the mail.
    Finished(Timestamp),
}

#[derive(Debug)]
enum SendState {
    /// An empty piece asks how far the upload is.
    Asking,
    Reading {
        offset: u64,
    },
    Uploading {
        offset: u64,
        piece: Piece,
    },
    Comparing,
    Sending,
    Finished(Timestamp),
}

impl Sending {
    /// Begins to send a mail to a server with these limits.
    #[must_use]
    pub fn new(mail: LargeMail, limits: &Limits) -> Self {
        // A server that states no limit takes the largest piece.
        let piece_max = match usize::try_from(limits.piece) {
            Ok(0) | Err(_) => limits::PIECE_MAX,
            Ok(stated) => stated.min(limits::PIECE_MAX),
        };
        Self { mail, piece_max, state: SendState::Asking, losses_left: LOST_MAX }
    }

    /// The next step.
    #[must_use]
    pub fn next_step(&self) -> SendStep {
        match &self.state {
            SendState::Asking => self.upload(0, Piece::empty()),
            SendState::Reading { offset } => {
                let left = self.size().saturating_sub(*offset);
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.piece_max);
                SendStep::Read { offset: *offset, length }
            }
            SendState::Uploading { offset, piece } => self.upload(*offset, piece.clone()),
            SendState::Comparing => SendStep::Compare,
            SendState::Sending => {
                let LargeMail { id, to, subject, content } = self.mail.clone();
                let content = Content::Large(content);
                SendStep::Ask(Request::Send(Send { id, to, subject, content }))
            }
            SendState::Finished(sent_at) => SendStep::Finished(*sent_at),
        }
    }

    /// Takes a piece of the content.
    pub fn read(&mut self, piece: Piece) {
        if let SendState::Reading { offset } = self.state {
            self.state = SendState::Uploading { offset, piece };
        }
    }

    /// Records that the content is what the mail states. Only then is the mail sent.
    pub fn compared(&mut self) {
        if let SendState::Comparing = self.state {
            self.state = SendState::Sending;
        }
    }

    /// Takes the reply to the request.
    ///
    /// # Errors
    ///
    /// [`RequestError::Refused`], and [`RequestError::Answer`] for an answer that makes no sense.
    pub fn answered(&mut self, reply: Reply) -> Result<(), RequestError> {
        let next = match (&self.state, reply) {
            (SendState::Asking, Reply::Uploaded { staged }) => self.after(staged)?,
            (SendState::Uploading { offset, piece }, Reply::Uploaded { staged }) => {
                let end = offset + piece.as_bytes().len() as u64;
                if staged < end {
                    return Err(RequestError::Answer("an upload that does not grow"));
                }
                self.after(staged)?
            }
            (SendState::Sending, Reply::Sent { sent_at }) => SendState::Finished(sent_at),
            (_, Reply::Error(error)) => self.refused(error)?,
            _ => return Err(RequestError::Answer("a reply to another request")),
        };
        self.state = next;
        Ok(())
    }

    /// Bytes of the content that the server has, as far as is known.
    #[must_use]
    pub fn uploaded(&self) -> u64 {
        match &self.state {
            SendState::Asking => 0,
            SendState::Reading { offset } | SendState::Uploading { offset, .. } => *offset,
            SendState::Comparing | SendState::Sending | SendState::Finished(_) => self.size(),
        }
    }

    fn size(&self) -> u64 {
        self.mail.content.size.get()
    }

    fn upload(&self, offset: u64, bytes: Piece) -> SendStep {
        let (id, size) = (self.mail.id, self.mail.content.size);
        SendStep::Ask(Request::Upload(Upload { id, size, offset, bytes }))
    }

    /// The state after the server has stated how much it has.
    fn after(&self, staged: u64) -> Result<SendState, RequestError> {
        match staged.cmp(&self.size()) {
            std::cmp::Ordering::Less => Ok(SendState::Reading { offset: staged }),
            std::cmp::Ordering::Equal => Ok(SendState::Comparing),
            std::cmp::Ordering::Greater => {
                Err(RequestError::Answer("an upload that is larger than its content"))
            }
        }
    }

    /// Goes on from what the server has, if it has lost a part. Other refusals are passed on.
    fn refused(&mut self, error: ErrorReply) -> Result<SendState, RequestError> {
        match error.staged {
            Some(staged) if error.code == ErrorCode::Incomplete && self.losses_left > 0 => {
                self.losses_left -= 1;
                match self.after(staged)? {
                    SendState::Comparing => {
                        Err(RequestError::Answer("an upload that is incomplete and whole"))
                    }
                    next => Ok(next),
                }
            }
            _ => Err(RequestError::Refused(error)),
        }
    }
}

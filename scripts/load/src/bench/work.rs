//! What a connection does over and over: what it says next, and what an answer is worth.

use std::sync::Arc;

use anyhow::{Result, bail};
use correio_proto::{
    frame, limits,
    mail::Mail,
    message::{Confirm, Fetch, Reply, Request, ServerMessage},
};

use super::frames::{Kind, SendFrame, account, push};
use crate::login;

/// Who gets the mails.
#[derive(Clone, Debug)]
pub struct RecipientPool {
    /// What their names begin with.
    pub prefix: Arc<str>,
    /// How many there are.
    pub count: usize,
}

/// See the module's description.
#[derive(Debug)]
pub enum Work {
    /// Bytes that come back.
    Echo(Vec<u8>),
    /// Mails to accounts picked at random.
    Send {
        /// The mail.
        frame: SendFrame,
        /// To whom.
        to: RecipientPool,
        /// Where the choice comes from.
        random: fastrand::Rng,
    },
    /// Pages that are fetched and confirmed, until the mailbox is empty.
    Receive {
        /// Mails asked for at a time.
        page: u32,
        /// What is said next.
        next: Vec<u8>,
        /// Mails of the page that is being confirmed.
        mails: u64,
    },
    /// Logins, each with a logout behind it.
    Login {
        /// The login.
        login: Vec<u8>,
        /// The logout.
        logout: Vec<u8>,
        /// Which of them is next.
        is_in: bool,
    },
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerEffect {
    /// Nothing: it was not asked for.
    Nothing,
    /// As many operations, and the next request may be made.
    Operations(u64),
    /// A step on the way; the next request belongs to the same operation.
    Step,
    /// Too much to do; to be tried again later.
    Refused,
    /// There is nothing more to do.
    Over,
}

impl Work {
    /// Messages of `size` bytes.
    ///
    /// # Errors
    ///
    /// A size that no frame has.
    pub fn echo(size: usize) -> Result<Self> {
        let mut message = u32::try_from(size)?.to_be_bytes().to_vec();
        message.resize(message.len() + size, b'x');
        Ok(Self::Echo(message))
    }

    /// Mails of `size` bytes.
    ///
    /// # Errors
    ///
    /// A size or prefix that no mail has.
    pub fn send(to: RecipientPool, size: usize, seed: u64) -> Result<Self> {
        let frame = SendFrame::new(&to.prefix, size)?;
        Ok(Self::Send { frame, to, random: fastrand::Rng::with_seed(seed) })
    }

    /// Pages of at most so many mails.
    ///
    /// # Errors
    ///
    /// None but a fault of the encoder.
    pub fn receive(page: u32) -> Result<Self> {
        let page = page.min(limits::PAGE_MAILS_MAX);
        let mut next = Vec::new();
        push(fetch(page), &mut next)?;
        Ok(Self::Receive { page, next, mails: 0 })
    }

    /// Logins to an account, on a connection that is not logged in.
    ///
    /// # Errors
    ///
    /// A name that is none.
    pub fn login(username: &str) -> Result<Self> {
        let (mut into, mut out) = (Vec::new(), Vec::new());
        push(login(username)?, &mut into)?;
        push(Request::Logout {}, &mut out)?;
        Ok(Self::Login { login: into, logout: out, is_in: false })
    }

    /// Says the next thing.
    pub fn next(&mut self, output: &mut Vec<u8>) {
        match self {
            Self::Echo(message) => output.extend_from_slice(message),
            Self::Send { frame, to, random } => {
                frame.next(&account(&to.prefix, random.usize(..to.count.max(1))), output);
            }
            Self::Receive { next, .. } => output.extend_from_slice(next),
            Self::Login { login, logout, is_in } => {
                output.extend_from_slice(if *is_in { logout } else { login });
            }
        }
    }

    /// Looks at an answer.
    ///
    /// # Errors
    ///
    /// It is none that belongs here.
    pub fn answered(&mut self, value: &[u8]) -> Result<AnswerEffect> {
        let kind = match self {
            Self::Echo(message) if value.len() + frame::HEADER == message.len() => {
                return Ok(AnswerEffect::Operations(1));
            }
            Self::Echo(_) => bail!("an echo of another length"),
            _ => Kind::of(value),
        };
        match (self, kind) {
            (_, Kind::Notice) => Ok(AnswerEffect::Nothing),
            (Self::Send { .. }, Kind::Sent) => Ok(AnswerEffect::Operations(1)),
            (Self::Login { is_in, .. }, Kind::LoggedIn) => {
                *is_in = true;
                Ok(AnswerEffect::Operations(1))
            }
            (Self::Login { is_in, .. }, Kind::LoggedOut) => {
                *is_in = false;
                Ok(AnswerEffect::Step)
            }
            (Self::Send { .. } | Self::Login { .. }, Kind::Error) => Ok(AnswerEffect::Refused),
            (Self::Receive { page, next, mails }, Kind::Other) => {
                next.clear();
                received(value, *page, next, mails)
            }
            (_, kind) => bail!("{kind:?} is no answer to what was asked"),
        }
    }
}

fn fetch(page: u32) -> Request {
    Request::Fetch(Fetch { max: page, ..Fetch::default() })
}

fn received(value: &[u8], page: u32, next: &mut Vec<u8>, mails: &mut u64) -> Result<AnswerEffect> {
    match frame::decode(value)? {
        ServerMessage::Reply { reply: Reply::Page(got), .. } if got.mails.is_empty() => {
            Ok(AnswerEffect::Over)
        }
        ServerMessage::Reply { reply: Reply::Page(got), .. } => {
            *mails = got.mails.len() as u64;
            let mails = got.mails.iter().map(Mail::reference).collect();
            push(Request::Confirm(Confirm { mails }), next)?;
            Ok(AnswerEffect::Step)
        }
        ServerMessage::Reply { reply: Reply::Confirmed { .. }, .. } => {
            push(fetch(page), next)?;
            Ok(AnswerEffect::Operations(*mails))
        }
        other => bail!("{other:?} is no answer to what was asked"),
    }
}

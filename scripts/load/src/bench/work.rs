//! The work that a connection repeats: its next request, and the effect of each answer.

use std::sync::Arc;

use anyhow::{Result, bail};
use correio_proto::{
    frame, limits,
    mail::{Mail, Username},
    message::{Confirm, Fetch, Reply, Request, Resume, ServerMessage},
};

use super::frames::{Kind, SendFrame, account, push};
use crate::login;

/// Accounts that get mails.
#[derive(Clone, Debug)]
pub struct RecipientPool {
    /// The prefix of their names.
    pub prefix: Arc<str>,
    /// Number of accounts.
    pub count: usize,
}

/// See the module's description.
#[derive(Debug)]
pub enum Work {
    /// Messages that an echo server returns.
    Echo(Vec<u8>),
    /// Mails to random accounts.
    Send {
        /// The mail.
        frame: SendFrame,
        /// The recipients.
        to: RecipientPool,
        /// Chooses the recipients.
        random: fastrand::Rng,
        /// Number of mails that are still to be sent.
        left: u64,
    },
    /// Pages that are fetched and confirmed until the mailbox is empty.
    Receive {
        /// Most mails of a page.
        page: u32,
        /// The next request.
        next: Vec<u8>,
        /// Mails of the page that is being confirmed.
        mails: u64,
    },
    /// Logins with a resume ticket, each followed by a logout, after one login with the password.
    Resume {
        /// The account.
        username: Username,
        /// The next request.
        next: Vec<u8>,
        /// The login with the ticket.
        resume: Vec<u8>,
        /// The logout.
        logout: Vec<u8>,
    },
    /// Logins, each followed by a logout.
    Login {
        /// The login.
        login: Vec<u8>,
        /// The logout.
        logout: Vec<u8>,
        /// Whether the logout is next.
        is_in: bool,
    },
}

/// The effect of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerEffect {
    /// A notice, which answers no request.
    Nothing,
    /// This many operations are done, and the next request may be sent.
    Operations(u64),
    /// One step of an operation is done; the next request belongs to the same operation.
    Step,
    /// The server was busy; try again later.
    Refused,
    /// No work is left.
    Over,
}

impl Work {
    /// Echo messages of `size` bytes.
    ///
    /// # Errors
    ///
    /// A size that no frame may have.
    pub fn echo(size: usize) -> Result<Self> {
        let mut message = u32::try_from(size)?.to_be_bytes().to_vec();
        message.resize(message.len() + size, b'x');
        Ok(Self::Echo(message))
    }

    /// At most `count` mails of `size` bytes.
    ///
    /// # Errors
    ///
    /// A size or prefix that no mail can have.
    pub fn send(to: RecipientPool, size: usize, seed: u64, count: u64) -> Result<Self> {
        let frame = SendFrame::new(&to.prefix, size)?;
        Ok(Self::Send { frame, to, random: fastrand::Rng::with_seed(seed), left: count })
    }

    /// Pages of at most `page` mails.
    ///
    /// # Errors
    ///
    /// The encoder fails.
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
    /// An invalid username.
    pub fn login(username: &str) -> Result<Self> {
        let (mut into, mut out) = (Vec::new(), Vec::new());
        push(login(username)?, &mut into)?;
        push(Request::Logout {}, &mut out)?;
        Ok(Self::Login { login: into, logout: out, is_in: false })
    }

    /// Logins to an account with a ticket that its first login is given, on a connection that is
    /// not logged in.
    ///
    /// # Errors
    ///
    /// An invalid username.
    pub fn resume(username: &str) -> Result<Self> {
        let (mut next, mut logout) = (Vec::new(), Vec::new());
        push(login(username)?, &mut next)?;
        push(Request::Logout {}, &mut logout)?;
        Ok(Self::Resume { username: username.parse()?, next, resume: Vec::new(), logout })
    }

    /// Whether there is a next request, as far as is known before the answers.
    #[must_use]
    pub fn has_next(&self) -> bool {
        !matches!(self, Self::Send { left: 0, .. })
    }

    /// Appends the next request.
    pub fn next(&mut self, output: &mut Vec<u8>) {
        match self {
            Self::Echo(message) => output.extend_from_slice(message),
            Self::Send { frame, to, random, left } => {
                *left = left.saturating_sub(1);
                frame.next(&account(&to.prefix, random.usize(..to.count.max(1))), output);
            }
            Self::Receive { next, .. } | Self::Resume { next, .. } => {
                output.extend_from_slice(next);
            }
            Self::Login { login, logout, is_in } => {
                output.extend_from_slice(if *is_in { logout } else { login });
            }
        }
    }

    /// Classifies an answer and prepares the next request.
    ///
    /// # Errors
    ///
    /// The answer does not fit the request.
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
            (Self::Send { .. } | Self::Login { .. } | Self::Resume { .. }, Kind::Error) => {
                Ok(AnswerEffect::Refused)
            }
            (Self::Resume { next, resume, logout, .. }, Kind::LoggedIn) => {
                next.clear();
                if resume.is_empty() {
                    push(Request::Ticket {}, next)?;
                    return Ok(AnswerEffect::Step);
                }
                next.extend_from_slice(logout);
                Ok(AnswerEffect::Operations(1))
            }
            (Self::Resume { next, resume, .. }, Kind::LoggedOut) => {
                next.clone_from(resume);
                Ok(AnswerEffect::Step)
            }
            (Self::Resume { username, next, resume, logout }, Kind::Other) => {
                *resume = resuming(username, value)?;
                next.clone_from(logout);
                Ok(AnswerEffect::Step)
            }
            (Self::Receive { page, next, mails }, Kind::Other) => {
                next.clear();
                received(value, *page, next, mails)
            }
            (_, kind) => bail!("{kind:?} is no answer to what was asked"),
        }
    }
}

/// The login with the ticket of a reply.
fn resuming(username: &Username, value: &[u8]) -> Result<Vec<u8>> {
    match frame::decode(value)? {
        ServerMessage::Reply { reply: Reply::Ticket(given), .. } => {
            let mut resume = Vec::new();
            let username = username.clone();
            push(Request::Resume(Resume { username, ticket: given.ticket }), &mut resume)?;
            Ok(resume)
        }
        other => bail!("{other:?} is no ticket"),
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

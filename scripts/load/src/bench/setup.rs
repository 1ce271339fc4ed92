//! Opens many connections in one thread and brings each to the state before the load.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use correio_proto::{
    frame,
    message::{ErrorCode, Reply, Request, Resume, Send, ServerMessage},
    resume::ResumeTicket,
    tls::Security,
};
use mio::{Events, Poll};

use super::{
    frames::{account, push},
    wire::{SCRATCH, Wire},
    work::Work,
};
use crate::{hello, login, register};

/// Most connections in setup at a time: below the server's backlog and hash queue.
const UNDER_WAY: usize = 200;

/// Longest time without an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Address and security of the server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address.
    pub server: SocketAddr,
    /// TLS settings, or plaintext.
    pub security: Security,
}

/// The requests of one connection before the load.
#[derive(Debug)]
pub struct SetupScript {
    frames: Vec<u8>,
    answers: usize,
    kind: AnswerKind,
}

/// What comes back for the requests of a script.
#[derive(Clone, Copy, Debug)]
enum AnswerKind {
    /// Replies of a mail server.
    Replies,
    /// The messages themselves, from an echo server.
    Echoes,
}

impl SetupScript {
    fn push(&mut self, request: Request) -> Result<()> {
        self.answers += 1;
        push(request, &mut self.frames)
    }

    /// A greeting and a login to this account.
    ///
    /// # Errors
    ///
    /// An invalid username.
    pub fn logging_in(username: &str) -> Result<Self> {
        let mut script = Self::greeting()?;
        script.push(login(username)?)?;
        Ok(script)
    }

    /// A greeting, a login to this account, and a request for a resume ticket.
    ///
    /// # Errors
    ///
    /// An invalid username.
    pub fn getting_a_ticket(username: &str) -> Result<Self> {
        let mut script = Self::logging_in(username)?;
        script.push(Request::Ticket {})?;
        Ok(script)
    }

    /// A greeting and a login to this account with a resume ticket.
    ///
    /// # Errors
    ///
    /// An invalid username.
    pub fn resuming(username: &str, ticket: ResumeTicket) -> Result<Self> {
        let mut script = Self::greeting()?;
        script.push(Request::Resume(Resume { username: username.parse()?, ticket }))?;
        Ok(script)
    }

    /// A greeting, a login to this account, and this mail.
    ///
    /// # Errors
    ///
    /// An invalid username.
    pub fn sending(username: &str, mail: Send) -> Result<Self> {
        let mut script = Self::logging_in(username)?;
        script.push(Request::Send(mail))?;
        Ok(script)
    }

    /// A greeting alone.
    ///
    /// # Errors
    ///
    /// The encoder fails.
    pub fn greeting() -> Result<Self> {
        let mut script = Self { frames: Vec::new(), answers: 0, kind: AnswerKind::Replies };
        script.push(hello())?;
        Ok(script)
    }

    /// One message of `size` bytes to an echo server.
    ///
    /// # Errors
    ///
    /// A size that no frame may have.
    pub fn echo(size: usize) -> Result<Self> {
        let mut frames = Vec::new();
        Work::echo(size)?.next(&mut frames);
        Ok(Self { frames, answers: 1, kind: AnswerKind::Echoes })
    }
}

/// Registers accounts, some of which may exist already.
///
/// # Errors
///
/// The server refuses an account for another reason, or cannot be reached.
pub fn register_accounts(endpoint: &Endpoint, prefix: &str, count: usize) -> Result<()> {
    const CONNECTIONS: usize = 16;
    let mut scripts = Vec::new();
    for first in 0..CONNECTIONS.min(count) {
        let mut script = SetupScript::greeting()?;
        for index in (first..count).step_by(CONNECTIONS) {
            script.push(register(&account(prefix, index))?)?;
        }
        scripts.push(script);
    }
    open(endpoint, scripts).map(drop)
}

/// Opens a connection for each script and waits until all requests are answered.
///
/// # Errors
///
/// A connection fails, or the server refuses a request.
pub fn open(endpoint: &Endpoint, scripts: Vec<SetupScript>) -> Result<Vec<Wire>> {
    Ok(open_answered(endpoint, scripts)?.into_iter().map(|(wire, _)| wire).collect())
}

/// As [`open`]; each connection comes with the last answer to its script, which an echo server does
/// not give.
///
/// # Errors
///
/// Those of [`open`].
pub fn open_answered(
    endpoint: &Endpoint,
    scripts: Vec<SetupScript>,
) -> Result<Vec<(Wire, Option<Reply>)>> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; SCRATCH];
    let mut waiting: VecDeque<SetupScript> = scripts.into();
    let mut wires: Vec<Opening> = Vec::with_capacity(waiting.len());
    let mut under_way = 0;
    let mut last = Instant::now();
    while under_way > 0 || !waiting.is_empty() {
        while under_way < UNDER_WAY
            && let Some(mut script) = waiting.pop_front()
        {
            let mut wire = Wire::connect(endpoint.server, &endpoint.security, wires.len())?;
            wire.register(poll.registry(), wires.len())?;
            wire.output().append(&mut script.frames);
            let SetupScript { answers: missing, kind, .. } = script;
            wires.push(Opening { wire, missing, kind, last: None });
            under_way += 1;
        }
        poll.poll(&mut events, Some(PATIENCE))?;
        for event in &events {
            let Some(opening) = wires.get_mut(event.token().0) else {
                continue;
            };
            if event.is_writable() {
                opening.wire.flush()?;
            }
            if event.is_readable() && opening.missing > 0 {
                opening.wire.fill(&mut scratch)?;
                opening.take_answers()?;
                under_way -= usize::from(opening.missing == 0);
                last = Instant::now();
            }
        }
        ensure!(last.elapsed() < PATIENCE, "the server does not answer");
    }
    let mut ready = Vec::with_capacity(wires.len());
    for Opening { mut wire, last, .. } in wires {
        wire.deregister(poll.registry())?;
        wire.rest();
        ready.push((wire, last));
    }
    Ok(ready)
}

/// A connection whose script is under way.
struct Opening {
    wire: Wire,
    /// Number of answers to come.
    missing: usize,
    kind: AnswerKind,
    last: Option<Reply>,
}

impl Opening {
    /// Takes the answers that came. Fails on an error, except that an account exists already.
    fn take_answers(&mut self) -> Result<()> {
        while let Some(value) = self.wire.next_frame()? {
            if let AnswerKind::Echoes = self.kind {
                self.missing = self.missing.saturating_sub(1);
                continue;
            }
            match frame::decode(value).context("an answer")? {
                ServerMessage::Notice(_) => continue,
                ServerMessage::Reply { reply: Reply::Error(error), .. }
                    if error.code != ErrorCode::UsernameTaken =>
                {
                    bail!("the server refuses: {}", error.text)
                }
                ServerMessage::Reply { reply, .. } => {
                    self.missing = self.missing.saturating_sub(1);
                    self.last = Some(reply);
                }
            }
        }
        Ok(())
    }
}

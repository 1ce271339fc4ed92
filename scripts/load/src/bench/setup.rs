//! Opens many connections in one thread and brings each to the state before the load.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use correio_proto::{
    frame,
    message::{ErrorCode, Reply, Request, Send, ServerMessage},
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
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; SCRATCH];
    let mut waiting: VecDeque<SetupScript> = scripts.into();
    let mut wires: Vec<(Wire, usize, AnswerKind)> = Vec::with_capacity(waiting.len());
    let mut under_way = 0;
    let mut last = Instant::now();
    while under_way > 0 || !waiting.is_empty() {
        while under_way < UNDER_WAY
            && let Some(mut script) = waiting.pop_front()
        {
            let mut wire = Wire::connect(endpoint.server, &endpoint.security, wires.len())?;
            wire.register(poll.registry(), wires.len())?;
            wire.output().append(&mut script.frames);
            wires.push((wire, script.answers, script.kind));
            under_way += 1;
        }
        poll.poll(&mut events, Some(PATIENCE))?;
        for event in &events {
            let Some((wire, missing, kind)) = wires.get_mut(event.token().0) else {
                continue;
            };
            if event.is_writable() {
                wire.flush()?;
            }
            if event.is_readable() && *missing > 0 {
                wire.fill(&mut scratch)?;
                *missing -= answers(wire, *kind)?.min(*missing);
                under_way -= usize::from(*missing == 0);
                last = Instant::now();
            }
        }
        ensure!(last.elapsed() < PATIENCE, "the server does not answer");
    }
    let mut ready = Vec::with_capacity(wires.len());
    for (mut wire, ..) in wires {
        wire.deregister(poll.registry())?;
        wire.rest();
        ready.push(wire);
    }
    Ok(ready)
}

/// Counts the answers that came. Fails on an error, except that an account exists already.
fn answers(wire: &mut Wire, kind: AnswerKind) -> Result<usize> {
    let mut count = 0;
    while let Some(value) = wire.next_frame()? {
        if let AnswerKind::Echoes = kind {
            count += 1;
            continue;
        }
        match frame::decode(value).context("an answer")? {
            ServerMessage::Notice(_) => continue,
            ServerMessage::Reply { reply: Reply::Error(error), .. }
                if error.code != ErrorCode::UsernameTaken =>
            {
                bail!("the server refuses: {}", error.text)
            }
            ServerMessage::Reply { .. } => count += 1,
        }
    }
    Ok(count)
}

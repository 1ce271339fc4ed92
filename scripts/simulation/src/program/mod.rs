//! A mail program of an honest user, which speaks SMTP submission and POP3. It sends the messages
//! of its queue, each with the same bytes until the server has accepted it or refused it for good,
//! and retrieves mail. Its queue and its mails are durable.

mod credentials;
mod line;
mod message;
mod next;
mod pop3;
mod submission;

use std::{net::SocketAddr, rc::Rc};

use correio_server::protocol::Service;

use crate::{check::Violation, clock::SECOND, device::DeviceContext, network::Network, rng::Rng};
use credentials::Credentials;
use line::ProgramLine;
use message::OutgoingMessage;
use next::Next;
use pop3::Receiving;
use submission::Submitting;

/// Choices for the longest wait of a program for the end of a dialogue, in ticks.
const PATIENCE: [u64; 3] = [120 * SECOND, 60 * SECOND, 3 * SECOND];

/// Most messages in a program's queue.
const QUEUE_MAX: usize = 4;

/// See the module's description.
pub(crate) struct MailProgram {
    pub(crate) name: String,
    pub(crate) user: usize,
    address: SocketAddr,
    rng: Rng,
    queue: Vec<Rc<OutgoingMessage>>,
    session: Option<Session>,
    /// Time of the next dialogue.
    wake_at: u64,
}

/// A connection and its dialogue.
struct Session {
    line: ProgramLine,
    dialogue: Dialogue,
    /// Time at which the program gives the dialogue up.
    deadline: u64,
}

enum Dialogue {
    Submission(Box<Submitting>),
    Pop3(Box<Receiving>),
}

impl MailProgram {
    pub(crate) fn new(name: String, user: usize, address: SocketAddr, mut rng: Rng) -> Self {
        let wake_at = rng.within(0..=2 * SECOND);
        Self { name, user, address, rng, queue: Vec::new(), session: None, wake_at }
    }

    /// Whether the queue is empty and no connection is open.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && self.session.is_none()
    }

    /// Describes unfinished work, for the text of a violation.
    pub(crate) fn unfinished_work(&self) -> String {
        let is_connected = self.session.is_some();
        format!("{}: {} messages to send, connected {is_connected}", self.name, self.queue.len())
    }

    /// Time of the next action if nothing arrives.
    pub(crate) fn next_due(&self) -> u64 {
        match &self.session {
            None => self.wake_at,
            Some(session) => {
                session.line.next_due().map_or(session.deadline, |due| due.min(session.deadline))
            }
        }
    }

    /// Does the actions that are due.
    pub(crate) fn step(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        let now = context.clock.tick();
        if self.session.is_none() && now >= self.wake_at {
            self.begin(context);
        }
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let is_lost = session.line.pump(now, &mut self.rng).is_err() || now >= session.deadline;
        while let Some(line) = self.session.as_mut().and_then(|session| session.line.line()) {
            self.hear(context, &line)?;
        }
        if is_lost {
            self.hang_up(context);
        }
        Ok(())
    }

    /// Connects for the next dialogue, if there is something to do.
    fn begin(&mut self, context: &mut DeviceContext<'_>) {
        let now = context.clock.tick();
        let pause = context.plan.pause_max.max(10);
        self.wake_at = now + self.rng.within(pause / 5..=2 * pause);
        if !context.user.is_registered {
            return;
        }
        if !context.is_healing && self.queue.len() < QUEUE_MAX && self.rng.one_in(2) {
            self.write(context);
        }
        // If the program always sent its oldest message, a refused one would hold up the others.
        let index = self.rng.below(self.queue.len());
        let message = self.queue.get(index).cloned();
        let message = message.filter(|_| context.is_healing || self.rng.one_in(2));
        if message.is_none() && context.is_healing {
            self.wake_at = u64::MAX;
            return;
        }
        let Some(credentials) = Credentials::any(&mut self.rng, context) else {
            return;
        };
        let (service, dialogue) = match message {
            Some(message) => (
                Service::SUBMISSION.in_plaintext(),
                Dialogue::Submission(Box::new(Submitting::new(message, credentials))),
            ),
            None => (
                Service::POP3.in_plaintext(),
                Dialogue::Pop3(Box::new(Receiving::new(credentials))),
            ),
        };
        self.connect(context.network, service, dialogue, now);
        if self.session.is_some() {
            context.trace.note(&self.name, format_args!("connects for {}", service.name()));
        }
    }

    fn connect(&mut self, network: &mut Network, service: Service, dialogue: Dialogue, now: u64) {
        let server = self.rng.below(network.servers());
        let Some(end) = network.connect(self.address, server, service) else {
            return;
        };
        let line = ProgramLine::new(end, &mut self.rng);
        let deadline = now + self.rng.pick(&PATIENCE).unwrap_or(SECOND);
        self.session = Some(Session { line, dialogue, deadline });
    }

    /// Writes a message into the queue.
    fn write(&mut self, context: &mut DeviceContext<'_>) {
        if let Some(message) = OutgoingMessage::compose(&mut self.rng, context) {
            let (subject, names) = (message.subject.clone(), message.envelope.len());
            context.trace.note(&self.name, format_args!("writes {subject:?} to {names}"));
            self.queue.push(Rc::new(message));
        }
    }

    fn hear(&mut self, context: &mut DeviceContext<'_>, line: &[u8]) -> Result<(), Violation> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let next = match &mut session.dialogue {
            Dialogue::Submission(submitting) => {
                submitting.hear(&mut self.rng, context, &mut session.line, line)?
            }
            Dialogue::Pop3(receiving) => {
                receiving.hear(&mut self.rng, context, &mut session.line, line)?
            }
        };
        match next {
            Next::Wait => {}
            Next::Accepted | Next::Refused => {
                if let Dialogue::Submission(submitting) = &session.dialogue {
                    let subject = &submitting.message.subject;
                    context.trace.note(&self.name, format_args!("{subject:?}: {next:?}"));
                    self.queue.retain(|queued| queued.subject != *subject);
                }
            }
            Next::Leave => self.hang_up(context),
        }
        Ok(())
    }

    fn hang_up(&mut self, context: &mut DeviceContext<'_>) {
        let Some(Session { dialogue, .. }) = self.session.take() else {
            return;
        };
        context.trace.note(&self.name, format_args!("hangs up"));
        let pause = context.plan.pause_max.max(10);
        let wait = match dialogue {
            Dialogue::Submission(submitting) => submitting.retry_after,
            Dialogue::Pop3(_) => 0,
        };
        self.wake_at = context.clock.tick() + wait + self.rng.within(pause / 5..=2 * pause);
    }
}

//! An honest client: the real request queue, session resumption and receiving code on a disk that
//! fails, driven by a user who sends, receives and changes settings.

mod app_passwords;
mod contents;
mod large;
mod replies;
mod workload;

use std::{collections::BTreeMap, path::Path, rc::Rc};

use correio_client::{
    Receiving, Saving,
    client::{Client, Driven, LinkError, RequestId},
};
use correio_proto::{
    app_password::AppPasswordId,
    credential::Credential,
    mail::{MailId, Username},
    message::Send,
};
use correio_server::protocol::Service;

use large::SendingLarge;

use crate::{
    check::{Check, Violation, require},
    clock::{Clock, SECOND, tick_of},
    disk::SimDisk,
    ledger::Ledger,
    network::Network,
    pipe::ClientEnd,
    plan::{DOMAIN, Plan},
    rng::Rng,
    trace::Trace,
    user::User,
};

/// Directory of a device's mail, on its own disk.
const MAILBOX: &str = "mail";

/// Longest wait before reconnecting, in ticks.
const RECONNECT_MAX: u64 = 3 * SECOND;

/// How long after its deadline an answer may be handed out, in ticks: the client reports a timeout
/// when it is next driven.
const LATE_MAX: u64 = SECOND;

/// The parts of the world that a device may use in a step.
pub(crate) struct DeviceContext<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) plan: &'a Plan,
    pub(crate) user: &'a mut User,
    /// All possible recipients.
    pub(crate) usernames: &'a [Username],
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) network: &'a mut Network,
    pub(crate) trace: &'a mut Trace,
    /// Only unfinished work is done; nothing new begins.
    pub(crate) is_healing: bool,
}

/// See the module's description.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) user: usize,
    pub(crate) disk: SimDisk,
    rng: Rng,
    /// Durable queue of mails that were not acknowledged, tried ones included.
    outbox: Vec<QueuedMail>,
    /// The mail removed from the outbox last: a crash may bring it back.
    last_sent: Option<QueuedMail>,
    program: Option<Program>,
    /// Time at which the program is started again.
    start_at: u64,
    /// Consecutive logins that were refused.
    refused: usize,
}

/// A mail that was not acknowledged yet.
#[derive(Debug)]
struct QueuedMail {
    mail: Send,
    /// The mail's content, if it is large.
    content: Option<Rc<[u8]>>,
    is_asked: bool,
    /// Earliest time of the next attempt.
    retry_at: u64,
}

/// The state that is lost when the program ends.
struct Program {
    client: Client,
    end: Option<ClientEnd>,
    connect_at: u64,
    think_at: u64,
    /// The client wants to be driven again at once.
    again: bool,
    operations: BTreeMap<RequestId, (Operation, u64)>,
    receiving: Option<(Receiving, Saving<SimDisk>)>,
    sending: Option<SendingLarge>,
}

/// The user's intention with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Register,
    Login(Credential),
    Logout,
    Upload(MailId),
    Send(MailId),
    Receive,
    Read,
    Rename,
    List,
    Password(Credential),
    Find,
    CreateAppPassword,
    ListAppPasswords,
    RevokeAppPassword(AppPasswordId),
    Ping,
}

impl Device {
    pub(crate) fn new(name: String, user: usize, rng: Rng) -> Self {
        Self {
            name,
            user,
            disk: SimDisk::new(),
            rng,
            outbox: Vec::new(),
            last_sent: None,
            program: None,
            start_at: 0,
            refused: 0,
        }
    }

    /// Whether all queued mails were acknowledged.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether the device is logged in and not receiving.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.program.as_ref().is_some_and(|program| {
            program.receiving.is_none() && program.client.username().is_some()
        })
    }

    /// Describes unfinished work, for the text of a violation.
    pub(crate) fn unfinished_work(&self) -> String {
        let state = match &self.program {
            None => "not started".to_owned(),
            Some(program) => format!(
                "session {:?}, connected {}, operations {:?}",
                program.client.username(),
                program.end.is_some(),
                program.operations
            ),
        };
        format!("{}: {} mails to send, {state}", self.name, self.outbox.len())
    }

    /// Time of the next action if nothing arrives.
    pub(crate) fn next_due(&self) -> u64 {
        let Some(program) = &self.program else {
            return self.start_at;
        };
        let mut due = program.think_at;
        match &program.end {
            None => due = due.min(program.connect_at),
            Some(end) if program.again || end.0.borrow().client_edge => due = 0,
            Some(_) => {}
        }
        program.client.timeout().map_or(due, |at| due.min(tick_of(at)))
    }

    /// Ends the program in the middle of anything; with `power`, its machine loses power, too.
    pub(crate) fn kill(&mut self, now: u64, power: bool) {
        if self.program.take().is_none() && !power {
            return;
        }
        self.start_at = now + self.rng.within(10..=5_000);
        for queued in &mut self.outbox {
            queued.is_asked = false;
        }
        if power {
            self.disk.crash(&mut self.rng);
            // The removal from the outbox may not have been on the disk.
            if let Some(queued) = self.last_sent.take().filter(|_| self.rng.one_in(2)) {
                self.outbox.push(QueuedMail { is_asked: false, retry_at: 0, ..queued });
            }
        } else {
            self.disk.restart();
        }
    }

    /// Does the actions that are due.
    pub(crate) fn step(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        let now = context.clock.tick();
        if self.program.is_none() {
            if now < self.start_at {
                return Ok(());
            }
            context.trace.note(&self.name, format_args!("starts"));
            self.program = Some(Program::new(context.plan, now));
        }
        self.connect(context);
        if self.program.as_ref().is_some_and(|program| program.think_at <= now) {
            self.think(context)?;
        }
        self.exchange(context)?;
        self.check_deadlines(now)?;
        if self.disk.has_died() {
            context.trace.note(&self.name, format_args!("dies in an operation on its disk"));
            let power = self.rng.one_in(2);
            self.kill(now, power);
            context.user.change_is_lost(now);
            context.ledger.look_at_disk(&context.user.username, &self.disk)?;
        }
        Ok(())
    }

    fn connect(&mut self, context: &mut DeviceContext<'_>) {
        let now = context.clock.tick();
        let Some(program) = &mut self.program else {
            return;
        };
        if program.end.is_some() || now < program.connect_at {
            return;
        }
        let server = self.rng.below(context.network.servers());
        match context.network.connect(context.user.address, server, Service::CORREIO) {
            Some(end) => {
                context.trace.note(&self.name, format_args!("connects"));
                program.client.connected(context.clock.elapsed());
                program.end = Some(end);
                program.again = true;
            }
            None => program.connect_at = now + self.rng.within(50..=RECONNECT_MAX),
        }
    }

    /// Drives the client until nothing moves, and handles its events.
    fn exchange(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        for _ in 0..100 {
            let Some(program) = &mut self.program else {
                return Ok(());
            };
            let driven = program.drive(context.clock);
            if let Err(error) = driven {
                self.disconnect(context, &error)?;
            }
            let mut moved = false;
            while let Some(event) = self.program.as_mut().and_then(|p| p.client.poll()) {
                moved = true;
                self.handle_event(context, event)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Ok(())
    }

    fn disconnect(
        &mut self,
        context: &mut DeviceContext<'_>,
        error: &LinkError,
    ) -> Result<(), Violation> {
        context.trace.note(&self.name, format_args!("loses its connection: {error}"));
        let is_expected = matches!(
            error,
            LinkError::Closed | LinkError::Io(..) | LinkError::Rejected(_) | LinkError::Silent
        );
        let text = || format!("{}: the connection ends with: {error}", self.name);
        require(is_expected, Check::Answered, text)?;
        if let Some(program) = &mut self.program {
            program.client.disconnected();
            program.end = None;
            program.again = false;
            program.connect_at = context.clock.tick() + self.rng.within(50..=RECONNECT_MAX);
        }
        Ok(())
    }

    /// Property (g), seen from the client.
    fn check_deadlines(&self, now: u64) -> Result<(), Violation> {
        let operations = self.program.iter().flat_map(|program| program.operations.values());
        for (operation, deadline) in operations {
            let text = || format!("{}: no word of {operation:?} by its deadline", self.name);
            require(now <= deadline + LATE_MAX, Check::Answered, text)?;
        }
        Ok(())
    }

    fn start_receiving(&mut self) {
        let Some(program) = &mut self.program else {
            return;
        };
        if let Ok(saving) = Saving::start(self.disk.clone(), Path::new(MAILBOX), DOMAIN) {
            program.receiving = Some((Receiving::default(), saving));
        }
    }
}

impl Program {
    fn new(plan: &Plan, now: u64) -> Self {
        Self {
            client: Client::new(plan.client.clone()),
            end: None,
            connect_at: now,
            think_at: now,
            again: false,
            operations: BTreeMap::new(),
            receiving: None,
            sending: None,
        }
    }

    fn drive(&mut self, clock: &Clock) -> Result<(), LinkError> {
        let now = clock.elapsed();
        self.client.handle_timeout(now)?;
        let Some(end) = &mut self.end else {
            return Ok(());
        };
        end.0.borrow_mut().client_edge = false;
        self.again = self.client.drive(now, end)? == Driven::Again;
        Ok(())
    }

    fn has(&self, wanted: impl Fn(&Operation) -> bool) -> bool {
        self.operations.values().any(|(operation, _)| wanted(operation))
    }
}

//! Mail programs beside the scripted clients: SMTP senders and POP3 readers, each on a thread with
//! blocking sockets, as real programs are processes of their own. They tell the driver what they do,
//! which keeps the ledger.

mod account;
mod event;
mod held;
mod line;
mod pop3;
mod received;
mod smtp;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use correio_client::Trust;
use correio_proto::mail::Username;

pub use self::{
    account::app_password,
    event::ProgramEvent,
    held::{HeldSession, ProgramProtocol},
    smtp::DOMAIN,
};
use self::{pop3::Reader, smtp::Sender as SmtpSender};
use crate::{
    ledger::UserId,
    scenario::{Behaviour, Group},
    user::{Phase, Rng},
};

/// Pause before a program connects again after a failure.
const RETRY: Duration = Duration::from_millis(200);

/// How often a program that waits looks at the phase.
const GLANCE: Duration = Duration::from_millis(20);

/// Where the server listens for mail programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramAddresses {
    /// SMTP submission.
    pub submission: SocketAddr,
    /// POP3.
    pub pop3: SocketAddr,
    /// The trust of programs in the server.
    pub trust: Trust,
}

/// Everything that a program's thread needs.
#[derive(Clone, Debug)]
pub struct ProgramPlan {
    /// The user's number.
    pub user: UserId,
    /// The number of the group.
    pub group: usize,
    /// The username, which is also the full name.
    pub username: Username,
    /// The group.
    pub settings: Group,
    /// Usernames of the possible recipients.
    pub to: Vec<Username>,
    /// Address for correio's own protocol.
    pub server: SocketAddr,
    /// The trust of correio's own clients.
    pub trust: Trust,
    /// The listeners for mail programs.
    pub addresses: ProgramAddresses,
    /// Time of the first connection.
    pub arrival: Duration,
    /// Seed of the random choices.
    pub seed: u64,
}

/// The threads of all programs. Dropping it ends them.
#[derive(Debug)]
pub struct ProgramThreads {
    phase: Arc<SharedPhase>,
    events: Receiver<ProgramEvent>,
    threads: Vec<JoinHandle<()>>,
}

/// The phase of the load, as the threads see it.
#[derive(Debug, Default)]
struct SharedPhase(AtomicU8);

/// What a thread borrows while its program acts.
struct ProgramContext {
    plan: ProgramPlan,
    events: Sender<ProgramEvent>,
    phase: Arc<SharedPhase>,
    rng: Rng,
    started: Instant,
}

impl ProgramThreads {
    /// Starts a thread for each program.
    ///
    /// # Errors
    ///
    /// The machine has no room for a thread.
    pub fn start(plans: Vec<ProgramPlan>, started: Instant) -> Result<Self> {
        let (sender, events) = channel();
        let phase = Arc::new(SharedPhase::default());
        let mut threads = Vec::new();
        for plan in plans {
            let rng = Rng::with_seed(plan.seed);
            let name = plan.username.to_string();
            let (events, phase) = (sender.clone(), Arc::clone(&phase));
            let context = ProgramContext { plan, events, phase, rng, started };
            let thread = thread::Builder::new().name(name).spawn(move || context.run());
            threads.push(thread.context("a thread for a mail program")?);
        }
        Ok(Self { phase, events, threads })
    }

    /// The next event, if there is one.
    pub fn take(&self) -> Option<ProgramEvent> {
        self.events.try_recv().ok()
    }

    /// Tells the programs of another phase.
    pub fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Acting => 0,
            Phase::Settling => 1,
            Phase::Draining => 2,
        };
        self.phase.0.store(number, Ordering::Release);
    }
}

impl Drop for ProgramThreads {
    fn drop(&mut self) {
        self.phase.0.store(3, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl SharedPhase {
    /// The phase; `None` once the load is over.
    fn get(&self) -> Option<Phase> {
        match self.0.load(Ordering::Acquire) {
            0 => Some(Phase::Acting),
            1 => Some(Phase::Settling),
            2 => Some(Phase::Draining),
            _ => None,
        }
    }
}

impl ProgramContext {
    fn run(mut self) {
        let arrival = self.plan.arrival;
        if !self.wait_until(arrival) {
            return;
        }
        let Some(password) = self.account() else { return };
        match self.plan.settings.behaviour {
            Behaviour::Smtp => SmtpSender::new(password).run(&mut self),
            _ => Reader::new(password).run(&mut self),
        }
    }

    /// Makes the account and an app password, however often the server is away meanwhile.
    fn account(&mut self) -> Option<String> {
        loop {
            let ProgramPlan { server, trust, username, .. } = &self.plan;
            match app_password(*server, *trust, username.as_str()) {
                Ok(password) => {
                    let (user, group) = (self.plan.user, self.plan.group);
                    let username = self.plan.username.clone();
                    self.tell(ProgramEvent::Registered { user, group, username });
                    return Some(password);
                }
                Err(_) => self.pause(RETRY).then_some(())?,
            }
        }
    }

    /// The phase; `None` once the load is over.
    fn phase(&self) -> Option<Phase> {
        self.phase.get()
    }

    fn tell(&self, event: ProgramEvent) {
        // Without a driver the load is over.
        let _ = self.events.send(event);
    }

    /// Waits for the think time of the scenario. Returns false once the load is over.
    fn think(&mut self) -> bool {
        let (from, to) = self.plan.settings.think;
        let seconds = from + (to - from) * self.rng.f64();
        self.pause(Duration::from_secs_f64(seconds))
    }

    /// Waits, but not beyond the phase. Returns false once the load is over.
    fn pause(&self, time: Duration) -> bool {
        let (until, before) = (Instant::now() + time, self.phase());
        while Instant::now() < until && self.phase() == before {
            thread::park_timeout(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
        self.phase().is_some()
    }

    fn wait_until(&self, arrival: Duration) -> bool {
        self.pause(arrival.saturating_sub(self.started.elapsed()))
    }
}

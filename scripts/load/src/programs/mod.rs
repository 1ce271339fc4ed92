//! Mail programs of a load: SMTP senders and POP3 readers. Each has a thread with blocking sockets,
//! since real programs are processes of their own. The programs send events to the driver, which
//! keeps the ledger.

mod account;
mod context;
mod event;
mod held;
mod line;
mod plan;
mod pop3;
mod received;
mod smtp;

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context, Result};

pub use self::{
    account::app_password,
    event::ProgramEvent,
    held::{HeldSession, ProgramProtocol},
    plan::{DOMAIN, ProgramAddresses, ProgramPlan},
};
use self::{
    context::{ProgramContext, RETRY, SharedPhase},
    pop3::Reader,
    smtp::Sender,
};
use crate::{
    scenario::Behaviour,
    user::{Phase, Rng},
};

/// The threads of all programs. Dropping it ends them.
#[derive(Debug)]
pub struct ProgramThreads {
    phase: Arc<SharedPhase>,
    events: Receiver<ProgramEvent>,
    threads: Vec<JoinHandle<()>>,
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
            let thread = thread::Builder::new().name(name).spawn(move || run(context));
            threads.push(thread.context("a thread for a mail program")?);
        }
        Ok(Self { phase, events, threads })
    }

    /// The next event, if there is one.
    pub fn take(&self) -> Option<ProgramEvent> {
        self.events.try_recv().ok()
    }

    /// Begins a phase for all programs.
    pub fn enter(&self, phase: Phase) {
        self.phase.enter(Some(phase));
    }
}

impl Drop for ProgramThreads {
    fn drop(&mut self) {
        self.phase.enter(None);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Runs a program to the end of the load.
fn run(mut context: ProgramContext) {
    let arrival = context.plan.arrival;
    if !context.wait_until(arrival) {
        return;
    }
    let Some(password) = account(&context) else { return };
    match context.plan.settings.behaviour {
        Behaviour::Smtp => Sender::new(password).run(&mut context),
        Behaviour::Pop3 => Reader::new(password).run(&mut context),
        // These have no program: see `Group::is_program`.
        Behaviour::User
        | Behaviour::Vanishing
        | Behaviour::Silent
        | Behaviour::Dribble
        | Behaviour::HalfFrame
        | Behaviour::SlowReader
        | Behaviour::LoginFlood => {}
    }
}

/// Makes the account and an app password. Tries again as long as the server is away.
fn account(context: &ProgramContext) -> Option<String> {
    loop {
        let ProgramPlan { server, trust, username, .. } = &context.plan;
        match app_password(*server, *trust, username.as_str()) {
            Ok(password) => {
                let (user, group) = (context.plan.user, context.plan.group);
                let username = context.plan.username.clone();
                context.tell(ProgramEvent::Registered { user, group, username });
                return Some(password);
            }
            Err(_) => context.pause(RETRY).then_some(())?,
        }
    }
}

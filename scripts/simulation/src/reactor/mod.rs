//! The server's process: the real [`Server`], and what the reactor does for it. It accepts, hands
//! on what a poll reports, calls a turn when there is reason for one, and listens in on every
//! connection.

mod bounds;
mod quiet;

use std::{collections::BTreeMap, time::Duration};

use correio_server::{
    clock::Now,
    engine::{Server, connection::Readiness},
    ids::ConnId,
    protocol::Protocol,
    store::StoreFailed,
};

use crate::{
    check::{Check, Violation, require},
    clock::{Clock, tick_of},
    hasher::SimHasher,
    line::{Ear, Line},
    network::Network,
    pipe::ServerEnd,
    plan::Plan,
    store::SimStore,
};

/// Connections that the listener brings in one turn, as in the real reactor.
const ACCEPTS_PER_ITERATION: usize = 16;

/// Turns in a row in which nothing moves: two for a list that was handed on, one for a deadline.
const EMPTY_TURNS_MAX: u32 = 4;

/// Turns in a row that leave a deadline behind which has passed.
const DUE_TURNS_MAX: u32 = 2;

/// A server that runs.
pub(crate) struct Reactor {
    server: Server<ServerEnd>,
    clock: Clock,
    started: u64,
    store: SimStore,
    hasher: SimHasher,
    lines: BTreeMap<ConnId, Line>,
    /// What the poll reports at its next return.
    reported: Vec<(ConnId, Readiness)>,
    /// Turns without reason, in a row.
    empty_turns: u32,
    /// Turns behind which a deadline had passed, in a row.
    due_turns: u32,
    /// Until when connections may finish, once the server was asked to stop.
    pub(crate) stopping_until: Option<u64>,
    /// The loop stands still until then.
    pub(crate) lags_until: u64,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The server goes on.
    Runs,
    /// It has stopped, as it was asked to.
    Stopped,
    /// Its store has failed.
    Failed,
}

impl Reactor {
    pub(crate) fn start(clock: &Clock, plan: &Plan, store: &SimStore, hasher: &SimHasher) -> Self {
        let server = Server::new(
            plan.limits.clone(),
            plan.settings.clone(),
            Box::new(store.clone()),
            Box::new(hasher.clone()),
        );
        Self {
            server,
            clock: clock.clone(),
            started: clock.tick(),
            store: store.clone(),
            hasher: hasher.clone(),
            lines: BTreeMap::new(),
            reported: Vec::new(),
            empty_turns: 0,
            due_turns: 0,
            stopping_until: None,
            lags_until: 0,
        }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// How many connections it has.
    pub(crate) fn len(&self) -> usize {
        self.server.len()
    }

    fn now(&self) -> Now {
        let uptime = Duration::from_millis(self.clock.tick() - self.started);
        Now { uptime, wall: self.clock.wall() }
    }

    /// Tells it of readiness, true or not, about a connection that need not be there any more.
    pub(crate) fn report(&mut self, id: ConnId, readiness: Readiness) {
        self.reported.push((id, readiness));
    }

    /// Asks it to stop. Asked again, it waits for nobody any more, as the real reactor.
    pub(crate) fn stop(&mut self, until: u64) {
        self.stopping_until = match self.stopping_until {
            None => Some(until),
            Some(_) => Some(self.clock.tick()),
        };
        self.empty_turns = 0;
        self.server.stop(self.now());
    }

    /// When its poll returns if nothing else happens; never before its loop goes on.
    pub(crate) fn next_turn(&self, network: &Network) -> Option<u64> {
        let is_reported = !self.reported.is_empty()
            || self.store.has_done()
            || (!network.backlog.is_empty() && self.stopping_until.is_none())
            || self.lines.values().any(|line| line.link.borrow().has_edge());
        let now = self.clock.tick();
        let at_once = (is_reported || self.server.has_ready()).then_some(now);
        let deadline = self.server.next_deadline().map(|at| self.started + tick_of(at));
        let moments = [at_once, deadline, self.hasher.next_due(), self.stopping_until];
        moments.into_iter().flatten().min().map(|at| at.max(self.lags_until).max(now))
    }

    /// One return of the poll and what follows from it.
    pub(crate) fn turn(
        &mut self,
        plan: &Plan,
        network: &mut Network,
        ear: &mut Ear<'_>,
    ) -> Result<Turned, Violation> {
        let mut has_reason = self.has_reason(network) || self.is_due();
        self.take_events();
        self.accept(network, ear);
        if let Err(StoreFailed(_)) = self.server.process(self.now()) {
            return Ok(Turned::Failed);
        }
        has_reason |= self.listen(ear)?;
        self.empty_turns = if has_reason { 0 } else { self.empty_turns + 1 };
        // One that has just become due, of a login that took long, is the next turn's.
        self.due_turns = if self.is_due() { self.due_turns + 1 } else { 0 };
        let text = || {
            format!(
                "{} turns in a row with nothing to do, {} with something due; ready: {}, next deadline {:?}, it is {:?}",
                self.empty_turns,
                self.due_turns,
                self.server.has_ready(),
                self.server.next_deadline(),
                self.now().uptime
            )
        };
        let is_idle = self.empty_turns <= EMPTY_TURNS_MAX && self.due_turns <= DUE_TURNS_MAX;
        require(is_idle, Check::Idle, text)?;
        self.check_bounds(plan)?;
        let is_over = self
            .stopping_until
            .is_some_and(|until| self.server.is_empty() || self.clock.tick() >= until);
        Ok(if is_over { Turned::Stopped } else { Turned::Runs })
    }

    /// Lets go of everything, with what the store had queued made durable.
    pub(crate) fn close(self) -> Result<(), StoreFailed> {
        self.server.close()
    }

    /// Whether something has happened since the last turn.
    fn has_reason(&self, network: &Network) -> bool {
        let now = self.clock.tick();
        !self.reported.is_empty()
            || !network.backlog.is_empty()
            || self.store.has_done()
            || self.hasher.next_due().is_some_and(|due| due <= now)
            || self.lines.values().any(|line| line.link.borrow().has_edge())
    }

    /// Whether a deadline has passed that was not looked at.
    fn is_due(&self) -> bool {
        self.server.next_deadline().is_some_and(|at| at <= self.now().uptime)
    }

    fn take_events(&mut self) {
        for line in self.lines.values() {
            if let Some(edge) = line.link.borrow_mut().take_edge() {
                self.reported.push((line.id, edge));
            }
        }
        for (id, readiness) in std::mem::take(&mut self.reported) {
            self.server.note(id, readiness);
        }
    }

    fn accept(&mut self, network: &mut Network, ear: &mut Ear<'_>) {
        if self.stopping_until.is_some() {
            return;
        }
        for _ in 0..ACCEPTS_PER_ITERATION {
            let Some((link, peer)) = network.backlog.pop_front() else {
                return;
            };
            if let Some(id) =
                self.server.open(self.now(), ServerEnd(link.clone()), peer, Protocol::Correio)
            {
                ear.trace.note("server", format_args!("{id}: opened, {peer}"));
                self.lines.insert(id, Line::new(id, link, self.clock.tick()));
            }
        }
    }

    /// Listens to what was read and said in a turn. Returns whether anything was.
    fn listen(&mut self, ear: &mut Ear<'_>) -> Result<bool, Violation> {
        let mut moved = false;
        for line in self.lines.values_mut() {
            let calls = std::mem::take(&mut line.link.borrow_mut().calls);
            moved |= calls > 0;
            line.hear(ear);
        }
        let submitted = [self.store.take_submitted(), self.hasher.take_submitted()];
        for (ticket, kind) in submitted.into_iter().flatten() {
            moved = true;
            if let Some(line) = self.lines.get_mut(&ticket.connection) {
                line.note_job(kind, ear.now);
            }
        }
        // A store that answers at once has changed meanwhile.
        ear.ledger.look_at_store(&self.store, ear.now)?;
        for line in self.lines.values_mut() {
            line.say(ear)?;
            // Who was answered has no job out, or the answer was not its own.
            let is_at_work = self.store.is_at(line.id) || self.hasher.is_at(line.id);
            let is_answered = line.waiting.is_empty() && !line.is_refused;
            let text = || format!("connection {}: answered before its job was done", line.id);
            require(!is_at_work || !is_answered, Check::Answered, text)?;
        }
        let before = self.lines.len();
        self.lines.retain(|id, line| {
            let is_gone = line.link.borrow().server_gone;
            if is_gone {
                ear.trace.note("server", format_args!("{id}: closed"));
            }
            !is_gone
        });
        Ok(moved || self.lines.len() < before)
    }
}

//! The server's process: the real [`Server`] and a simulated reactor. It accepts connections,
//! passes the poll's events on, runs an iteration of the loop when there is a reason, and observes
//! every connection through a [`Tap`].

mod bounds;
mod quiescence;
mod sessions;

use std::{collections::BTreeMap, time::Duration};

use correio_proto::tls::Security;
use correio_server::{
    clock::Now,
    engine::{Server, connection::Readiness},
    gateway::GatewayConfig,
    ids::ConnId,
    store::StoreFailed,
};

use crate::{
    check::{Check, Violation, require},
    clock::{Clock, tick_of},
    hasher::SimHasher,
    network::Network,
    observer::Observer,
    pipe::ServerEnd,
    plan::{DOMAIN, Plan},
    program_tap::WatchedTalk,
    store::SimStore,
    tap::Tap,
};

/// Most connections accepted in one iteration, as in the real reactor.
const ACCEPTS_PER_ITERATION: usize = 16;

/// Most consecutive iterations in which nothing moves: two for a deferred ready list, one for a
/// deadline.
const EMPTY_ITERATIONS_MAX: u32 = 4;

/// Most consecutive iterations that leave a passed deadline unhandled.
const OVERDUE_ITERATIONS_MAX: u32 = 2;

/// The configuration of the gateways. No connection uses TLS.
fn gateways() -> Option<GatewayConfig> {
    let domain = DOMAIN.parse().ok()?;
    Some(GatewayConfig { domain, security: Security::Plaintext })
}

/// A running server.
pub(crate) struct Reactor {
    /// Number of the server among those on its store.
    number: usize,
    server: Server<ServerEnd>,
    clock: Clock,
    started: u64,
    store: SimStore,
    hasher: SimHasher,
    taps: BTreeMap<ConnId, Tap>,
    /// Events that the poll reports next.
    reported: Vec<(ConnId, Readiness)>,
    /// Consecutive iterations without a reason.
    empty_iterations: u32,
    /// Consecutive iterations after which a deadline had passed.
    overdue_iterations: u32,
    /// End of the shutdown period, once the server was asked to stop.
    pub(crate) stopping_until: Option<u64>,
    /// The loop stands still until this time.
    pub(crate) lags_until: u64,
}

/// State of the server after an iteration of its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    /// The server runs.
    Runs,
    /// The server has stopped as asked.
    Stopped,
    /// The server's store has failed.
    Failed,
}

impl Reactor {
    pub(crate) fn start(
        number: usize,
        clock: &Clock,
        plan: &Plan,
        store: &SimStore,
        hasher: &SimHasher,
    ) -> Self {
        let server = Server::new(
            plan.limits.clone(),
            plan.session_config.clone(),
            Box::new(store.clone()),
            Box::new(hasher.clone()),
        )
        .with_gateways(gateways());
        Self {
            number,
            server,
            clock: clock.clone(),
            started: clock.tick(),
            store: store.clone(),
            hasher: hasher.clone(),
            taps: BTreeMap::new(),
            reported: Vec::new(),
            empty_iterations: 0,
            overdue_iterations: 0,
            stopping_until: None,
            lags_until: 0,
        }
    }

    pub(crate) fn taps(&self) -> impl Iterator<Item = &Tap> {
        self.taps.values()
    }

    /// Number of connections.
    pub(crate) fn len(&self) -> usize {
        self.server.len()
    }

    fn now(&self) -> Now {
        let uptime = Duration::from_millis(self.clock.tick() - self.started);
        Now { uptime, wall: self.clock.wall() }
    }

    /// Has the poll report an event, true or spurious, about a connection that may be gone.
    pub(crate) fn report(&mut self, id: ConnId, readiness: Readiness) {
        self.reported.push((id, readiness));
    }

    /// Asks the server to stop. A second call ends the shutdown period at once, as in the real
    /// reactor.
    pub(crate) fn stop(&mut self, until: u64) {
        self.stopping_until = match self.stopping_until {
            None => Some(until),
            Some(_) => Some(self.clock.tick()),
        };
        self.empty_iterations = 0;
        self.server.begin_shutdown(self.now());
    }

    /// Time of the next iteration if nothing else happens; never before the loop's pause ends.
    pub(crate) fn next_iteration(&self, network: &Network) -> Option<u64> {
        let is_reported = !self.reported.is_empty()
            || self.store.has_done()
            || (network.has_arrived(self.number) && self.stopping_until.is_none())
            || self.taps.values().any(|tap| tap.link.borrow().has_edge());
        let now = self.clock.tick();
        let at_once = (is_reported || self.server.has_ready()).then_some(now);
        let deadline = self.server.next_deadline().map(|at| self.started + tick_of(at));
        let moments = [at_once, deadline, self.hasher.next_due(), self.stopping_until];
        moments.into_iter().flatten().min().map(|at| at.max(self.lags_until).max(now))
    }

    /// Runs one iteration of the loop and checks it.
    pub(crate) fn iterate(
        &mut self,
        plan: &Plan,
        network: &mut Network,
        observer: &mut Observer<'_>,
    ) -> Result<ServerState, Violation> {
        let mut has_reason = self.has_reason(network) || self.is_due();
        self.take_events();
        self.accept(network, observer);
        if let Err(StoreFailed(_)) = self.server.process(self.now()) {
            return Ok(ServerState::Failed);
        }
        has_reason |= self.observe(observer)?;
        self.empty_iterations = if has_reason { 0 } else { self.empty_iterations + 1 };
        // A deadline that has just become due belongs to the next iteration.
        self.overdue_iterations = if self.is_due() { self.overdue_iterations + 1 } else { 0 };
        let text = || {
            format!(
                "{} iterations in a row with nothing to do, {} with something due; ready: {}, next deadline {:?}, it is {:?}",
                self.empty_iterations,
                self.overdue_iterations,
                self.server.has_ready(),
                self.server.next_deadline(),
                self.now().uptime
            )
        };
        let is_idle = self.empty_iterations <= EMPTY_ITERATIONS_MAX
            && self.overdue_iterations <= OVERDUE_ITERATIONS_MAX;
        require(is_idle, Check::Idle, text)?;
        self.check_bounds(plan)?;
        let is_over = self
            .stopping_until
            .is_some_and(|until| self.server.is_empty() || self.clock.tick() >= until);
        Ok(if is_over { ServerState::Stopped } else { ServerState::Runs })
    }

    /// Closes the server; the store's queued jobs become durable.
    pub(crate) fn close(self) -> Result<(), StoreFailed> {
        self.server.close()
    }

    /// Whether anything happened since the last iteration.
    fn has_reason(&self, network: &Network) -> bool {
        let now = self.clock.tick();
        !self.reported.is_empty()
            || network.has_arrived(self.number)
            || self.store.has_done()
            || self.hasher.next_due().is_some_and(|due| due <= now)
            || self.taps.values().any(|tap| tap.link.borrow().has_edge())
    }

    /// Whether a deadline has passed and was not handled.
    fn is_due(&self) -> bool {
        self.server.next_deadline().is_some_and(|at| at <= self.now().uptime)
    }

    fn take_events(&mut self) {
        for tap in self.taps.values() {
            if let Some(edge) = tap.link.borrow_mut().take_edge() {
                self.reported.push((tap.id, edge));
            }
        }
        for (id, readiness) in std::mem::take(&mut self.reported) {
            self.server.note(id, readiness);
        }
    }

    fn accept(&mut self, network: &mut Network, observer: &mut Observer<'_>) {
        if self.stopping_until.is_some() {
            return;
        }
        for _ in 0..ACCEPTS_PER_ITERATION {
            let Some((link, peer, service)) = network.accept(self.number) else {
                return;
            };
            let end = ServerEnd(link.clone());
            if let Some(id) = self.server.open(self.now(), end, peer, service) {
                let name = service.name();
                observer.note(format_args!("{id}: opened, {peer}, {name}"));
                let talk = WatchedTalk::new(service.protocol, peer);
                self.taps.insert(id, Tap::new(id, link, self.clock.tick(), talk));
            }
        }
    }

    /// Observes all reads and writes of an iteration. Returns whether there were any.
    fn observe(&mut self, observer: &mut Observer<'_>) -> Result<bool, Violation> {
        let mut moved = false;
        for tap in self.taps.values_mut() {
            let calls = std::mem::take(&mut tap.link.borrow_mut().calls);
            moved |= calls > 0;
            tap.observe_requests(observer);
        }
        let submitted = [self.store.take_submitted(), self.hasher.take_submitted()];
        for (ticket, kind) in submitted.into_iter().flatten() {
            moved = true;
            if let Some(tap) = self.taps.get_mut(&ticket.connection) {
                tap.note_job(kind, observer.now);
            }
        }
        // An immediate store has already changed.
        observer.ledger.look_at_store(&self.store, observer.now)?;
        for tap in self.taps.values_mut() {
            tap.observe_replies(observer)?;
            // An answered connection has no job under way; otherwise the answer was another job's.
            let is_at_work = self.store.is_at(tap.id) || self.hasher.is_at(tap.id);
            // A part of a mail that is staged has no answer.
            let is_answered = tap.has_only_answered() && !tap.is_refused;
            let text = || format!("connection {}: answered before its job was done", tap.id);
            require(!is_at_work || !is_answered, Check::Answered, text)?;
        }
        let before = self.taps.len();
        self.taps.retain(|id, tap| {
            let is_gone = tap.link.borrow().server_gone;
            if is_gone {
                observer.note(format_args!("{id}: closed"));
            }
            !is_gone
        });
        Ok(moved || self.taps.len() < before)
    }
}

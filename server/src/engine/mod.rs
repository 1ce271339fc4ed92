//! The server without its sockets: all connections, and the state that they share.
//!
//! The driver (the reactor, or a test with pipes in memory and its own clock) repeats one
//! iteration: it opens connections ([`Server::open`]), reports readiness ([`Server::note`]) and
//! calls [`Server::process`], at the latest at [`Server::next_deadline`] and at once if
//! [`Server::has_ready`]. Connections never touch one another: they emit effects, which the server
//! applies. A connection is removed only at the end of an iteration.

mod admin;
pub mod connection;
mod crowding;
mod deadlines;
mod effects;
mod gateways;
mod logins;
mod monitoring;
mod news;
mod program_sessions;
mod proxied;
mod results;
mod retention;
mod slots;
mod upkeep;

use std::{net::SocketAddr, time::Duration};

use correio_proto::SpareBuffers;

use crate::{
    admin::{Lifecycle, ServerQuestion, reply::ListenerView},
    auth::hashing::Hasher,
    clock::Now,
    engine::{
        connection::{CloseReason, Connection, Driven, Held, Readiness, ServerContext, Transport},
        deadlines::Deadlines,
        program_sessions::ProgramSessions,
        slots::Slots,
        upkeep::Upkeep,
    },
    event::Event,
    gateway::GatewayConfig,
    ids::{ConnId, Ticket},
    limits::{
        admission::{Admission, AdmissionConfig, AdmissionControl, Rejection},
        budget::Budget,
        network::Network,
        retention::RetentionPolicy,
        throttle::{Throttle, ThrottleConfig},
    },
    metrics::{Monitoring, counts::Counts, facts::Connections},
    protocol::{Protocol, Service},
    session::{Identity, SessionConfig, SessionContext, effect::Effect, registry::SessionRegistry},
    store::{Store, StoreFailed},
};

/// Most rejected connections that are open at once. Each stays open until its client was told the
/// reason.
const REJECTED_MAX: usize = 64;

/// Most displaced connections that are still open, beyond the maximum of connections. They are
/// removed at the end of the iteration, or once their store job is done.
const DISPLACED_MAX: usize = 64;

/// Most connections of HTTP, so that collectors never take the places of mail clients, nor mail
/// clients theirs.
pub const HTTP_MAX: usize = 32;

/// Most connections of the operator. A command uses one.
pub const ADMIN_MAX: usize = 8;

/// Connections in the TLS handshake that are driven in one iteration: about two milliseconds of
/// work.
const HANDSHAKES_PER_ITERATION: usize = 8;

/// Other connections that are not logged in and are driven in one iteration.
const ANONYMOUS_PER_ITERATION: usize = 64;

/// Connections of HTTP that are driven in one iteration: each gets at most one page of metrics, a
/// fraction of a millisecond of work.
const HTTP_PER_ITERATION: usize = 2;

/// Buffers that are kept for connections with something in progress.
const SPARE_BUFFERS: usize = 64;

/// Heap entries, besides two for each connection, above which stale entries are dropped. Large, so
/// that one pass over the heap is paid for by many connections.
const STALE_DEADLINES_MAX: usize = 1024;

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Limits on connections.
    pub admission: AdmissionConfig,
    /// Limits on login attempts, registrations and mails.
    pub throttle: ThrottleConfig,
    /// Memory for incomplete frames and mails of all connections together, in bytes.
    pub input_max: usize,
    /// Memory for replies that clients do not read, of all connections together, in bytes.
    pub output_max: usize,
}

/// All connections of a server, and the state that they share. See the module's description.
pub struct Server<T> {
    connections: Slots<Entry<T>>,
    admission: AdmissionControl,
    /// Proxies that must name each connection's client in a PROXY header.
    proxies: Vec<Network>,
    /// Most connections of mail clients.
    connections_max: usize,
    /// Most connections, including rejected and displaced ones, without those of HTTP and the
    /// operator's.
    slots_max: usize,
    /// Number of rejected connections that are still open.
    rejected: usize,
    /// Number of connections of HTTP.
    http: usize,
    /// Number of connections of the operator.
    admins: usize,
    /// Numbers of sessions of mail programs.
    programs: ProgramSessions,
    config: SessionConfig,
    /// Configuration of the gateways, if the server has them.
    gateways: Option<GatewayConfig>,
    /// The addresses that the driver listens on, for the operator.
    listeners: Vec<ListenerView>,
    store: Box<dyn Store>,
    hasher: Box<dyn Hasher>,
    registry: SessionRegistry,
    deadlines: Deadlines,
    throttle: Throttle,
    /// Memory budget for incomplete frames, shared by all connections.
    input: Budget,
    /// Memory budget for replies that clients do not read, shared by all connections.
    output: Budget,
    /// Connections to drive in the next iteration, each at most once.
    ready: Vec<ConnId>,
    /// The previous iteration's ready list, emptied and kept for its allocation.
    spare_ready: Vec<ConnId>,
    /// Scratch list of ready connections that are not logged in; empty between iterations.
    anonymous_ready: Vec<ConnId>,
    /// Connections to remove at the end of the iteration.
    closed: Vec<(ConnId, CloseReason)>,
    effects: Vec<Effect>,
    /// Questions of the operator's sessions, answered in the same iteration.
    questions: Vec<(Ticket, ServerQuestion)>,
    /// The operator's sessions that wait, and until when (uptime): at most one entry a session.
    waits: Vec<(Duration, Ticket)>,
    counts: Counts,
    monitoring: Monitoring,
    spare: SpareBuffers,
    upkeep: Upkeep,
    stopping: bool,
}

struct Entry<T> {
    connection: Connection<T>,
    /// Whether the connection is on the ready list.
    is_ready: bool,
    counted_as: CountedAs,
    /// Whether it counts as a session of a mail program.
    has_program_session: bool,
    /// Time of this connection's valid heap entry; entries with another time are stale.
    timer_at: Duration,
}

impl<T> Entry<T> {
    /// An entry of a connection that is on the ready list.
    fn new(connection: Connection<T>, counted_as: CountedAs, timer_at: Duration) -> Self {
        Self { connection, is_ready: true, counted_as, has_program_session: false, timer_at }
    }
}

/// How a connection is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedAs {
    /// By the admission control.
    Admitted,
    /// As rejected: it is open only until the client was told.
    Rejected,
    /// As one of HTTP.
    Http,
    /// As one of the operator.
    Admin,
}

impl<T: Transport> Server<T> {
    /// A server without connections.
    pub fn new(
        limits: ServerLimits,
        config: SessionConfig,
        store: Box<dyn Store>,
        hasher: Box<dyn Hasher>,
    ) -> Self {
        Self {
            connections: Slots::new(),
            admission: AdmissionControl::new(limits.admission),
            proxies: Vec::new(),
            slots_max: limits
                .admission
                .connections_max
                .saturating_add(REJECTED_MAX + DISPLACED_MAX),
            connections_max: limits.admission.connections_max,
            rejected: 0,
            http: 0,
            admins: 0,
            programs: ProgramSessions::default(),
            throttle: Throttle::new(limits.throttle),
            input: Budget::new(limits.input_max),
            output: Budget::new(limits.output_max),
            config,
            gateways: None,
            listeners: Vec::new(),
            store,
            hasher,
            registry: SessionRegistry::default(),
            deadlines: Deadlines::default(),
            ready: Vec::new(),
            spare_ready: Vec::new(),
            anonymous_ready: Vec::new(),
            closed: Vec::new(),
            effects: Vec::new(),
            questions: Vec::new(),
            waits: Vec::new(),
            counts: Counts::default(),
            monitoring: Monitoring::default(),
            spare: SpareBuffers::new(SPARE_BUFFERS),
            upkeep: Upkeep::new(RetentionPolicy::default()),
            stopping: false,
        }
    }

    /// Deletes old mails and unused accounts, each after a warning.
    #[must_use]
    pub fn retaining(mut self, policy: RetentionPolicy) -> Self {
        self.upkeep = Upkeep::new(policy);
        self
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Number of heap entries for deadlines: at most two for each connection, plus 1,024.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether there are no connections.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Opens a connection. If there are too many, the connection is rejected: its client is told
    /// the reason, and it is closed. Returns `None` and drops the transport if too many connections
    /// are being rejected already, or if the server has not the gateway of a service.
    pub fn open(
        &mut self,
        now: Now,
        transport: T,
        peer: SocketAddr,
        service: Service,
    ) -> Option<ConnId> {
        let (dialogue, security) = match service.protocol {
            Protocol::Http => return self.open_http(now, transport, peer),
            Protocol::Admin => return self.open_admin(now, transport),
            Protocol::Correio | Protocol::Submission | Protocol::Pop3 => self.prepare(service)?,
        };
        let protocol = service.protocol.as_str();
        if self.connections.len().saturating_sub(self.http + self.admins) >= self.slots_max {
            let reason = Rejection::ServerFull.as_str();
            self.counts.rejected(peer.ip(), reason);
            Event::ConnectionRefused { address: peer, reason, protocol }.log();
            return None;
        }
        let slot = self.connections.vacant();
        let id = slot.id();
        let is_proxy = self.proxies.iter().any(|network| network.contains(peer.ip()));
        let admission = match is_proxy {
            true => self.admission.opened_by_proxy(id, peer.ip()),
            false => self.admission.opened(id, peer.ip().into()),
        };
        if let Admission::Rejected(rejection) = admission {
            let reason = rejection.as_str();
            Event::ConnectionRefused { address: peer, reason, protocol }.log();
            self.counts.rejected(peer.ip(), rejection.as_str());
            if self.rejected >= REJECTED_MAX {
                return None;
            }
        }
        let mut connection = Connection::new(id, peer, dialogue, transport, &security, now);
        if is_proxy {
            connection.owe_proxy_header();
        }
        let counted_as = match admission {
            Admission::Admitted => CountedAs::Admitted,
            Admission::Instead(displaced) => {
                self.closed.push((displaced, CloseReason::Displaced));
                CountedAs::Admitted
            }
            Admission::Rejected(_) => {
                self.rejected += 1;
                CountedAs::Rejected
            }
        };
        if counted_as == CountedAs::Admitted && !is_proxy {
            self.counts.opened(peer.ip());
            Event::ConnectionOpened { connection: id, address: peer, protocol }.log();
        }
        let timer_at = connection.deadline(&self.config);
        self.deadlines.add(timer_at, id);
        slot.insert(Entry::new(connection, counted_as, timer_at));
        self.ready.push(id);
        if let Admission::Rejected(rejection) = admission {
            self.with(id, now, |entry, context| entry.connection.reject(context, rejection));
        }
        Some(id)
    }

    /// The bytes that each connection's buffers hold.
    pub fn held(&self) -> impl Iterator<Item = (ConnId, Held)> {
        self.connections.iter().map(|(id, entry)| (id, entry.connection.held()))
    }

    /// The transport of a connection.
    pub fn transport_mut(&mut self, id: ConnId) -> Option<&mut T> {
        Some(self.connections.get_mut(id)?.connection.transport_mut())
    }

    /// Ends a connection at the end of the next iteration.
    pub fn abort(&mut self, id: ConnId) {
        self.closed.push((id, CloseReason::Broken));
    }

    /// Records the readiness of a connection's transport. Ignored if the connection was removed.
    pub fn note(&mut self, id: ConnId, readiness: Readiness) {
        if let Some(entry) = self.connections.get_mut(id) {
            entry.connection.note(readiness);
            self.make_ready(id);
        }
    }

    /// Whether [`Server::process`] has something to do at once.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.closed.is_empty()
    }

    /// When [`Server::process`] has something to do next (uptime), if nothing happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let waited = self.waits.iter().map(|(at, _)| *at).min();
        [self.deadlines.next(), self.upkeep.due_at(), waited].into_iter().flatten().min()
    }

    /// One iteration: delivers job results, fires timers, drives ready connections, applies
    /// effects, and removes closed connections.
    ///
    /// # Errors
    ///
    /// The store has failed for good: the server must stop, and nothing may be acknowledged any
    /// more.
    pub fn process(&mut self, now: Now) -> Result<(), StoreFailed> {
        self.deliver_done(now)?;
        self.keep_up(now);
        self.end_waits(now);
        self.expire(now);
        self.drive_ready(now);
        self.answer_questions(now);
        self.apply_effects(now);
        self.remove_closed(now);
        self.tell_sessions();
        Ok(())
    }

    /// Begins the shutdown: requests in progress are finished, no others are taken.
    pub fn begin_shutdown(&mut self, now: Now) {
        self.stopping = true;
        self.upkeep.end();
        let ids: Vec<ConnId> = self.connections.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.with(id, now, |entry, context| entry.connection.drain(context));
            self.make_ready(id);
        }
    }

    /// Drops all connections and closes the store, which first makes its queued jobs durable.
    ///
    /// # Errors
    ///
    /// As [`Server::process`].
    pub fn close(self) -> Result<(), StoreFailed> {
        for (connection, _) in self.connections.iter() {
            let reason = CloseReason::ShuttingDown.as_str();
            Event::ConnectionClosed { connection, reason }.log();
        }
        // Clients must not wait for the store to close.
        drop(self.connections);
        self.store.close(&mut Vec::new())
    }

    fn make_ready(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(id)
            && !std::mem::replace(&mut entry.is_ready, true)
        {
            self.ready.push(id);
        }
    }

    /// Removed connections leave stale heap entries. Drops them once they outnumber live ones, so
    /// that short-lived connections cannot grow the heap.
    fn drop_stale_deadlines(&mut self) {
        if self.deadlines.len() <= STALE_DEADLINES_MAX + 2 * self.connections.len() {
            return;
        }
        let connections = &self.connections;
        self.deadlines
            .retain(|at, id| connections.get(id).is_some_and(|entry| entry.timer_at == at));
    }

    /// Fires the timers that are due.
    fn expire(&mut self, now: Now) {
        self.drop_stale_deadlines();
        while let Some((at, id)) = self.deadlines.pop_due(now.uptime) {
            let expired = self.with(id, now, |entry, context| {
                if entry.timer_at != at {
                    return None;
                }
                if let Some(reason) = entry.connection.expire(context) {
                    return Some(Err(reason));
                }
                entry.timer_at = entry.connection.deadline(context.session.config);
                Some(Ok(entry.timer_at))
            });
            match expired.flatten() {
                None => {}
                Some(Err(reason)) => self.closed.push((id, reason)),
                Some(Ok(timer_at)) => {
                    self.deadlines.add(timer_at, id);
                    self.make_ready(id);
                }
            }
        }
    }

    /// Drives the ready connections: all that are logged in, then a limited number of the others. A
    /// TLS handshake costs as much as a hundred mails, and any client may start one.
    fn drive_ready(&mut self, now: Now) {
        // Connections that become ready meanwhile wait until the next iteration, after the poll.
        let mut ready = std::mem::replace(&mut self.ready, std::mem::take(&mut self.spare_ready));
        let mut anonymous_ready = std::mem::take(&mut self.anonymous_ready);
        for id in ready.drain(..) {
            if self.goes_first(id) {
                self.drive(now, id);
            } else {
                anonymous_ready.push(id);
            }
        }
        let (mut handshakes, mut anonymous) = (HANDSHAKES_PER_ITERATION, ANONYMOUS_PER_ITERATION);
        let mut http = HTTP_PER_ITERATION;
        let mut left = 0;
        for id in anonymous_ready.drain(..) {
            let budget = match self.connections.get(id).map(|entry| &entry.connection) {
                Some(connection) if connection.protocol() == Protocol::Http => &mut http,
                Some(connection) if connection.is_handshaking() => &mut handshakes,
                Some(_) | None => &mut anonymous,
            };
            if *budget > 0 {
                *budget -= 1;
                self.drive(now, id);
            } else {
                // Goes before the connections that became ready meanwhile.
                self.ready.insert(left, id);
                left += 1;
            }
        }
        self.anonymous_ready = anonymous_ready;
        self.spare_ready = ready;
    }

    /// Whether a connection is driven in any case: of an account, or the operator's.
    fn goes_first(&self, id: ConnId) -> bool {
        let connection = self.connections.get(id).map(|entry| &entry.connection);
        connection.is_some_and(|connection| {
            connection.identity().is_some() || connection.protocol() == Protocol::Admin
        })
    }

    fn identity_of(&self, id: ConnId) -> Option<&Identity> {
        self.connections.get(id)?.connection.identity()
    }

    fn drive(&mut self, now: Now, id: ConnId) {
        let Some((driven, deadline, timer_at)) = self.with(id, now, |entry, context| {
            entry.is_ready = false;
            let driven = entry.connection.drive(context);
            (driven, entry.connection.deadline(context.session.config), entry.timer_at)
        }) else {
            return;
        };
        match driven {
            Driven::Idle => {}
            Driven::Again => self.make_ready(id),
            Driven::Closed(reason) => return self.closed.push((id, reason)),
            Driven::Identified(origin) => self.identify(now, id, origin),
            Driven::Crowded => self.make_room(now, id),
        }
        if deadline < timer_at {
            self.deadlines.add(deadline, id);
            if let Some(entry) = self.connections.get_mut(id) {
                entry.timer_at = deadline;
            }
        }
    }

    fn remove_closed(&mut self, now: Now) {
        for (id, reason) in std::mem::take(&mut self.closed) {
            if self.connections.get_mut(id).is_some_and(|entry| entry.connection.detach(reason)) {
                continue;
            }
            self.with(id, now, |entry, context| entry.connection.release(context, reason));
            self.session_ended(id);
            if let Some(entry) = self.connections.remove(id) {
                self.forget(id, entry.counted_as, reason);
            }
        }
        // Removing a connection emits no effect but `LoggedOut`.
        self.apply_effects(now);
    }

    /// Counts a removed connection no longer. Those of HTTP are not logged: health checks open
    /// one every few seconds. Nor are those of the operator, whose changes are.
    fn forget(&mut self, id: ConnId, counted_as: CountedAs, reason: CloseReason) {
        match counted_as {
            CountedAs::Http => return self.http -= 1,
            CountedAs::Admin => return self.admins -= 1,
            CountedAs::Rejected => self.rejected -= 1,
            CountedAs::Admitted => {
                self.admission.closed(id);
                self.counts.closed.add(reason.as_str());
            }
        }
        Event::ConnectionClosed { connection: id, reason: reason.as_str() }.log();
    }

    /// Calls `action` with a connection and its context. `None` if the connection was removed.
    fn with<R>(
        &mut self,
        id: ConnId,
        now: Now,
        action: impl FnOnce(&mut Entry<T>, &mut ServerContext<'_>) -> R,
    ) -> Option<R> {
        let connections: Connections = self.connections_now();
        let entry = self.connections.get_mut(id)?;
        let mut context = ServerContext {
            session: SessionContext {
                now,
                connection: id,
                peer: entry.connection.peer(),
                config: &self.config,
                throttle: &mut self.throttle,
                counts: &mut self.counts,
                effects: &mut self.effects,
                registry: &self.registry,
            },
            gateways: self.gateways.as_ref(),
            store: &mut *self.store,
            hasher: &mut *self.hasher,
            input: &mut self.input,
            output: &mut self.output,
            connections,
            monitoring: &self.monitoring,
            questions: &mut self.questions,
            lifecycle: if self.stopping { Lifecycle::Stopping } else { Lifecycle::Running },
            spare: &mut self.spare,
        };
        Some(action(entry, &mut context))
    }
}

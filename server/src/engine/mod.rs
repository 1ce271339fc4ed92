//! The server without its sockets: all connections and what they share.
//!
//! The reactor tells it what is ready and what time it is, and calls [`Server::process`]. So does a
//! test, with pipes in memory and a clock of its own. Connections never touch one another: what
//! concerns another goes through effects, and a connection is removed only at the end of a
//! turn.

pub mod connection;
mod deadlines;
mod slots;

use std::{net::SocketAddr, time::Duration};

use correio_proto::{SpareBuffers, limits, mail::Timestamp};

use crate::{
    auth::hashing::{HashDone, Hasher},
    clock::Now,
    engine::{
        connection::{
            CloseReason, Connection, Driven, Held, Readiness, ServerContext, Transport, Wire,
        },
        deadlines::Deadlines,
        slots::Slots,
    },
    event::Event,
    ids::{AccountId, ConnId, Ticket},
    limits::{
        admission::{Admission, AdmissionControl, AdmissionSettings, Refusal},
        budget::Budget,
        throttle::{Throttle, ThrottleSettings},
    },
    protocol::Protocol,
    session::{
        Done, Identity, SessionConfig, SessionContext,
        effect::{Arrival, Effect},
        registry::SessionRegistry,
    },
    store::{Store, StoreDone, StoreFailed, StoreJob},
};

/// Connections beyond the maximum that are told so before they are closed.
const REJECTED_MAX: usize = 64;

/// Displaced connections that are still open, beyond the maximum: displaced in this iteration, or
/// waiting for a store job.
const DISPLACED_MAX: usize = 64;

/// Connections still agreeing upon TLS that are driven in one turn: about two milliseconds of it.
const HANDSHAKES_PER_ITERATION: usize = 8;

/// Other connections not logged in that are driven in one turn.
const ANONYMOUS_PER_ITERATION: usize = 64;

/// Buffers kept for connections with something under way.
const SPARE_BUFFERS: usize = 64;

/// Entries for deadlines that may be nobody's before those are forgotten, besides one for each
/// connection: enough for that to cost nothing.
const STALE_DEADLINES_MAX: usize = 1024;

/// How often old verdicts are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// How much of everything there may be.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections.
    pub admission: AdmissionSettings,
    /// Attempts, registrations and mails.
    pub throttle: ThrottleSettings,
    /// Bytes of partly received frames, of all connections together.
    pub input_max: usize,
    /// Bytes of replies that clients do not take, of all connections together.
    pub output_max: usize,
}

/// Under what the server's own jobs run: no connection has this id.
const OWN_TICKET: Ticket =
    Ticket { connection: ConnId { index: u32::MAX, generation: u32::MAX }, serial: 0 };

/// See the module's description.
pub struct Server<T> {
    connections: Slots<Entry<T>>,
    admission: AdmissionControl,
    /// How many connections there may be at all, with those on their way out.
    slots_max: usize,
    /// Connections that were refused and are being told so.
    rejected: usize,
    config: SessionConfig,
    store: Box<dyn Store>,
    hasher: Box<dyn Hasher>,
    registry: SessionRegistry,
    deadlines: Deadlines,
    throttle: Throttle,
    /// What partly received frames take.
    input: Budget,
    /// What replies that are not taken take.
    output: Budget,
    /// Connections to drive in the next turn; each stands here at most once.
    ready: Vec<ConnId>,
    /// The list of the turn before, empty, for its room.
    spare_ready: Vec<ConnId>,
    /// Those of a turn that are not logged in; empty between turns.
    anonymous_ready: Vec<ConnId>,
    closed: Vec<(ConnId, CloseReason)>,
    effects: Vec<Effect>,
    spare: SpareBuffers,
    prune_at: Option<Duration>,
    stopping: bool,
}

struct Entry<T> {
    connection: Connection<T>,
    /// Whether it stands on the ready list.
    is_ready: bool,
    /// Whether it was refused and is only being told so.
    is_rejected: bool,
    /// The moment of its entry in the deadlines.
    timer_at: Duration,
}

impl<T: Transport> Server<T> {
    /// A server with no connection.
    pub fn new(
        limits: ServerLimits,
        config: SessionConfig,
        store: Box<dyn Store>,
        hasher: Box<dyn Hasher>,
    ) -> Self {
        Self {
            connections: Slots::new(),
            admission: AdmissionControl::new(limits.admission),
            slots_max: limits
                .admission
                .connections_max
                .saturating_add(REJECTED_MAX + DISPLACED_MAX),
            rejected: 0,
            throttle: Throttle::new(limits.throttle),
            input: Budget::new(limits.input_max),
            output: Budget::new(limits.output_max),
            config,
            store,
            hasher,
            registry: SessionRegistry::default(),
            deadlines: Deadlines::default(),
            ready: Vec::new(),
            spare_ready: Vec::new(),
            anonymous_ready: Vec::new(),
            closed: Vec::new(),
            effects: Vec::new(),
            spare: SpareBuffers::new(SPARE_BUFFERS),
            prune_at: Some(Duration::ZERO),
            stopping: false,
        }
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many entries for deadlines there are: at most two for each connection, and 1,024.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether there is no connection.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Opens a connection. Where there are too many, it is told so and closed; `None` where even
    /// those are too many: the transport is dropped.
    pub fn open(
        &mut self,
        now: Now,
        transport: T,
        peer: SocketAddr,
        protocol: Protocol,
    ) -> Option<ConnId> {
        if self.connections.len() >= self.slots_max {
            let reason = Refusal::ServerFull.as_str();
            Event::ConnectionRefused { address: peer, reason }.log();
            return None;
        }
        let slot = self.connections.vacant();
        let id = slot.id();
        let admission = self.admission.opened(id, peer.ip().into());
        if let Admission::Refused(refusal) = admission {
            Event::ConnectionRefused { address: peer, reason: refusal.as_str() }.log();
            if self.rejected >= REJECTED_MAX {
                return None;
            }
        }
        let mut connection =
            Connection::new(id, peer, protocol, Wire::new(transport, &self.config.security), now);
        let is_rejected = match admission {
            Admission::Admitted => false,
            Admission::Instead(displaced) => {
                self.closed.push((displaced, CloseReason::Displaced));
                false
            }
            Admission::Refused(refusal) => {
                self.rejected += 1;
                connection.reject(now, refusal);
                true
            }
        };
        if !is_rejected {
            Event::ConnectionOpened { connection: id, address: peer }.log();
        }
        let timer_at = connection.deadline(&self.config);
        self.deadlines.add(timer_at, id);
        slot.insert(Entry { connection, is_ready: true, is_rejected, timer_at });
        self.ready.push(id);
        Some(id)
    }

    /// What each connection holds.
    pub fn held(&self) -> impl Iterator<Item = (ConnId, Held)> {
        self.connections.iter().map(|(id, entry)| (id, entry.connection.held()))
    }

    /// The transport of a connection.
    pub fn transport_mut(&mut self, id: ConnId) -> Option<&mut T> {
        Some(self.connections.get_mut(id)?.connection.transport_mut())
    }

    /// Ends a connection at the end of the next turn.
    pub fn abort(&mut self, id: ConnId) {
        self.closed.push((id, CloseReason::Broken));
    }

    /// Notes what a connection's transport is ready for. Events about connections that are gone
    /// are nobody's.
    pub fn note(&mut self, id: ConnId, readiness: Readiness) {
        if let Some(entry) = self.connections.get_mut(id) {
            entry.connection.note(readiness);
            self.make_ready(id);
        }
    }

    /// Whether there is something to do at once.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.closed.is_empty()
    }

    /// The next moment at which a turn has something to do if nothing happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.deadlines.next(), self.prune_at].into_iter().flatten().min()
    }

    /// Hands out what is done, looks at what is due, drives what is ready, and removes what is
    /// over.
    ///
    /// # Errors
    ///
    /// The store has failed for good: the server must stop, and nothing may be acknowledged any
    /// more.
    pub fn process(&mut self, now: Now) -> Result<(), StoreFailed> {
        self.deliver_done(now)?;
        self.prune(now);
        self.expire(now);
        self.drive_ready(now);
        self.apply_effects(now);
        self.remove_closed(now);
        Ok(())
    }

    /// Starts to stop: requests under way are finished, no others are taken.
    pub fn stop(&mut self, now: Now) {
        self.stopping = true;
        self.prune_at = None;
        let ids: Vec<ConnId> = self.connections.iter().map(|(id, _)| id).collect();
        for id in ids {
            if let Some(entry) = self.connections.get_mut(id) {
                entry.connection.drain(now);
                self.make_ready(id);
            }
        }
    }

    /// Lets go of everything; what the store had queued is made durable.
    ///
    /// # Errors
    ///
    /// As [`Server::process`].
    pub fn close(self) -> Result<(), StoreFailed> {
        for (connection, _) in self.connections.iter() {
            let reason = CloseReason::ShuttingDown.as_str();
            Event::ConnectionClosed { connection, reason }.log();
        }
        // Before the store is waited for.
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

    fn deliver_done(&mut self, now: Now) -> Result<(), StoreFailed> {
        let mut stored: Vec<(Ticket, StoreDone)> = Vec::new();
        self.store.collect(&mut stored)?;
        for (ticket, done) in stored {
            if ticket == OWN_TICKET {
                self.pruned(now, &done);
            } else {
                self.complete(now, ticket, Done::Store(done));
            }
        }
        let mut hashed: Vec<(Ticket, HashDone)> = Vec::new();
        self.hasher.collect(&mut hashed);
        for (ticket, done) in hashed {
            self.complete(now, ticket, Done::Hash(done));
        }
        Ok(())
    }

    /// An answer reaches the connection that asked, or nobody.
    fn complete(&mut self, now: Now, ticket: Ticket, done: Done) {
        let id = ticket.connection;
        self.with(id, now, |entry, context| {
            entry.connection.complete(context, ticket, done);
        });
        self.make_ready(id);
        // Who has just logged in is there for what is done next, such as a mail to them.
        self.apply_effects(now);
    }

    fn prune(&mut self, now: Now) {
        if self.prune_at.is_none_or(|at| now.uptime < at) {
            return;
        }
        self.prune_at = Some(now.uptime + PRUNE_EVERY);
        let kept = limits::VERDICT_KEPT_SECONDS * 1000;
        let before = Timestamp(now.wall.0.saturating_sub(kept));
        if let crate::store::Submitted::Done(done) =
            self.store.submit(OWN_TICKET, StoreJob::Prune { before })
        {
            self.pruned(now, &done);
        }
    }

    fn pruned(&mut self, now: Now, done: &StoreDone) {
        if matches!(done, StoreDone::Pruned { more: true, .. }) && !self.stopping {
            self.prune_at = Some(now.uptime);
        }
    }

    /// Connections that are gone leave their entries behind until those come due: of many that
    /// come and go there would be more than of those that are there.
    fn forget_deadlines(&mut self) {
        if self.deadlines.len() <= STALE_DEADLINES_MAX + 2 * self.connections.len() {
            return;
        }
        let connections = &self.connections;
        self.deadlines
            .retain(|at, id| connections.get(id).is_some_and(|entry| entry.timer_at == at));
    }

    fn expire(&mut self, now: Now) {
        self.forget_deadlines();
        while let Some((at, id)) = self.deadlines.pop_due(now.uptime) {
            let config = &self.config;
            let Some(entry) = self.connections.get_mut(id).filter(|entry| entry.timer_at == at)
            else {
                continue;
            };
            if let Some(reason) = entry.connection.expire(now, config) {
                self.closed.push((id, reason));
                continue;
            }
            entry.timer_at = entry.connection.deadline(config);
            let timer_at = entry.timer_at;
            self.deadlines.add(timer_at, id);
            self.make_ready(id);
        }
    }

    /// Those logged in go first, and of the others only some: agreeing upon TLS takes as long as
    /// a hundred mails, and anybody may ask for it.
    fn drive_ready(&mut self, now: Now) {
        // What becomes ready meanwhile has its turn after the sockets were asked again.
        let mut ready = std::mem::replace(&mut self.ready, std::mem::take(&mut self.spare_ready));
        let mut anonymous_ready = std::mem::take(&mut self.anonymous_ready);
        for id in ready.drain(..) {
            if self.identity_of(id).is_some() {
                self.drive(now, id);
            } else {
                anonymous_ready.push(id);
            }
        }
        let (mut handshakes, mut anonymous) = (HANDSHAKES_PER_ITERATION, ANONYMOUS_PER_ITERATION);
        let mut left = 0;
        for id in anonymous_ready.drain(..) {
            let budget = if self.is_handshaking(id) { &mut handshakes } else { &mut anonymous };
            if *budget > 0 {
                *budget -= 1;
                self.drive(now, id);
            } else {
                // Before what becomes ready later.
                self.ready.insert(left, id);
                left += 1;
            }
        }
        self.anonymous_ready = anonymous_ready;
        self.spare_ready = ready;
    }

    fn identity_of(&self, id: ConnId) -> Option<&Identity> {
        self.connections.get(id)?.connection.identity()
    }

    fn is_handshaking(&self, id: ConnId) -> bool {
        self.connections.get(id).is_some_and(|entry| entry.connection.is_handshaking())
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
        }
        if deadline < timer_at {
            self.deadlines.add(deadline, id);
            if let Some(entry) = self.connections.get_mut(id) {
                entry.timer_at = deadline;
            }
        }
    }

    fn apply_effects(&mut self, now: Now) {
        if self.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::LoggedIn { connection, account } => {
                    self.admission.entered(connection);
                    if let Some(oldest) = self.registry.add(account, connection) {
                        self.end(now, oldest);
                    }
                }
                Effect::LoggedOut { connection, account } => {
                    self.admission.left(connection);
                    self.registry.remove(account, connection);
                }
                Effect::MailArrived { accounts, arrival } => {
                    for account in accounts {
                        for id in self.sessions_of(account) {
                            self.tell(id, &arrival);
                        }
                    }
                }
                Effect::EndSessions { account, except } => {
                    for id in self.sessions_of(account) {
                        if id != except {
                            self.end(now, id);
                        }
                    }
                }
            }
        }
        effects.append(&mut self.effects);
        self.effects = effects;
    }

    /// The sessions of an account. One that was logged out in this turn is none any more, although
    /// the effect that tells of it may still be to come.
    fn sessions_of(&self, account: AccountId) -> Vec<ConnId> {
        let is_theirs = |id: &ConnId| {
            let identity = self.identity_of(*id);
            identity.is_some_and(|identity| identity.account == account)
        };
        self.registry.of(account).iter().copied().filter(is_theirs).collect()
    }

    fn tell(&mut self, id: ConnId, arrival: &Arrival) {
        if let Some(entry) = self.connections.get_mut(id) {
            entry.connection.mail_arrived(arrival);
            self.make_ready(id);
        }
    }

    fn end(&mut self, now: Now, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(id) {
            entry.connection.end_session(now);
            self.make_ready(id);
        }
    }

    fn remove_closed(&mut self, now: Now) {
        for (id, reason) in std::mem::take(&mut self.closed) {
            if self.connections.get_mut(id).is_some_and(|entry| entry.connection.detach(reason)) {
                continue;
            }
            self.with(id, now, |entry, context| entry.connection.cancel_job(context));
            if let Some(entry) = self.connections.remove(id) {
                self.rejected -= usize::from(entry.is_rejected);
                self.admission.closed(id);
                Event::ConnectionClosed { connection: id, reason: reason.as_str() }.log();
            }
        }
        // Only departures; what they concern is gone by now.
        self.apply_effects(now);
    }

    /// Lends a connection what it needs. `None` where it is gone.
    fn with<R>(
        &mut self,
        id: ConnId,
        now: Now,
        action: impl FnOnce(&mut Entry<T>, &mut ServerContext<'_>) -> R,
    ) -> Option<R> {
        let entry = self.connections.get_mut(id)?;
        let mut context = ServerContext {
            session: SessionContext {
                now,
                connection: id,
                peer: entry.connection.peer(),
                config: &self.config,
                throttle: &mut self.throttle,
                effects: &mut self.effects,
                registry: &self.registry,
            },
            store: &mut *self.store,
            hasher: &mut *self.hasher,
            input: &mut self.input,
            output: &mut self.output,
            spare: &mut self.spare,
        };
        Some(action(entry, &mut context))
    }
}

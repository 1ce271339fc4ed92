//! One connection: a wire for the bytes, a dialogue for the protocol, and the loop that pumps
//! between them.

mod admin;
mod close_reason;
mod context;
mod correio;
mod dialogue;
mod ending;
mod gateway;
mod held;
mod http;
mod proxy_header;
mod step;
mod timers;
mod transport;
mod wire;

use std::{net::SocketAddr, time::Duration};

use correio_proto::{byte_channel::StartTlsError, tls::Security};

pub(crate) use self::{close_reason::CloseReason, context::ServerContext, dialogue::Dialogue};
pub use self::{
    held::Held,
    proxy_header::{Origin, PROXY_HEADER_MAX, ProxyHeader, ProxyHeaderError},
    transport::{Readiness, Transport},
};
use self::{
    step::{Notification, Step, Taken},
    timers::Activity,
    wire::{Received, Wire},
};
use crate::{
    admin::ServerAnswer,
    clock::Now,
    event::Event,
    ids::{ConnId, Ticket},
    limits::budget::{Exhausted, Share},
    protocol::Protocol,
    session::{Done, Identity, effect::Arrival},
};

/// Requests of one connection that are handled in one pump, before other connections have their
/// turn.
const REQUESTS_PER_PUMP: u32 = 64;

/// Requests that a large request counts for in a pump. The bytes of its message or its reply are
/// copied and encrypted: four pieces of contents have a mebibyte.
const LARGE_REQUEST_COST: u32 = 16;

/// Bytes of a request's message, or of the output that is pending after it, from which on the
/// request is large.
const LARGE: usize = 64 * 1024;

/// Reads in one pump: a frame that comes in many pieces must not hold up other connections either.
const READS_PER_PUMP: u32 = 16;

/// Pending output, in bytes, above which no request is taken: the client must read first.
const OUTPUT_HIGH: usize = 64 * 1024;

/// Pending output, in bytes, above which notices are dropped: a client so slow fetches its mail
/// anyway.
const NOTICES_HIGH: usize = 16 * 1024;

/// Bytes of input, and of output, that a connection may hold without a charge to the shared
/// budgets. As large as one read.
const SHARE_FREE: usize = 16 * 1024;

/// The result of driving a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driven {
    /// There is nothing to do until something happens.
    Idle,
    /// There is more to do at once; the pump's limits are used up.
    Again,
    /// A trusted proxy has named the connection's origin. There is more to do, once the client is
    /// admitted ([`Connection::identify`]).
    Identified(Origin),
    /// The shared input budget has no room for what the connection holds: some connection must give
    /// way ([`Connection::refuse_for_room`]).
    Crowded,
    /// The connection is over and can be removed.
    Closed(CloseReason),
}

/// A connection's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Requests are taken.
    Open,
    /// The reply is being sent after which TLS begins: no request is taken, nothing is read.
    StartingTls,
    /// The server stops: the request in progress is finished, no other is taken.
    Draining,
    /// The transport is over, for this reason. A store job is still pending.
    Detached(CloseReason),
    /// The last output is being sent; input is dropped. The connection ends for this reason.
    Closing { since: Duration, shut_down: bool, reason: CloseReason },
}

/// See the module's description. Generic over the transport, so that tests run in memory.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    id: ConnId,
    peer: SocketAddr,
    wire: Wire<T>,
    dialogue: Dialogue,
    phase: Phase,
    activity: Activity,
    /// Share of the budget for input.
    input_share: Share,
    /// Share of the budget for output.
    output_share: Share,
}

impl<T: Transport> Connection<T> {
    /// A connection on which nothing was received yet.
    pub(crate) fn new(
        id: ConnId,
        peer: SocketAddr,
        dialogue: Dialogue,
        transport: T,
        security: &Security,
        now: Now,
    ) -> Self {
        Self {
            id,
            peer,
            wire: Wire::new(transport, security, dialogue.input_max()),
            dialogue,
            phase: Phase::Open,
            activity: Activity::opened(now.uptime),
            input_share: Share::default(),
            output_share: Share::default(),
        }
    }

    /// Makes the connection wait for a proxy's header before anything else.
    pub(crate) fn owe_proxy_header(&mut self) {
        self.wire.owe_proxy_header();
    }

    /// The transport.
    pub(crate) fn transport_mut(&mut self) -> &mut T {
        self.wire.transport_mut()
    }

    /// The client's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// When the connection was opened (uptime).
    pub(crate) fn opened_at(&self) -> Duration {
        self.activity.opened_at()
    }

    /// When the last request was received (uptime).
    pub(crate) fn heard_at(&self) -> Duration {
        self.activity.heard_at()
    }

    /// The protocol of the connection.
    pub(crate) fn protocol(&self) -> Protocol {
        self.dialogue.protocol()
    }

    /// The account that is logged in.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.dialogue.identity()
    }

    /// Takes over the address that a trusted proxy has named, and returns the connection's address.
    pub(crate) fn identify(&mut self, origin: Origin) -> SocketAddr {
        if let Origin::Client(address) = origin {
            self.peer = address;
        }
        self.peer
    }

    /// The account that is logged in, unless the connection is ending already.
    pub(crate) fn session(&self) -> Option<&Identity> {
        match self.phase {
            Phase::Open | Phase::StartingTls | Phase::Draining => self.identity(),
            Phase::Detached(_) | Phase::Closing { .. } => None,
        }
    }

    /// Whether the TLS handshake is in progress. It begins after the header of a proxy.
    pub(crate) fn is_handshaking(&self) -> bool {
        !self.wire.awaits_header() && self.wire.channel.is_handshaking()
    }

    /// The bytes that the connection holds: in its buffers and, while it is open, in its dialogue.
    pub(crate) fn held(&self) -> Held {
        let Held { input, output } = match self.phase {
            Phase::Open | Phase::StartingTls | Phase::Draining => self.dialogue.held(),
            Phase::Detached(_) | Phase::Closing { .. } => Held::default(),
        };
        Held {
            input: self.wire.channel.pending_input() + input,
            output: self.wire.channel.pending_output() + output,
        }
    }

    /// Records reported readiness of the transport. [`Connection::drive`] acts on it.
    pub(crate) fn note(&mut self, ready: Readiness) {
        self.wire.note(ready);
    }

    /// Reads, decodes, handles, encodes and writes until there is nothing to do or the pump's
    /// limits are used up. May be called at any time.
    pub(crate) fn drive(&mut self, context: &mut ServerContext<'_>) -> Driven {
        self.wire.channel.attach(context.spare);
        let mut driven = self.pump(context);
        if self.share_input(context).is_err() && !matches!(driven, Driven::Closed(_)) {
            driven = Driven::Crowded;
        }
        if self.share_output(context).is_err() {
            // The client cannot be told: there is no memory for its replies.
            Event::OutputRefused { connection: self.id, address: self.peer }.log();
            driven = Driven::Closed(CloseReason::NoRoom);
        }
        self.wire.channel.detach(context.spare);
        self.count_moved(context);
        driven
    }

    /// Notes that bytes were received, and counts those of mail clients.
    fn count_moved(&mut self, context: &mut ServerContext<'_>) {
        let moved = self.wire.take_moved();
        self.activity.received(context.session.now.uptime, moved.received);
        if self.protocol().is_mail() {
            context.session.counts.received_bytes += moved.received;
            context.session.counts.sent_bytes += moved.sent;
        }
    }

    /// Bytes that count in the shared budgets. Those of the operator do not: a large import must
    /// not take the room of mail, nor be refused because mail has taken it. Their bound is the
    /// number of the operator's connections times the longest line, and one reply for each.
    fn shared(&self, bytes: usize) -> usize {
        match self.protocol() {
            Protocol::Admin => 0,
            Protocol::Correio | Protocol::Submission | Protocol::Pop3 | Protocol::Http => {
                bytes.saturating_sub(SHARE_FREE)
            }
        }
    }

    /// Charges the shared input budget for bytes of incomplete requests above [`SHARE_FREE`].
    pub(crate) fn share_input(&mut self, context: &mut ServerContext<'_>) -> Result<(), Exhausted> {
        let bytes = self.shared(self.held().input);
        context.input.resize(&mut self.input_share, bytes)
    }

    /// Charges the shared output budget for pending bytes above [`SHARE_FREE`].
    fn share_output(&mut self, context: &mut ServerContext<'_>) -> Result<(), Exhausted> {
        let bytes = self.shared(self.held().output);
        context.output.resize(&mut self.output_share, bytes)
    }

    /// Since when (uptime) the client stalls within a request or a mail that counts in the shared
    /// input budget. `None` if it does not, or if it waits for the server.
    pub(crate) fn stalled_since(&self, now: Now) -> Option<Duration> {
        let may_go_on = self.phase == Phase::Open && self.dialogue.waiting_for(self.id).is_none();
        let stalled = self.activity.stalled_since(now.uptime)?;
        (may_go_on && !self.input_share.is_empty()).then_some(stalled)
    }

    /// Drops the incomplete request or mail, for which the shared input budget has no room, and
    /// closes. The connection must be driven afterwards.
    pub(crate) fn refuse_for_room(&mut self, context: &mut ServerContext<'_>) {
        Event::InputRefused { connection: self.id, address: self.peer }.log();
        self.wire.channel.discard_input();
        context.input.free(&mut self.input_share);
        self.end(context, Notification::NoRoom);
    }

    fn pump(&mut self, context: &mut ServerContext<'_>) -> Driven {
        if let Phase::Detached(reason) = self.phase {
            return match self.dialogue.is_storing() {
                true => Driven::Idle,
                false => Driven::Closed(reason),
            };
        }
        let now = context.session.now;
        let mut requests = REQUESTS_PER_PUMP;
        let mut reads = READS_PER_PUMP;
        loop {
            if self.takes_requests() && self.has_request() {
                if requests == 0 {
                    // Send the replies before other connections have their turn.
                    return self.flush(now).err().map_or(Driven::Again, Driven::Closed);
                }
                requests = requests.saturating_sub(self.take_request(context));
                continue;
            }
            if let Err(reason) = self.flush(now) {
                return Driven::Closed(reason);
            }
            self.begin_tls_once_flushed(context);
            if self.takes_requests() && self.has_request() {
                continue;
            }
            self.shut_down_once_flushed();
            if !self.is_readable() || !self.wants_input() {
                return Driven::Idle;
            }
            if reads == 0 {
                return Driven::Again;
            }
            reads -= 1;
            match self.read() {
                Ok(None) => {}
                Ok(Some(origin)) => return Driven::Identified(origin),
                Err(reason) => return Driven::Closed(reason),
            }
        }
    }

    /// Whether the dialogue can go on. It begins after the header of a proxy.
    fn has_request(&self) -> bool {
        !self.wire.awaits_header() && self.dialogue.has_request(&self.wire.channel, self.id)
    }

    fn takes_requests(&self) -> bool {
        self.phase == Phase::Open
            && self.dialogue.waiting_for(self.id).is_none()
            && self.wire.channel.pending_output() < OUTPUT_HIGH
    }

    /// Whether a read may find something. A client that has ended TLS may keep its socket open
    /// until the server ends the connection, as s-nail does.
    fn is_readable(&self) -> bool {
        let has_ended = match self.phase {
            Phase::Open | Phase::Draining => self.wire.channel.has_ended(),
            Phase::StartingTls | Phase::Detached(_) | Phase::Closing { .. } => false,
        };
        has_ended || self.wire.is_readable()
    }

    /// Whether to read. A client that does not read its replies is not read from either.
    fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Draining => {
                self.wire.channel.has_room()
                    && self.wire.channel.pending_output() < OUTPUT_HIGH
                    && !self.has_request()
            }
            Phase::StartingTls | Phase::Detached(_) => false,
            Phase::Closing { .. } => true,
        }
    }

    /// Reads once. Returns the origin if the header of a proxy is complete now.
    fn read(&mut self) -> Result<Option<Origin>, CloseReason> {
        let channel = &self.wire.channel;
        let received = match self.phase {
            Phase::Open | Phase::StartingTls | Phase::Draining => self.wire.receive()?,
            // The last output cannot be sent before the TLS handshake is finished.
            Phase::Closing { .. } if channel.is_handshaking() && channel.has_room() => {
                self.wire.receive()?
            }
            Phase::Closing { .. } | Phase::Detached(_) => self.wire.skip()?,
        };
        match received {
            Received::Open => Ok(None),
            // A connection that was rejected before its header reads it for TLS alone.
            Received::Origin(_) if self.is_closing() => Ok(None),
            Received::Origin(origin) => Ok(Some(origin)),
            Received::End if let Phase::Closing { reason, .. } = self.phase => Err(reason),
            Received::End if self.wire.channel.is_cut_off() => Err(CloseReason::CutOff),
            Received::End => Err(CloseReason::ByClient),
        }
    }

    fn flush(&mut self, now: Now) -> Result<(), CloseReason> {
        let before = self.wire.sent();
        self.wire.flush()?;
        self.activity.offered(now.uptime, self.wire.channel.pending_output() == 0);
        if self.protocol().is_gateway() {
            self.activity.took(now.uptime, self.wire.sent().saturating_sub(before));
        }
        Ok(())
    }

    /// Closes the sending side once the last output is sent. Only the client's own close ends the
    /// connection: the kernel resets a socket that is closed with unread input, and the client
    /// could lose the last output.
    fn shut_down_once_flushed(&mut self) {
        if let Phase::Closing { since, shut_down: false, reason } = self.phase
            && self.wire.channel.pending_output() == 0
        {
            self.wire.shut_down();
            self.phase = Phase::Closing { since, shut_down: true, reason };
        }
    }

    /// Begins TLS once the reply to the client's command is sent. Closes if the client has sent
    /// more than the command: that was not protected, and its sender is unknown.
    fn begin_tls_once_flushed(&mut self, context: &mut ServerContext<'_>) {
        if self.phase != Phase::StartingTls || self.wire.channel.pending_output() > 0 {
            return;
        }
        let begun = match context.gateways {
            Some(config) => self.wire.channel.start_tls(&config.security),
            None => Err(StartTlsError::NotPlaintext),
        };
        let Err(error) = begun else {
            self.phase = Phase::Open;
            return;
        };
        context.session.report_protocol_error(&error.to_string());
        self.wire.channel.discard_input();
        self.close(context.session.now, CloseReason::ByServer);
    }

    /// Takes a request, if a whole one has arrived. Returns how many requests it counts for in the
    /// pump.
    fn take_request(&mut self, context: &mut ServerContext<'_>) -> u32 {
        let now = context.session.now;
        let before = self.wire.channel.pending_input();
        match self.dialogue.take_request(&mut self.wire.channel, context) {
            Taken::Nothing => {}
            Taken::Request(step) => {
                self.activity.heard(now.uptime);
                self.follow(now, step);
            }
            Taken::Chunk(step) | Taken::Refused(step) => self.follow(now, step),
        }
        if self.protocol() == Protocol::Http {
            // A page of metrics takes as long as many requests.
            return REQUESTS_PER_PUMP;
        }
        let channel = &self.wire.channel;
        let taken = before.saturating_sub(channel.pending_input());
        match taken.max(channel.pending_output()) {
            LARGE.. => LARGE_REQUEST_COST,
            _ => 1,
        }
    }

    /// Hands a job's result to the dialogue, if it waits for this job. The connection must be
    /// driven afterwards.
    pub(crate) fn complete(&mut self, context: &mut ServerContext<'_>, ticket: Ticket, done: Done) {
        let now = context.session.now;
        if matches!(self.phase, Phase::Closing { .. } | Phase::Detached(_)) {
            let channel = &mut self.wire.channel;
            return self.dialogue.complete_unheard(channel, context, ticket, done);
        }
        let step = self.dialogue.complete(&mut self.wire.channel, context, ticket, done);
        let Some(step) = step else {
            return;
        };
        self.follow(now, step);
        if self.phase == Phase::Draining {
            self.drain(context);
        }
    }

    /// Hands the server's answer to the dialogue, if it waits for this answer. The connection must
    /// be driven afterwards.
    pub(crate) fn answered(
        &mut self,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        answer: ServerAnswer,
    ) {
        let now = context.session.now;
        if let Some(step) = self.dialogue.answered(&mut self.wire.channel, context, ticket, answer)
        {
            self.follow(now, step);
            if self.phase == Phase::Draining {
                self.drain(context);
            }
        }
    }

    fn follow(&mut self, now: Now, step: Step) {
        match step {
            Step::Continue => {}
            Step::Restarted => self.activity.restarted(now.uptime),
            Step::StartTls if self.phase == Phase::Open => self.phase = Phase::StartingTls,
            Step::StartTls | Step::Close => self.close(now, CloseReason::ByServer),
        }
    }

    /// Tells the client of a mail that arrived. The connection must be driven afterwards.
    pub(crate) fn mail_arrived(&mut self, context: &mut ServerContext<'_>, arrival: &Arrival) {
        if self.takes_notices() {
            self.notify(context, Notification::MailArrived(arrival));
        }
    }

    fn takes_notices(&self) -> bool {
        self.phase == Phase::Open && self.wire.channel.pending_output() < NOTICES_HIGH
    }

    fn notify(&mut self, context: &mut ServerContext<'_>, notification: Notification<'_>) {
        self.dialogue.notify(&mut self.wire.channel, &mut context.session, notification);
    }

    fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// Closes after the pending output, for this reason.
    fn close(&mut self, now: Now, reason: CloseReason) {
        if !self.is_closing() {
            self.wire.channel.close();
            self.phase = Phase::Closing { since: now.uptime, shut_down: false, reason };
        }
    }
}

//! One connection: a transport, a channel and a session, and the one loop that drives them.

mod close_reason;
mod context;
mod timers;
mod transport;

use std::{
    io::{self, Read},
    net::SocketAddr,
    time::Duration,
};

use correio_proto::{
    channel::{Channel, ChannelError},
    frame::{FrameError, MalformedKind},
    limits,
    message::{ClientMessage, ErrorCode, ErrorReply, Notice, Reply, ServerMessage},
    tls::Security,
};

pub use self::transport::{Readiness, Transport};
pub(crate) use self::{close_reason::CloseReason, context::ServerContext};
use self::{
    timers::{Activity, Timer, Timers},
    transport::Reader,
};
pub use crate::limits::budget::Held;
use crate::{
    clock::Now,
    event::Event,
    ids::{ConnId, Ticket},
    limits::budget::{Share, Spent},
    session::{
        Action, Done, Session, SessionConfig, SessionContext, Settlement, Transition,
        effect::Effect,
    },
};

/// Requests that one connection may have answered before it is another's turn.
const REQUESTS_PER_PUMP: u32 = 64;

/// Reads per turn; a frame that comes in many pieces must not hold up the others either.
const READS_PER_PUMP: u32 = 16;

/// Output from which on no further request is taken: the client must read first.
const OUTPUT_HIGH: usize = 64 * 1024;

/// Output from which on notices are dropped: a client so far behind fetches its mail anyway.
const NOTICES_HIGH: usize = 16 * 1024;

/// Input that a connection may hold without a share of the budget for all, in bytes: one read.
const SHARE_FREE: usize = 16 * 1024;

/// When a frame that there was no room for is worth another try, in seconds.
const ROOM_RETRY: u32 = 10;

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driven {
    /// Nothing moves until something happens.
    Idle,
    /// The budget is spent; there is more to do at once.
    Again,
    /// The connection is over and can be removed.
    Closed(CloseReason),
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Requests are taken.
    Open,
    /// The server stops: the request under way is finished, no other is taken.
    Draining,
    /// The transport is over, for this reason; the store is still at the session's last job.
    Detached(CloseReason),
    /// The last words are on their way; what comes in is thrown away.
    Closing { since: Duration, shut_down: bool },
}

/// See the module's description. Generic, so that everything here runs in memory too.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    id: ConnId,
    peer: SocketAddr,
    transport: T,
    channel: Channel,
    session: Session,
    phase: Phase,
    ready: Readiness,
    protocol_errors: u32,
    activity: Activity,
    /// Its share of the budget for what came in.
    input_share: Share,
    /// Its share of the budget for what is to go out.
    output_share: Share,
}

impl<T: Transport> Connection<T> {
    /// A connection on which nothing was said yet.
    pub(crate) fn new(
        id: ConnId,
        peer: SocketAddr,
        transport: T,
        security: &Security,
        now: Now,
    ) -> Self {
        Self {
            id,
            peer,
            transport,
            channel: Channel::new(security, limits::FRAME_BEFORE_LOGIN_MAX),
            session: Session::default(),
            phase: Phase::Open,
            // A new socket may be written to, and what was sent with the first packet is there.
            ready: Readiness { readable: true, writable: true, ended: false },
            protocol_errors: 0,
            activity: Activity::opened(now.uptime),
            input_share: Share::default(),
            output_share: Share::default(),
        }
    }

    /// What it runs over.
    pub(crate) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The client's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Its session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Whether TLS is still being agreed upon.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.channel.is_handshaking()
    }

    /// What it holds.
    pub(crate) fn held(&self) -> Held {
        Held { input: self.channel.pending_input(), output: self.channel.pending_output() }
    }

    /// Notes what the transport was reported to be ready for. [`Connection::drive`] acts on it.
    pub(crate) fn note(&mut self, ready: Readiness) {
        self.ready.readable |= ready.readable;
        self.ready.writable |= ready.writable;
        self.ready.ended |= ready.ended;
    }

    /// Reads, decodes, handles, encodes and writes until nothing moves or the turn's budget is
    /// spent. May be called at any time.
    pub(crate) fn drive(&mut self, context: &mut ServerContext<'_>) -> Driven {
        self.channel.attach(context.spare);
        let mut driven = self.pump(context);
        if self.share_input(context).is_err() {
            self.refuse_for_room(context);
            driven = self.pump(context);
        }
        if self.share_output(context).is_err() {
            // Its replies are what there is no room for; nothing more can be said to it.
            Event::OutputRefused { connection: self.id, address: self.peer }.log();
            driven = Driven::Closed(CloseReason::NoRoom);
        }
        self.channel.detach(context.spare);
        driven
    }

    /// Counts what was received of a frame that is not complete, beyond what any connection has.
    fn share_input(&mut self, context: &mut ServerContext<'_>) -> Result<(), Spent> {
        let bytes = self.channel.pending_input().saturating_sub(SHARE_FREE);
        context.input.resize(&mut self.input_share, bytes)
    }

    /// Counts what the client has not taken, beyond what any connection may have.
    fn share_output(&mut self, context: &mut ServerContext<'_>) -> Result<(), Spent> {
        let bytes = self.channel.pending_output().saturating_sub(SHARE_FREE);
        context.output.resize(&mut self.output_share, bytes)
    }

    fn refuse_for_room(&mut self, context: &mut ServerContext<'_>) {
        Event::InputRefused { connection: self.id, address: self.peer }.log();
        let text = "the server has no room for a frame of this size now; try again";
        let mut error = ErrorReply::new(ErrorCode::Busy, text);
        error.retry_after = Some(ROOM_RETRY);
        self.channel.discard_input();
        context.input.free(&mut self.input_share);
        self.reject(context.session.now, error);
    }

    fn pump(&mut self, context: &mut ServerContext<'_>) -> Driven {
        if let Phase::Detached(reason) = self.phase {
            return match self.session.is_storing() {
                true => Driven::Idle,
                false => Driven::Closed(reason),
            };
        }
        let mut requests = REQUESTS_PER_PUMP;
        let mut reads = READS_PER_PUMP;
        loop {
            if self.takes_requests() && self.channel.has_message() {
                if requests == 0 {
                    // What is answered goes out before the others have their turn.
                    return self
                        .flush(context.session.now)
                        .err()
                        .map_or(Driven::Again, Driven::Closed);
                }
                requests -= 1;
                self.take_request(context);
                continue;
            }
            if let Err(reason) = self.flush(context.session.now) {
                return Driven::Closed(reason);
            }
            if self.takes_requests() && self.channel.has_message() {
                continue;
            }
            self.shut_down_once_flushed();
            if !self.ready.readable || !self.wants_input() {
                return Driven::Idle;
            }
            if reads == 0 {
                return Driven::Again;
            }
            reads -= 1;
            if let Err(reason) = self.read() {
                return Driven::Closed(reason);
            }
        }
    }

    fn takes_requests(&self) -> bool {
        self.phase == Phase::Open
            && self.session.waiting_for(self.id).is_none()
            && self.channel.pending_output() < OUTPUT_HIGH
    }

    /// A client that does not take its replies is not listened to either.
    fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Draining => {
                self.channel.has_room()
                    && !self.channel.has_message()
                    && self.channel.pending_output() < OUTPUT_HIGH
            }
            Phase::Detached(_) => false,
            Phase::Closing { .. } => true,
        }
    }

    fn read(&mut self) -> Result<(), CloseReason> {
        let mut reader = Reader::new(&mut self.transport);
        let read = match self.phase {
            Phase::Open | Phase::Draining => self.channel.read_from(&mut reader),
            // The last words wait until TLS is agreed upon.
            Phase::Closing { .. } if self.channel.is_handshaking() && self.channel.has_room() => {
                self.channel.read_from(&mut reader)
            }
            Phase::Closing { .. } | Phase::Detached(_) => reader.read(&mut [0; 4096]),
        };
        if reader.emptied && !self.ready.ended {
            self.ready.readable = false;
        }
        match read {
            Ok(0) if matches!(self.phase, Phase::Closing { .. }) => Err(CloseReason::ByServer),
            Ok(0) if self.channel.is_cut_off() => Err(CloseReason::CutOff),
            Ok(0) => Err(CloseReason::ByClient),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready.readable = false;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(CloseReason::Broken),
        }
    }

    /// Writes what is to go out, as far as the transport takes it.
    fn flush(&mut self, now: Now) -> Result<(), CloseReason> {
        while self.ready.writable && self.channel.wants_write() {
            match self.channel.write_to(&mut self.transport) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready.writable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(CloseReason::Broken),
            }
        }
        self.activity.offered(now.uptime, self.channel.pending_output() == 0);
        Ok(())
    }

    /// Says that the last words were the last. The end is read before the connection is dropped:
    /// a socket that is closed with something unread is reset, and the client may never see what
    /// it was told.
    fn shut_down_once_flushed(&mut self) {
        if let Phase::Closing { since, shut_down: false } = self.phase
            && self.channel.pending_output() == 0
        {
            self.transport.shutdown_write();
            self.phase = Phase::Closing { since, shut_down: true };
        }
    }

    fn take_request(&mut self, context: &mut ServerContext<'_>) {
        match self.channel.next_message::<ClientMessage>() {
            Ok(None) => {}
            Ok(Some(message)) => {
                self.activity.heard(context.session.now.uptime);
                let action =
                    self.session.handle(&mut context.session, message.number, message.request);
                self.perform(context, action);
            }
            Err(error) => self.refuse_input(context, error),
        }
    }

    /// Takes what came of a job, if the session waits for it. To be driven afterwards.
    pub(crate) fn complete(&mut self, context: &mut ServerContext<'_>, ticket: Ticket, done: Done) {
        let Some(action) = self.session.complete(&mut context.session, ticket, done) else {
            return;
        };
        // What was done has its effects on others, even if nobody is left to be answered.
        if self.is_closing() || self.is_detached() {
            return self.session.discarded(&action);
        }
        self.perform(context, action);
        if self.phase == Phase::Draining {
            self.drain(context.session.now);
        }
    }

    /// Does what the session wants, until it waits or has replied.
    fn perform(&mut self, context: &mut ServerContext<'_>, mut action: Action) {
        loop {
            let (ticket, done) = match action {
                Action::Reply(number, reply, transition) => {
                    self.follow(&context.session, transition);
                    return self.push(&ServerMessage::Reply { number, reply });
                }
                Action::Close(number, reply) => {
                    self.push(&ServerMessage::Reply { number, reply });
                    return self.close(context.session.now);
                }
                Action::Defer(ticket, job) => match context.submit(ticket, job) {
                    Some(done) => (ticket, done),
                    None => return,
                },
            };
            match self.session.complete(&mut context.session, ticket, done) {
                Some(next) => action = next,
                None => return,
            }
        }
    }

    /// Adjusts the connection's limits to its session, which has changed.
    fn follow(&mut self, context: &SessionContext<'_>, transition: Transition) {
        match transition {
            Transition::Unchanged | Transition::PasswordChanged(_) => {}
            Transition::LoggedIn(_) => self.channel.set_frame_limit(context.config.frame_max()),
            Transition::LoggedOut(_) | Transition::AccountDeleted(_) => {
                self.channel.set_frame_limit(limits::FRAME_BEFORE_LOGIN_MAX);
                self.activity.logged_out(context.now.uptime);
            }
        }
    }

    fn push(&mut self, message: &ServerMessage) {
        if self.channel.push(message).is_err() {
            // A page is bounded far below the largest frame; only a fault of ours gets here.
            Event::ServerWarning { text: "a reply did not fit into a frame" }.log();
        }
    }

    /// Answers what is no request; closes where nothing can be read any more, or too often.
    fn refuse_input(&mut self, context: &ServerContext<'_>, error: ChannelError) {
        let (number, code, text) = match error {
            ChannelError::Tls(_) | ChannelError::NotTls => {
                self.report_protocol_error(&error.to_string());
                return self.close(context.session.now);
            }
            ChannelError::Foreign(foreign) => {
                self.report_protocol_error(foreign.name());
                self.channel.push_answer(foreign);
                return self.close(context.session.now);
            }
            ChannelError::Frame(error) => {
                let code = match error {
                    FrameError::TooLarge { .. } => ErrorCode::TooLarge,
                    FrameError::Empty => ErrorCode::Protocol,
                };
                self.close(context.session.now);
                (0, code, error.to_string())
            }
            ChannelError::Malformed(malformed) => {
                let code = match malformed.kind {
                    MalformedKind::Invalid => ErrorCode::Invalid,
                    MalformedKind::Protocol => ErrorCode::Protocol,
                };
                (malformed.number.unwrap_or(0), code, malformed.text)
            }
        };
        if code != ErrorCode::Invalid {
            self.report_protocol_error(&text);
            self.protocol_errors += 1;
            if self.protocol_errors >= limits::PROTOCOL_ERRORS_MAX {
                self.close(context.session.now);
            }
        }
        let reply = Reply::Error(ErrorReply::new(code, text));
        self.push(&ServerMessage::Reply { number, reply });
    }

    fn report_protocol_error(&self, text: &str) {
        Event::ProtocolError { connection: self.id, address: self.peer, text }.log();
    }

    /// Tells the client something it did not ask for. To be driven afterwards.
    pub(crate) fn notify(&mut self, notice: Notice) {
        if self.phase == Phase::Open && self.channel.pending_output() < NOTICES_HIGH {
            self.push(&ServerMessage::Notice(notice));
        }
    }

    /// Ends the connection because the server stops, as soon as no job is out. To be driven
    /// afterwards.
    pub(crate) fn drain(&mut self, now: Now) {
        if self.session.waiting_for(self.id).is_none() {
            self.end(now, Notice::ShuttingDown {});
        } else if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
    }

    /// Ends the connection with a last notice. To be driven afterwards.
    pub(crate) fn end(&mut self, now: Now, notice: Notice) {
        if !self.is_closing() && !self.is_detached() {
            self.push(&ServerMessage::Notice(notice));
            self.close(now);
        }
    }

    /// Ends the connection with a reply that nothing asked for yet. To be driven afterwards.
    pub(crate) fn reject(&mut self, now: Now, error: ErrorReply) {
        if !self.is_closing() {
            self.push(&ServerMessage::Reply { number: 0, reply: Reply::Error(error) });
            self.close(now);
        }
    }

    fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    fn close(&mut self, now: Now) {
        if !self.is_closing() {
            self.channel.close();
            self.phase = Phase::Closing { since: now.uptime, shut_down: false };
        }
    }

    /// The next moment at which [`Connection::expire`] has something to do, as an uptime.
    pub(crate) fn deadline(&self, config: &SessionConfig) -> Duration {
        self.timers(config).next()
    }

    /// Does what the time demands: nothing, a ping, or the end. To be driven afterwards.
    pub(crate) fn expire(&mut self, now: Now, config: &SessionConfig) -> Option<CloseReason> {
        match self.timers(config).due(now.uptime)? {
            Timer::Close(reason) => Some(reason),
            // A job that takes its time is no silence of the client's.
            Timer::Idle if self.session.waiting_for(self.id).is_some() => {
                self.activity.excused(now.uptime);
                None
            }
            Timer::Idle => Some(CloseReason::IdleTimeout),
            Timer::Ping => {
                self.activity.pinged();
                self.notify(Notice::Ping {});
                None
            }
        }
    }

    fn timers(&self, config: &SessionConfig) -> Timers {
        match self.phase {
            Phase::Closing { since, .. } => Timers::lingering(since),
            Phase::Open | Phase::Draining | Phase::Detached(_) => {
                self.activity.timers(self.session.identity().is_some(), config)
            }
        }
    }

    /// Keeps the connection although its transport is over, until the store has answered: what
    /// the answer means for others must not be lost with it. False where it need not stay.
    pub(crate) fn detach(&mut self, reason: CloseReason) -> bool {
        let is_storing = self.session.is_storing();
        if is_storing && !self.is_detached() {
            self.phase = Phase::Detached(reason);
            // Nothing is read or written any more: what it holds may be what there was no room for.
            self.channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
        }
        is_storing
    }

    fn is_detached(&self) -> bool {
        matches!(self.phase, Phase::Detached(_))
    }

    /// Takes back the job that is out, where that is still possible: nobody waits any more.
    pub(crate) fn cancel_job(&mut self, context: &mut ServerContext<'_>) {
        let is_at_work = self
            .session
            .waiting_for(self.id)
            .is_some_and(|ticket| !self.session.is_storing() && !context.hasher.cancel(ticket));
        self.channel.discard_input();
        context.input.free(&mut self.input_share);
        context.output.free(&mut self.output_share);
        let settlement = if is_at_work { Settlement::Abandoned } else { Settlement::Unanswered };
        self.session.settle(&mut context.session, settlement);
        if let Some(identity) = self.session.identity() {
            let account = identity.account;
            context.session.effects.push(Effect::LoggedOut { connection: self.id, account });
        }
    }
}

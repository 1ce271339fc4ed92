//! One connection: a transport, a channel and a session, and the one loop that drives them.

mod context;
mod due;
mod reason;
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
pub(crate) use self::{context::Context, reason::Reason};
use self::{
    due::{Due, Dues, Since},
    transport::Reader,
};
pub use crate::limits::budget::Held;
use crate::{
    clock::Now,
    event::Event,
    ids::{ConnId, Ticket},
    limits::budget::{Exhausted, Share},
    session::{Done, Order, Session, Settings, effect::Effect},
};

/// Requests that one connection may have answered before it is another's turn.
const REQUESTS_PER_TURN: u32 = 64;

/// Reads per turn; a frame that comes in many pieces must not hold up the others either.
const READS_PER_TURN: u32 = 16;

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
    Over(Reason),
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Requests are taken.
    Open,
    /// The server stops: the request under way is finished, no other is taken.
    Draining,
    /// The transport is over, for this reason; the store is still at the session's last job.
    Gone(Reason),
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
    since: Since,
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
            since: Since::opened(now.uptime),
            input_share: Share::default(),
            output_share: Share::default(),
        }
    }

    /// What it runs over.
    pub(crate) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
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
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) -> Driven {
        self.channel.attach(context.spare);
        let mut driven = self.turn(context);
        if self.share_input(context).is_err() {
            self.refuse_for_room(context);
            driven = self.turn(context);
        }
        if self.share_output(context).is_err() {
            // Its replies are what there is no room for; nothing more can be said to it.
            Event::OutputRefused { connection: self.id, address: self.peer }.log();
            driven = Driven::Over(Reason::NoRoom);
        }
        self.channel.detach(context.spare);
        driven
    }

    /// Counts what was received of a frame that is not complete, beyond what any connection has.
    fn share_input(&mut self, context: &mut Context<'_>) -> Result<(), Exhausted> {
        let bytes = self.channel.pending_input().saturating_sub(SHARE_FREE);
        context.input.resize(&mut self.input_share, bytes)
    }

    /// Counts what the client has not taken, beyond what any connection may have.
    fn share_output(&mut self, context: &mut Context<'_>) -> Result<(), Exhausted> {
        let bytes = self.channel.pending_output().saturating_sub(SHARE_FREE);
        context.output.resize(&mut self.output_share, bytes)
    }

    fn refuse_for_room(&mut self, context: &mut Context<'_>) {
        Event::InputRefused { connection: self.id, address: self.peer }.log();
        let text = "the server has no room for a frame of this size now; try again";
        let mut error = ErrorReply::new(ErrorCode::Busy, text);
        error.retry_after = Some(ROOM_RETRY);
        self.channel.discard_input();
        context.input.free(&mut self.input_share);
        self.turn_away(context.now, error);
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Driven {
        if let Phase::Gone(reason) = self.phase {
            return match self.session.is_storing() {
                true => Driven::Idle,
                false => Driven::Over(reason),
            };
        }
        let mut requests = REQUESTS_PER_TURN;
        let mut reads = READS_PER_TURN;
        loop {
            if self.takes_requests() && self.channel.has_message() {
                if requests == 0 {
                    // What is answered goes out before the others have their turn.
                    return self.flush(context.now).err().map_or(Driven::Again, Driven::Over);
                }
                requests -= 1;
                self.take_request(context);
                continue;
            }
            if let Err(reason) = self.flush(context.now) {
                return Driven::Over(reason);
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
                return Driven::Over(reason);
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
            Phase::Gone(_) => false,
            Phase::Closing { .. } => true,
        }
    }

    fn read(&mut self) -> Result<(), Reason> {
        let mut reader = Reader::new(&mut self.transport);
        let read = match self.phase {
            Phase::Open | Phase::Draining => self.channel.read_from(&mut reader),
            // The last words wait until TLS is agreed upon.
            Phase::Closing { .. } if self.channel.is_handshaking() && self.channel.has_room() => {
                self.channel.read_from(&mut reader)
            }
            Phase::Closing { .. } | Phase::Gone(_) => reader.read(&mut [0; 4096]),
        };
        if reader.emptied && !self.ready.ended {
            self.ready.readable = false;
        }
        match read {
            Ok(0) if matches!(self.phase, Phase::Closing { .. }) => Err(Reason::ByServer),
            Ok(0) if self.channel.is_cut_off() => Err(Reason::CutOff),
            Ok(0) => Err(Reason::ByClient),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready.readable = false;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(Reason::Broken),
        }
    }

    /// Writes what is to go out, as far as the transport takes it.
    fn flush(&mut self, now: Now) -> Result<(), Reason> {
        while self.ready.writable && self.channel.wants_write() {
            match self.channel.write_to(&mut self.transport) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready.writable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Reason::Broken),
            }
        }
        self.since.offered(now.uptime, self.channel.pending_output() == 0);
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

    fn take_request(&mut self, context: &mut Context<'_>) {
        match self.channel.next_message::<ClientMessage>() {
            Ok(None) => {}
            Ok(Some(message)) => {
                self.since.heard(context.now.uptime);
                let mut scope = context.scope(self.id, self.peer);
                let order = self.session.handle(&mut scope, message.number, message.request);
                self.act(context, order);
            }
            Err(error) => self.refuse_input(context, error),
        }
    }

    /// Takes what came of a job, if the session waits for it. To be driven afterwards.
    pub(crate) fn complete(&mut self, context: &mut Context<'_>, ticket: Ticket, done: Done) {
        let mut scope = context.scope(self.id, self.peer);
        let Some(order) = self.session.complete(&mut scope, ticket, done) else {
            return;
        };
        // What was done has its effects on others, even if nobody is left to be answered.
        if self.is_closing() || self.is_gone() {
            return self.session.drop_order(&order);
        }
        self.act(context, order);
        if self.phase == Phase::Draining {
            self.drain(context.now);
        }
    }

    /// Does what the session wants, until it waits or has replied.
    fn act(&mut self, context: &mut Context<'_>, mut order: Order) {
        loop {
            let (ticket, done) = match order {
                Order::Reply(number, reply) => return self.reply(context, number, reply),
                Order::Close(number, reply) => {
                    self.push(&ServerMessage::Reply { number, reply });
                    return self.close(context.now);
                }
                Order::Defer(ticket, job) => match context.submit(ticket, job) {
                    Some(done) => (ticket, done),
                    None => return,
                },
            };
            let mut scope = context.scope(self.id, self.peer);
            match self.session.complete(&mut scope, ticket, done) {
                Some(next) => order = next,
                None => return,
            }
        }
    }

    fn reply(&mut self, context: &Context<'_>, number: u32, reply: Reply) {
        match reply {
            Reply::LoggedIn(_) => self.channel.set_frame_limit(context.settings.frame_max()),
            Reply::LoggedOut {} | Reply::AccountChanged {} if self.session.identity().is_none() => {
                self.channel.set_frame_limit(limits::FRAME_BEFORE_LOGIN_MAX);
                self.since.left(context.now.uptime);
            }
            _ => {}
        }
        self.push(&ServerMessage::Reply { number, reply });
    }

    fn push(&mut self, message: &ServerMessage) {
        if self.channel.push(message).is_err() {
            // A page is bounded far below the largest frame; only a fault of ours gets here.
            Event::ServerWarning { text: "a reply did not fit into a frame" }.log();
        }
    }

    /// Answers what is no request; closes where nothing can be read any more, or too often.
    fn refuse_input(&mut self, context: &Context<'_>, error: ChannelError) {
        let (number, code, text) = match error {
            ChannelError::Tls(_) | ChannelError::NotTls => {
                self.report_protocol_error(&error.to_string());
                return self.close(context.now);
            }
            ChannelError::Foreign(foreign) => {
                self.report_protocol_error(foreign.name());
                self.channel.push_answer(foreign);
                return self.close(context.now);
            }
            ChannelError::Frame(error) => {
                let code = match error {
                    FrameError::TooLarge { .. } => ErrorCode::TooLarge,
                    FrameError::Empty => ErrorCode::Protocol,
                };
                self.close(context.now);
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
                self.close(context.now);
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
        if !self.is_closing() && !self.is_gone() {
            self.push(&ServerMessage::Notice(notice));
            self.close(now);
        }
    }

    /// Ends the connection with a reply that nothing asked for yet. To be driven afterwards.
    pub(crate) fn turn_away(&mut self, now: Now, error: ErrorReply) {
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
    pub(crate) fn deadline(&self, settings: &Settings) -> Duration {
        self.dues(settings).next()
    }

    /// Does what the time demands: nothing, a ping, or the end. To be driven afterwards.
    pub(crate) fn expire(&mut self, now: Now, settings: &Settings) -> Option<Reason> {
        match self.dues(settings).at(now.uptime)? {
            Due::End(reason) => Some(reason),
            // A job that takes its time is no silence of the client's.
            Due::Silence if self.session.waiting_for(self.id).is_some() => {
                self.since.excused(now.uptime);
                None
            }
            Due::Silence => Some(Reason::IdleTimeout),
            Due::Ping => {
                self.since.pinged();
                self.notify(Notice::Ping {});
                None
            }
        }
    }

    fn dues(&self, settings: &Settings) -> Dues {
        match self.phase {
            Phase::Closing { since, .. } => Dues::of_closing(since),
            Phase::Open | Phase::Draining | Phase::Gone(_) => {
                self.since.dues(self.session.identity().is_some(), settings)
            }
        }
    }

    /// Keeps the connection although its transport is over, until the store has answered: what
    /// the answer means for others must not be lost with it. False where it need not stay.
    pub(crate) fn outlive(&mut self, reason: Reason) -> bool {
        let is_storing = self.session.is_storing();
        if is_storing && !self.is_gone() {
            self.phase = Phase::Gone(reason);
            // Nothing is read or written any more: what it holds may be what there was no room for.
            self.channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
        }
        is_storing
    }

    fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone(_))
    }

    /// Takes back the job that is out, where that is still possible: nobody waits any more.
    pub(crate) fn abandon(&mut self, context: &mut Context<'_>) {
        let is_at_work = self
            .session
            .waiting_for(self.id)
            .is_some_and(|ticket| !self.session.is_storing() && !context.hasher.cancel(ticket));
        self.channel.discard_input();
        context.input.free(&mut self.input_share);
        context.output.free(&mut self.output_share);
        let mut scope = context.scope(self.id, self.peer);
        if is_at_work {
            self.session.abandon_work(&mut scope);
        } else {
            self.session.abandon(&mut scope);
        }
        if let Some(identity) = self.session.identity() {
            let account = identity.account;
            context.effects.push(Effect::Left { connection: self.id, account });
        }
    }
}

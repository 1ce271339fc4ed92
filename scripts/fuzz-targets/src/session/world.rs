//! The server and the clients' ends of its connections.

use std::{net::SocketAddr, sync::Once, time::Duration};

use correio_proto::message::{Notice, Reply};
use correio_server::{
    auth::resume_ticket::TicketTimes,
    engine::connection::Readiness,
    event::is_obeyed,
    session::SessionConfig,
    store::{
        Quota, UploadLimits,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    pipe::Pipe,
    world::{PipeClient, REALM, World as Inner, limits_of, with_tickets},
};

/// Clients at a time.
pub(super) const CLIENTS: usize = 4;

pub(super) const BODY_MAX: usize = 300;
pub(super) const QUOTA: Quota = Quota { mails: 6, bytes: 1500 };
/// Largest content that is uploaded, in bytes.
pub(super) const CONTENT_MAX: u64 = 400;
/// Fewest bytes of a piece within a content.
pub(super) const PIECE_MIN: usize = 2;
pub(super) const UPLOADS: UploadLimits =
    UploadLimits { uploads: 2, account_bytes: 600, bytes: 900, content: CONTENT_MAX };
pub(super) const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Checks from now on that every record of the log is one line.
pub(super) fn watch_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // If another logger was set before, that logger checks its records itself.
        if log::set_logger(&OneLine).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
    });
}

struct OneLine;

impl log::Log for OneLine {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        assert!(!line.chars().any(is_obeyed), "{line:?}");
    }

    fn flush(&self) {}
}

pub(super) struct World {
    pub(super) inner: Inner,
    clients: [Option<PipeClient>; CLIENTS],
    piece: usize,
}

impl World {
    /// A server that reads and writes at most `piece` bytes at a time; 0 stands for no limit.
    pub(super) fn new(piece: u8) -> Self {
        let store = MemoryStore::new(
            REALM,
            QUOTA,
            MemoryLimits { uploads: UPLOADS, ..MemoryLimits::default() },
        );
        let session = SessionConfig {
            body_max: BODY_MAX,
            content_max: CONTENT_MAX,
            piece_min: PIECE_MIN,
            login_timeout: LOGIN_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            ..with_tickets(1, TicketTimes::default())
        };
        Self {
            inner: Inner::limited(limits_of(100), session, Box::new(store)),
            clients: [const { None }; CLIENTS],
            piece: if piece == 0 { usize::MAX } else { piece.into() },
        }
    }

    fn client(&mut self, index: usize) -> &mut PipeClient {
        self.clients[index].as_mut().expect("it has connected")
    }

    pub(super) fn is_there(&self, index: usize) -> bool {
        self.clients[index].is_some()
    }

    pub(super) fn connect(&mut self, index: usize) {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let client = self.inner.try_connect_over(Pipe::new(self.piece), peer);
        self.clients[index] = Some(client.expect("there is room"));
    }

    pub(super) fn write(&mut self, index: usize, bytes: &[u8]) {
        let client = self.clients[index].as_mut().expect("it has connected");
        client.write(&mut self.inner, bytes);
    }

    /// Reports readiness that the connection need not have.
    pub(super) fn note_all_readiness(&mut self, index: usize) {
        let id = self.client(index).id;
        self.inner.server.note(id, Readiness { readable: true, writable: true, ended: false });
        self.settle();
    }

    /// Closes the client's end, and checks that the server then drops the connection.
    pub(super) fn hang_up(&mut self, index: usize) {
        let client = self.clients[index].take().expect("it has connected");
        client.pipe.close_at_client();
        let ended = Readiness { readable: true, writable: false, ended: true };
        self.inner.server.note(client.id, ended);
        self.settle();
        assert!(self.inner.server.transport_mut(client.id).is_none());
    }

    /// Runs the loop until nothing moves.
    pub(super) fn settle(&mut self) {
        self.inner.settle();
    }

    /// Advances the clock, and stops at every deadline to run the loop.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.inner.pass(Duration::from_secs(seconds));
    }

    /// Decodes what the server has written.
    pub(super) fn receive(&mut self, index: usize) {
        self.client(index).receive();
    }

    pub(super) fn reply(&mut self, index: usize) -> Option<(u32, Reply)> {
        self.client(index).replies.pop_front()
    }

    /// The notices since the last call.
    pub(super) fn notices(&mut self, index: usize) -> Vec<Notice> {
        std::mem::take(&mut self.client(index).notices)
    }

    /// Whether the server has ended the connection or dropped it.
    pub(super) fn is_closed(&mut self, index: usize) -> bool {
        let client = self.client(index);
        let (id, said) = (client.id, client.is_closed());
        said || self.inner.server.transport_mut(id).is_none()
    }
}

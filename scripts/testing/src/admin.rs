//! The operator's end of an admin connection on a pipe in memory.

use correio_server::{
    admin::{reply::AdminReply, request::AdminRequest},
    engine::connection::Readiness,
    ids::ConnId,
};

use crate::{pipe::Pipe, world::World};

/// The operator's end of a connection.
pub struct AdminPipe {
    /// The connection.
    pub id: ConnId,
    /// Its pipe.
    pub pipe: Pipe,
}

impl AdminPipe {
    /// Connects; `None` if the server drops the connection at once.
    pub fn try_connect(world: &mut World) -> Option<Self> {
        let pipe = Pipe::new(usize::MAX);
        let id = world.server.open_admin(world.now, pipe.clone())?;
        Some(Self { id, pipe })
    }

    /// Connects.
    pub fn connect(world: &mut World) -> Self {
        Self::try_connect(world).expect("there is a place for it")
    }

    /// Writes bytes and runs the loop.
    pub fn write(&self, world: &mut World, bytes: &[u8]) {
        self.pipe.write_at_client(bytes);
        world.server.note(self.id, Readiness { readable: true, ..Readiness::default() });
        world.settle();
    }

    /// Writes a request, without running the loop.
    pub fn begin(&self, world: &mut World, request: &AdminRequest) {
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        self.pipe.write_at_client(&line);
        world.server.note(self.id, Readiness { readable: true, ..Readiness::default() });
    }

    /// Takes the replies that the server wrote. Panics unless they are whole.
    pub fn replies(&self) -> Vec<AdminReply> {
        let bytes = self.pipe.take_at_client();
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "whole lines");
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// Makes a request and takes its reply.
    pub fn ask(&self, world: &mut World, request: &AdminRequest) -> AdminReply {
        self.begin(world, request);
        world.settle();
        let mut replies = self.replies();
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0)
    }
}

//! A client of HTTP on a pipe in memory, and the answers that a server wrote.

use correio_server::{engine::connection::Readiness, ids::ConnId, protocol::Service};

use crate::{pipe::Pipe, world::World};

/// A client's end of a connection of HTTP.
pub struct HttpPipe {
    /// The connection.
    pub id: ConnId,
    /// Its pipe.
    pub pipe: Pipe,
}

impl HttpPipe {
    /// Connects; `None` if the server drops the connection at once.
    pub fn try_connect(world: &mut World) -> Option<Self> {
        let (pipe, peer) = (Pipe::new(usize::MAX), "192.0.2.9:4000".parse().unwrap());
        let id = world.server.open(world.now, pipe.clone(), peer, Service::METRICS)?;
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

    /// Writes bytes, runs the loop, and takes the answers.
    pub fn ask(&self, world: &mut World, bytes: &[u8]) -> Vec<HttpAnswer> {
        self.write(world, bytes);
        answers(&self.pipe.take_at_client())
    }

    /// As [`HttpPipe::ask`] for one GET of a path.
    pub fn get(&self, world: &mut World, path: &str) -> HttpAnswer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answers = self.ask(world, request.as_bytes());
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The header lines, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl HttpAnswer {
    /// The value of a header line.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Cuts bytes into answers that have bodies. Panics unless they are whole.
#[must_use]
pub fn answers(mut bytes: &[u8]) -> Vec<HttpAnswer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").expect("HTTP");
        let status = status.split(' ').next().unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").expect("a header line"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").unwrap();
        let length: usize = length.1.parse().unwrap();
        let body = &bytes[end + 4..];
        let body_text = std::str::from_utf8(&body[..length]).unwrap().to_owned();
        bytes = &body[length..];
        answers.push(HttpAnswer { status, headers, body: body_text });
    }
    answers
}

//! The beginning of a connection: TLS, who may use it, and the session's settings.

use bytes::BytesMut;
use postgres_protocol::message::{
    backend::{Message, ParameterStatusBody},
    frontend,
};
use rustls::ClientConnection;

use super::{
    decoder::{FIRST_MESSAGES_MAX, next_message},
    notice::Notice,
    socket::Socket,
    tls,
    transport::{Transport, TransportError},
};
use crate::store::postgres::{
    connect_error::ConnectError,
    database_url::{DatabaseUrl, Host, SslMode},
    deadline::Deadline,
    error::ProtocolError,
};

/// A connection before its first statement.
pub(super) struct Greeting<'a> {
    pub(super) url: &'a DatabaseUrl,
    pub(super) host: &'a Host,
    pub(super) mode: SslMode,
    transport: Transport,
    deadline: Deadline,
}

/// What a server says of itself at the beginning.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) version: Option<String>,
    pub(super) encoding: Option<String>,
}

/// The session's settings, which override those of the role and of the database.
///
/// No timeout ends a statement: it would also end a COMMIT's wait for the standby. Warnings are
/// wanted, since one tells of such an end; and a role that does without the wait, or without the
/// disk, would make every acknowledgement a lie. The other values are those that statements rely
/// on.
const SETTINGS: [(&str, &str); 11] = [
    ("application_name", "correio"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "warning"),
    ("default_transaction_isolation", "read committed"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("synchronous_commit", "on"),
    ("TimeZone", "UTC"),
];

impl<'a> Greeting<'a> {
    /// Connects a socket, and puts TLS on it if the host is reached so.
    pub(super) fn connect(
        url: &'a DatabaseUrl,
        host: &'a Host,
        reached: Deadline,
        deadline: Deadline,
    ) -> Result<Self, ConnectError> {
        let socket = Socket::connect(host, reached)
            .map_err(|source| ConnectError::Unreachable { host: host.to_string(), source })?;
        let (mode, transport) = (url.ssl_mode(host), Transport::new(socket));
        let mut greeting = Self { url, host, mode, transport, deadline };
        if let (Host::Tcp { name, .. }, true) = (host, mode != SslMode::Disable) {
            let tls = tls::client(url, name, mode)?;
            greeting.begin_tls(tls)?;
        }
        Ok(greeting)
    }

    fn begin_tls(&mut self, tls: ClientConnection) -> Result<(), ConnectError> {
        let mut output = BytesMut::new();
        frontend::ssl_request(&mut output);
        self.send(&output)?;
        let received = self.transport.receive(self.deadline);
        received.map_err(|error| self.broken(error))?;
        match (self.transport.input.first(), self.transport.input.len()) {
            (Some(b'S'), 1) => {}
            (Some(b'N'), 1) => return Err(ConnectError::NoTls { host: self.name() }),
            // Bytes after the answer would pass for bytes under TLS.
            _ => return Err(self.nonsense(ProtocolError::new(&"no answer about TLS"))),
        }
        self.transport.input.clear();
        self.transport.begin_tls(tls);
        let shaken = self.transport.shake_hands(self.deadline);
        shaken.map_err(|error| self.broken(error))
    }

    /// Says who connects to which database, with the session's settings.
    pub(super) fn introduce(&mut self) -> Result<(), ConnectError> {
        let mut output = BytesMut::new();
        let who = [("user", self.url.user.as_str()), ("database", self.url.database.as_str())];
        frontend::startup_message(who.into_iter().chain(SETTINGS), &mut output)
            .map_err(|error| self.nonsense(ProtocolError::new(&error)))?;
        self.send(&output)
    }

    /// Reads what the server says of itself, until it is ready for statements.
    pub(super) fn await_ready(&mut self) -> Result<Server, ConnectError> {
        let mut server = Server::default();
        loop {
            match self.receive()? {
                Message::ParameterStatus(body) => server.note(&body),
                Message::BackendKeyData(_) => {}
                Message::ReadyForQuery(_) => return Ok(server),
                _ => return Err(self.nonsense(ProtocolError::new(&"a message at the beginning"))),
            }
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        let sent = self.transport.send(bytes, self.deadline);
        sent.map_err(|error| self.broken(error))
    }

    /// The next message that is neither a notice nor an error.
    pub(super) fn receive(&mut self) -> Result<Message, ConnectError> {
        loop {
            let message = next_message(&mut self.transport.input, FIRST_MESSAGES_MAX);
            match message.map_err(|error| self.nonsense(error))? {
                Some(Message::NoticeResponse(_)) => {}
                Some(Message::ErrorResponse(body)) => {
                    let notice = Notice::read(body.fields());
                    return Err(self.refusal(&notice.map_err(|error| self.nonsense(error))?));
                }
                Some(message) => return Ok(message),
                None => {
                    let received = self.transport.receive(self.deadline);
                    received.map_err(|error| self.broken(error))?;
                }
            }
        }
    }

    pub(super) fn tls(&self) -> Option<&ClientConnection> {
        self.transport.tls()
    }

    pub(super) fn into_transport(self) -> Transport {
        self.transport
    }

    /// The host's name for messages.
    pub(super) fn name(&self) -> String {
        self.host.to_string()
    }

    pub(super) fn nonsense(&self, source: ProtocolError) -> ConnectError {
        ConnectError::Protocol { host: self.name(), source }
    }

    fn broken(&self, error: TransportError) -> ConnectError {
        let host = self.name();
        match error {
            TransportError::Deadline => ConnectError::Silent { host },
            TransportError::Ended(reason) => {
                ConnectError::Broken { host, reason: reason.to_string() }
            }
            TransportError::Certificate(reason) => {
                ConnectError::Certificate { host, reason: reason.to_string() }
            }
        }
    }

    fn refusal(&self, notice: &Notice) -> ConnectError {
        let (host, user) = (self.name(), self.url.user.clone());
        match &notice.sqlstate {
            b"28P01" => ConnectError::Password { host, user },
            b"28000" => ConnectError::NotAllowed { host, user, text: notice.message.clone() },
            b"3D000" => ConnectError::NoDatabase { host, database: self.url.database.clone() },
            // insufficient_resources, operator_intervention, connection_exception.
            [b'5', b'3' | b'7', ..] | [b'0', b'8', ..] => {
                ConnectError::Busy { host, text: notice.text().to_string() }
            }
            _ => ConnectError::Server { host, text: notice.text().to_string() },
        }
    }
}

impl Server {
    fn note(&mut self, body: &ParameterStatusBody) {
        let (Ok(name), Ok(value)) = (body.name(), body.value()) else { return };
        match name {
            "server_version" => self.version = Some(value.to_owned()),
            "server_encoding" => self.encoding = Some(value.to_owned()),
            _ => {}
        }
    }

    /// The number before the first point or word of the version.
    pub(super) fn major(&self) -> Option<u32> {
        let digits: String =
            self.version.as_ref()?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

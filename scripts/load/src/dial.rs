//! Starts a scripted client's connection, and names the reasons for losing it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use correio_client::client::LinkError;
use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// The driver's next action on a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAction {
    /// Keeps the connection.
    Keep,
    /// Closes the connection without a goodbye; the client connects again later.
    Close,
}

/// Starts to connect, from the source address if one is given.
pub(crate) fn connect(source: Option<IpAddr>, server: SocketAddr) -> io::Result<TcpStream> {
    let domain = Domain::for_address(server);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.set_nonblocking(true)?;
    match socket.connect(&server.into()) {
        Ok(()) => {}
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// The code that stands for a lost connection in the results.
pub(crate) fn code(error: &LinkError) -> &'static str {
    match error {
        LinkError::Closed | LinkError::Io(..) => "disconnected",
        LinkError::Rejected(error) => error.code.as_str(),
        LinkError::Silent => "silent",
        LinkError::Untrusted(_) | LinkError::NoTls | LinkError::Tls(_) => "tls",
        LinkError::WrongProtocol(_) | LinkError::Protocol(_) | LinkError::Version(_) => "protocol",
    }
}

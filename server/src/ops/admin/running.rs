//! The operator's requests to a running server, through its admin socket.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use crate::{
    admin::{
        line::LINE_MAX,
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::AdminRequest,
    },
    data_directory::{ADMIN_SOCKET, SocketPath},
    ops::admin::error::AdminCommandError,
};

/// A connection to a server.
pub(super) struct Running {
    socket: BufReader<UnixStream>,
}

impl Running {
    /// Connects to the server of a data directory. `None` if no server listens there.
    pub(super) fn connect(directory: &Path) -> Result<Option<Self>, AdminCommandError> {
        let connected =
            SocketPath::of(directory).and_then(|path| UnixStream::connect(path.as_path()));
        match connected {
            Ok(socket) => Ok(Some(Self { socket: BufReader::new(socket) })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => {
                Err(AdminCommandError::Connect { path: directory.join(ADMIN_SOCKET), source })
            }
        }
    }

    /// Makes a request, and waits for its reply.
    pub(super) fn ask(&mut self, request: &AdminRequest) -> Result<AdminReply, AdminCommandError> {
        let mut line = serde_json::to_vec(request)
            .map_err(|error| AdminCommandError::Answer(error.to_string()))?;
        if line.len() > LINE_MAX {
            let text = format!("this is too large: a request has at most {LINE_MAX} bytes");
            let error = AdminError::new(AdminErrorCode::TooLarge, text);
            return Ok(AdminReply::Error(error));
        }
        line.push(b'\n');
        // A server that refuses the connection closes it, whether or not the request was written.
        let written = self.socket.get_mut().write_all(&line);
        let mut reply = String::new();
        match self.socket.read_line(&mut reply) {
            Ok(_) if reply.ends_with('\n') => {}
            Ok(_) | Err(_) => return Err(AdminCommandError::Ended),
        }
        if let Err(error) = written
            && reply.is_empty()
        {
            return Err(AdminCommandError::Answer(error.to_string()));
        }
        serde_json::from_str(&reply).map_err(|error| AdminCommandError::Answer(error.to_string()))
    }
}

/// Whether nothing listens: there is no socket, or its server has ended.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

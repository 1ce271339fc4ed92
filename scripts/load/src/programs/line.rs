//! A blocking connection of a mail program, which reads lines, with TLS or without.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use correio_proto::{byte_channel::ByteChannel, tls::Security};

/// Longest wait for a line, after which the server counts as gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most bytes of a line.
const LINE_MAX: usize = 64 * 1024;

/// See the module's description.
pub(super) struct LineStream {
    stream: TcpStream,
    channel: ByteChannel,
}

impl LineStream {
    /// Connects.
    pub(super) fn connect(server: SocketAddr, security: &Security) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut this = Self { stream, channel: ByteChannel::new(security, LINE_MAX) };
        while this.channel.is_handshaking() {
            this.flush()?;
            this.fill()?;
        }
        Ok(this)
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let input = self.channel.input();
            if let Some(end) = input.iter().position(|byte| *byte == b'\n') {
                let line = input.get(..end).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.channel.consume(end + 1);
                return Ok(line);
            }
            if self.channel.take_failure().is_some() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.fill()?;
        }
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.channel.output().extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.channel.wants_write() {
            match self.channel.write_to(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => drop(written?),
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        match self.channel.read_from(&mut self.stream) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => self.flush(),
        }
    }
}

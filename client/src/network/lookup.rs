//! Looks up the addresses of a name. The operating system's resolver may block longer than any
//! deadline, so it runs on a thread of its own that is never joined.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
};

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct Lookup(Receiver<io::Result<Vec<SocketAddr>>>);

impl Lookup {
    /// Starts a look-up. Calls `done` once the result is available.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(
        host: String,
        port: u16,
        done: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::Builder::new().name("correio-lookup".to_owned()).spawn(move || {
            let found = (host, port).to_socket_addrs().map(Iterator::collect);
            // A caller that gave up has dropped the receiver.
            let _ = sender.send(found);
            done();
        })?;
        Ok(Self(receiver))
    }

    /// The result, once it is available.
    pub(crate) fn result(&self) -> Option<io::Result<Vec<SocketAddr>>> {
        match self.0.try_recv() {
            Ok(found) => Some(found),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                Some(Err(io::Error::other("the look-up was broken off")))
            }
        }
    }
}

//! A proxy between client and server on this machine, which can cut and refuse connections.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Result;

/// State shared by the proxy's threads.
#[derive(Debug)]
struct State {
    server: SocketAddr,
    is_refusing: bool,
    streams: Vec<TcpStream>,
}

/// The proxy. Its threads end with the program.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { server, is_refusing: false, streams: vec![] }));
        let proxy = Self { address, state };
        let shared = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server is away, the client's connection just ends.
                let _ = shared.pass(&client);
            }
        });
        Ok(proxy)
    }

    fn pass(&self, client: &TcpStream) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_refusing {
            return client.shutdown(Shutdown::Both);
        }
        let server = TcpStream::connect(state.server)?;
        state.streams.extend([client.try_clone()?, server.try_clone()?]);
        for (mut from, mut to) in
            [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)]
        {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    }

    /// Closes every connection.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sets whether new connections are closed at once.
    pub(crate) fn refuse(&self, is_refusing: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_refusing = is_refusing;
    }

    /// Passes new connections on to another address.
    pub(crate) fn point_at(&self, server: SocketAddr) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).server = server;
    }
}

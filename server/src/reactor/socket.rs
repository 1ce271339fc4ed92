//! The sockets of connections: TCP, and the operator's Unix socket.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use mio::{
    Interest, Registry, Token,
    event::Source,
    net::{TcpStream, UnixStream},
};

use crate::engine::connection::Transport;

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// Of a client on the network.
    Tcp(TcpStream),
    /// Of the operator.
    Unix(UnixStream),
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Socket {
    fn shutdown_write(&mut self) {
        // Fails only if the connection is over already.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
        };
    }

    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        // epoll(7): a short read has emptied a stream socket. Other kernels are asked once more.
        cfg!(any(target_os = "linux", target_os = "android")) && count < room
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, of: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.register(registry, token, of),
            Self::Unix(socket) => socket.register(registry, token, of),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, of: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.reregister(registry, token, of),
            Self::Unix(socket) => socket.reregister(registry, token, of),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.deregister(registry),
            Self::Unix(socket) => socket.deregister(registry),
        }
    }
}

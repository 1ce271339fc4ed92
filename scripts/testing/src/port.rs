//! Ports without a listener.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address of this machine on which nothing listens.
#[must_use]
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

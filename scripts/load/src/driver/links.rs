//! The connections of the driver's clients: begins them, from enough source addresses, and begins
//! them again with a backoff.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use mio::{Interest, Token};

use super::{Driver, Link, Role};
use crate::{dial::connect, results::Operation};

/// Connections from one source address: fewer than it has ports.
const CONNECTIONS_PER_ADDRESS: usize = 20_000;

/// Longest wait before a new attempt to connect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// A connection that lasted this long resets the backoff.
const GOOD_AFTER: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn keep_connected(&mut self, index: usize, now: Duration) {
        let source = self.source(index);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if let Link::Down(at) = slot.link
            && at <= now
        {
            let connected = match self.plan.server(index, slot.attempts) {
                Some(server) => connect(source, server),
                None => Err(io::ErrorKind::AddrNotAvailable.into()),
            };
            slot.attempts = slot.attempts.wrapping_add(1);
            match connected {
                Ok(mut stream) => {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    let registered =
                        self.poll.registry().register(&mut stream, Token(index), interest);
                    slot.link = match registered {
                        Ok(()) => Link::Connecting(stream, now),
                        Err(_) => Link::Down(now + RECONNECT_MAX),
                    };
                }
                Err(_) => self.disconnected(index, now, "connect"),
            }
            return;
        }
        let Link::Connecting(stream, since) = &slot.link else {
            return;
        };
        let since = *since;
        let is_connected = match stream.take_error() {
            Ok(None) => match stream.peer_addr() {
                Ok(_) => true,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(_) => false,
            },
            _ => false,
        };
        if !is_connected {
            return self.disconnected(index, now, "refused");
        }
        if let Link::Connecting(stream, _) = std::mem::replace(&mut slot.link, Link::Down(now)) {
            let _ = stream.set_nodelay(true);
            slot.link = Link::Up(stream, now);
            slot.has_connected = true;
            self.up += 1;
        }
        match &mut slot.role {
            Role::User(user) => {
                user.client.connected(now);
                self.recorder.done(Operation::Connect, now.saturating_sub(since));
            }
            Role::Intruder(intruder) => intruder.connected(now),
        }
    }

    /// A source address on this machine, so that there are enough ports. Hostile clients use other
    /// addresses than users.
    fn source(&self, index: usize) -> Option<IpAddr> {
        if !self.plan.servers.iter().all(|server| server.ip().is_loopback() && server.is_ipv4()) {
            return None;
        }
        let (network, number) = match index.checked_sub(self.user_count) {
            None => (0, 1 + index / CONNECTIONS_PER_ADDRESS),
            Some(intruder) => (1, 1 + intruder % 50),
        };
        Some(Ipv4Addr::new(127, 0, network, number as u8).into())
    }

    pub(super) fn disconnected(&mut self, index: usize, now: Duration, code: &str) {
        if index < self.user_count {
            self.recorder.failed(Operation::Connect, code);
        }
        self.drop_link(index, now);
    }

    pub(super) fn drop_link(&mut self, index: usize, now: Duration) {
        let pause = self.rng.f64();
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if let Link::Up(_, since) = slot.link {
            self.up = self.up.saturating_sub(1);
            self.fewest = self.fewest.min(self.up);
            if since + GOOD_AFTER <= now {
                slot.failures = 0;
            }
        }
        slot.failures = slot.failures.saturating_add(1);
        let wait = RECONNECT_MAX.min(Duration::from_millis(50) * 2_u32.pow(slot.failures.min(6)));
        slot.link = Link::Down(now + wait.mul_f64(0.5 + pause / 2.0));
        match &mut slot.role {
            Role::User(user) => user.client.disconnected(),
            Role::Intruder(intruder) => {
                intruder.disconnected(now);
                slot.link = Link::Down(intruder.wake_at());
            }
        }
    }
}

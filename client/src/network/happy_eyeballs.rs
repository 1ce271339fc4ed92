//! Decides when to try which address of a host ("Happy Eyeballs", RFC 8305): each attempt starts a
//! quarter of a second after the one before, so that a broken route does not cost the whole
//! deadline. No socket, no clock.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use correio_proto::message::ErrorCode;

use crate::{
    client::LinkError,
    error::{Attempt, ConnectError},
};

/// Delay between the starts of two attempts.
const STAGGER: Duration = Duration::from_millis(250);

/// Maximum of addresses of one host that are tried.
const ADDRESSES_MAX: usize = 16;

/// The addresses of a host, and the state of each attempt.
#[derive(Debug)]
pub(crate) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<SocketAddr>,
    failed: Vec<(SocketAddr, LinkError)>,
    next_start: Duration,
}

impl Race {
    /// Sorts the addresses: IPv6 and IPv4 in turn, in the resolver's order, beginning with its
    /// first.
    pub(crate) fn new(addresses: &[SocketAddr], now: Duration) -> Self {
        let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
        let (mut first, mut second): (VecDeque<SocketAddr>, VecDeque<SocketAddr>) =
            addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
        let mut waiting = VecDeque::new();
        while waiting.len() < ADDRESSES_MAX && !(first.is_empty() && second.is_empty()) {
            for next in [first.pop_front(), second.pop_front()].into_iter().flatten() {
                if !waiting.contains(&next) {
                    waiting.push_back(next);
                }
            }
        }
        Self { waiting, running: Vec::new(), failed: Vec::new(), next_start: now }
    }

    /// Takes the address to try now, if any.
    pub(crate) fn start(&mut self, now: Duration) -> Option<SocketAddr> {
        if now < self.next_start && !self.running.is_empty() {
            return None;
        }
        let address = self.waiting.pop_front()?;
        self.running.push(address);
        self.next_start = now + STAGGER;
        Some(address)
    }

    /// Records a failed attempt. The next address may start at once.
    pub(crate) fn fail(&mut self, address: SocketAddr, error: LinkError, now: Duration) {
        self.running.retain(|running| *running != address);
        self.failed.push((address, error));
        self.next_start = now;
    }

    /// Records the first address that connected. If it fails later, the others are tried again.
    pub(crate) fn win(&mut self, address: SocketAddr) {
        for other in self.running.drain(..).rev() {
            if other != address {
                self.waiting.push_front(other);
            }
        }
        self.running.push(address);
    }

    /// When [`Race::start`] wants to be called next.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.next_start)
    }

    /// Whether every address has failed.
    pub(crate) fn is_lost(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// The error once every address has failed or the deadline has passed: the most telling
    /// failure, with all addresses that were tried.
    pub(crate) fn into_error(mut self) -> ConnectError {
        for address in std::mem::take(&mut self.running) {
            self.failed.push((address, LinkError::Silent));
        }
        let tried: Vec<Attempt> = self
            .failed
            .iter()
            .map(|(address, error)| Attempt { address: *address, failure: error.to_string() })
            .collect();
        let telling = self.failed.into_iter().map(|(_, error)| error).max_by_key(rank);
        match telling {
            Some(error) => connect_error(error, tried),
            None => ConnectError::TimedOut { tried },
        }
    }
}

/// Rank of an error: the closer the attempt came to a correio server, the more its error tells.
fn rank(error: &LinkError) -> u8 {
    match error {
        LinkError::Untrusted(_) => 6,
        LinkError::Version(_) => 5,
        LinkError::Rejected(_) => 4,
        LinkError::NoTls
        | LinkError::Tls(_)
        | LinkError::WrongProtocol(_)
        | LinkError::Protocol(_)
        | LinkError::Closed => 3,
        LinkError::Silent => 2,
        LinkError::Io(io::ErrorKind::TimedOut, _) => 2,
        LinkError::Io(io::ErrorKind::ConnectionRefused, _) => 1,
        LinkError::Io(..) => 0,
    }
}

/// Converts the end of a connection to the error of an attempt to connect.
pub(crate) fn connect_error(error: LinkError, tried: Vec<Attempt>) -> ConnectError {
    match error {
        LinkError::Version(spoken) => ConnectError::OtherVersion { spoken },
        LinkError::Rejected(error) => match error.code {
            ErrorCode::Busy | ErrorCode::RateLimited => ConnectError::Busy {
                retry_after: error.retry_after.map(u64::from).map(Duration::from_secs),
            },
            _ => ConnectError::Rejected(error),
        },
        LinkError::Untrusted(untrusted) => ConnectError::Untrusted(untrusted),
        LinkError::NoTls => ConnectError::NoTls { tried },
        LinkError::Tls(detail) => ConnectError::Tls { detail, tried },
        LinkError::WrongProtocol(protocol) => {
            ConnectError::NotCorreio { spoken: Some(protocol), tried }
        }
        LinkError::Protocol(_) | LinkError::Closed => {
            ConnectError::NotCorreio { spoken: None, tried }
        }
        LinkError::Silent | LinkError::Io(io::ErrorKind::TimedOut, _) => {
            ConnectError::TimedOut { tried }
        }
        LinkError::Io(io::ErrorKind::ConnectionRefused, _) => ConnectError::Refused { tried },
        LinkError::Io(_, detail) => ConnectError::Io { detail, tried },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn refused() -> LinkError {
        LinkError::Io(io::ErrorKind::ConnectionRefused, "refused".to_owned())
    }

    #[test]
    fn families_take_turns() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::1]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let mut race = Race::new(&given, ms(0));
        let order: Vec<_> = (0..5).map_while(|n| race.start(ms(n * 250))).collect();
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1"]);
        assert_eq!(order, expected);
    }

    #[test]
    fn the_next_address_starts_late_or_upon_a_failure() {
        let given = addresses(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1"]);
        let mut race = Race::new(&given, ms(0));
        assert_eq!(race.start(ms(0)), Some(given[0]));
        assert_eq!((race.start(ms(0)), race.timeout()), (None, Some(ms(250))));
        assert_eq!(race.start(ms(249)), None);
        assert_eq!(race.start(ms(250)), Some(given[1]));
        race.fail(given[1], refused(), ms(260));
        assert_eq!(race.start(ms(260)), Some(given[2]));
        assert_eq!(race.timeout(), None);
        race.fail(given[2], refused(), ms(270));
        assert!(!race.is_lost());
        race.fail(given[0], refused(), ms(280));
        assert!(race.is_lost());
        let error = race.into_error();
        assert!(matches!(&error, ConnectError::Refused { tried } if tried.len() == 3));
        assert!(error.to_string().contains("1.1.1.3:1: refused"));
    }

    #[test]
    fn a_winner_that_is_no_server_leaves_the_others_their_chance() {
        let given = addresses(&["1.1.1.1:1", "1.1.1.2:1"]);
        let mut race = Race::new(&given, ms(0));
        race.start(ms(0));
        race.start(ms(250));
        race.win(given[1]);
        race.fail(given[1], LinkError::Closed, ms(300));
        assert_eq!(race.start(ms(300)), Some(given[0]));
        let error = race.into_error();
        assert!(
            matches!(error, ConnectError::NotCorreio { spoken: None, tried } if tried.len() == 2)
        );
    }
}

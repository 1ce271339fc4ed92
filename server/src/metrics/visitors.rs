//! Counts the visits of the addresses that connect most, in a table of bounded size.

use std::net::{IpAddr, Ipv6Addr};

/// Most addresses in the table.
const ROOM: usize = 64;

/// Most addresses that are shown.
const SHOWN: usize = 10;

/// An act of an address that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// The address opened a connection.
    Connection,
    /// The server refused a connection, an input or a request of the address.
    Refusal,
    /// The address gave an unknown username or a wrong password.
    FailedLogin,
}

/// The counts of an address since it entered the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// An IPv4 address, or the first address of an IPv6 /64.
    pub(super) address: IpAddr,
    pub(super) connections: u64,
    pub(super) refusals: u64,
    pub(super) failed_logins: u64,
    /// The rank that the address took over: it can have made at most so many visits before.
    before: u64,
}

impl Visitor {
    fn rank(&self) -> u64 {
        let own = self.connections.saturating_add(self.refusals).saturating_add(self.failed_logins);
        self.before.saturating_add(own)
    }
}

/// The table. A new address takes the place and the rank of the address with the lowest rank
/// ("space saving"), so that an address with more than a 64th of all visits is always in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitors(Vec<Visitor>);

impl Visitors {
    /// Counts a visit of an address. The time depends on the table's size alone.
    pub(crate) fn note(&mut self, address: IpAddr, visit: Visit) {
        let address = network(address);
        let known = self.0.iter_mut().find(|visitor| visitor.address == address);
        let visitor = match known {
            Some(visitor) => Some(visitor),
            None => self.enter(address),
        };
        let Some(visitor) = visitor else {
            return;
        };
        match visit {
            Visit::Connection => visitor.connections += 1,
            Visit::Refusal => visitor.refusals += 1,
            Visit::FailedLogin => visitor.failed_logins += 1,
        }
    }

    fn enter(&mut self, address: IpAddr) -> Option<&mut Visitor> {
        let new =
            |before| Visitor { address, connections: 0, refusals: 0, failed_logins: 0, before };
        if self.0.len() < ROOM {
            self.0.push(new(0));
            return self.0.last_mut();
        }
        let lowest = self.0.iter_mut().min_by_key(|visitor| visitor.rank())?;
        *lowest = new(lowest.rank());
        Some(lowest)
    }

    /// The addresses with the highest ranks, highest first.
    pub(super) fn top(&self) -> Vec<Visitor> {
        let mut visitors = self.0.clone();
        visitors.sort_by_key(|visitor| std::cmp::Reverse(visitor.rank()));
        visitors.truncate(SHOWN);
        visitors
    }
}

/// The address itself, or the first address of its IPv6 /64, which belongs to one customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_visits_often_is_shown_whatever_the_crowd() {
        let mut visitors = Visitors::default();
        let often: IpAddr = "192.0.2.1".parse().unwrap();
        for number in 0..100_000u32 {
            visitors.note(IpAddr::V4(number.into()), Visit::Connection);
            if number % 20 == 0 {
                visitors.note(often, Visit::FailedLogin);
            }
        }
        assert_eq!(visitors.0.len(), ROOM);
        let top = visitors.top();
        assert_eq!((top.len(), top[0].address), (SHOWN, often));
        assert!(top[0].failed_logins > 4_000, "{top:?}");
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        let mut visitors = Visitors::default();
        for address in ["2001:db8::1", "2001:db8::ffff:1", "::ffff:192.0.2.1", "192.0.2.1"] {
            visitors.note(address.parse().unwrap(), Visit::Connection);
        }
        visitors.note("192.0.2.1".parse().unwrap(), Visit::Refusal);
        let top = visitors.top();
        let shown: Vec<_> =
            top.iter().map(|v| (v.address.to_string(), v.connections, v.refusals)).collect();
        assert_eq!(shown, [("192.0.2.1".to_owned(), 2, 1), ("2001:db8::".to_owned(), 2, 0)]);
    }
}

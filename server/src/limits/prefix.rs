//! The part of an address that limits are counted for.

use std::{
    fmt, iter,
    net::{IpAddr, Ipv6Addr},
};

/// Widths of the IPv6 networks that are counted, in bits, narrowest first: a link; a provider's
/// assignment to a household; an assignment to a site, or of a tunnel operator to any customer.
const IPV6_BITS: [u8; 3] = [64, 56, 48];

/// Bits of an IPv4 address.
const IPV4_BITS: u8 = 32;

/// Bits of a single IPv6 address.
const IPV6_HOST_BITS: u8 = 128;

/// The part of an address that may belong to one customer: a whole IPv4 address (also where it is
/// written as IPv6), or an IPv6 network, in which the customer has as many addresses as they like.
/// An address does not tell how large its owner's network is, so every count is kept for /64, /56
/// and /48, with larger limits for the wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    network: IpAddr,
    bits: u8,
}

impl Prefix {
    /// A single address, which counts in no wider network: that of a trusted proxy, beside which
    /// others must not be counted.
    #[must_use]
    pub fn of_host(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self { network, bits: if network.is_ipv4() { IPV4_BITS } else { IPV6_HOST_BITS } }
    }

    /// The next wider network. `None` for the widest, for a single IPv6 address, and for an IPv4
    /// address, whose neighbours belong to other customers.
    #[must_use]
    pub fn wider(self) -> Option<Self> {
        let IpAddr::V6(network) = self.network else {
            return None;
        };
        if self.bits == IPV6_HOST_BITS {
            return None;
        }
        let bits = IPV6_BITS.into_iter().find(|bits| *bits < self.bits)?;
        Some(Self::of_ipv6(network, bits))
    }

    /// This prefix and all wider ones, narrowest first.
    pub fn and_wider(self) -> impl Iterator<Item = Self> {
        iter::successors(Some(self), |prefix| prefix.wider())
    }

    /// Factor of this prefix's limits over those of the narrowest: 1, 2 or 4. So one customer
    /// cannot use up the limits of a wider network.
    #[must_use]
    pub fn share(self) -> u32 {
        match (self.network, self.bits) {
            (IpAddr::V6(_), 56) => 2,
            (IpAddr::V6(_), 48) => 4,
            _ => 1,
        }
    }

    fn of_ipv6(address: Ipv6Addr, bits: u8) -> Self {
        let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
        Self { network: Ipv6Addr::from_bits(address.to_bits() & !host).into(), bits }
    }
}

impl From<IpAddr> for Prefix {
    /// The narrowest prefix of an address.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { network: address.into(), bits: IPV4_BITS },
            IpAddr::V6(address) => Self::of_ipv6(address, IPV6_BITS[0]),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/{}", self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> Prefix {
        Prefix::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn addresses_of_one_customer_are_one_prefix() {
        for (address, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::/64"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("2001:db8:ffff:ffff:1:2:3:4", "2001:db8:ffff:ffff::/64"),
        ] {
            assert_eq!(prefix(address).to_string(), shown, "{address}");
            let text = shown.trim_end_matches("/64");
            assert_eq!(prefix(text), prefix(address), "{address}");
        }
    }

    #[test]
    fn prefixes_of_ipv6_widen_to_what_a_site_has() {
        for (address, networks) in [
            ("192.0.2.1", &["192.0.2.1"][..]),
            (
                "2001:db8:1:2345:6:7:8:9",
                &["2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"],
            ),
        ] {
            let widths: Vec<_> = prefix(address).and_wider().map(|it| it.to_string()).collect();
            assert_eq!(widths, networks);
            let shares: Vec<_> = prefix(address).and_wider().map(Prefix::share).collect();
            assert_eq!(shares, [1, 2, 4][..networks.len()]);
        }
        let site = |address| prefix(address).and_wider().last().unwrap();
        assert_eq!(site("2001:db8:1:ffff::1"), site("2001:db8:1::2"));
        assert_ne!(site("2001:db8:1::1"), site("2001:db8:2::1"));
        // A network differs from a wider network with the same first bits.
        assert_ne!(prefix("2001:db8:1::"), site("2001:db8:1::"));
    }
}

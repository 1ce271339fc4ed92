//! Networks that the operator names, such as those of trusted proxies.

use std::{net::IpAddr, str::FromStr};

/// An address or a network, written as `127.0.0.1`, `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text is no network: it is not an address, its prefix is too long, bits after the prefix are
/// set, or it is an IPv4 address that is written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network")]
pub struct NetworkError;

impl Network {
    /// Whether the address is in this network. An IPv4 address that is written as IPv6 counts as
    /// IPv4.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && (value(address) ^ value(self.address)) & self.mask() == 0
    }

    /// Whether all addresses of a family are in this network.
    #[must_use]
    pub fn is_everything(self) -> bool {
        self.bits == 0
    }

    /// The bits of the prefix, at the place that [`value`] has them.
    fn mask(self) -> u128 {
        let width = width(self.address);
        let all = u128::MAX >> (u128::BITS - width);
        // A shift by the whole width is none.
        all & u128::MAX.checked_shl(width - self.bits).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn value(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = width(address);
        let bits = match bits {
            // `parse` alone would accept a sign.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= width).ok_or(NetworkError)?
            }
            Some(_) => return Err(NetworkError),
            None => width,
        };
        let network = Self { address, bits };
        let is_exact = value(address) & !network.mask() == 0;
        (is_exact && address == address.to_canonical()).then_some(network).ok_or(NetworkError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_with_its_prefix() {
        for (network, inside, outside) in [
            ("127.0.0.1", &["127.0.0.1", "::ffff:127.0.0.1"][..], &["127.0.0.2", "::1"][..]),
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"], &["11.0.0.0", "9.255.255.255"]),
            ("192.0.2.4/31", &["192.0.2.4", "192.0.2.5"], &["192.0.2.3", "192.0.2.6"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "::1"]),
            ("::1", &["::1"], &["::", "::2", "0.0.0.1"]),
            ("2001:db8::/33", &["2001:db8:7fff::1"], &["2001:db8:8000::", "2001:db9::"]),
            ("::/0", &["::", "2001:db8::"], &["0.0.0.0"]),
        ] {
            let parsed: Network = network.parse().unwrap();
            let contains = |address: &&str| parsed.contains(address.parse().unwrap());
            assert!(inside.iter().all(contains), "{network}");
            assert!(!outside.iter().any(contains), "{network}");
            assert_eq!(parsed.is_everything(), network.ends_with("/0"), "{network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "10",
            "localhost",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "::/129",
            "::1/64",
            "::ffff:10.0.0.1",
            "10.0.0.0/8/8",
            "10.0.0.0 /8",
            "127.0.0.1:80",
            "[::1]",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text:?}");
        }
    }
}

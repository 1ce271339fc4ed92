//! Whose an address is, as far as an address tells.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The part of an address that belongs to one customer: the whole of an IPv4 address (also of one
/// that is written as IPv6), the first 64 bits of an IPv6 address. Within those a customer takes
/// as many addresses as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(IpAddr);

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let prefix = Prefix::from(address.parse::<IpAddr>().unwrap());
            assert_eq!(prefix.to_string(), shown, "{address}");
            let text = shown.trim_end_matches("/64");
            assert_eq!(Prefix::from(text.parse::<IpAddr>().unwrap()), prefix, "{address}");
        }
    }
}

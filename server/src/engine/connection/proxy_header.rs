//! The header of the PROXY protocol, version 2, which a proxy sends before the client's bytes
//! (haproxy's `doc/proxy-protocol.txt`). Without I/O: bytes go in, in any pieces.

use std::net::SocketAddr;

/// The first bytes of a header.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The first bytes of a header of version 1.
const SIGNATURE_OF_1: &[u8] = b"PROXY ";

/// Bytes before the addresses: signature, version and command, family, length.
const FIXED: usize = 16;

/// Longest header, in bytes: as long as the specification lets a sender rely on, since the shortest
/// TCP segment has room for it.
pub const PROXY_HEADER_MAX: usize = 536;

/// Bytes of a header that are kept: up to the end of two IPv6 addresses and ports.
const KEPT: usize = FIXED + 36;

/// The origin of a connection, as its header states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client at this address.
    Client(SocketAddr),
    /// The proxy itself, such as for a health check, or a client without an IP address: the
    /// connection's own address stands.
    Proxy,
}

/// Why bytes are not a header that this server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// The bytes begin otherwise.
    #[error("there is no PROXY header")]
    Missing,
    /// The connection has ended within the header.
    #[error("the PROXY header is cut off")]
    Cut,
    /// The header is of another version.
    #[error("the PROXY header has version {0}; version 2 is needed")]
    Version(u8),
    /// The command is neither LOCAL nor PROXY.
    #[error("the PROXY header has an unknown command")]
    Command,
    /// The family or the transport is unknown.
    #[error("the PROXY header has an unknown family")]
    Family,
    /// The header is longer than [`PROXY_HEADER_MAX`].
    #[error("the PROXY header has {0} bytes; 536 are the most")]
    TooLong(usize),
    /// The header ends within its addresses.
    #[error("the PROXY header has no room for its addresses")]
    TooShort,
}

/// A header of which some bytes have arrived.
#[derive(Clone, Debug, Default)]
pub struct ProxyHeader {
    /// The first bytes, at most [`KEPT`].
    kept: Vec<u8>,
    /// All bytes that have arrived.
    count: usize,
}

impl ProxyHeader {
    /// Bytes that certainly belong to the header and have not arrived. More than 0 until the header
    /// is complete, at most [`PROXY_HEADER_MAX`].
    #[must_use]
    pub fn missing(&self) -> usize {
        self.end().saturating_sub(self.count)
    }

    /// The header's length, or that of its fixed part as long as that has not arrived.
    fn end(&self) -> usize {
        match self.kept.get(FIXED - 2..FIXED) {
            Some(&[high, low]) => FIXED + usize::from(u16::from_be_bytes([high, low])),
            _ => FIXED,
        }
    }

    /// Takes bytes, at most as many as are [`missing`](Self::missing). Returns the origin once the
    /// header is complete.
    ///
    /// # Errors
    ///
    /// See [`ProxyHeaderError`]; as soon as it is certain, and never [`ProxyHeaderError::Cut`].
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<Option<Origin>, ProxyHeaderError> {
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend(bytes.iter().take(room));
        self.count += bytes.len();
        self.check_signature()?;
        let Some(&[command, family, _, _]) = self.kept.get(SIGNATURE.len()..FIXED) else {
            return Ok(None);
        };
        if command >> 4 != 2 {
            return Err(ProxyHeaderError::Version(command >> 4));
        }
        if self.end() > PROXY_HEADER_MAX {
            return Err(ProxyHeaderError::TooLong(self.end()));
        }
        // The family of a LOCAL connection has no meaning.
        let addresses = match (command & 0xf, family) {
            (0, _) => Addresses::Other { bytes: 0 },
            (1, family) => Addresses::of(family)?,
            _ => return Err(ProxyHeaderError::Command),
        };
        if self.end() - FIXED < addresses.bytes() {
            return Err(ProxyHeaderError::TooShort);
        }
        match self.missing() {
            0 => Ok(Some(self.origin(addresses))),
            _ => Ok(None),
        }
    }

    fn check_signature(&self) -> Result<(), ProxyHeaderError> {
        let begins = |signature: &[u8]| {
            signature.iter().zip(&self.kept).all(|(expected, byte)| expected == byte)
        };
        if begins(SIGNATURE) {
            return Ok(());
        }
        match begins(SIGNATURE_OF_1) {
            true if self.kept.len() < SIGNATURE_OF_1.len() => Ok(()),
            true => Err(ProxyHeaderError::Version(1)),
            false => Err(ProxyHeaderError::Missing),
        }
    }

    /// The source address, which stands first, and its port, which stands after both addresses.
    fn origin(&self, addresses: Addresses) -> Origin {
        let after = self.kept.get(FIXED..).unwrap_or_default();
        let source = match addresses {
            Addresses::Ipv4 => {
                part(after, 0).map(<[u8; 4]>::into).zip(part(after, 8).map(u16::from_be_bytes))
            }
            Addresses::Ipv6 => {
                part(after, 0).map(<[u8; 16]>::into).zip(part(after, 32).map(u16::from_be_bytes))
            }
            Addresses::Other { .. } => None,
        };
        source.map_or(Origin::Proxy, |(ip, port): (std::net::IpAddr, u16)| {
            Origin::Client(SocketAddr::new(ip.to_canonical(), port))
        })
    }
}

/// The kind of the addresses in a header.
#[derive(Clone, Copy, Debug)]
enum Addresses {
    Ipv4,
    Ipv6,
    /// Unspecified, UDP or Unix: the specification says to use the connection's own address.
    Other {
        bytes: usize,
    },
}

impl Addresses {
    fn of(family: u8) -> Result<Self, ProxyHeaderError> {
        match family {
            0x00 => Ok(Self::Other { bytes: 0 }),
            0x11 => Ok(Self::Ipv4),
            0x12 => Ok(Self::Other { bytes: 12 }),
            0x21 => Ok(Self::Ipv6),
            0x22 => Ok(Self::Other { bytes: 36 }),
            0x31 | 0x32 => Ok(Self::Other { bytes: 216 }),
            _ => Err(ProxyHeaderError::Family),
        }
    }

    /// Their length.
    fn bytes(self) -> usize {
        match self {
            Self::Ipv4 => 12,
            Self::Ipv6 => 36,
            Self::Other { bytes } => bytes,
        }
    }
}

/// `N` bytes at an offset.
fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header with these bytes after its fixed part.
    fn header(command: u8, family: u8, after: &[u8]) -> Vec<u8> {
        let length = u16::try_from(after.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, after].concat()
    }

    /// Feeds pieces of these lengths in rotation. Returns the result and how many bytes were taken.
    fn feed(bytes: &[u8], pieces: &[usize]) -> (Result<Option<Origin>, ProxyHeaderError>, usize) {
        let (mut reader, mut taken) = (ProxyHeader::default(), 0);
        for piece in pieces.iter().cycle() {
            let rest = &bytes[taken..];
            let given = &rest[..reader.missing().min(*piece).min(rest.len())];
            taken += given.len();
            match reader.handle_bytes(given) {
                Ok(None) if !given.is_empty() => {}
                result => return (result, taken),
            }
        }
        unreachable!("pieces are not empty")
    }

    fn whole(bytes: &[u8]) -> Result<Option<Origin>, ProxyHeaderError> {
        feed(bytes, &[usize::MAX]).0
    }

    fn client(address: &str) -> Result<Option<Origin>, ProxyHeaderError> {
        Ok(Some(Origin::Client(address.parse().unwrap())))
    }

    #[test]
    fn a_header_states_the_client_or_leaves_the_address_of_the_proxy() {
        let ipv4 = [192, 0, 2, 7, 127, 0, 0, 1, 0x1f, 0x90, 0x22, 0xb8];
        let mut ipv6 = [0; 36];
        ipv6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        ipv6[15] = 9;
        ipv6[32] = 1;
        let mut mapped = ipv6;
        mapped[..16].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]);
        let tlvs = [&ipv4[..], &[4; 508]].concat();
        for (bytes, expected) in [
            (header(0x21, 0x11, &ipv4), client("192.0.2.7:8080")),
            (header(0x21, 0x11, &tlvs), client("192.0.2.7:8080")),
            (header(0x21, 0x21, &ipv6), client("[2001:db8::9]:256")),
            (header(0x21, 0x21, &mapped), client("192.0.2.7:256")),
            (header(0x20, 0x00, &[]), Ok(Some(Origin::Proxy))),
            (header(0x20, 0x11, &ipv4), Ok(Some(Origin::Proxy))),
            (header(0x20, 0xff, &[1; 9]), Ok(Some(Origin::Proxy))),
            (header(0x21, 0x00, &ipv4), Ok(Some(Origin::Proxy))),
            (header(0x21, 0x12, &ipv4), Ok(Some(Origin::Proxy))),
            (header(0x21, 0x22, &ipv6), Ok(Some(Origin::Proxy))),
            (header(0x21, 0x31, &[0; 216]), Ok(Some(Origin::Proxy))),
        ] {
            assert_eq!(whole(&bytes), expected, "{bytes:?}");
            for end in 0..bytes.len() {
                assert_eq!(whole(&bytes[..end]), Ok(None), "cut at {end}: {bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_header_of_version_2_is_refused_as_soon_as_it_is_certain() {
        use ProxyHeaderError::{Command, Family, Missing, TooLong, TooShort, Version};
        let fixed = |command, family, length: u16| {
            [SIGNATURE, &[command, family], &length.to_be_bytes()].concat()
        };
        for (bytes, expected) in [
            (b"\x16\x03\x01".to_vec(), Missing),
            (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), Missing),
            (b"PROXZ".to_vec(), Missing),
            (b"PROXY TCP4 192.0.2.7 ".to_vec(), Version(1)),
            (fixed(0x11, 0x11, 12), Version(1)),
            (fixed(0x31, 0x11, 12), Version(3)),
            (fixed(0x22, 0x11, 12), Command),
            (fixed(0x21, 0x13, 12), Family),
            (fixed(0x21, 0x41, 12), Family),
            (fixed(0x21, 0x11, 11), TooShort),
            (fixed(0x21, 0x21, 35), TooShort),
            (fixed(0x21, 0x31, 215), TooShort),
            (fixed(0x21, 0x11, 521), TooLong(537)),
            (fixed(0x20, 0x00, u16::MAX), TooLong(65_551)),
        ] {
            assert_eq!(whole(&bytes), Err(expected), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing_and_no_byte_after_the_header_is_taken(
            begins in any::<bool>(),
            command in prop_oneof![Just(0x20_u8), Just(0x21), any::<u8>()],
            family in prop_oneof![Just(0x11_u8), Just(0x21), any::<u8>()],
            length in prop_oneof![0_u16..600, any::<u16>()],
            rest in proptest::collection::vec(any::<u8>(), 0..700),
            pieces in proptest::collection::vec(1_usize..40, 1..5),
        ) {
            let fixed = [SIGNATURE, &[command, family], &length.to_be_bytes()].concat();
            let bytes = if begins { [fixed, rest].concat() } else { rest };
            let (expected, _) = feed(&bytes, &[usize::MAX]);
            let (result, taken) = feed(&bytes, &pieces);
            prop_assert_eq!(result, expected);
            if let Ok(Some(_)) = result {
                prop_assert_eq!(taken, FIXED + usize::from(length));
                prop_assert!(taken <= PROXY_HEADER_MAX);
            }
        }
    }
}

//! Target `proxy`: the header of a proxy, in any pieces, against a reading of the whole.

use std::net::{IpAddr, SocketAddr};

use correio_server::engine::connection::{Origin, PROXY_HEADER_MAX, ProxyHeader, ProxyHeaderError};

use crate::{input::Input, pieces::Pieces};

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let lengths = [input.byte(), input.byte()].map(usize::from);
    let stream = input.rest();
    let whole = feed(&mut Pieces::new([]), stream);
    assert_eq!(feed(&mut Pieces::new(lengths), stream), whole, "in pieces of {lengths:?}");
    assert_eq!(feed(&mut Pieces::new([1]), stream), whole, "byte by byte");
    match (whole, origin(stream)) {
        (Ok(Some((origin, taken))), Some((expected, length))) => {
            assert_eq!((origin, taken), (expected, length));
        }
        (Ok(None) | Err(_), None) => {}
        (got, expected) => panic!("{got:?} is not {expected:?}"),
    }
}

/// Feeds pieces. Returns the origin and the header's length.
fn feed(pieces: &mut Pieces, stream: &[u8]) -> Result<Option<(Origin, usize)>, ProxyHeaderError> {
    let (mut header, mut taken) = (ProxyHeader::default(), 0);
    loop {
        assert!(header.missing() > 0 && header.missing() <= PROXY_HEADER_MAX);
        let rest = &stream[taken..];
        let count = pieces.length(rest.len().min(header.missing()));
        taken += count;
        match header.handle_bytes(&rest[..count])? {
            Some(origin) => return Ok(Some((origin, taken))),
            None if count == 0 => return Ok(None),
            None => {}
        }
    }
}

/// The origin and the length of a whole header at the front of a stream; `None` if there is none.
fn origin(stream: &[u8]) -> Option<(Origin, usize)> {
    let fixed = stream.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")?.first_chunk::<4>()?;
    let length = usize::from(fixed[2]) << 8 | usize::from(fixed[3]);
    let block = stream.get(16..16 + length).filter(|_| length <= 520)?;
    let address = |width: usize| -> Option<(Origin, usize)> {
        let ip: IpAddr = match width {
            4 => IpAddr::from(*block.first_chunk::<4>()?),
            _ => IpAddr::from(*block.first_chunk::<16>()?),
        };
        let port = block.get(2 * width..2 * width + 4)?;
        let port = u16::from(port[0]) << 8 | u16::from(port[1]);
        Some((Origin::Client(SocketAddr::new(ip.to_canonical(), port)), 16 + length))
    };
    let other = |least: usize| (length >= least).then_some((Origin::Proxy, 16 + length));
    match (fixed[0], fixed[1]) {
        (0x20, _) => other(0),
        (0x21, 0x11) => address(4),
        (0x21, 0x21) => address(16),
        (0x21, 0x00) => other(0),
        (0x21, 0x12) => other(12),
        (0x21, 0x22) => other(36),
        (0x21, 0x31 | 0x32) => other(216),
        _ => None,
    }
}

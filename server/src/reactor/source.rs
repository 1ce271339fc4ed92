//! The sources of events: what a mio [`Token`] refers to.

use mio::Token;

use crate::ids::ConnId;

pub(super) const WAKER: Token = Token(usize::MAX);
pub(super) const SIGNALS: Token = Token(usize::MAX - 1);

/// What a mio [`Token`] refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Waker,
    Signals,
    Listener(usize),
    Connection(ConnId),
}

/// The first listener's token. As a connection's token it would have the generation [`u32::MAX`],
/// which no connection has.
const LISTENERS: usize = (u32::MAX as usize) << 32;

impl Source {
    pub(super) fn of(token: Token) -> Self {
        match token {
            WAKER => Self::Waker,
            SIGNALS => Self::Signals,
            Token(number) if number >= LISTENERS => Self::Listener(number - LISTENERS),
            Token(number) => {
                Self::Connection(ConnId { index: number as u32, generation: (number >> 32) as u32 })
            }
        }
    }

    pub(super) fn listener(index: usize) -> Token {
        Token(LISTENERS + index)
    }

    pub(super) fn connection(id: ConnId) -> Token {
        Token((id.generation as usize) << 32 | id.index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_names_its_source() {
        let first = ConnId { index: 0, generation: 0 };
        let last = ConnId { index: u32::MAX, generation: u32::MAX - 1 };
        for id in [first, last, ConnId { index: 5, generation: 7 }] {
            assert_eq!(Source::of(Source::connection(id)), Source::Connection(id));
        }
        assert_eq!(Source::of(Source::listener(3)), Source::Listener(3));
        assert_eq!(Source::of(WAKER), Source::Waker);
        assert_eq!(Source::of(SIGNALS), Source::Signals);
    }
}

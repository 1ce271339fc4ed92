//! Why a server's certificate is not trusted.

use std::fmt;

use correio_proto::fingerprint::Fingerprint;

use crate::Address;

/// A certificate that is not trusted. Nothing was said to the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate {found} of {address} is not trusted: {distrust}")]
pub struct Untrusted {
    /// Whose certificate it should be.
    pub address: Address,
    /// The certificate that the server showed.
    pub found: Fingerprint,
    /// Why it is not trusted.
    pub distrust: Distrust,
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody vouches for it, for this reason. A person may, who compares the fingerprint.
    Unvouched(Doubt),
    /// Another one is expected: the server has a new one, or somebody else answers in its place.
    Changed {
        /// The certificate that was accepted before, or stated in advance.
        expected: Fingerprint,
    },
}

/// Why public authorities do not vouch for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// None of them has signed it, as is usual for a server's own.
    UnknownIssuer,
    /// Its time is over, or this computer's clock is wrong.
    Expired,
    /// Its time has not begun, or this computer's clock is wrong.
    NotYetValid,
    /// It is another host's.
    OtherName,
    /// Something else, in English.
    Other(String),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unvouched(doubt) => doubt.fmt(f),
            Self::Changed { expected } => write!(f, "{expected} is expected"),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "no known authority has signed it",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::OtherName => "it is another host's",
            Self::Other(text) => text,
        })
    }
}

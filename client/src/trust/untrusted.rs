//! Why a server's certificate is not trusted.

use std::fmt;

use correio_proto::fingerprint::Fingerprint;

use crate::address::Address;

/// A certificate that is not trusted. Nothing was sent to the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate {found} of {address} is not trusted: {distrust}")]
pub struct Untrusted {
    /// The server's address.
    pub address: Address,
    /// Fingerprint of the certificate that the server presented.
    pub found: Fingerprint,
    /// Why it is not trusted.
    pub distrust: Distrust,
}

impl Untrusted {
    /// The same certificate, from a server that a public authority vouched for before.
    #[must_use]
    pub fn after_vouched(mut self) -> Self {
        if let Distrust::Unvouched(doubt) = self.distrust {
            self.distrust = Distrust::NoLongerVouched(doubt);
        }
        self
    }
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// No public authority has signed it, or not validly. The user may accept it after comparing
    /// the fingerprint.
    Unvouched(Doubt),
    /// No public authority vouches for it, though one did when the user last used the server: its
    /// operator gave authorities up, or an impostor answers.
    NoLongerVouched(Doubt),
    /// Another certificate is expected: the server has a new one, or an impostor answers.
    Changed {
        /// Fingerprint that was accepted before, or stated.
        expected: Fingerprint,
    },
}

/// Why a certificate is not validly signed by a public authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No known authority has signed it, as is usual for self-signed certificates.
    UnknownIssuer,
    /// It has expired, or this computer's clock is wrong.
    Expired,
    /// It is not valid yet, or this computer's clock is wrong.
    NotYetValid,
    /// It is for another host name.
    OtherName,
    /// Another reason, in English.
    Other(String),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unvouched(doubt) | Self::NoLongerVouched(doubt) => doubt.fmt(f),
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

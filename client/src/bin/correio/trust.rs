//! How a server is trusted, as the command line says.

use correio_client::{Address, KnownServers, KnownServersError, Trust};
use correio_proto::fingerprint::Fingerprint;

use crate::args::Options;

/// What the command line states about every server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TrustOption {
    /// Nothing.
    Unset,
    /// To speak without TLS.
    Plaintext,
    /// The fingerprint of the server's certificate.
    Fingerprint(Fingerprint),
}

impl TrustOption {
    pub(crate) fn of(options: &Options) -> Self {
        match options.fingerprint {
            _ if options.plaintext => Self::Plaintext,
            Some(fingerprint) => Self::Fingerprint(fingerprint),
            None => Self::Unset,
        }
    }

    /// How a server is to be trusted.
    pub(crate) fn trust(
        self,
        known: &KnownServers,
        address: &Address,
    ) -> Result<Trust, KnownServersError> {
        match self {
            Self::Unset => known.trust(address),
            Self::Plaintext => Ok(Trust::Plaintext),
            Self::Fingerprint(fingerprint) => Ok(Trust::Fingerprint(fingerprint)),
        }
    }
}

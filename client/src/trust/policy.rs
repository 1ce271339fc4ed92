//! The trust policy for a server.

use correio_proto::fingerprint::Fingerprint;

/// The certificate that a server must present before anything is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// None: no TLS, so that anybody on the path can read and change the traffic.
    Plaintext,
    /// A certificate that a public authority has signed.
    Authorities,
    /// The certificate with this fingerprint, even if it is expired or for another name.
    Fingerprint(Fingerprint),
}

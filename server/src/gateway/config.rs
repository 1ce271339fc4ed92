//! The configuration of a server's gateways.

use correio_proto::tls::Security;

use super::domain::MailDomain;

/// The configuration of a server's gateways.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The domain of the server's mail addresses.
    pub domain: MailDomain,
    /// TLS for the gateways' ports: without ALPN, which mail programs do not speak, and from TLS
    /// 1.2 on, since some programs do not speak TLS 1.3. Plaintext only where no listener offers
    /// TLS.
    pub security: Security,
}

//! Configuration of the gateways of a server.

use correio_proto::tls::Security;

use super::domain::MailDomain;

/// Configuration of the gateways of a server.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The domain of its mail addresses.
    pub domain: MailDomain,
    /// TLS for these ports, whose clients know neither ALPN nor, some of them, TLS 1.3. Plaintext
    /// only where no listener offers TLS.
    pub security: Security,
}

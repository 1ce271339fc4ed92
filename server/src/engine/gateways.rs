//! The server's part in its gateways: their configuration, and the beginnings of connections.

use correio_proto::tls::Security;

use super::{
    Server,
    connection::{Dialogue, Transport},
};
use crate::{
    gateway::GatewayConfig,
    protocol::{Protocol, Service, TlsMode},
};

impl<T: Transport> Server<T> {
    /// Serves ordinary mail programs. With `None`, the server opens no connection of a gateway.
    #[must_use]
    pub fn with_gateways(mut self, config: Option<GatewayConfig>) -> Self {
        self.gateways = config;
        self
    }

    /// The dialogue of a service for mail, and the security with which its connections begin. `None`
    /// if the server cannot offer the service: it has no gateways, or no TLS for one that promises it.
    pub(super) fn prepare(&self, service: Service) -> Option<(Dialogue, Security)> {
        if service.protocol == Protocol::Correio {
            let security = match service.tls {
                TlsMode::Implicit => self.config.security.clone(),
                TlsMode::Start | TlsMode::None => Security::Plaintext,
            };
            return Some((Dialogue::correio(), security));
        }
        let config = self.gateways.as_ref()?;
        let security = match (service.tls, &config.security) {
            (TlsMode::Implicit | TlsMode::Start, Security::Plaintext) => return None,
            (TlsMode::Implicit, security) => security.clone(),
            (TlsMode::Start | TlsMode::None, _) => Security::Plaintext,
        };
        Some((Dialogue::gateway(service, config)?, security))
    }
}

//! The server's part in its gateways: their configuration, the choice of dialogue and TLS for a new
//! connection, and the count of programs' sessions.

use correio_proto::tls::Security;

use super::{
    Server,
    connection::{Connection, Dialogue, Transport},
};
use crate::{
    gateway::GatewayConfig,
    ids::ConnId,
    protocol::{Protocol, Service, TlsMode},
};

impl<T: Transport> Server<T> {
    /// Counts a session that has begun, if it is a mail program's.
    pub(super) fn session_began(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get(id)
            && let Some(sessions) = self.programs.of(entry.connection.protocol())
        {
            *sessions += 1;
        }
    }

    /// Takes the session of a connection that is being removed out of the count, if it is a mail
    /// program's: a program's session ends with its connection.
    pub(super) fn session_ended(&mut self, connection: &Connection<T>) {
        if connection.identity().is_some()
            && let Some(sessions) = self.programs.of(connection.protocol())
        {
            *sessions = sessions.saturating_sub(1);
        }
    }

    /// Sets the configuration of the gateways for ordinary mail programs. With `None`, the server
    /// opens no connection of a gateway.
    #[must_use]
    pub fn with_gateways(mut self, config: Option<GatewayConfig>) -> Self {
        self.gateways = config;
        self
    }

    /// The dialogue of a service, and the security with which its connections begin. `None` if the
    /// server cannot offer the service: it has no gateways, or no TLS for a service that promises
    /// TLS.
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

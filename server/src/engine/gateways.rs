//! The server's part in its gateways: their configuration, the choice of dialogue and TLS for a new
//! connection, and the count of programs' sessions.

use correio_proto::tls::Security;

use super::{
    Server,
    connection::{Dialogue, Transport},
};
use crate::{
    gateway::GatewayConfig,
    ids::ConnId,
    protocol::{Protocol, Service, TlsMode},
};

impl<T: Transport> Server<T> {
    /// Counts a session that has begun, if it is a mail program's.
    pub(super) fn session_began(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(id)
            && let Some(sessions) = self.programs.of(entry.connection.protocol())
            && !std::mem::replace(&mut entry.has_program_session, true)
        {
            *sessions += 1;
        }
    }

    /// Takes a session that has ended out of the count, if it is a mail program's. Its connection
    /// may go on: a program of POP3 is logged out if its mailbox cannot be listed.
    pub(super) fn session_ended(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(id)
            && std::mem::take(&mut entry.has_program_session)
            && let Some(sessions) = self.programs.of(entry.connection.protocol())
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

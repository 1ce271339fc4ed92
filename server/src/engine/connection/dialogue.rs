//! The protocol half of a connection: what the bytes mean. It knows nothing of the transport.

use correio_proto::byte_channel::ByteChannel;

use super::{
    admin::{self, Admin},
    context::ServerContext,
    correio::Correio,
    gateway::Gateway,
    held::Held,
    http,
    step::{Notification, Step, Taken},
};
use crate::{
    admin::ServerAnswer,
    gateway::GatewayConfig,
    ids::{ConnId, Ticket},
    protocol::{Protocol, Service},
    session::{Done, Identity, SessionContext, Settlement},
    store::StoreJob,
};

/// A connection's dialogue, by protocol.
#[derive(Debug)]
pub(crate) enum Dialogue {
    /// Correio's own protocol.
    Correio(Correio),
    /// SMTP submission or POP3.
    Gateway(Box<Gateway>),
    /// HTTP.
    Http,
    /// The operator's requests.
    Admin(Admin),
}

impl Dialogue {
    /// A dialogue of correio's own protocol in which nothing was said yet.
    pub(crate) fn correio() -> Self {
        Self::Correio(Correio::default())
    }

    /// A dialogue of this service's protocol, which is a gateway's, in which nothing was said yet.
    /// `None` if it is another protocol.
    pub(crate) fn gateway(service: Service, config: &GatewayConfig) -> Option<Self> {
        Gateway::new(service, config).map(|gateway| Self::Gateway(Box::new(gateway)))
    }

    /// A dialogue of HTTP.
    pub(crate) fn http() -> Self {
        Self::Http
    }

    /// A dialogue of the operator in which nothing was said yet.
    pub(crate) fn admin() -> Self {
        Self::Admin(Admin::default())
    }

    /// Bytes of input that a new dialogue needs buffered.
    pub(super) fn input_max(&self) -> usize {
        match self {
            Self::Correio(_) => Correio::input_max(),
            Self::Gateway(gateway) => gateway.input_max(),
            Self::Http => http::HEAD_MAX,
            Self::Admin(_) => admin::INPUT_MAX,
        }
    }

    /// Whether [`Dialogue::take_request`] has a request, or an error, to take without reading.
    pub(super) fn has_request(&self, channel: &ByteChannel, connection: ConnId) -> bool {
        match self {
            Self::Correio(correio) => correio.has_request(channel),
            Self::Gateway(gateway) => gateway.has_request(channel, connection),
            Self::Http => http::has_request(channel),
            Self::Admin(admin) => admin.has_request(channel),
        }
    }

    /// Bytes that the dialogue itself holds, beyond the channel's buffers. Requests of correio's
    /// own protocol are bounded by their frames, and leave the dialogue at once.
    pub(super) fn held(&self) -> Held {
        match self {
            Self::Gateway(gateway) => gateway.held(),
            Self::Correio(_) | Self::Http | Self::Admin(_) => Held::default(),
        }
    }

    /// The protocol.
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Correio(_) => Protocol::Correio,
            Self::Gateway(gateway) => gateway.protocol(),
            Self::Http => Protocol::Http,
            Self::Admin(_) => Protocol::Admin,
        }
    }

    /// The account that is logged in.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Correio(correio) => correio.session().identity(),
            Self::Gateway(gateway) => gateway.identity(),
            Self::Http | Self::Admin(_) => None,
        }
    }

    /// The ticket of the job that the dialogue waits for.
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        match self {
            Self::Correio(correio) => correio.session().waiting_for(connection),
            Self::Gateway(gateway) => gateway.waiting_for(connection),
            Self::Admin(admin) => admin.waiting_for(connection),
            Self::Http => None,
        }
    }

    /// Whether the dialogue waits for a store job.
    pub(super) fn is_storing(&self) -> bool {
        match self {
            Self::Correio(correio) => correio.session().is_storing(),
            Self::Gateway(gateway) => gateway.is_storing(),
            Self::Admin(admin) => admin.is_storing(),
            Self::Http => false,
        }
    }

    /// Takes one request from the channel and handles it. Must not be called while the dialogue
    /// waits for a job.
    pub(super) fn take_request(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
    ) -> Taken {
        match self {
            Self::Correio(correio) => correio.take_request(channel, context),
            Self::Gateway(gateway) => gateway.take_request(channel, context),
            Self::Http => http::take_request(channel, context),
            Self::Admin(admin) => admin.take_request(channel, context),
        }
    }

    /// Continues with a job's result. `None` if the dialogue does not wait for this job.
    pub(super) fn complete(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        done: Done,
    ) -> Option<Step> {
        match self {
            Self::Correio(correio) => correio.complete(channel, context, ticket, done),
            Self::Gateway(gateway) => gateway.complete(channel, context, ticket, done),
            Self::Admin(admin) => admin.complete(channel, context, ticket, done),
            Self::Http => None,
        }
    }

    /// Continues with the server's answer to a question of the operator. `None` if the dialogue
    /// does not wait for it.
    pub(super) fn answered(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        answer: ServerAnswer,
    ) -> Option<Step> {
        match self {
            Self::Admin(admin) => admin.answered(channel, context, ticket, answer),
            Self::Correio(_) | Self::Gateway(_) | Self::Http => None,
        }
    }

    /// As [`Dialogue::complete`] after the transport is over: the result has its effects on other
    /// sessions. A mail client's session gets no further job. The operator's goes on to its end, so
    /// that an announcement reaches everybody; its reply is lost.
    pub(super) fn complete_unheard(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        done: Done,
    ) {
        match self {
            Self::Correio(correio) => correio.complete_unheard(&mut context.session, ticket, done),
            Self::Gateway(gateway) => gateway.complete_unheard(&mut context.session, ticket, done),
            Self::Admin(admin) => {
                let _ = admin.complete(channel, context, ticket, done);
            }
            Self::Http => {}
        }
    }

    /// The connection is over: the last job, whose result nobody waits for.
    pub(super) fn give_up(&mut self, connection: ConnId) -> Option<(Ticket, StoreJob)> {
        match self {
            Self::Gateway(gateway) => gateway.give_up(connection),
            Self::Correio(_) | Self::Admin(_) | Self::Http => None,
        }
    }

    /// Settles the charge of the request in progress, if there is one, with the throttle.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        match self {
            Self::Correio(correio) => correio.settle(context, settlement),
            Self::Gateway(gateway) => gateway.settle(context, settlement),
            Self::Http | Self::Admin(_) => {}
        }
    }

    /// Tells the client something without being asked.
    pub(super) fn notify(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut SessionContext<'_>,
        notification: Notification<'_>,
    ) {
        match self {
            Self::Correio(_) => Correio::notify(channel, notification),
            Self::Gateway(gateway) => gateway.notify(channel, context, notification),
            // A command waits for its reply alone; the end of the connection says the rest.
            Self::Admin(_) | Self::Http => {}
        }
    }
}

//! The protocol half of a connection: what the bytes mean. It knows nothing of the transport.

use correio_proto::byte_channel::ByteChannel;

use super::{
    context::ServerContext,
    correio::Correio,
    http,
    step::{Announcement, Step, Taken},
};
use crate::{
    ids::{ConnId, Ticket},
    protocol::Protocol,
    session::{Done, Identity, SessionContext, Settlement},
};

/// A connection's dialogue, by protocol.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// Correio's own protocol.
    Correio(Correio),
    /// HTTP.
    Http,
}

impl Dialogue {
    /// A dialogue in which nothing was said yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Correio => Self::Correio(Correio::default()),
            Protocol::Http => Self::Http,
        }
    }

    /// Bytes of input that a new dialogue needs buffered.
    pub(super) fn input_max(&self) -> usize {
        match self {
            Self::Correio(_) => Correio::input_max(),
            Self::Http => http::HEAD_MAX,
        }
    }

    /// Whether [`Dialogue::take_request`] has a request, or an error, to take without reading.
    pub(super) fn has_request(&self, channel: &ByteChannel) -> bool {
        match self {
            Self::Correio(correio) => correio.has_request(channel),
            Self::Http => http::has_request(channel),
        }
    }

    /// The protocol.
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Correio(_) => Protocol::Correio,
            Self::Http => Protocol::Http,
        }
    }

    /// The account that is logged in.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Correio(correio) => correio.session().identity(),
            Self::Http => None,
        }
    }

    /// The ticket of the job that the dialogue waits for.
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        match self {
            Self::Correio(correio) => correio.session().waiting_for(connection),
            Self::Http => None,
        }
    }

    /// Whether the dialogue waits for a store job.
    pub(super) fn is_storing(&self) -> bool {
        match self {
            Self::Correio(correio) => correio.session().is_storing(),
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
            Self::Http => http::take_request(channel, context),
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
            Self::Http => None,
        }
    }

    /// As [`Dialogue::complete`] after the transport is over: the result has its effects on other
    /// sessions, but there is no reply and no further job.
    pub(super) fn complete_unheard(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
    ) {
        match self {
            Self::Correio(correio) => correio.complete_unheard(context, ticket, done),
            Self::Http => {}
        }
    }

    /// Settles the charge of the request in progress, if there is one, with the throttle.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        match self {
            Self::Correio(correio) => correio.settle(context, settlement),
            Self::Http => {}
        }
    }

    /// Tells the client something without being asked.
    pub(super) fn announce(&self, channel: &mut ByteChannel, announcement: Announcement<'_>) {
        match self {
            Self::Correio(_) => Correio::announce(channel, announcement),
            Self::Http => {}
        }
    }
}

//! The dialogue of HTTP: metrics, health checks and the status page, without bodies of requests and
//! without state.

mod answer;
mod head;
mod page;

use correio_proto::byte_channel::ByteChannel;

use self::{
    answer::{Answer, Ending, Policy, Status},
    head::{Head, Method},
    page::PageFile,
};
use super::{
    context::ServerContext,
    step::{Step, Taken},
};
use crate::metrics::{facts::Facts, render::render, status::status, text::Format};

/// Bytes of input that the dialogue needs buffered: the longest head.
pub(super) const HEAD_MAX: usize = head::HEAD_MAX;

/// A resource that the server offers over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    /// All metrics as text.
    Metrics,
    /// Whether the loop runs: always, if there is an answer.
    Healthz,
    /// Whether mail is taken.
    Readyz,
    /// The numbers of the status page as JSON.
    Status,
    /// A file of the status page.
    Page(PageFile),
}

impl Resource {
    /// The resource of a path, without its query.
    fn at(path: &str) -> Option<Self> {
        match path {
            "/metrics" => Some(Self::Metrics),
            "/healthz" => Some(Self::Healthz),
            "/readyz" => Some(Self::Readyz),
            "/status.json" => Some(Self::Status),
            _ => page::at(path).map(Self::Page),
        }
    }
}

/// See `Dialogue::has_request`.
pub(super) fn has_request(channel: &ByteChannel) -> bool {
    head::has_request(channel)
}

/// See `Dialogue::take_request`.
pub(super) fn take_request(channel: &mut ByteChannel, context: &mut ServerContext<'_>) -> Taken {
    if channel.take_failure().is_some() {
        return Taken::Refused(Step::Close);
    }
    let empty = head::empty_lines(channel.input());
    channel.consume(empty);
    if !has_request(channel) {
        return Taken::Nothing;
    }
    let (answer, head, length) = match head::parse(channel.input()) {
        Ok((head, length)) => (respond(&head, context), Some(head), length),
        Err(status) => (Answer::refused(status), None, usize::MAX),
    };
    channel.consume(length);
    let ending = match &head {
        Some(head) if head.keeps_alive && answer.status.leaves_open() => Ending::Open,
        Some(_) | None => Ending::Close,
    };
    let is_head = head.as_ref().is_some_and(|head| head.method == Method::Head);
    answer.write(channel.output(), context.session.now.wall, is_head, ending);
    context.session.counts.http.add(answer.status.code());
    match (head, ending) {
        (Some(_), Ending::Open) => Taken::Request(Step::Restarted),
        (Some(_), Ending::Close) => Taken::Request(Step::Close),
        (None, _) => Taken::Refused(Step::Close),
    }
}

fn respond(head: &Head, context: &ServerContext<'_>) -> Answer {
    if !head.host.as_ref().is_none_or(|host| context.monitoring.hosts.allow(host)) {
        return Answer::text(
            Status::Misdirected,
            "421 Misdirected Request: ask by an IP address or localhost, or name this host in the \
             setting metrics-host",
        );
    }
    let Some(resource) = Resource::at(&head.path) else {
        return Answer::refused(Status::NotFound);
    };
    if head.method == Method::Other {
        return Answer::refused(Status::MethodNotAllowed);
    }
    match resource {
        Resource::Metrics => metrics(head.format, context),
        Resource::Status => status_of(context),
        Resource::Page(PageFile { media_type, text, .. }) => {
            Answer { status: Status::Ok, media_type, policy: Policy::Page, body: text.into() }
        }
        Resource::Healthz => Answer::text(Status::Ok, "ok"),
        Resource::Readyz => match context.store.health().ready {
            Ok(()) => Answer::text(Status::Ok, "ready"),
            Err(reason) => Answer::text(Status::Unavailable, reason),
        },
    }
}

fn metrics(format: Format, context: &ServerContext<'_>) -> Answer {
    let (facts, store) = (facts(context), context.store.health().counts);
    let sample = &context.monitoring.sample;
    let text = render(format, &facts, context.session.counts, store, sample);
    Answer::data(format.media_type(), text)
}

fn status_of(context: &ServerContext<'_>) -> Answer {
    let (facts, store) = (facts(context), context.store.health().counts);
    let (now, counts) = (context.session.now.wall, &context.session.counts);
    Answer::data("application/json", status(now, &facts, counts, store, context.monitoring))
}

fn facts(context: &ServerContext<'_>) -> Facts {
    let store = context.store.health();
    Facts {
        uptime: context.session.now.uptime,
        connections: context.connections,
        store_queue: store.queue,
        hash_queue: context.hasher.queue(),
        input: context.input.level(),
        output: context.output.level(),
        uploads: store.uploads,
        ready: store.ready,
        shared: store.shared,
    }
}

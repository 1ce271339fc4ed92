//! The dialogue of the operator: one request, and then its reply, a line of JSON each.

use std::cell::Cell;

use correio_proto::byte_channel::ByteChannel;

use super::{
    context::ServerContext,
    step::{Step, Taken},
};
use crate::{
    admin::{
        AdminAction, AdminContext, AdminInput, AdminSession, ServerAnswer,
        line::{self, LINE_MAX},
        reply::{AdminError, AdminErrorCode, AdminReply},
    },
    ids::{ConnId, Ticket},
    session::{Done, Job},
};

/// Bytes of input that the dialogue needs buffered: the longest line and its end.
pub(super) const INPUT_MAX: usize = LINE_MAX + 1;

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    session: AdminSession,
    /// Bytes of the input that have no end of a line: a long line is searched once.
    searched: Cell<usize>,
}

impl Admin {
    /// See `Dialogue::waiting_for`.
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.session.waiting_for(connection)
    }

    /// See `Dialogue::is_storing`.
    pub(super) fn is_storing(&self) -> bool {
        self.session.is_storing()
    }

    /// See `Dialogue::has_request`.
    pub(super) fn has_request(&self, channel: &ByteChannel) -> bool {
        channel.has_failed()
            || self.line_end(channel).is_some()
            || channel.input().len() >= INPUT_MAX
    }

    /// The position of the first end of a line.
    fn line_end(&self, channel: &ByteChannel) -> Option<usize> {
        let input = channel.input();
        let searched = self.searched.get().min(input.len());
        let rest = input.get(searched..).unwrap_or_default();
        match memchr::memchr(b'\n', rest) {
            Some(at) => {
                self.searched.set(searched + at);
                Some(searched + at)
            }
            None => {
                self.searched.set(input.len());
                None
            }
        }
    }

    /// See `Dialogue::take_request`.
    pub(super) fn take_request(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
    ) -> Taken {
        if channel.take_failure().is_some() {
            return Taken::Refused(Step::Close);
        }
        let Some(end) = self.line_end(channel) else {
            if channel.input().len() < INPUT_MAX {
                return Taken::Nothing;
            }
            let text = format!("a request has at most {LINE_MAX} bytes");
            reply(channel, AdminError::new(AdminErrorCode::TooLarge, text));
            return Taken::Refused(Step::Close);
        };
        let request = line::read(channel.input().get(..end).unwrap_or_default());
        channel.consume(end + 1);
        self.searched.set(0);
        match request {
            Ok(request) => {
                let action = self.session.handle(&mut admin_context(context), request);
                Taken::Request(self.perform(channel, context, action))
            }
            Err(error) => {
                reply(channel, error);
                Taken::Refused(Step::Restarted)
            }
        }
    }

    /// See `Dialogue::complete`.
    pub(super) fn complete(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        done: Done,
    ) -> Option<Step> {
        self.go_on(channel, context, ticket, input_of(done)?)
    }

    /// Continues with the server's answer. `None` if the dialogue does not wait for it.
    pub(super) fn answered(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        answer: ServerAnswer,
    ) -> Option<Step> {
        self.go_on(channel, context, ticket, AdminInput::Server(answer))
    }

    fn go_on(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        input: AdminInput,
    ) -> Option<Step> {
        let action = self.session.complete(&mut admin_context(context), ticket, input)?;
        Some(self.perform(channel, context, action))
    }

    /// Performs the session's actions until it waits or has replied.
    fn perform(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        mut action: AdminAction,
    ) -> Step {
        loop {
            let (ticket, job) = match action {
                AdminAction::Reply(reply) => {
                    line::write(&reply, channel.output());
                    return Step::Restarted;
                }
                AdminAction::Ask(ticket, question) => {
                    context.questions.push((ticket, question));
                    return Step::Continue;
                }
                AdminAction::Store(ticket, job) => (ticket, Job::Store(job)),
            };
            let Some(input) = context.submit(ticket, job).and_then(input_of) else {
                return Step::Continue;
            };
            match self.session.complete(&mut admin_context(context), ticket, input) {
                Some(next) => action = next,
                None => return Step::Continue,
            }
        }
    }
}

fn reply(channel: &mut ByteChannel, error: AdminError) {
    line::write(&AdminReply::Error(error), channel.output());
}

fn input_of(done: Done) -> Option<AdminInput> {
    match done {
        Done::Store(done) => Some(AdminInput::Store(done)),
        Done::Busy { .. } => Some(AdminInput::Busy),
        Done::Hash(_) => None,
    }
}

fn admin_context<'a>(context: &'a mut ServerContext<'_>) -> AdminContext<'a> {
    AdminContext {
        now: context.session.now,
        connection: context.session.connection,
        lifecycle: context.lifecycle,
        body_max: context.session.config.body_max,
        effects: context.session.effects,
    }
}

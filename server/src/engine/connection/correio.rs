//! The dialogue of correio's own protocol: a session, and its messages on a channel.

use std::time::Duration;

use correio_proto::{
    byte_channel::ByteChannel,
    frame::{FrameError, Malformed, MalformedKind},
    frame_channel::{ChannelError, FrameChannel},
    limits,
    message::{ClientMessage, ErrorCode, ErrorReply, NewMail, Notice, Reply, ServerMessage},
};

use super::{
    context::ServerContext,
    step::{Notification, Step, Taken},
};
use crate::{
    event::Event,
    ids::Ticket,
    limits::admission::Rejection,
    metrics::counts::RequestKind,
    session::{Action, Done, Session, SessionContext, Settlement, Transition, effect::Arrival},
};

/// Seconds after which a client should try again when the server is full.
const FULL_RETRY: u32 = 30;

/// Seconds after which a client should send a frame again that was refused for lack of memory.
const ROOM_RETRY: u32 = 10;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Correio {
    frames: FrameChannel,
    session: Session,
    /// The request in progress: its kind, and when it was taken (uptime).
    asked: Option<(RequestKind, Duration)>,
    protocol_errors: u32,
}

impl Default for Correio {
    fn default() -> Self {
        Self {
            frames: FrameChannel::new(limits::FRAME_BEFORE_LOGIN_MAX),
            session: Session::default(),
            asked: None,
            protocol_errors: 0,
        }
    }
}

impl Correio {
    /// Bytes of input that the dialogue needs buffered before a login.
    pub(super) fn input_max() -> usize {
        FrameChannel::input_max(limits::FRAME_BEFORE_LOGIN_MAX)
    }

    /// The session.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// See `Dialogue::settle`.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        self.session.settle(context, settlement);
    }

    /// See `Dialogue::has_request`.
    pub(super) fn has_request(&self, channel: &ByteChannel) -> bool {
        self.frames.has_message(channel)
    }

    /// See `Dialogue::take_request`.
    pub(super) fn take_request(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
    ) -> Taken {
        match self.frames.next_message::<ClientMessage>(channel) {
            Ok(None) => Taken::Nothing,
            Ok(Some(ClientMessage { number, request })) => {
                self.asked = Some(((&request).into(), context.session.now.uptime));
                let action = self.session.handle(&mut context.session, number, request);
                Taken::Request(self.perform(channel, context, action))
            }
            Err(error) => Taken::Refused(self.refuse_input(channel, &mut context.session, error)),
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
        let action = self.session.complete(&mut context.session, ticket, done)?;
        Some(self.perform(channel, context, action))
    }

    /// See `Dialogue::complete_unheard`.
    pub(super) fn complete_unheard(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
    ) {
        if let Some(action) = self.session.complete(context, ticket, done) {
            self.session.discarded(&action);
        }
    }

    /// Performs the session's actions until it waits for a job or has replied.
    fn perform(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        mut action: Action,
    ) -> Step {
        loop {
            let (ticket, done) = match action {
                Action::Reply(number, reply, transition) => {
                    self.count(&mut context.session, &reply);
                    let step = self.follow(channel, &context.session, transition);
                    push(channel, &ServerMessage::Reply { number, reply });
                    return step;
                }
                Action::Close(number, reply) => {
                    self.count(&mut context.session, &reply);
                    push(channel, &ServerMessage::Reply { number, reply });
                    return Step::Close;
                }
                Action::Defer(ticket, job) => match context.submit(ticket, job) {
                    Some(done) => (ticket, done),
                    None => return Step::Continue,
                },
            };
            match self.session.complete(&mut context.session, ticket, done) {
                Some(next) => action = next,
                None => return Step::Continue,
            }
        }
    }

    /// Counts a reply to the request in progress.
    fn count(&mut self, context: &mut SessionContext<'_>, reply: &Reply) {
        if let Some((kind, taken)) = self.asked.take() {
            let took = context.now.uptime.saturating_sub(taken);
            let error = match reply {
                Reply::Error(error) => Some(error.code),
                _ => None,
            };
            context.counts.replied(kind, took, error);
        }
    }

    /// Answers input that is not a request. Closes if no further input can be decoded, or after
    /// [`limits::PROTOCOL_ERRORS_MAX`] errors.
    fn refuse_input(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut SessionContext<'_>,
        error: ChannelError,
    ) -> Step {
        match error {
            ChannelError::Tls(_) | ChannelError::NotTls => {
                context.report_protocol_error(&error.to_string());
                Step::Close
            }
            ChannelError::WrongProtocol(protocol) => {
                context.report_protocol_error(protocol.name());
                channel.output().extend_from_slice(&protocol.answer());
                Step::Close
            }
            ChannelError::Frame(error) => {
                let code = match error {
                    FrameError::TooLarge { .. } => ErrorCode::TooLarge,
                    FrameError::Empty => ErrorCode::Protocol,
                };
                let text = error.to_string();
                context.report_protocol_error(&text);
                push(channel, &refusal(0, code, text));
                Step::Close
            }
            ChannelError::Malformed(malformed) => self.refuse_message(channel, context, malformed),
        }
    }

    /// Answers a message that is not a request. Invalid values are not protocol errors: a client
    /// may pass on what a person typed.
    fn refuse_message(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut SessionContext<'_>,
        malformed: Malformed,
    ) -> Step {
        let Malformed { number, kind, text } = malformed;
        let number = number.unwrap_or(0);
        match kind {
            MalformedKind::Invalid => {
                push(channel, &refusal(number, ErrorCode::Invalid, text));
                Step::Continue
            }
            MalformedKind::Protocol => {
                context.report_protocol_error(&text);
                push(channel, &refusal(number, ErrorCode::Protocol, text));
                self.protocol_errors += 1;
                match self.protocol_errors >= limits::PROTOCOL_ERRORS_MAX {
                    true => Step::Close,
                    false => Step::Continue,
                }
            }
        }
    }

    /// Adapts the frames to a transition of the session.
    fn follow(
        &mut self,
        channel: &mut ByteChannel,
        context: &SessionContext<'_>,
        transition: Transition,
    ) -> Step {
        match transition {
            Transition::Unchanged
            | Transition::PasswordChanged(_)
            | Transition::AppPasswordRevoked(_) => Step::Continue,
            Transition::LoggedIn(_) => {
                self.frames.set_frame_limit(channel, context.config.frame_max());
                Step::Continue
            }
            Transition::LoggedOut(_) | Transition::AccountDeleted(_) => {
                self.frames.set_frame_limit(channel, limits::FRAME_BEFORE_LOGIN_MAX);
                Step::Restarted
            }
        }
    }

    /// See `Dialogue::notify`. A client is not told of a timeout: it was pinged.
    pub(super) fn notify(channel: &mut ByteChannel, notification: Notification<'_>) {
        let message = match notification {
            Notification::MailArrived(Arrival { from, from_name, subject }) => {
                ServerMessage::Notice(Notice::NewMail(NewMail {
                    from: from.clone(),
                    from_name: from_name.clone(),
                    subject: subject.clone(),
                }))
            }
            Notification::Ping => ServerMessage::Notice(Notice::Ping {}),
            Notification::SessionEnded => ServerMessage::Notice(Notice::SessionEnded {}),
            Notification::ShuttingDown => ServerMessage::Notice(Notice::ShuttingDown {}),
            Notification::Rejected(Rejection::ServerFull) => {
                busy("the server has no room; try again", FULL_RETRY)
            }
            Notification::Rejected(Rejection::PrefixFull) => {
                busy("there are too many connections from this address; try again", FULL_RETRY)
            }
            Notification::NoRoom => {
                busy("the server has no room for a frame of this size now; try again", ROOM_RETRY)
            }
            Notification::TimedOut => return,
        };
        push(channel, &message);
    }
}

fn push(channel: &mut ByteChannel, message: &ServerMessage) {
    if FrameChannel::push(channel, message).is_err() {
        // Pages are bounded far below the largest frame; only a bug gets here.
        Event::ServerWarning { text: "a reply did not fit into a frame" }.log();
    }
}

fn refusal(number: u32, code: ErrorCode, text: String) -> ServerMessage {
    ServerMessage::Reply { number, reply: Reply::Error(ErrorReply::new(code, text)) }
}

/// An unsolicited error: it has the request number 0.
fn busy(text: &str, retry_after: u32) -> ServerMessage {
    let mut error = ErrorReply::new(ErrorCode::Busy, text);
    error.retry_after = Some(retry_after);
    ServerMessage::Reply { number: 0, reply: Reply::Error(error) }
}

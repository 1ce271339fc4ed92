//! The dialogue of a gateway: a session of SMTP submission or POP3, and its bytes on a channel.

use std::time::Duration;

use correio_proto::{
    byte_channel::{ByteChannel, ByteError},
    wrong_protocol::WrongProtocol,
};

use super::{
    context::ServerContext,
    held::Held,
    step::{Notification, Step, Taken},
};
use crate::{
    gateway::{
        Ending, GatewayConfig, GatewayStep, GatewayTaken, Protection, session::GatewaySession,
    },
    ids::{ConnId, Ticket},
    metrics::counts::RequestKind,
    protocol::{Protocol, Service, TlsMode},
    session::{Done, Identity, Job, SessionContext, Settlement},
    store::{StoreJob, gateway::GatewayJob},
};

/// Bytes of input that a session of submission needs buffered: a chunk of a mail.
const SUBMISSION_INPUT_MAX: usize = 64 * 1024;

/// Bytes of input that a session of POP3 needs buffered: some commands.
const POP3_INPUT_MAX: usize = 16 * 1024;

/// Bytes of a mail that count as a sign of life. With fewer in an idle timeout (5 minutes: 3 bytes
/// a second), a client only holds its place.
const PROGRESS_MIN: usize = 1024;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Gateway {
    service: Service,
    session: GatewaySession,
    progress: Progress,
    /// What the command in progress asked of the store first, and when (uptime).
    asked: Option<(RequestKind, Duration)>,
}

/// How far the client has come since its last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It has sent nothing yet.
    Silent,
    /// It has sent this many bytes of a mail.
    Mail(usize),
}

impl Gateway {
    /// A dialogue of this service in which nothing was said yet. `None` if the service is not a
    /// gateway's.
    pub(super) fn new(service: Service, config: &GatewayConfig) -> Option<Self> {
        let protection = match service.tls {
            TlsMode::Implicit | TlsMode::None => Protection::Protected,
            TlsMode::Start => Protection::Startable,
        };
        let session = match service.protocol {
            Protocol::Submission => GatewaySession::submission(protection, &config.domain),
            Protocol::Pop3 => GatewaySession::pop3(protection, &config.domain),
            Protocol::Correio | Protocol::Http | Protocol::Admin => return None,
        };
        Some(Self { service, session, progress: Progress::Silent, asked: None })
    }

    /// See `Dialogue::input_max`.
    pub(super) fn input_max(&self) -> usize {
        match self.session {
            GatewaySession::Submission(_) => SUBMISSION_INPUT_MAX,
            GatewaySession::Pop3(_) => POP3_INPUT_MAX,
        }
    }

    /// See `Dialogue::held`.
    pub(super) fn held(&self) -> Held {
        match &self.session {
            GatewaySession::Submission(session) => Held { input: session.held(), output: 0 },
            GatewaySession::Pop3(session) => Held { input: 0, output: session.held() },
        }
    }

    /// The protocol.
    pub(super) fn protocol(&self) -> Protocol {
        self.service.protocol
    }

    /// See `Dialogue::identity`.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.session.identity()
    }

    /// See `Dialogue::waiting_for`.
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.session.waiting_for(connection)
    }

    /// See `Dialogue::is_storing`.
    pub(super) fn is_storing(&self) -> bool {
        self.session.is_storing()
    }

    /// See `Dialogue::settle`.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        self.session.settle(context, settlement);
    }

    /// See `Dialogue::has_request`. The greeting waits for the TLS handshake. While the session
    /// waits for a job it is not asked, and input that is there already is enough.
    pub(super) fn has_request(&self, channel: &ByteChannel, connection: ConnId) -> bool {
        if channel.has_failed() {
            return true;
        }
        match self.waiting_for(connection) {
            Some(_) => !channel.input().is_empty(),
            None if channel.is_handshaking() => false,
            None => self.speaks_tls_too_early(channel) || self.session.has_work(channel.input()),
        }
    }

    /// See `Dialogue::take_request`. Only a reply, a job or enough of a mail is a sign of life.
    pub(super) fn take_request(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
    ) -> Taken {
        if self.speaks_tls_too_early(channel) {
            return Taken::Refused(refuse_tls(channel, &mut context.session));
        }
        // A client that does not speak TLS is not greeted.
        let is_unreadable = self.progress == Progress::Silent && channel.has_failed();
        let (input, output) = channel.halves();
        if is_unreadable || !self.session.has_work(input) {
            return match channel.take_failure() {
                Some(error) => Taken::Refused(self.refuse(channel, &mut context.session, &error)),
                None => Taken::Nothing,
            };
        }
        let before = output.len();
        let GatewayTaken { consumed, step } =
            self.session.take(&mut context.session, input, output);
        let is_heard = output.len() > before || !matches!(step, GatewayStep::Continue);
        channel.consume(consumed);
        let step = self.perform(channel, context, step);
        match is_heard || self.has_enough(consumed) {
            true => {
                if consumed > 0 {
                    self.progress = Progress::Mail(0);
                }
                Taken::Request(step)
            }
            false => Taken::Chunk(step),
        }
    }

    /// Counts bytes of a mail, and returns whether there are enough of them since the last sign of
    /// life.
    fn has_enough(&mut self, consumed: usize) -> bool {
        let bytes = match self.progress {
            Progress::Silent => consumed,
            Progress::Mail(bytes) => bytes.saturating_add(consumed),
        };
        self.progress = Progress::Mail(bytes);
        bytes >= PROGRESS_MIN
    }

    /// See `Dialogue::complete`.
    pub(super) fn complete(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        ticket: Ticket,
        done: Done,
    ) -> Option<Step> {
        let output = channel.output();
        let step = self.session.complete(&mut context.session, ticket, done, output)?;
        Some(self.perform(channel, context, step))
    }

    /// See `Dialogue::complete_unheard`. The reply is lost.
    pub(super) fn complete_unheard(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
    ) {
        if let Some(step) = self.session.complete(context, ticket, done, &mut Vec::new()) {
            self.session.discarded(&step);
        }
    }

    /// See `Dialogue::give_up`.
    pub(super) fn give_up(&mut self, connection: ConnId) -> Option<(Ticket, StoreJob)> {
        self.session.give_up(connection)
    }

    /// Performs the session's steps until it waits for a job or for the client.
    fn perform(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut ServerContext<'_>,
        mut step: GatewayStep,
    ) -> Step {
        loop {
            let (ticket, job) = match step {
                GatewayStep::Continue => return self.replied(context, Step::Continue),
                GatewayStep::StartTls => return Step::StartTls,
                GatewayStep::Close => return self.replied(context, Step::Close),
                GatewayStep::Defer(ticket, job) => (ticket, job),
            };
            if self.asked.is_none() {
                self.asked = kind_of(&job).map(|kind| (kind, context.session.now.uptime));
            }
            let Some(done) = context.submit(ticket, job) else {
                return Step::Continue;
            };
            let output = channel.output();
            match self.session.complete(&mut context.session, ticket, done, output) {
                Some(next) => step = next,
                None => return Step::Continue,
            }
        }
    }

    /// Counts the reply to a command that asked something of the store, or was refused before.
    fn replied(&mut self, context: &mut ServerContext<'_>, step: Step) -> Step {
        let now = context.session.now.uptime;
        let refusal = self.session.take_refusal();
        let (asked, since) = self.asked.take().unzip();
        if let Some(kind) = refusal.and_then(|refusal| refusal.kind).or(asked) {
            let took = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
            context.session.counts.replied(kind, took, refusal.map(|refusal| refusal.code));
        }
        step
    }

    /// See `Dialogue::notify`. Mail programs get no notices.
    pub(super) fn notify(
        &mut self,
        channel: &mut ByteChannel,
        context: &mut SessionContext<'_>,
        notification: Notification<'_>,
    ) {
        let ending = match notification {
            Notification::MailArrived(_) | Notification::Ping => return,
            Notification::SessionEnded => Ending::SessionEnded,
            Notification::ShuttingDown => Ending::ShuttingDown,
            Notification::Rejected(rejection) => Ending::Rejected(rejection),
            Notification::NoRoom => Ending::NoRoom,
            Notification::TimedOut => Ending::TimedOut,
        };
        self.session.end(context, ending, channel.output());
    }

    /// Whether the client begins TLS on a port where it begins later or never.
    fn speaks_tls_too_early(&self, channel: &ByteChannel) -> bool {
        self.progress == Progress::Silent
            && self.service.tls != TlsMode::Implicit
            && WrongProtocol::detect(channel.input()) == Some(WrongProtocol::Tls)
    }

    /// Closes a connection that can be read no further, after an answer that its client may show.
    fn refuse(
        &self,
        channel: &mut ByteChannel,
        context: &mut SessionContext<'_>,
        error: &ByteError,
    ) -> Step {
        context.report_protocol_error(&error.to_string());
        // After STARTTLS, plaintext may be somebody's on the way. A browser is answered nothing: a
        // page must not be made from another protocol's words (ALPACA).
        if self.service.tls == TlsMode::Implicit
            && *error == ByteError::WrongProtocol(WrongProtocol::Text)
        {
            let answer: &[u8] = match self.session {
                GatewaySession::Submission(_) => {
                    b"421 4.7.0 this port speaks TLS from the first byte: choose SSL/TLS\r\n"
                }
                GatewaySession::Pop3(_) => {
                    b"-ERR this port speaks TLS from the first byte: choose SSL/TLS\r\n"
                }
            };
            channel.output().extend_from_slice(answer);
        }
        Step::Close
    }
}

/// The kind of request that a job is for the metrics.
fn kind_of(job: &Job) -> Option<RequestKind> {
    let Job::Store(job) = job else {
        return None;
    };
    match job {
        StoreJob::Gateway(GatewayJob::LogIn { .. }) => Some(RequestKind::ProgramLogin),
        StoreJob::Gateway(GatewayJob::FindRecipient { .. }) => Some(RequestKind::ProgramRecipient),
        StoreJob::Gateway(GatewayJob::Outline { .. }) => Some(RequestKind::ProgramList),
        StoreJob::Gateway(GatewayJob::Stage { .. }) => Some(RequestKind::ProgramUpload),
        StoreJob::Send { .. } => Some(RequestKind::ProgramSend),
        StoreJob::Fetch { .. } | StoreJob::Read { .. } => Some(RequestKind::ProgramRead),
        StoreJob::Confirm { .. } => Some(RequestKind::ProgramDelete),
        _ => None,
    }
}

/// Tells a client that begins TLS too early so, with an alert that its program explains.
fn refuse_tls(channel: &mut ByteChannel, context: &mut SessionContext<'_>) -> Step {
    context.report_protocol_error("the client begins TLS on a port where it begins later");
    channel.discard_input();
    channel.output().extend_from_slice(&WrongProtocol::Tls.answer());
    Step::Close
}

#[cfg(test)]
mod tests {
    use correio_proto::tls::Security;

    use super::*;

    #[test]
    fn a_kibibyte_of_a_mail_is_a_sign_of_life_and_less_is_none() {
        let domain = "mail.example.org".parse().unwrap();
        let config = GatewayConfig { domain, security: Security::Plaintext };
        let mut gateway = Gateway::new(Service::SUBMISSION, &config).unwrap();
        assert!(!gateway.has_enough(1) && !gateway.has_enough(PROGRESS_MIN - 2));
        assert!(gateway.has_enough(1));
        gateway.progress = Progress::Mail(0);
        assert!(!gateway.has_enough(PROGRESS_MIN - 1));
    }
}

//! A program's dialogue of SMTP submission: the program sends one message, waits for each reply,
//! and quits.

use std::rc::Rc;

use correio_proto::mail::MailId;

use super::{
    credentials::Credentials,
    line::ProgramLine,
    message::{self, OutgoingMessage, Wellformed},
    next::Next,
};
use crate::{
    check::{Check, Violation, require},
    clock::SECOND,
    device::DeviceContext,
    plan::DOMAIN,
    rng::Rng,
};

/// See the module's description.
#[derive(Debug)]
pub(super) struct Submitting {
    pub(super) message: Rc<OutgoingMessage>,
    /// The ids of which the mail must get one. They are known after the login.
    ids: Vec<MailId>,
    credentials: Credentials,
    stage: Stage,
    /// When the last command was sent.
    asked_at: u64,
    /// How long the server wants the program to wait, in ticks.
    pub(super) retry_after: u64,
}

/// The reply that the program waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Hello,
    /// The reply to a command that needs a login, before the login.
    Probe,
    Login,
    Sender,
    /// The reply to the recipient of this number.
    Recipient(usize),
    Data,
    Content,
    Quit,
}

impl Submitting {
    pub(super) fn new(message: Rc<OutgoingMessage>, credentials: Credentials) -> Self {
        let asked_at = credentials.asked_at;
        Self {
            message,
            ids: Vec::new(),
            credentials,
            stage: Stage::Greeting,
            asked_at,
            retry_after: 0,
        }
    }

    /// Takes a line of a reply.
    pub(super) fn hear(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
        heard: &[u8],
    ) -> Result<Next, Violation> {
        let text = String::from_utf8_lossy(heard).into_owned();
        let (code, rest) = text.split_at_checked(3).unwrap_or((&text, ""));
        let Ok(code) = code.parse::<u16>() else {
            let text = format!("a reply of submission without a code: {text:?}");
            return Err(Violation::new(Check::Answered, text));
        };
        if rest.starts_with('-') {
            return Ok(Next::Wait);
        }
        // The server refuses the whole connection, or ends it.
        if code == 421 {
            return Ok(Next::Leave);
        }
        self.take(rng, context, line, code, &text)
    }

    fn take(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
        code: u16,
        text: &str,
    ) -> Result<Next, Violation> {
        match (self.stage, code) {
            (Stage::Greeting, 220) => self.say(context, line, Stage::Hello, "EHLO [192.0.2.9]"),
            (Stage::Hello, 250) if !context.is_healing && rng.one_in(8) => {
                let probes = ["MAIL FROM:<>", "RCPT TO:<tony>", "DATA"];
                let probe = rng.pick(&probes).unwrap_or("DATA");
                self.say(context, line, Stage::Probe, probe);
            }
            (Stage::Probe, _) => {
                let is_refused = (500..600).contains(&code);
                let text = || format!("submission before a login is answered {text:?}");
                require(is_refused, Check::LoggedIn, text)?;
                self.log_in(context, line);
            }
            (Stage::Hello, 250) => self.log_in(context, line),
            (Stage::Login, 235) => {
                self.credentials.check_logged_in(context)?;
                self.ids = self.message.note(context);
                let command = self.mail(rng);
                self.say(context, line, Stage::Sender, &command);
            }
            (Stage::Login, 535) => {
                if text.contains("5.7.8") {
                    self.credentials.note_refused(context);
                }
                return Ok(self.quit(context, line));
            }
            (Stage::Sender, 250) => self.name(context, line, 0),
            (Stage::Recipient(index), 250) => self.name(context, line, index + 1),
            (Stage::Data, 354) => self.send(rng, context, line),
            (Stage::Content, 250) => return self.accepted(context, line),
            (Stage::Quit, 221) => return Ok(Next::Leave),
            (_, 400..500) => {
                let seconds = text.split(' ').skip(1).find_map(|word| word.parse::<u64>().ok());
                let is_wait = text.contains("try again in ");
                self.retry_after = seconds.filter(|_| is_wait).unwrap_or(0) * SECOND;
                return Ok(self.quit(context, line));
            }
            (_, 500..600) => {
                self.check_refusal(context, code, text)?;
                self.quit(context, line);
                return Ok(Next::Refused);
            }
            (stage, _) => {
                let text = format!("{stage:?} of submission is answered {text:?}");
                return Err(Violation::new(Check::Answered, text));
            }
        }
        Ok(Next::Wait)
    }

    fn say(
        &mut self,
        context: &DeviceContext<'_>,
        line: &mut ProgramLine,
        stage: Stage,
        command: &str,
    ) {
        self.stage = stage;
        self.asked_at = context.clock.tick();
        line.send(command.as_bytes());
        line.send(b"\r\n");
    }

    fn log_in(&mut self, context: &DeviceContext<'_>, line: &mut ProgramLine) {
        let command = format!("AUTH PLAIN {}", self.credentials.plain());
        self.credentials.asked_at = context.clock.tick();
        self.say(context, line, Stage::Login, &command);
    }

    fn mail(&self, rng: &mut Rng) -> String {
        let size = self.message.data.len();
        match rng.below(3) {
            0 => "MAIL FROM:<>".to_owned(),
            1 => format!("MAIL FROM:<{}@{DOMAIN}> SIZE={size}", self.credentials.name),
            _ => format!("MAIL FROM:<{}@{DOMAIN}>", self.credentials.name),
        }
    }

    /// Names the recipient of this number, or begins the message after the last recipient.
    fn name(&mut self, context: &DeviceContext<'_>, line: &mut ProgramLine, index: usize) {
        match self.message.envelope.get(index) {
            Some(name) => {
                let command = format!("RCPT TO:<{name}@{DOMAIN}>");
                self.say(context, line, Stage::Recipient(index), &command);
            }
            None => self.say(context, line, Stage::Data, "DATA"),
        }
    }

    /// Sends the message. Now and then the connection breaks in the message or right after it.
    fn send(&mut self, rng: &mut Rng, context: &DeviceContext<'_>, line: &mut ProgramLine) {
        let bytes = self.message.stuffed();
        self.stage = Stage::Content;
        self.asked_at = context.clock.tick();
        line.send(&bytes);
        if !context.is_healing && rng.one_in(8) {
            line.break_at(if rng.one_in(2) { 0 } else { rng.below(bytes.len()) });
        }
    }

    fn quit(&mut self, context: &DeviceContext<'_>, line: &mut ProgramLine) -> Next {
        self.say(context, line, Stage::Quit, "QUIT");
        Next::Wait
    }

    fn accepted(
        &mut self,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
    ) -> Result<Next, Violation> {
        let OutgoingMessage { subject, wellformed, .. } = &*self.message;
        let text = || format!("{subject:?} with a line end that is none was accepted");
        require(*wellformed == Wellformed::Yes, Check::Intact, text)?;
        let user = context.user.username.clone();
        let is_stored =
            self.ids.iter().any(|id| context.ledger.is_acknowledged(&(user.clone(), *id)));
        let text = || format!("{subject:?} of a program is acknowledged and was not stored");
        require(is_stored, Check::Acknowledged, text)?;
        self.quit(context, line);
        Ok(Next::Accepted)
    }

    /// Checks that there is a reason to refuse the message for good.
    fn check_refusal(
        &self,
        context: &DeviceContext<'_>,
        code: u16,
        text: &str,
    ) -> Result<(), Violation> {
        let message = &self.message;
        let is_unknown = |name| {
            message::may_be_unknown(name) || !context.ledger.has_account(name, self.asked_at)
        };
        let is_possible = match (self.stage, code) {
            (Stage::Sender | Stage::Content, 552) => {
                message.data.len() > message::size_max(context)
            }
            (Stage::Content, 554) => message.wellformed == Wellformed::No,
            (Stage::Recipient(index), 550) => message.envelope.get(index).is_some_and(is_unknown),
            (Stage::Content, 550) => message.envelope.iter().any(is_unknown),
            _ => false,
        };
        let text = || format!("{:?} of {:?} is refused: {text:?}", self.stage, message.subject);
        require(is_possible, Check::Answered, text)
    }
}

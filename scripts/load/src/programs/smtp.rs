//! A program that sends mails by SMTP. It keeps a mail until the server has accepted or refused it,
//! and sends it again with the same bytes after the connection broke.

use std::{io, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use correio_proto::{
    mail::{MailId, Recipients, Username},
    message::Send,
};

use super::{
    context::{ProgramContext, RETRY},
    event::ProgramEvent,
    line::LineStream,
    plan::DOMAIN,
    received::{self, MARK, security},
};
use crate::{results::Operation, user::Phase};

/// Most mails over one connection.
const MAILS_PER_CONNECTION: u32 = 20;

/// See the module's description.
pub(super) struct Sender {
    password: String,
    /// The mail that is under way.
    present: Option<Outgoing>,
}

/// A mail that the server has not accepted yet.
struct Outgoing {
    id: MailId,
    to: Vec<Username>,
    /// The message, with CR LF line ends.
    message: Vec<u8>,
    /// When it was first sent.
    begun: Instant,
}

/// Why a session ends.
pub(super) enum Broken {
    /// The connection broke.
    Io,
    /// The server refused something for now.
    Refused,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Io => io::ErrorKind::BrokenPipe.into(),
            Broken::Refused => io::ErrorKind::PermissionDenied.into(),
        }
    }
}

impl Sender {
    pub(super) fn new(password: String) -> Self {
        Self { password, present: None }
    }

    pub(super) fn run(mut self, context: &mut ProgramContext) {
        while let Some(phase) = context.phase() {
            if phase != Phase::Acting && self.present.is_none() {
                context.tell(ProgramEvent::Settled(context.plan.user));
                break;
            }
            if self.session(context).is_err() && !context.pause(RETRY) {
                return;
            }
        }
        // A sender's mailbox gets no mail, and is empty from the start.
        while let Some(phase) = context.phase() {
            if phase == Phase::Draining {
                context.tell(ProgramEvent::Drained(context.plan.user));
                return;
            }
            context.pause(RETRY);
        }
    }

    fn session(&mut self, context: &mut ProgramContext) -> Result<(), Broken> {
        let begun = Instant::now();
        let addresses = context.plan.addresses;
        let security = security(addresses.submission, addresses.trust);
        let mut stream = LineStream::connect(addresses.submission, &security)?;
        greeted(&mut stream)?;
        context.tell(ProgramEvent::Done(Operation::Connect, begun.elapsed()));
        let begun = Instant::now();
        log_in(&mut stream, context.plan.username.as_str(), &self.password)?;
        context.tell(ProgramEvent::Done(Operation::Login, begun.elapsed()));
        for _ in 0..MAILS_PER_CONNECTION {
            if self.present.is_none() {
                if !context.think() || context.phase() != Some(Phase::Acting) {
                    break;
                }
                self.present = Some(compose(context));
            }
            self.send(context, &mut stream)?;
        }
        ask(&mut stream, "QUIT", b"221")
    }

    fn send(
        &mut self,
        context: &mut ProgramContext,
        stream: &mut LineStream,
    ) -> Result<(), Broken> {
        let Some(mail) = &self.present else { return Ok(()) };
        let from = format!("MAIL FROM:<{}@{DOMAIN}>", context.plan.username);
        ask(stream, &from, b"250")?;
        for to in &mail.to {
            stream.send(format!("RCPT TO:<{to}@{DOMAIN}>\r\n").as_bytes())?;
            let answer = reply(stream)?;
            if answer.starts_with(b"5") {
                // The recipient has not registered yet: the mail is dropped.
                self.present = None;
                return ask(stream, "RSET", b"250");
            }
            if !answer.starts_with(b"250") {
                return Err(Broken::Refused);
            }
        }
        ask(stream, "DATA", b"354")?;
        let mut bytes = stuffed(&mail.message);
        bytes.extend_from_slice(b".\r\n");
        stream.send(&bytes)?;
        let answer = reply(stream)?;
        if answer.starts_with(b"250") {
            context.tell(ProgramEvent::Accepted(mail.id));
            context.tell(ProgramEvent::Done(Operation::Submit, mail.begun.elapsed()));
            self.present = None;
            return Ok(());
        }
        context.tell(ProgramEvent::Failed(Operation::Submit, failure(&answer)));
        if answer.starts_with(b"5") {
            self.present = None;
        }
        Err(Broken::Refused)
    }
}

/// Makes a mail, and tells the driver of it.
fn compose(context: &mut ProgramContext) -> Outgoing {
    let id = correio_client::new_mail_id();
    let (sender, group) = (context.plan.username.clone(), &context.plan.settings);
    let mut to: Vec<Username> = Vec::new();
    for _ in 0..context.rng.usize(group.fan_out.0..=group.fan_out.1) {
        let name = context.plan.to.get(context.rng.usize(..context.plan.to.len().max(1)));
        to.extend(name.filter(|name| !to.contains(*name)).cloned());
    }
    let named = match context.rng.f64() < group.hidden {
        true => to.len().saturating_sub(1),
        false => to.len(),
    };
    let (visible, hidden) = to.split_at_checked(named).unwrap_or_default();
    let length = context.rng.usize(group.body.0..=group.body.1);
    let lines = format!("{id} in a line\r\n.\r\n..\r\n");
    let body = lines.repeat(length / lines.len()) + "end\r\n";
    let (kept, bcc) = (head(id, &sender, visible) + &body, context.rng.bool());
    // The server removes the field `Bcc`; the recipient's copy is compared from the mark on.
    let bcc = hidden.iter().filter(|_| bcc).map(|name| format!("Bcc: {name}@{DOMAIN}\r\n"));
    let message = (bcc.collect::<String>() + &kept).into_bytes();
    let recipients: Option<Recipients> = to.clone().try_into().ok();
    let content = received::message(kept.as_bytes());
    if let (Some(recipients), Some(content), Ok(subject)) =
        (recipients, content, id.to_string().parse())
    {
        let mail = Box::new(Send { id, to: recipients, subject, content });
        let hidden = hidden.into();
        context.tell(ProgramEvent::Sending { from: context.plan.user, mail, hidden });
    }
    Outgoing { id, to, message, begun: Instant::now() }
}

/// The head. Its first field is the mark. It has a date and a Message-ID, so that the server adds
/// nothing.
fn head(id: MailId, sender: &Username, visible: &[Username]) -> String {
    let addresses: Vec<String> = visible.iter().map(|name| format!("{name}@{DOMAIN}")).collect();
    let to = match addresses.as_slice() {
        [] => "undisclosed-recipients:;".to_owned(),
        addresses => addresses.join(",\r\n "),
    };
    format!(
        "{MARK}\r\nFrom: {sender}@{DOMAIN}\r\nTo: {to}\r\nSubject: {id}\r\n\
         Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{id}@load>\r\n\r\n"
    )
}

/// The message with a dot before each line that begins with a dot (RFC 5321, section 4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 64);
    let mut begins = true;
    for byte in message {
        if begins && *byte == b'.' {
            bytes.push(b'.');
        }
        bytes.push(*byte);
        begins = *byte == b'\n';
    }
    bytes
}

/// Waits for the greeting.
pub(super) fn greeted(stream: &mut LineStream) -> Result<(), Broken> {
    expect(stream, b"220")
}

/// Logs in with an app password.
pub(super) fn log_in(
    stream: &mut LineStream,
    username: &str,
    password: &str,
) -> Result<(), Broken> {
    ask(stream, "EHLO load.localhost", b"250")?;
    let plain = STANDARD.encode(format!("\0{username}\0{password}"));
    ask(stream, &format!("AUTH PLAIN {plain}"), b"235")
}

fn ask(stream: &mut LineStream, line: &str, code: &[u8]) -> Result<(), Broken> {
    stream.send(format!("{line}\r\n").as_bytes())?;
    expect(stream, code)
}

fn expect(stream: &mut LineStream, code: &[u8]) -> Result<(), Broken> {
    match reply(stream)?.starts_with(code) {
        true => Ok(()),
        false => Err(Broken::Refused),
    }
}

/// The reply code that refuses a mail, as the results count it.
fn failure(answer: &[u8]) -> &'static str {
    match answer.get(..3) {
        Some(b"421") => "421",
        Some(b"451") => "451",
        Some(b"452") => "452",
        _ => "refused",
    }
}

/// The last line of a reply.
fn reply(stream: &mut LineStream) -> io::Result<Vec<u8>> {
    loop {
        let line = stream.line()?;
        if line.get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    #[test]
    fn a_dot_is_put_before_each_line_that_begins_with_one() {
        assert_eq!(stuffed(b".\r\na.\r\n..\r\n"), b"..\r\na.\r\n...\r\n");
    }
}

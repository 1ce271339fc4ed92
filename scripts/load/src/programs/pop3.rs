//! A program that receives mails by POP3 and deletes them.

use std::{io, time::Instant};

use correio_proto::mail::MailId;

use super::{
    context::{ProgramContext, RETRY},
    event::ProgramEvent,
    line::LineStream,
    received::{self, security},
};
use crate::{results::Operation, user::Phase};

/// Most mails of a session. The bound keeps the time until their deletion short, since a session
/// deletes at its end.
const MAILS_PER_SESSION: u64 = 200;

/// See the module's description.
pub(super) struct Reader {
    password: String,
}

impl Reader {
    pub(super) fn new(password: String) -> Self {
        Self { password }
    }

    pub(super) fn run(self, context: &mut ProgramContext) {
        let mut settled = false;
        while let Some(phase) = context.phase() {
            if phase == Phase::Settling {
                if !std::mem::replace(&mut settled, true) {
                    context.tell(ProgramEvent::Settled(context.plan.user));
                }
                context.pause(RETRY);
                continue;
            }
            match self.session(context) {
                Ok(0) if phase == Phase::Draining => {
                    context.tell(ProgramEvent::Drained(context.plan.user));
                    return;
                }
                Ok(_) if phase == Phase::Draining => {}
                Ok(_) => drop(context.think()),
                Err(_) => drop(context.pause(RETRY)),
            }
        }
    }

    /// Receives the waiting mails in one session. Returns their number.
    fn session(&self, context: &mut ProgramContext) -> io::Result<u64> {
        let begun = Instant::now();
        let addresses = context.plan.addresses;
        let security = security(addresses.pop3, addresses.trust);
        let mut stream = LineStream::connect(addresses.pop3, &security)?;
        ok(&mut stream)?;
        context.tell(ProgramEvent::Done(Operation::Connect, begun.elapsed()));
        let begun = Instant::now();
        log_in(&mut stream, context.plan.username.as_str(), &self.password)?;
        context.tell(ProgramEvent::Done(Operation::Login, begun.elapsed()));
        let stat = ask(&mut stream, "STAT")?;
        let count = stat.split_whitespace().nth(1).and_then(|count| count.parse::<u64>().ok());
        let count = count.ok_or(io::ErrorKind::InvalidData)?.min(MAILS_PER_SESSION);
        let mut ids: Vec<MailId> = Vec::new();
        for number in 1..=count {
            let begun = Instant::now();
            ask(&mut stream, &format!("RETR {number}"))?;
            let message = multi_line(&mut stream)?;
            context.tell(ProgramEvent::Done(Operation::Retrieve, begun.elapsed()));
            let Some(mail) = received::mail(&message, &context.plan.username) else {
                context.tell(ProgramEvent::Failed(Operation::Retrieve, "unreadable"));
                continue;
            };
            ids.push(mail.id);
            context.tell(ProgramEvent::Received { by: context.plan.user, mail: Box::new(mail) });
            ask(&mut stream, &format!("DELE {number}"))?;
        }
        let by = context.plan.user;
        context.tell(ProgramEvent::Deleting { by, ids: ids.clone() });
        ask(&mut stream, "QUIT")?;
        context.tell(ProgramEvent::Deleted { by, ids });
        Ok(count)
    }
}

/// Logs in with an app password.
pub(super) fn log_in(stream: &mut LineStream, username: &str, password: &str) -> io::Result<()> {
    ask(stream, &format!("USER {username}"))?;
    ask(stream, &format!("PASS {password}")).map(drop)
}

fn ask(stream: &mut LineStream, line: &str) -> io::Result<String> {
    stream.send(format!("{line}\r\n").as_bytes())?;
    ok(stream)
}

/// Waits for a positive reply. Returns its line.
pub(super) fn ok(stream: &mut LineStream) -> io::Result<String> {
    let line = String::from_utf8_lossy(&stream.line()?).into_owned();
    match line.starts_with("+OK") {
        true => Ok(line),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// The lines of a multi-line reply up to the single dot, unstuffed.
fn multi_line(stream: &mut LineStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let line = stream.line()?;
        if line == b"." {
            return Ok(bytes);
        }
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        bytes.extend_from_slice(b"\r\n");
    }
}

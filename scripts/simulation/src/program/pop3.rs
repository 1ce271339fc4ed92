//! A program's dialogue of POP3: the program lists the mailbox, retrieves and keeps mails, marks
//! some of them as deleted, and quits. Now and then it cuts the connection before `QUIT` or right
//! after it.

use std::collections::VecDeque;

use correio_proto::mail::{MailRef, Seq};

use super::{credentials::Credentials, line::ProgramLine, next::Next};
use crate::{
    check::{Check, Violation, require},
    device::DeviceContext,
    rng::Rng,
};

/// Most mails that a program retrieves at a time.
const RETRIEVED_MAX: usize = 8;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Receiving {
    credentials: Credentials,
    stage: Stage,
    /// The lines after the first line of a multi-line reply.
    lines: Option<Vec<u8>>,
    mails: VecDeque<ListedMail>,
    /// Mails that are marked as deleted.
    deleted: Vec<MailRef>,
}

/// A mail of the mailbox.
#[derive(Clone, Copy, Debug)]
struct ListedMail {
    number: u32,
    mail: MailRef,
    octets: usize,
}

/// The reply that the program waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    /// The reply to a command that needs a login, before the login.
    Probe,
    User,
    Login,
    Status,
    UniqueIds,
    Octets,
    Retrieve,
    Delete,
    Reset,
    Quit,
}

impl Stage {
    /// Whether a success is a multi-line reply.
    fn has_lines(self) -> bool {
        matches!(self, Self::UniqueIds | Self::Octets | Self::Retrieve)
    }
}

impl Receiving {
    pub(super) fn new(credentials: Credentials) -> Self {
        let (mails, deleted) = Default::default();
        Self { credentials, stage: Stage::Greeting, lines: None, mails, deleted }
    }

    /// Takes a line of a reply.
    pub(super) fn hear(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
        heard: &[u8],
    ) -> Result<Next, Violation> {
        if let Some(mut lines) = self.lines.take() {
            if heard != b"." {
                lines.extend_from_slice(heard.strip_prefix(b".").unwrap_or(heard));
                lines.extend_from_slice(b"\r\n");
                self.lines = Some(lines);
                return Ok(Next::Wait);
            }
            return self.succeeded(rng, context, line, &lines);
        }
        let text = String::from_utf8_lossy(heard).into_owned();
        let is_success = text.starts_with("+OK");
        let text_of = || format!("{:?} of POP3 is answered {text:?}", self.stage);
        require(is_success || text.starts_with("-ERR"), Check::Answered, text_of)?;
        match is_success {
            true if self.stage.has_lines() => {
                self.lines = Some(Vec::new());
                Ok(Next::Wait)
            }
            true => self.succeeded(rng, context, line, &[]),
            false => self.failed(rng, context, line, &text),
        }
    }

    fn succeeded(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
        lines: &[u8],
    ) -> Result<Next, Violation> {
        match self.stage {
            Stage::Greeting if !context.is_healing && rng.one_in(8) => {
                let probes = ["STAT", "UIDL", "RETR 1", "DELE 1", "TOP 1 0", "LIST"];
                let probe = rng.pick(&probes).unwrap_or("STAT");
                self.say(line, Stage::Probe, probe);
            }
            Stage::Probe => {
                let text = "POP3 obeys a command before a login";
                return Err(Violation::new(Check::LoggedIn, text));
            }
            Stage::Greeting => self.name(line),
            Stage::User => {
                self.credentials.asked_at = context.clock.tick();
                let command = format!("PASS {}", self.credentials.password);
                self.say(line, Stage::Login, &command);
            }
            Stage::Login => {
                self.credentials.check_logged_in(context)?;
                self.say(line, Stage::Status, "STAT");
            }
            Stage::Status => self.say(line, Stage::UniqueIds, "UIDL"),
            Stage::UniqueIds => {
                self.list(lines)?;
                self.say(line, Stage::Octets, "LIST");
            }
            Stage::Octets => {
                self.measure(lines)?;
                self.mails.truncate(RETRIEVED_MAX);
                return Ok(self.retrieve_next(rng, context, line));
            }
            Stage::Retrieve => {
                self.retrieved(context, lines)?;
                return Ok(self.delete_or_leave(rng, context, line));
            }
            Stage::Delete => return Ok(self.retrieve_next(rng, context, line)),
            Stage::Reset => {
                self.deleted.clear();
                return Ok(self.quit(rng, context, line));
            }
            Stage::Quit => {
                self.check_deleted(context)?;
                return Ok(Next::Leave);
            }
        }
        Ok(Next::Wait)
    }

    fn failed(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
        text: &str,
    ) -> Result<Next, Violation> {
        match self.stage {
            Stage::Probe if !text.contains("[SYS/") => {
                self.name(line);
                return Ok(Next::Wait);
            }
            Stage::Login if text.contains("[AUTH]") => self.credentials.note_refused(context),
            // Another program has deleted the mail since the login.
            Stage::Retrieve if !text.contains('[') => {
                let gone = self.mails.pop_front();
                let is_there = gone
                    .is_some_and(|gone| context.ledger.is_held(&context.user.username, gone.mail));
                let text_of = || format!("{gone:?} is in the mailbox, and POP3 says: {text:?}");
                require(!is_there, Check::Acknowledged, text_of)?;
                return Ok(self.retrieve_next(rng, context, line));
            }
            _ => {
                let text_of = || format!("{:?} of POP3 is refused: {text:?}", self.stage);
                require(text.contains("[SYS/"), Check::Answered, text_of)?;
            }
        }
        Ok(Next::Leave)
    }

    fn say(&mut self, line: &mut ProgramLine, stage: Stage, command: &str) {
        self.stage = stage;
        line.send(command.as_bytes());
        line.send(b"\r\n");
    }

    fn name(&mut self, line: &mut ProgramLine) {
        let command = format!("USER {}", self.credentials.name);
        self.say(line, Stage::User, &command);
    }

    /// Reads the list of unique ids.
    fn list(&mut self, lines: &[u8]) -> Result<(), Violation> {
        let text = String::from_utf8_lossy(lines);
        for line in text.lines() {
            let Some(listed) = read_unique_id(line) else {
                return Err(Violation::new(Check::Answered, format!("UIDL says {line:?}")));
            };
            self.mails.push_back(listed);
        }
        Ok(())
    }

    /// Reads the list of octets, which must have the same mails as the list of unique ids.
    fn measure(&mut self, lines: &[u8]) -> Result<(), Violation> {
        let text = String::from_utf8_lossy(lines);
        let mut listed = text.lines();
        for mail in &mut self.mails {
            let line = listed.next().unwrap_or_default();
            let read =
                line.split_once(' ').filter(|(number, _)| *number == mail.number.to_string());
            let text = || format!("LIST says {line:?} of {mail:?}");
            let octets = read.and_then(|(_, octets)| octets.parse().ok());
            mail.octets = octets.ok_or_else(|| Violation::new(Check::Answered, text()))?;
        }
        let more = listed.next();
        require(more.is_none(), Check::Answered, || format!("LIST says also {more:?}"))
    }

    fn retrieve_next(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
    ) -> Next {
        // The program cuts the connection before QUIT.
        if !context.is_healing && rng.one_in(20) {
            return Next::Leave;
        }
        match self.mails.front() {
            Some(mail) => {
                let command = format!("RETR {}", mail.number);
                self.say(line, Stage::Retrieve, &command);
            }
            None if !self.deleted.is_empty() && rng.one_in(8) => {
                self.say(line, Stage::Reset, "RSET");
            }
            None => return self.quit(rng, context, line),
        }
        Next::Wait
    }

    /// Keeps a retrieved mail.
    fn retrieved(
        &mut self,
        context: &mut DeviceContext<'_>,
        octets: &[u8],
    ) -> Result<(), Violation> {
        let Some(listed) = self.mails.front() else {
            return Ok(());
        };
        let text = || format!("{listed:?} is listed and has {} octets", octets.len());
        require(listed.octets == octets.len(), Check::Intact, text)?;
        context.ledger.keep_retrieved(&context.user.username, listed.mail, octets)
    }

    fn delete_or_leave(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
    ) -> Next {
        match self.mails.pop_front().filter(|_| !rng.one_in(3)) {
            Some(mail) => {
                self.deleted.push(mail.mail);
                let command = format!("DELE {}", mail.number);
                self.say(line, Stage::Delete, &command);
                Next::Wait
            }
            None => self.retrieve_next(rng, context, line),
        }
    }

    /// Sends `QUIT`, which confirms the deletions. May cut the connection before it or right after
    /// it.
    fn quit(
        &mut self,
        rng: &mut Rng,
        context: &mut DeviceContext<'_>,
        line: &mut ProgramLine,
    ) -> Next {
        let is_cut = |rng: &mut Rng| !context.is_healing && rng.one_in(6);
        if is_cut(rng) {
            return Next::Leave;
        }
        context.ledger.note_quit(&context.user.username, &self.deleted);
        self.say(line, Stage::Quit, "QUIT");
        if is_cut(rng) {
            line.break_at(0);
        }
        Next::Wait
    }

    /// Checks that the mails are deleted, after the server has said so.
    fn check_deleted(&self, context: &DeviceContext<'_>) -> Result<(), Violation> {
        let user = &context.user.username;
        let left = self.deleted.iter().find(|mail| context.ledger.is_held(user, **mail));
        let text = || format!("QUIT is acknowledged, and {left:?} of {user} is there");
        require(left.is_none(), Check::Acknowledged, text)
    }
}

/// Reads a line of `UIDL`: the mail's number in the session, its number in the store and its id, as
/// in `3 1f.0192…`.
fn read_unique_id(line: &str) -> Option<ListedMail> {
    let (number, unique_id) = line.split_once(' ')?;
    let (seq, id) = unique_id.split_once('.')?;
    let digits = u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)?;
    let (seq, id) = (Seq(u64::from_str_radix(seq, 16).ok()?), digits.to_be_bytes());
    let mail = MailRef { seq, id: id.try_into().ok()? };
    Some(ListedMail { number: number.parse().ok()?, mail, octets: 0 })
}

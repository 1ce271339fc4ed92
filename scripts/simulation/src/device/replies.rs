//! Handles the answers to a device's requests.

use std::path::{Path, PathBuf};

use correio_client::{
    Completed, Disk, ReceiveStep,
    client::{Event, Failure},
};
use correio_proto::{
    mail::{MailId, Username},
    message::{ErrorCode, ErrorReply, Reply, Request},
};

use super::{Device, DeviceContext, MAILBOX, Operation, QueuedMail, app_passwords};
use crate::{
    check::{Check, Violation, require},
    clock::SECOND,
    lists::LISTS,
};

impl Device {
    pub(super) fn handle_event(
        &mut self,
        context: &mut DeviceContext<'_>,
        event: Event,
    ) -> Result<(), Violation> {
        let Some(program) = &mut self.program else {
            return Ok(());
        };
        match event {
            Event::Greeted(_) | Event::ShuttingDown | Event::NewMail(_) => Ok(()),
            Event::SessionEnded => {
                context.trace.note(&self.name, format_args!("its session has ended"));
                program.receiving = None;
                Ok(())
            }
            Event::Answer { id, outcome, .. } => match program.operations.remove(&id) {
                Some((operation, _)) => self.handle_outcome(context, &operation, outcome),
                None => {
                    let text = format!("{}: an answer that nobody waits for", self.name);
                    Err(Violation::new(Check::Answered, text))
                }
            },
        }
    }

    fn handle_outcome(
        &mut self,
        context: &mut DeviceContext<'_>,
        operation: &Operation,
        outcome: Result<Reply, Failure>,
    ) -> Result<(), Violation> {
        match &outcome {
            Ok(Reply::Page(page)) => {
                let (mails, more) = (page.mails.len(), page.more);
                context
                    .trace
                    .note(&self.name, format_args!("{operation:?}: {mails} mails, {more}"));
            }
            other => context.trace.note(&self.name, format_args!("{operation:?}: {other:?}")),
        }
        match outcome {
            Ok(reply) if self.is_part_of_sending(operation) => {
                self.sending_answered(context, operation, reply)
            }
            // Another program of the user has confirmed the mail meanwhile.
            Ok(reply @ Reply::Error(_))
                if *operation == Operation::Read && is_no_such_mail(&reply) =>
            {
                self.handle_page(context, reply)
            }
            Err(_) => {
                self.give_up(context, operation);
                Ok(())
            }
            Ok(Reply::Error(error)) => self.handle_error(context, operation, &error),
            Ok(reply) => self.handle_success(context, operation, reply),
        }
    }

    /// No answer will come: the operation is tried again later.
    pub(super) fn give_up(&mut self, context: &mut DeviceContext<'_>, operation: &Operation) {
        match operation {
            Operation::Send(id) | Operation::Upload(id) => {
                if let Some(queued) = self.queued(*id) {
                    queued.is_asked = false;
                }
                if self.is_sending(*id)
                    && let Some(program) = &mut self.program
                {
                    program.sending = None;
                }
            }
            Operation::Receive | Operation::Read => {
                let receiving = self.program.as_mut().and_then(|p| p.receiving.take());
                if let Some((_, mut saving)) = receiving {
                    saving.abandon();
                }
            }
            // The next login tells whether the change was made.
            Operation::Password(_) => context.user.change_is_lost(context.clock.tick()),
            Operation::Register
            | Operation::Login(_)
            | Operation::Logout
            | Operation::Rename
            | Operation::Find
            | Operation::List
            | Operation::CreateAppPassword
            | Operation::ListAppPasswords
            | Operation::RevokeAppPassword(_)
            | Operation::Ping => {}
        }
    }

    fn handle_success(
        &mut self,
        context: &mut DeviceContext<'_>,
        operation: &Operation,
        reply: Reply,
    ) -> Result<(), Violation> {
        match operation {
            Operation::Register => context.user.is_registered = true,
            Operation::Login(credential) => {
                self.refused = 0;
                context.user.logged_in_with(credential, context.clock.tick());
            }
            Operation::Password(new) => {
                context.user.is_changing = false;
                context.user.passwords = vec![new.clone()];
                context.user.password_changed(context.clock.tick());
            }
            Operation::CreateAppPassword => {
                if let Reply::AppPasswordCreated { id, password } = reply {
                    let made = app_passwords::made(id, password, context.clock.tick());
                    context.user.app_passwords.push(made);
                }
            }
            Operation::ListAppPasswords => {
                if let Reply::AppPasswords { passwords } = reply {
                    self.make_room_for_app_password(context, &passwords);
                }
            }
            Operation::RevokeAppPassword(id) => {
                context.user.app_password_revoked(*id, context.clock.tick());
            }
            Operation::Send(id) => return self.sent(context, *id),
            Operation::Receive | Operation::Read => return self.handle_page(context, reply),
            Operation::Upload(_)
            | Operation::Logout
            | Operation::Rename
            | Operation::Find
            | Operation::List
            | Operation::Ping => {}
        }
        Ok(())
    }

    /// Whether a reply goes to the flow that sends a large content.
    fn is_part_of_sending(&self, operation: &Operation) -> bool {
        match operation {
            Operation::Send(id) | Operation::Upload(id) => self.is_sending(*id),
            _ => false,
        }
    }

    fn queued(&mut self, id: MailId) -> Option<&mut QueuedMail> {
        self.outbox.iter_mut().find(|queued| queued.mail.id == id)
    }

    /// The server has acknowledged a mail.
    pub(super) fn sent(
        &mut self,
        context: &DeviceContext<'_>,
        id: MailId,
    ) -> Result<(), Violation> {
        let key = (context.user.username.clone(), id);
        let text = || format!("{}: mail {id} is acknowledged by nobody", self.name);
        require(context.ledger.is_acknowledged(&key), Check::Acknowledged, text)?;
        if let Some(index) = self.outbox.iter().position(|p| p.mail.id == id) {
            self.last_sent = Some(self.outbox.remove(index));
        }
        Ok(())
    }

    pub(super) fn handle_error(
        &mut self,
        context: &mut DeviceContext<'_>,
        operation: &Operation,
        error: &ErrorReply,
    ) -> Result<(), Violation> {
        use ErrorCode::{
            BadCredentials, Busy, ListFull, MailboxFull, MayNotSend, NoSuchList, NotAllowed,
            RateLimited, Unavailable, UnknownRecipient, UsernameTaken,
        };
        let now = context.clock.tick();
        let wait = u64::from(error.retry_after.unwrap_or(1)) * SECOND;
        let is_possible = match (operation, error.code) {
            (_, Busy | Unavailable) => true,
            (
                Operation::Login(_)
                | Operation::Send(_)
                | Operation::Password(_)
                | Operation::Find
                | Operation::List
                | Operation::CreateAppPassword
                | Operation::ListAppPasswords
                | Operation::RevokeAppPassword(_),
                RateLimited,
            ) => true,
            (Operation::CreateAppPassword, ErrorCode::LabelTaken) => true,
            (Operation::CreateAppPassword, ErrorCode::AppPasswordsFull) => {
                self.list_app_passwords(context);
                true
            }
            (Operation::Send(_), MailboxFull | UnknownRecipient | MayNotSend) => true,
            // Another user changes the lists, too. A person who is not registered yet is no member.
            (
                Operation::List,
                NoSuchList | NotAllowed | UsernameTaken | UnknownRecipient | ListFull,
            ) => true,
            // While either of two passwords may be valid, both are tried.
            (Operation::Login(tried), BadCredentials) => {
                // Another device may have changed the password in the meantime.
                let is_known = context.user.passwords.contains(tried);
                self.refused = if is_known { self.refused + 1 } else { 0 };
                self.refused <= 2 * context.user.passwords.len() || context.user.is_changing
            }
            // The operator enables the account again.
            (Operation::Login(_), ErrorCode::Disabled) => true,
            (Operation::Password(_), BadCredentials) => true,
            // The upload was forgotten again and again.
            (Operation::Upload(_) | Operation::Send(_), ErrorCode::Incomplete) => true,
            _ => false,
        };
        let text = || format!("{}: {operation:?} is refused: {error:?}", self.name);
        require(is_possible, Check::Answered, text)?;
        if let Operation::Send(id) | Operation::Upload(id) = operation {
            let is_for_good =
                |to: &Username| to.as_str() == "nobody" || LISTS.contains(&to.as_str());
            if error.recipients.iter().any(is_for_good) {
                self.outbox.retain(|queued| queued.mail.id != *id);
            } else if let Some(queued) = self.queued(*id) {
                queued.retry_at = now + wait;
            }
        }
        if let (Operation::Login(_), Some(program)) = (operation, &mut self.program) {
            program.think_at = program.think_at.max(now + wait);
        }
        self.give_up(context, operation);
        Ok(())
    }

    fn handle_page(
        &mut self,
        context: &mut DeviceContext<'_>,
        reply: Reply,
    ) -> Result<(), Violation> {
        let Some((receiving, _)) = self.program.as_mut().and_then(|p| p.receiving.as_mut()) else {
            return Ok(());
        };
        if let Err(error) = receiving.answered(reply) {
            let text = format!("{}: {error}", self.name);
            return Err(Violation::new(Check::Intact, text));
        }
        self.continue_receiving(context)
    }

    /// Saves mails and sends requests as the receiving flow asks.
    pub(super) fn continue_receiving(
        &mut self,
        context: &mut DeviceContext<'_>,
    ) -> Result<(), Violation> {
        loop {
            let Some((receiving, saving)) =
                self.program.as_mut().and_then(|p| p.receiving.as_mut())
            else {
                return Ok(());
            };
            match receiving.next_step() {
                ReceiveStep::Ask(request) => {
                    let operation = match request {
                        Request::Read(_) => Operation::Read,
                        _ => Operation::Receive,
                    };
                    self.ask(context, operation, request);
                    return Ok(());
                }
                ReceiveStep::Save(mails) => {
                    let saved = saving.save(mails);
                    if saved.is_ok() {
                        receiving.saved();
                    }
                    context.trace.note(&self.name, format_args!("saves: {saved:?}"));
                    context.ledger.look_at_disk(&context.user.username, &self.disk)?;
                    if saved.is_err() {
                        self.give_up(context, &Operation::Receive);
                        return Ok(());
                    }
                }
                ReceiveStep::Begin(_)
                | ReceiveStep::Append(_)
                | ReceiveStep::Complete(_)
                | ReceiveStep::Abandon => {
                    if !self.save_large(context)? {
                        return Ok(());
                    }
                }
                ReceiveStep::Finished => {
                    self.slow_down(context);
                    self.give_up(context, &Operation::Receive);
                    return Ok(());
                }
            }
        }
    }

    /// Does a step of saving a mail with a large content. Returns whether receiving goes on.
    fn save_large(&mut self, context: &mut DeviceContext<'_>) -> Result<bool, Violation> {
        let Some((receiving, saving)) = self.program.as_mut().and_then(|p| p.receiving.as_mut())
        else {
            return Ok(false);
        };
        let saved = match receiving.next_step() {
            ReceiveStep::Begin(mail) => saving.begin(mail).map(|begun| receiving.begun(begun)),
            ReceiveStep::Append(piece) => saving.append(piece).map(|()| receiving.appended()),
            ReceiveStep::Complete(mail) => {
                let completed = saving.complete();
                // All contents here are what their mails state.
                let is_whole = !matches!(completed, Ok(Completed::Damaged));
                let text = || format!("{}: mail {} is damaged", self.name, mail.id);
                require(is_whole, Check::Intact, text)?;
                completed.map(|completed| receiving.completed(completed))
            }
            _ => {
                saving.abandon();
                receiving.abandoned();
                Ok(())
            }
        };
        context.ledger.look_at_disk(&context.user.username, &self.disk)?;
        if saved.is_err() {
            context.trace.note(&self.name, format_args!("saves: {saved:?}"));
            self.give_up(context, &Operation::Receive);
        }
        Ok(saved.is_ok())
    }

    /// Acts less often while the world heals.
    fn slow_down(&mut self, context: &DeviceContext<'_>) {
        if let Some(program) = self.program.as_mut().filter(|_| context.is_healing) {
            program.think_at += self.rng.within(SECOND..=10 * SECOND);
        }
    }

    /// Marks some of the new mails as seen, which moves their files.
    pub(super) fn show(&mut self) {
        let (new, cur) = (Path::new(MAILBOX).join("new"), Path::new(MAILBOX).join("cur"));
        for name in self.disk.names(&new).unwrap_or_default() {
            if self.rng.one_in(2) {
                let mut shown = name.clone();
                shown.push(":2,");
                let (from, to): (PathBuf, PathBuf) = (new.join(&name), cur.join(shown));
                // If the disk fails, the mail stays in its place.
                let _ = self.disk.rename(&from, &to);
            }
        }
    }
}

fn is_no_such_mail(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(error) if error.code == ErrorCode::NoSuchMail)
}

//! Decides what a device's user does next.

use std::{rc::Rc, time::Duration};

use correio_proto::{
    credential::Credential,
    mail::{Body, Content, ContentKind, FullName, Message, Recipients, Subject, Username},
    message::{
        Account, Find, ListChange, ListRequest, Login, Register, Request, Role, Send, SendPolicy,
    },
};

use super::{Device, DeviceContext, Operation, QueuedMail};
use crate::{check::Violation, clock::SECOND, contents::stated, lists::LISTS};

/// How long a user waits for an answer, in ticks.
const PATIENCE: [u64; 3] = [60 * SECOND, 60 * SECOND, 3 * SECOND];

/// Most mails in a device's outbox.
const OUTBOX_MAX: usize = 12;

impl Device {
    pub(super) fn think(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        let now = context.clock.tick();
        let pause = self.rng.within(context.plan.pause_max / 10..=context.plan.pause_max);
        let Some(program) = &mut self.program else {
            return Ok(());
        };
        program.think_at = now + pause.max(1);
        if !context.user.is_registered {
            if !program.has(|operation| *operation == Operation::Register) {
                self.register(context);
            }
            return Ok(());
        }
        if program.client.username().is_none() {
            if !program.has(|operation| matches!(operation, Operation::Login(_))) {
                self.log_in(context);
            }
            return Ok(());
        }
        // After a logout is requested, the user sends nothing more in that session.
        if program.has(|operation| *operation == Operation::Logout) {
            return Ok(());
        }
        if self.rng.one_in(3) {
            self.show();
        }
        self.manage_app_passwords(context);
        self.send_outbox(context)?;
        if context.is_healing {
            self.receive(context)?;
        } else {
            self.do_something(context)?;
        }
        Ok(())
    }

    fn do_something(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        match self.rng.below(22) {
            0 => self.ask(context, Operation::Ping, Request::Ping {}),
            1 => self.rename(context),
            2 => self.change_password(context),
            3 if self.is_idle() => self.ask(context, Operation::Logout, Request::Logout {}),
            4..=9 => self.receive(context)?,
            20 | 21 => self.find(context),
            10 => self.use_list(context),
            _ => {
                for _ in 0..self.rng.within(1..=3) {
                    self.write_mail(context);
                }
                self.send_outbox(context)?;
            }
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.program.as_ref().is_some_and(|program| program.operations.is_empty())
    }

    fn register(&mut self, context: &mut DeviceContext<'_>) {
        let Some(credential) = context.user.passwords.first().cloned() else {
            return;
        };
        let request = Request::Register(Register {
            id: context.user.register_id,
            username: context.user.username.clone(),
            full_name: context.user.full_name.clone(),
            credential,
            invite: None,
        });
        self.ask(context, Operation::Register, request);
    }

    fn log_in(&mut self, context: &mut DeviceContext<'_>) {
        // While either of two passwords may be valid, they are tried in turn.
        let passwords = &context.user.passwords;
        let index = self.refused % passwords.len().max(1);
        let Some(credential) = passwords.get(index).cloned() else {
            return;
        };
        let username = context.user.username.clone();
        let request = Request::Login(Login { username, credential: credential.clone() });
        self.ask(context, Operation::Login(credential), request);
    }

    fn rename(&mut self, context: &mut DeviceContext<'_>) {
        let name = format!("Simulated Person {}", self.rng.below(1000));
        let Ok(full_name) = name.parse::<FullName>() else {
            return;
        };
        let request = Request::Account(Account::FullName { full_name });
        self.ask(context, Operation::Rename, request);
    }

    /// Looks people up by a part of somebody's username, or of the full names that users take.
    fn find(&mut self, context: &mut DeviceContext<'_>) {
        let anybody = context.usernames.get(self.rng.below(context.usernames.len()));
        let name = match self.rng.one_in(4) {
            true => format!("Simulated Person {}", self.rng.below(1000)),
            false => anybody.map(ToString::to_string).unwrap_or_default(),
        };
        let length = name.chars().count();
        let begin = if self.rng.one_in(2) { 0 } else { self.rng.below(length) };
        let end = 1 + self.rng.below(length);
        let part: String = name.chars().skip(begin).take(end).collect();
        if let Ok(text) = part.parse() {
            self.ask(context, Operation::Find, Request::Find(Find { text }));
        }
    }

    fn change_password(&mut self, context: &mut DeviceContext<'_>) {
        // One change at a time, and none while either of two passwords may be valid.
        let [current] = context.user.passwords.as_slice() else {
            return;
        };
        if context.user.is_changing {
            return;
        }
        let (current, new) = (current.clone(), Credential::from(self.rng.bytes()));
        context.user.passwords.push(new.clone());
        context.user.is_changing = true;
        context.user.change_asked_at = context.clock.tick();
        let request = Request::Account(Account::Password { current, new: new.clone() });
        self.ask(context, Operation::Password(new), request);
    }

    /// Changes or reads one of the lists that all users share.
    fn use_list(&mut self, context: &mut DeviceContext<'_>) {
        let mut who: Vec<_> = context.usernames.to_vec();
        self.rng.shuffle(&mut who);
        who.truncate(1 + usize::from(self.rng.one_in(3)));
        let name = self.rng.pick(&LISTS).map(str::parse::<Username>);
        let (Some(Ok(name)), Ok(members), Ok(title)) =
            (name, Recipients::try_from(who), "Turma".parse::<FullName>())
        else {
            return;
        };
        let policies = [SendPolicy::Owners {}, SendPolicy::Members {}, SendPolicy::Everybody {}];
        let senders = self.rng.pick(&policies).unwrap_or(SendPolicy::Members {});
        let change = match self.rng.below(10) {
            0..=2 => ListChange::Create { title, senders },
            3 => ListChange::Set { title, senders },
            4..=5 => ListChange::Add { members, role: Role::Member {} },
            6 => ListChange::Add { members, role: Role::Owner {} },
            7 => ListChange::Remove { members },
            8 if self.rng.one_in(3) => ListChange::Delete {},
            _ => {
                let request = match self.rng.one_in(2) {
                    true => ListRequest::Mine {},
                    false => ListRequest::Members { name, after: None },
                };
                return self.ask(context, Operation::List, Request::List(request));
            }
        };
        let request = ListRequest::Change { name, change };
        self.ask(context, Operation::List, Request::List(request));
    }

    /// Starts receiving, unless it is under way.
    pub(super) fn receive(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        let is_receiving = self.program.as_ref().is_some_and(|p| p.receiving.is_some());
        if is_receiving {
            return Ok(());
        }
        self.start_receiving();
        self.continue_receiving(context)
    }

    fn send_outbox(&mut self, context: &mut DeviceContext<'_>) -> Result<(), Violation> {
        let now = context.clock.tick();
        let mut is_uploading = self.is_uploading();
        let mut due = Vec::new();
        for queued in &mut self.outbox {
            let is_large = queued.content.is_some();
            // A device uploads one content at a time. A mail that waits because a mailbox was full
            // has no upload under way.
            if queued.is_asked || queued.retry_at > now || (is_large && is_uploading) {
                continue;
            }
            is_uploading |= is_large;
            queued.is_asked = true;
            due.push((queued.mail.clone(), is_large));
        }
        for (mail, is_large) in due {
            match is_large {
                true => self.start_sending(context, mail.id)?,
                false => self.ask(context, Operation::Send(mail.id), Request::Send(mail)),
            }
        }
        Ok(())
    }

    /// Writes a mail into the outbox; from then on it must be sent, whatever happens.
    fn write_mail(&mut self, context: &mut DeviceContext<'_>) {
        if self.outbox.len() >= OUTBOX_MAX {
            return;
        }
        let mut to: Vec<_> = context.usernames.to_vec();
        self.rng.shuffle(&mut to);
        to.truncate(1 + usize::from(self.rng.one_in(4)));
        let is_large = self.rng.one_in(context.plan.large_every);
        // The upload of a mail that is refused for good would take its place for a day.
        if !is_large && self.rng.one_in(15) {
            to.extend("nobody".parse());
        }
        if !is_large && self.rng.one_in(4) {
            to.extend(LISTS.iter().filter(|_| self.rng.one_in(2)).flat_map(|list| list.parse()));
        }
        let id = self.rng.mail_id();
        let content_max = context.plan.session_config.content_max;
        let max = match is_large {
            true => usize::try_from(content_max).unwrap_or(usize::MAX),
            false => context.plan.body_max,
        };
        let (kind, bytes) = match self.rng.one_in(3) {
            true => (ContentKind::Message {}, self.message(max)),
            false => (ContentKind::Text {}, self.body(max).into_bytes()),
        };
        let bytes: Rc<[u8]> = bytes.into();
        let content = match is_large {
            true => stated(kind, &bytes).map(Content::Large),
            false => inline(kind, &bytes),
        };
        let (Ok(to), Ok(subject), Some(content)) =
            (Recipients::try_from(to), format!("Assunto {id}").parse::<Subject>(), content)
        else {
            return;
        };
        let mail = Send { id, to, subject, content };
        let queued = is_large.then(|| bytes.clone());
        if is_large {
            context.ledger.contents.note(context.user.username.clone(), id, bytes);
        }
        context.ledger.note_sent(context.user.username.clone(), &mail);
        context.trace.note(&self.name, format_args!("writes {id} to {}", mail.to));
        self.outbox.push(QueuedMail { mail, content: queued, is_asked: false, retry_at: 0 });
    }

    fn body(&mut self, max: usize) -> String {
        let line = "From mim\r\n.\nação 😀 \u{1b}[2J\n";
        let max = if self.rng.one_in(4) { max } else { max.min(300) };
        let length = self.rng.within(1..=max as u64) as usize;
        let mut body: String = line.chars().cycle().take(length).collect();
        while body.len() > max {
            body.pop();
        }
        if body.trim().is_empty() { "x".to_owned() } else { body }
    }

    /// A message that begins as one, or anywhere in one, and has bytes that are no text.
    fn message(&mut self, max: usize) -> Vec<u8> {
        let line = b"Subject: x\r\nX-Correio-Message-Length: 1\n\n\0\xff\xfe\r\r\n folded\n.\n";
        let max = if self.rng.one_in(4) { max } else { max.min(300) };
        let length = self.rng.within(1..=max as u64) as usize;
        let begin = self.rng.below(line.len());
        line.iter().cycle().skip(begin).take(length).copied().collect()
    }

    /// Hands a request to the client. If the client refuses it, the operation is tried again later.
    pub(super) fn ask(
        &mut self,
        context: &mut DeviceContext<'_>,
        operation: Operation,
        request: Request,
    ) {
        let patience = self.rng.pick(&PATIENCE).unwrap_or(SECOND);
        let deadline = context.clock.tick() + patience;
        let Some(program) = &mut self.program else {
            return;
        };
        match program.client.request(request, Duration::from_millis(deadline)) {
            Ok(id) => {
                context.trace.note(&self.name, format_args!("asks {operation:?}"));
                program.operations.insert(id, (operation, deadline));
                program.again = true;
            }
            Err(failure) => {
                context.trace.note(&self.name, format_args!("cannot ask {operation:?}: {failure}"));
                self.give_up(context, &operation);
            }
        }
    }
}

/// A content that is in the request itself.
fn inline(kind: ContentKind, bytes: &[u8]) -> Option<Content> {
    match kind {
        ContentKind::Text {} => {
            std::str::from_utf8(bytes).ok()?.parse::<Body>().map(Content::Body).ok()
        }
        ContentKind::Message {} => Message::try_from(bytes).map(Content::Message).ok(),
    }
}

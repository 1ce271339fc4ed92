//! A dialogue of a program with a session, whose store follows a script.

use std::collections::HashMap;

use correio_proto::mail::{Content, MailId, Timestamp, Username};

use super::super::SubmissionSession;
use crate::{
    gateway::{
        Ending, GatewayStep, Protection,
        harness::{CONNECTION, Harness, domain, name, tony},
    },
    ids::{AccountId, Ticket},
    session::{Done, Job, QueueName},
    store::{
        NewMailRecord, StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// `AUTH PLAIN` of `tony`, with some app password.
pub(super) const LOGIN: &str =
    "AUTH PLAIN AHRvbnkAMDEyMy00NTY3LTg5QUItQ0RFRi1HSEpLLU1OUFEtUjE=\r\n";

/// The head that most tests send.
pub(super) const HEAD: &str = "From: Tony Stark <tony@mail.example>\r\n\
                               To: steve@mail.example\r\n\
                               Subject: Suit\r\n\
                               Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n\
                               Message-ID: <suit@phone>\r\n";

/// The store's answer to the next job of a kind.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// This result.
    Done(StoreDone),
    /// The queue is full.
    Busy,
}

/// See the module's description.
pub(super) struct Dialogue {
    pub(super) harness: Harness,
    pub(super) session: SubmissionSession,
    /// Results of jobs by the job's kind, each given once. A job without a result here succeeds.
    pub(super) script: HashMap<&'static str, Vec<Answer>>,
    /// Mails that the store got.
    pub(super) mails: Vec<NewMailRecord>,
    /// Kinds of all jobs.
    pub(super) jobs: Vec<&'static str>,
    /// Bytes of uploads.
    pub(super) uploads: HashMap<MailId, Vec<u8>>,
    /// Most bytes that the session held.
    pub(super) held_max: usize,
    pub(super) is_closed: bool,
    pub(super) has_tls_begun: bool,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Dialogue {
    /// A dialogue in which the server has greeted.
    pub(super) fn new(protection: Protection) -> Self {
        let mut dialogue = Self {
            harness: Harness::new(),
            session: SubmissionSession::new(protection, &domain()),
            script: HashMap::new(),
            mails: Vec::new(),
            jobs: Vec::new(),
            uploads: HashMap::new(),
            held_max: 0,
            is_closed: false,
            has_tls_begun: false,
            input: Vec::new(),
            output: Vec::new(),
        };
        assert_eq!(dialogue.say(""), "220 mail.example ESMTP correio\r\n");
        dialogue
    }

    /// A dialogue in which `tony` is logged in.
    pub(super) fn logged_in() -> Self {
        let mut dialogue = Self::new(Protection::Protected);
        dialogue.say("EHLO phone\r\n");
        assert_eq!(dialogue.say(LOGIN), "235 2.7.0 logged in\r\n");
        dialogue
    }

    /// A dialogue in which the server waits for a mail to `steve`.
    pub(super) fn in_data() -> Self {
        let mut dialogue = Self::logged_in();
        dialogue.say("MAIL FROM:<tony@mail.example>\r\nRCPT TO:<steve@mail.example>\r\n");
        assert!(dialogue.say("DATA\r\n").starts_with("354 "));
        dialogue
    }

    /// Scripts the result of the next job of this kind.
    pub(super) fn script(&mut self, kind: &'static str, done: StoreDone) {
        self.script.entry(kind).or_default().insert(0, Answer::Done(done));
    }

    /// Sends this text, and returns the replies.
    pub(super) fn say(&mut self, text: impl AsRef<[u8]>) -> String {
        let input = [&std::mem::take(&mut self.input), text.as_ref()].concat();
        let mut rest = &input[..];
        while !self.is_closed && !self.has_tls_begun && self.session.has_work(rest) {
            let mut context = self.harness.context();
            let taken = self.session.take(&mut context, rest, &mut self.output);
            rest = &rest[taken.consumed..];
            self.held_max = self.held_max.max(self.session.held());
            self.follow(taken.step);
        }
        self.input = rest.to_vec();
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    /// Sends a mail to `steve`, and returns the reply.
    pub(super) fn mail(&mut self, message: impl AsRef<[u8]>) -> String {
        self.mail_to("steve@mail.example", message)
    }

    /// Sends a mail, and returns the reply to its end.
    pub(super) fn mail_to(&mut self, recipients: &str, message: impl AsRef<[u8]>) -> String {
        assert!(self.say("MAIL FROM:<tony@mail.example>\r\n").starts_with("250 "));
        for recipient in recipients.split_whitespace() {
            let reply = self.say(format!("RCPT TO:<{recipient}>\r\n"));
            assert!(reply.starts_with("250 "), "{reply}");
        }
        assert!(self.say("DATA\r\n").starts_with("354 "));
        self.say([message.as_ref(), b"\r\n.\r\n"].concat())
    }

    /// The bytes of the last mail's content.
    pub(super) fn content(&self) -> Vec<u8> {
        let mail = self.mails.last().unwrap();
        match (&mail.content, mail.staged) {
            (Content::Message(message), None) => message.as_bytes().to_vec(),
            (Content::Large(large), Some(staged)) => {
                let bytes = self.uploads[&staged].clone();
                assert_eq!(large.size.get(), bytes.len() as u64);
                bytes
            }
            other => panic!("{other:?}"),
        }
    }

    /// Ends the connection from the server's side.
    pub(super) fn end(&mut self, ending: Ending) -> String {
        self.session.end(&mut self.harness.context(), ending, &mut self.output);
        assert!(!self.session.has_work(b"NOOP\r\n"));
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    /// Does the last job after the connection's end. Returns false if there is none.
    pub(super) fn give_up(&mut self) -> bool {
        let last = self.session.give_up(CONNECTION);
        last.map(|(_, job)| self.done(job)).is_some()
    }

    /// Sends this text on a connection that ends while the store does the first job: the step after
    /// it is discarded.
    pub(super) fn say_and_leave(&mut self, text: &[u8]) {
        let mut context = self.harness.context();
        let taken = self.session.take(&mut context, text, &mut self.output);
        let GatewayStep::Defer(ticket, Job::Store(job)) = taken.step else {
            panic!("a job of the store was expected, not {:?}", taken.step)
        };
        let done = self.done(job);
        let mut context = self.harness.context();
        let step = self.session.complete(&mut context, ticket, done, &mut self.output);
        self.session.discarded(&step.expect("the session waits for the job"));
    }

    fn follow(&mut self, mut step: GatewayStep) {
        loop {
            match step {
                GatewayStep::Continue => return,
                GatewayStep::StartTls => return self.has_tls_begun = true,
                GatewayStep::Close => return self.is_closed = true,
                GatewayStep::Defer(ticket, Job::Store(job)) => step = self.defer(ticket, job),
                GatewayStep::Defer(_, Job::Hash(job)) => panic!("{job:?}"),
            }
        }
    }

    fn defer(&mut self, ticket: Ticket, job: StoreJob) -> GatewayStep {
        assert_eq!(self.session.common.waiting_for(CONNECTION), Some(ticket));
        assert!(self.session.common.is_storing());
        let done = self.done(job);
        let mut context = self.harness.context();
        let other = Ticket { serial: ticket.serial + 1, ..ticket };
        let stale = Done::Store(StoreDone::Created);
        assert!(self.session.complete(&mut context, other, stale, &mut self.output).is_none());
        let step = self.session.complete(&mut context, ticket, done, &mut self.output);
        step.expect("the session waits for the job")
    }

    /// Does a job as the script says, or successfully.
    fn done(&mut self, job: StoreJob) -> Done {
        let kind = match &job {
            StoreJob::Gateway(GatewayJob::LogIn { .. }) => "log in",
            StoreJob::Gateway(GatewayJob::FindRecipient { .. }) => "find",
            StoreJob::Gateway(GatewayJob::Stage { .. }) => "stage",
            StoreJob::Gateway(GatewayJob::Discard { .. }) => "discard",
            StoreJob::Send { .. } => "send",
            job => panic!("{job:?}"),
        };
        self.jobs.push(kind);
        let scripted = self.script.get_mut(kind).and_then(Vec::pop);
        match scripted {
            Some(Answer::Busy) => {
                Done::Busy { queue: QueueName::Store, retry_after: Default::default() }
            }
            Some(Answer::Done(done)) => Done::Store(done),
            None => Done::Store(self.success(job)),
        }
    }

    fn success(&mut self, job: StoreJob) -> StoreDone {
        match job {
            StoreJob::Gateway(GatewayJob::LogIn { username, .. }) => {
                assert_eq!(username, name("tony"));
                StoreDone::Gateway(GatewayDone::LoggedIn(tony().into()))
            }
            StoreJob::Gateway(GatewayJob::FindRecipient { sender, username }) => {
                assert_eq!(sender, AccountId(1));
                StoreDone::Gateway(match username.as_str() {
                    "nobody" => GatewayDone::UnknownRecipient,
                    "closed" => GatewayDone::MayNotSend,
                    _ => GatewayDone::Recipient,
                })
            }
            StoreJob::Gateway(GatewayJob::Stage { id, offset, bytes, .. }) => {
                let upload = self.uploads.entry(id).or_default();
                assert_eq!(upload.len() as u64, offset);
                upload.extend_from_slice(bytes.as_bytes());
                StoreDone::Uploaded { staged: upload.len() as u64 }
            }
            StoreJob::Gateway(GatewayJob::Discard { id, .. }) => {
                self.uploads.remove(&id);
                StoreDone::Gateway(GatewayDone::Discarded)
            }
            StoreJob::Send { mail, sender, .. } => {
                assert_eq!(sender, AccountId(1));
                self.mails.push((*mail).clone());
                sent()
            }
            job => panic!("{job:?}"),
        }
    }
}

/// The result of a job that has stored a mail.
pub(super) fn sent() -> StoreDone {
    let from = (name("tony"), "Tony Stark".parse().unwrap());
    StoreDone::Sent { sent_at: Timestamp(7), recipients: vec![AccountId(2)], from }
}

/// Usernames.
pub(super) fn names(text: &str) -> Vec<Username> {
    text.split_whitespace().map(name).collect()
}

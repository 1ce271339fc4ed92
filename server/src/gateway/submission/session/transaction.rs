//! `MAIL`, `RCPT` and `DATA`: the commands of a session of submission that send a mail.

use std::sync::Arc;

use correio_proto::mail::Username;

use super::{Hello, Pending, Phase, SubmissionSession};
use crate::{
    event::Event,
    gateway::{
        GatewayStep, Protection, address, login,
        submission::{
            command::ReversePath,
            envelope::Envelope,
            incoming::{self, Incoming, MailFault, Next, StageFault},
            reply::{Order, Refused, Reply},
        },
    },
    limits::throttle::Wait,
    session::{
        Done, SessionContext, Settlement,
        delivery::{self, Delivery},
    },
    store::{
        NewMailRecord, StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob},
    },
};

impl SubmissionSession {
    pub(super) fn mail(
        &mut self,
        context: &mut SessionContext<'_>,
        from: ReversePath<'_>,
        size: Option<u64>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let size_max = incoming::size_max(context.config.content_max);
        let refused = match (self.hello, &self.identity, &self.envelope) {
            (Hello::Due, _, _) => Refused::Order(Order::HelloFirst),
            (Hello::Said, None, _) => Refused::Order(match self.common.protection {
                Protection::Startable => Order::TlsBeforeMail,
                Protection::Protected => Order::LoginFirst,
            }),
            (Hello::Said, Some(_), Some(_)) => Refused::Order(Order::MailBegun),
            (Hello::Said, Some(identity), None) if !self.is_sender(from, &identity.username) => {
                Refused::Sender
            }
            (Hello::Said, Some(_), None) if size.is_some_and(|size| size > size_max) => {
                Refused::TooLarge(size_max)
            }
            (Hello::Said, Some(_), None) => {
                self.envelope = Some(Envelope::default());
                Reply::Sender.write(output);
                return GatewayStep::Continue;
            }
        };
        self.refuse(context, &refused, output)
    }

    /// Whether the address of `MAIL` is the account's, or empty.
    fn is_sender(&self, from: ReversePath<'_>, username: &Username) -> bool {
        match from {
            ReversePath::Null => true,
            ReversePath::Address(text) => {
                address::parse(text, &self.common.domain).is_ok_and(|sender| sender == *username)
            }
        }
    }

    pub(super) fn rcpt(
        &mut self,
        context: &mut SessionContext<'_>,
        text: &str,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let (Some(identity), Some(envelope)) = (&self.identity, &self.envelope) else {
            return self.refuse(context, &Refused::Order(self.before_recipient()), output);
        };
        let recipient = match address::parse(text, &self.common.domain) {
            Ok(recipient) => recipient,
            Err(error) => return self.refuse(context, &Refused::Address(error), output),
        };
        if envelope.recipients().contains(&recipient) {
            Reply::Recipient.write(output);
            return GatewayStep::Continue;
        }
        if envelope.is_full() {
            return self.refuse(context, &Refused::TooManyRecipients, output);
        }
        let (sender, username) = (identity.account, recipient.clone());
        let job = StoreJob::Gateway(GatewayJob::FindRecipient { sender, username });
        self.common.defer(context.connection, job, Pending::Recipient(recipient))
    }

    /// The command that must come before `RCPT` or `DATA`.
    fn before_recipient(&self) -> Order {
        match (&self.identity, self.common.protection) {
            (Some(_), _) => Order::MailFirst,
            (None, Protection::Startable) => Order::TlsBeforeMail,
            (None, Protection::Protected) => Order::LoginFirst,
        }
    }

    pub(super) fn found(
        &mut self,
        context: &mut SessionContext<'_>,
        recipient: Username,
        done: Done,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let refused = match done {
            Done::Store(StoreDone::Gateway(GatewayDone::Recipient)) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.add(recipient);
                }
                Reply::Recipient.write(output);
                return GatewayStep::Continue;
            }
            Done::Store(StoreDone::Gateway(GatewayDone::UnknownRecipient)) => Refused::Unknown,
            Done::Store(StoreDone::Gateway(GatewayDone::MayNotSend)) => Refused::MayNotSend,
            done => return self.store_failed(context, done, output),
        };
        self.refuse(context, &refused, output)
    }

    pub(super) fn data(
        &mut self,
        context: &mut SessionContext<'_>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let (Some(identity), Some(secret), Some(envelope)) =
            (&self.identity, self.secret, &self.envelope)
        else {
            return self.refuse(context, &Refused::Order(self.before_recipient()), output);
        };
        if envelope.recipients().is_empty() {
            return self.refuse(context, &Refused::Order(Order::RecipientFirst), output);
        }
        self.mails = self.mails.saturating_add(1);
        let mail = (envelope.clone(), self.mails);
        let incoming = Incoming::new(context, (identity, secret), &self.common.domain, mail);
        self.phase = Phase::Mail(Box::new(incoming));
        self.envelope = None;
        Reply::GoOn.write(output);
        GatewayStep::Continue
    }

    /// Goes on with the mail that is being received, up to its next input or job.
    pub(super) fn proceed(
        &mut self,
        context: &mut SessionContext<'_>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let Phase::Mail(incoming) = &mut self.phase else {
            return GatewayStep::Continue;
        };
        let size_max = incoming.size_max();
        match incoming.next(context.now.wall) {
            Next::Read => GatewayStep::Continue,
            Next::Stage(job) => self.common.defer(context.connection, job, Pending::Staging),
            Next::Discard(job) => self.common.defer(context.connection, job, Pending::Discarding),
            Next::Ended(result) => {
                self.phase = Phase::Command;
                match result {
                    Ok(mail) => self.send(context, *mail, output),
                    Err(fault) => self.mail_refused(context, fault, size_max, output),
                }
            }
            Next::Endless(fault) => {
                let _ = self.mail_refused(context, fault, size_max, output);
                self.close()
            }
        }
    }

    /// Passes the result of staging a piece to the mail that is being received.
    pub(super) fn staged(&mut self, context: &mut SessionContext<'_>, done: Done) {
        let Phase::Mail(incoming) = &mut self.phase else {
            return;
        };
        let fault = match done {
            Done::Store(StoreDone::Uploaded { staged }) => return incoming.staged(staged),
            Done::Store(StoreDone::UploadsFull) => StageFault::Full,
            Done::Store(StoreDone::NoAccount) => StageFault::NoAccount,
            Done::Store(StoreDone::Unavailable(text)) => {
                login::report_unavailable(context, &text);
                StageFault::Unavailable
            }
            Done::Busy { queue, .. } => {
                login::report_full(context, queue);
                StageFault::Busy
            }
            Done::Store(_) | Done::Hash(_) => {
                login::report_unexpected(context);
                StageFault::Unavailable
            }
        };
        incoming.fail(fault);
        // The mail is refused after its end, and the piece counts as refused now.
        let fault = MailFault::Store(fault);
        let refusal = Refused::of(fault, incoming.size_max()).refusal();
        self.common.note(refusal);
    }

    fn mail_refused(
        &mut self,
        context: &mut SessionContext<'_>,
        fault: MailFault,
        size_max: u64,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let step = self.refuse(context, &Refused::of(fault, size_max), output);
        match fault {
            MailFault::Store(StageFault::NoAccount) => self.close(),
            MailFault::Data(_) | MailFault::Head(_) | MailFault::Store(_) => step,
        }
    }

    /// Stores a complete mail in the mailboxes, if the account may send now.
    fn send(
        &mut self,
        context: &mut SessionContext<'_>,
        mail: NewMailRecord,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let Some(identity) = &self.identity else {
            return self.store_failed(context, Done::Store(StoreDone::NoAccount), output);
        };
        let mail = Arc::new(mail);
        match delivery::begin(context, &mut self.common.charge, identity.account, &mail) {
            Ok(job) => self.common.defer(context.connection, job, Pending::Sending(mail)),
            Err(wait) => {
                self.limited(context, wait, output);
                self.forget(context, &mail)
            }
        }
    }

    pub(super) fn sent(
        &mut self,
        context: &mut SessionContext<'_>,
        mail: &NewMailRecord,
        done: Done,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let done = match done {
            // The id depends on the whole mail as it arrived. The earlier mail of this id is the
            // same one, stored in another form: before a setting changed the server's domain, or
            // the size from which a content is large.
            Done::Store(StoreDone::Conflict) => StoreDone::SentBefore { sent_at: context.now.wall },
            Done::Store(done) => done,
            done => {
                self.common.settle(context, Settlement::Unanswered);
                let _ = self.store_failed(context, done, output);
                return self.forget(context, mail);
            }
        };
        let Some(identity) = &self.identity else {
            return self.store_failed(context, Done::Store(StoreDone::NoAccount), output);
        };
        let delivery = delivery::complete(context, identity, mail, done);
        self.common.settle(context, delivery.settlement());
        match delivery {
            Delivery::Accepted { .. } => Reply::Accepted(mail.id).write(output),
            Delivery::Repeated { .. } => Reply::Repeated(mail.id).write(output),
            Delivery::Refused(refusal) => {
                return self.refuse(context, &Refused::Delivery(&refusal), output);
            }
            Delivery::Limited(wait) => {
                self.limited(context, wait, output);
                return self.forget(context, mail);
            }
            Delivery::NoAccount => {
                return self.store_failed(context, Done::Store(StoreDone::NoAccount), output);
            }
            Delivery::Unavailable => {
                context.counts.unavailable += 1;
                let _ = self.refuse(context, &Refused::Unavailable, output);
                return self.forget(context, mail);
            }
        }
        GatewayStep::Continue
    }

    fn limited(&mut self, context: &mut SessionContext<'_>, wait: Wait, output: &mut Vec<u8>) {
        if let Some(identity) = &self.identity {
            let (username, connection, address) =
                (&identity.username, context.connection, context.peer);
            let (limit, wait) = ("mails", wait.seconds());
            Event::RequestLimited { username, connection, address, limit, wait }.log();
        }
        let _ = self.refuse(context, &Refused::Limited(wait), output);
    }

    /// Forgets the staged part of a mail that the store has not taken.
    fn forget(&mut self, context: &SessionContext<'_>, mail: &NewMailRecord) -> GatewayStep {
        match (mail.staged, &self.identity) {
            (Some(id), Some(identity)) => {
                let job = incoming::discard(identity.account, id);
                self.common.defer(context.connection, job, Pending::Forgetting)
            }
            (_, _) => GatewayStep::Continue,
        }
    }
}

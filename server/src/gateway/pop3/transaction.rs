//! POP3's TRANSACTION state: the program reads the mailbox and marks mails as deleted, and `QUIT`
//! deletes them.

use correio_proto::{
    limits,
    mail::{Content, Mail, Piece},
};

use super::{
    authorization,
    command::{Command, MailNumber},
    deliveries::Deliveries,
    listing::{Listing, ListingKind, Progress},
    maildrop::{Maildrop, NoMail, TooManyMails},
    refused::{Order, Refused},
    reply,
    retrieval::{self, Extent, ReadAhead, Wanted},
    sender::{Loaded, MailSender, Sent},
};
use crate::{
    event::Event,
    gateway::{
        Protection,
        domain::MailDomain,
        login::{report_full, report_unavailable, report_unexpected},
    },
    ids::ConnId,
    session::{Done, Identity, SessionContext},
    store::{
        StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob, MailOutline},
    },
};

/// The job that a command waits for.
#[derive(Debug)]
pub(in crate::gateway) enum Pending {
    /// A page of the mailbox is being listed.
    Listing,
    /// The outlines of a mail and of the mails after it are being read.
    Outlining(Wanted),
    /// The mails of these outlines are being read.
    Fetching(Wanted, Vec<MailOutline>),
    /// The first piece of a large content is being read.
    Beginning(Box<MailOutline>, Extent),
    /// A further piece of the content that is being sent is being read.
    Continuing,
    /// Mails are being deleted; this many are deleted already.
    Deleting(u32),
}

/// What follows a command, a chunk of a reply, or a job.
#[derive(Debug)]
pub(super) enum TransactionStep {
    /// Nothing: the command is answered, or there is more to send.
    Replied,
    /// Submit this job and wait for its result.
    Defer(StoreJob, Pending),
    /// Answer that the command is refused, and go on so.
    Refused(Refused, AfterRefusal),
    /// Close the connection within a reply: the program would read a refusal as a part of it.
    CutOff(Refused),
    /// Close the connection.
    Close,
}

/// What follows a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterRefusal {
    /// The program may send another command.
    Continue,
    /// The program is logged out: its mailbox cannot be listed.
    LogOut,
    /// The connection ends.
    Close,
}

use TransactionStep::{Close, Defer, Replied};

/// A reply that is being sent.
#[derive(Debug)]
enum Sending {
    Listing(Listing),
    Mail(Box<MailSender>),
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Transaction {
    identity: Identity,
    domain: MailDomain,
    maildrop: Maildrop,
    ahead: ReadAhead,
    sending: Option<Sending>,
    deliveries: Deliveries,
}

impl Transaction {
    /// The state after a login. The returned step lists the mailbox; the login is answered then.
    pub(super) fn begin(
        identity: Identity,
        domain: MailDomain,
        connection: ConnId,
    ) -> (Self, TransactionStep) {
        let (maildrop, ahead) = Default::default();
        let deliveries = Deliveries::new(identity.username.clone(), connection);
        let transaction = Self { identity, domain, maildrop, ahead, sending: None, deliveries };
        let step = transaction.list_page();
        (transaction, step)
    }

    /// The account that is logged in.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Bytes that the list takes, and the mails that were read.
    pub(super) fn held(&self) -> usize {
        let sending = match &self.sending {
            Some(Sending::Mail(sender)) => sender.held(),
            Some(Sending::Listing(_)) | None => 0,
        };
        self.maildrop.held() + self.ahead.held() + sending
    }

    /// Whether a reply is being sent.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// Handles a command.
    pub(super) fn handle(&mut self, command: &Command, output: &mut Vec<u8>) -> TransactionStep {
        match *command {
            Command::Status => {
                let (mails, octets) = self.maildrop.totals();
                reply::ok(output, format_args!("{mails} {octets}"));
            }
            Command::List(None) => {
                reply::ok(output, "the octets of each mail follow");
                self.sending = Some(Sending::Listing(Listing::new(ListingKind::Octets)));
            }
            Command::UniqueIds(None) => {
                reply::ok(output, "the id of each mail follows");
                self.sending = Some(Sending::Listing(Listing::new(ListingKind::UniqueIds)));
            }
            Command::List(Some(number)) => match self.maildrop.get(number) {
                Ok(listed) => reply::ok(output, format_args!("{} {}", number.0, listed.octets)),
                Err(no_mail) => return no_mail.into(),
            },
            Command::UniqueIds(Some(number)) => match self.maildrop.get(number) {
                Ok(listed) => {
                    reply::ok(output, format_args!("{} {}", number.0, listed.unique_id()));
                }
                Err(no_mail) => return no_mail.into(),
            },
            Command::Retrieve(number) => return self.retrieve(number, Extent::Whole, output),
            Command::Top(number, lines) => {
                return self.retrieve(number, Extent::Top(lines), output);
            }
            Command::Delete(number) => match self.maildrop.delete(number) {
                Ok(()) => reply::ok(output, "QUIT deletes this mail"),
                Err(no_mail) => return no_mail.into(),
            },
            Command::Reset => {
                self.maildrop.reset();
                reply::ok(output, "no mail is marked as deleted");
            }
            Command::Noop => reply::ok(output, "nothing to do"),
            Command::Capabilities => authorization::capabilities(Protection::Protected, output),
            Command::Quit => return self.delete_next(0, output),
            Command::StartTls
            | Command::User(_)
            | Command::Password(_)
            | Command::Mechanisms
            | Command::Authenticate(..) => return refuse(Refused::Order(Order::LoggedIn)),
        }
        Replied
    }

    /// Sends the next chunk of a reply.
    pub(super) fn send(
        &mut self,
        context: &mut SessionContext<'_>,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        match self.sending.take() {
            None => Replied,
            Some(Sending::Listing(mut listing)) => {
                match listing.send(&self.maildrop, output) {
                    Progress::Complete => {}
                    Progress::Partial => self.sending = Some(Sending::Listing(listing)),
                }
                Replied
            }
            Some(Sending::Mail(mut sender)) => match sender.send(output) {
                Sent::Partial => {
                    self.sending = Some(Sending::Mail(sender));
                    Replied
                }
                Sent::NeedsPiece(offset) => {
                    let (account, mail) = (self.identity.account, sender.outline.mail);
                    self.sending = Some(Sending::Mail(sender));
                    Defer(StoreJob::Read { account, mail, offset }, Pending::Continuing)
                }
                Sent::Complete => {
                    if sender.extent == Extent::Whole {
                        self.report_delivered(context);
                    }
                    sender.finish(output);
                    Replied
                }
                Sent::Short => Close,
            },
        }
    }

    /// Continues with a job's result.
    pub(super) fn complete(
        &mut self,
        context: &mut SessionContext<'_>,
        pending: Pending,
        done: Done,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        let done = match reported(context, done) {
            Ok(done) => done,
            Err(refused) => return failed(&pending, refused),
        };
        match (pending, done) {
            (Pending::Continuing, StoreDone::Piece(piece)) => self.go_on(piece),
            // A part of the mail is sent: the program would read any other reply as the rest of it.
            (Pending::Continuing, StoreDone::NoSuchMail) => TransactionStep::CutOff(Refused::Gone),
            (Pending::Continuing, StoreDone::NoAccount) => {
                TransactionStep::CutOff(Refused::NoAccount)
            }
            (Pending::Deleting(deleted), StoreDone::Confirmed { deleted: now }) => {
                self.report_deleted(context, now);
                self.delete_next(deleted.saturating_add(now), output)
            }
            (_, StoreDone::NoAccount) => {
                TransactionStep::Refused(Refused::NoAccount, AfterRefusal::Close)
            }
            (Pending::Listing, StoreDone::Gateway(GatewayDone::Outlines { mails, more })) => {
                self.listed(&mails, more, output)
            }
            (
                Pending::Outlining(wanted),
                StoreDone::Gateway(GatewayDone::Outlines { mails, more }),
            ) => self.outlined(wanted, mails, more),
            (Pending::Fetching(wanted, outlines), StoreDone::Page { mails, .. }) => {
                self.fetched(wanted, outlines, mails, output)
            }
            (Pending::Beginning(outline, extent), StoreDone::Piece(piece)) => {
                self.send_mail(*outline, extent, Loaded::Piece(piece), output);
                Replied
            }
            (Pending::Beginning(..), StoreDone::NoSuchMail) => refuse(Refused::Gone),
            (pending, _) => {
                report_unexpected(context);
                failed(&pending, Refused::Unavailable)
            }
        }
    }

    /// The job that lists the next page.
    fn list_page(&self) -> TransactionStep {
        let (account, after) = (self.identity.account, self.maildrop.last());
        let job = GatewayJob::Outline { account, after, mails: limits::PAGE_MAILS_MAX };
        Defer(StoreJob::Gateway(job), Pending::Listing)
    }

    fn listed(
        &mut self,
        page: &[MailOutline],
        more: bool,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        if self.maildrop.add(page, &self.domain) == Err(TooManyMails) {
            return TransactionStep::Refused(Refused::TooManyMails, AfterRefusal::LogOut);
        }
        // A page may be empty although the mailbox has more mails: the next job goes on after it.
        if more {
            return self.list_page();
        }
        let (mails, octets) = self.maildrop.totals();
        reply::ok(output, format_args!("mails: {mails}, octets: {octets}"));
        Replied
    }

    fn retrieve(
        &mut self,
        number: MailNumber,
        extent: Extent,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        let mail = match self.maildrop.get(number) {
            Ok(listed) => listed.mail,
            Err(no_mail) => return no_mail.into(),
        };
        match self.ahead.get(mail) {
            Some((outline, content)) => self.begin_mail(outline, extent, &content, output),
            None => self.find(Wanted { mail, extent }),
        }
    }

    /// The job that reads a listed mail's outline anew.
    fn find(&self, wanted: Wanted) -> TransactionStep {
        let job = retrieval::outline_job(self.identity.account, wanted.mail);
        Defer(job, Pending::Outlining(wanted))
    }

    fn outlined(
        &mut self,
        wanted: Wanted,
        outlines: Vec<MailOutline>,
        more: bool,
    ) -> TransactionStep {
        if outlines.is_empty() && more {
            return self.find(wanted);
        }
        if outlines.first().is_none_or(|outline| outline.mail != wanted.mail) {
            return refuse(Refused::Gone);
        }
        let job = retrieval::fetch_job(self.identity.account, wanted.mail, outlines.len());
        Defer(job, Pending::Fetching(wanted, outlines))
    }

    fn fetched(
        &mut self,
        wanted: Wanted,
        outlines: Vec<MailOutline>,
        mails: Vec<Mail>,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        self.ahead.fill(outlines, mails);
        let found = self.ahead.get(wanted.mail);
        self.ahead.shrink();
        match found {
            Some((outline, content)) => self.begin_mail(outline, wanted.extent, &content, output),
            None => refuse(Refused::Gone),
        }
    }

    /// Begins to send a mail. The first piece of a large content is read before the reply begins,
    /// since another program may have deleted the mail.
    fn begin_mail(
        &mut self,
        outline: MailOutline,
        extent: Extent,
        content: &Content,
        output: &mut Vec<u8>,
    ) -> TransactionStep {
        let Some(loaded) = Loaded::of(content) else {
            let (account, mail) = (self.identity.account, outline.mail);
            let job = StoreJob::Read { account, mail, offset: 0 };
            return Defer(job, Pending::Beginning(Box::new(outline), extent));
        };
        self.send_mail(outline, extent, loaded, output);
        Replied
    }

    fn send_mail(
        &mut self,
        outline: MailOutline,
        extent: Extent,
        loaded: Loaded,
        output: &mut Vec<u8>,
    ) {
        let sender = MailSender::begin(outline, &self.domain, extent, loaded, output);
        self.sending = Some(Sending::Mail(Box::new(sender)));
    }

    fn go_on(&mut self, piece: Piece) -> TransactionStep {
        match &mut self.sending {
            Some(Sending::Mail(sender)) => {
                sender.set_piece(piece);
                Replied
            }
            Some(Sending::Listing(_)) | None => Close,
        }
    }

    /// Deletes the next marked mails, or ends the session if none is left. `deleted` is the number
    /// of mails that are deleted already.
    fn delete_next(&mut self, deleted: u32, output: &mut Vec<u8>) -> TransactionStep {
        let mails = self.maildrop.take_deleted(limits::CONFIRM_MAX);
        if mails.is_empty() {
            reply::ok(output, format_args!("until next time (mails deleted: {deleted})"));
            return Close;
        }
        let job = StoreJob::Confirm { account: self.identity.account, mails };
        Defer(job, Pending::Deleting(deleted))
    }

    fn report_delivered(&mut self, context: &mut SessionContext<'_>) {
        context.counts.mails_delivered += 1;
        self.deliveries.add();
    }

    fn report_deleted(&mut self, context: &mut SessionContext<'_>, deleted: u32) {
        self.deliveries.report();
        let (username, connection) = (&self.identity.username, context.connection);
        context.counts.mails_deleted += u64::from(deleted);
        if deleted > 0 {
            Event::MailDeleted { username, mails: deleted as usize, connection }.log();
        }
    }
}

/// A job's result; the refusal if the job was not done, which this function logs.
fn reported(context: &mut SessionContext<'_>, done: Done) -> Result<StoreDone, Refused> {
    match done {
        Done::Store(StoreDone::Unavailable(text)) => {
            report_unavailable(context, &text);
            Err(Refused::Unavailable)
        }
        Done::Store(done) => Ok(done),
        Done::Busy { queue, .. } => {
            report_full(context, queue);
            Err(Refused::Busy)
        }
        Done::Hash(_) => {
            report_unexpected(context);
            Err(Refused::Unavailable)
        }
    }
}

/// What follows a job that was not done.
fn failed(pending: &Pending, refused: Refused) -> TransactionStep {
    match pending {
        Pending::Continuing => TransactionStep::CutOff(refused),
        Pending::Deleting(_) => TransactionStep::Refused(Refused::NotDeleted, AfterRefusal::Close),
        Pending::Listing => TransactionStep::Refused(refused, AfterRefusal::LogOut),
        Pending::Outlining(_) | Pending::Fetching(..) | Pending::Beginning(..) => refuse(refused),
    }
}

/// Refuses a command. The program may send another one.
fn refuse(refused: Refused) -> TransactionStep {
    TransactionStep::Refused(refused, AfterRefusal::Continue)
}

impl From<NoMail> for TransactionStep {
    fn from(no_mail: NoMail) -> Self {
        refuse(Refused::NoMail(no_mail))
    }
}

//! A store with one mailbox, which does the jobs of a session.

use correio_proto::mail::{
    Content, ContentKind, LargeContent, Mail, MailRef, Message, Piece, Seq, Sha256,
};

use crate::{
    auth::app_password,
    gateway::{
        harness::{domain, tony},
        render::{self, samples::outline},
    },
    ids::AccountId,
    session::{Done, Job, QueueName},
    store::{
        AccountRecord, StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob, MailOutline},
    },
};

/// The app password of the account `tony`.
pub(super) const PASSWORD: &str = "0123-4567-89AB-CDEF-GHJK-MNPQ-R1";

/// How a job fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Unavailable,
    Busy,
    NoAccount,
}

/// See the module's description.
pub(super) struct Mailbox {
    pub(super) account: AccountRecord,
    /// In the order of their numbers.
    pub(super) mails: Vec<(MailOutline, Content, Vec<u8>)>,
    /// Bytes in a piece of a large content.
    pub(super) piece: usize,
    /// Pages of outlines: the number of empty pages before each page with mails, and the most mails
    /// of a page.
    pub(super) pages: (usize, usize),
    /// Empty pages since the last page with mails.
    empty: usize,
    /// Names of the jobs that were done.
    pub(super) jobs: Vec<&'static str>,
    /// Jobs of this name fail, after this many of them have succeeded.
    pub(super) failing: Option<(&'static str, usize, Failure)>,
    next: u64,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        let (mails, jobs) = Default::default();
        let (pages, empty) = ((0, usize::MAX), 0);
        Self { pages, empty, account: tony(), mails, piece: 10, jobs, failing: None, next: 42 }
    }

    pub(super) fn with_texts(texts: &[&str]) -> Self {
        let mut mailbox = Self::new();
        texts.iter().for_each(|text| mailbox.text(text));
        mailbox
    }

    pub(super) fn text(&mut self, text: &str) {
        self.add(ContentKind::Text {}, text.parse().unwrap(), text.as_bytes());
    }

    pub(super) fn message(&mut self, message: &[u8]) {
        let content = Message::try_from(message).unwrap().into();
        self.add(ContentKind::Message {}, content, message);
    }

    pub(super) fn large(&mut self, kind: ContentKind, bytes: &[u8]) {
        let size = (bytes.len() as u64).try_into().unwrap();
        let large = LargeContent { kind, size, sha256: Sha256([0; 32]) };
        self.add(kind, Content::Large(large), bytes);
    }

    fn add(&mut self, kind: ContentKind, content: Content, bytes: &[u8]) {
        let mut outline = outline(kind, bytes);
        outline.mail.seq = Seq(self.next);
        self.next += 1;
        self.mails.push((outline, content, bytes.to_owned()));
    }

    /// The octets of each mail.
    pub(super) fn octets(&self) -> Vec<u64> {
        let domain = domain();
        let mails = self.mails.iter();
        mails.map(|(outline, ..)| render::octets(outline, domain.as_str())).collect()
    }

    /// Does a job.
    pub(super) fn run(&mut self, job: Job) -> Done {
        let Job::Store(job) = job else { panic!("not for the store: {job:?}") };
        let name = name(&job);
        self.jobs.push(name);
        match &mut self.failing {
            Some((failing, 0, failure)) if *failing == name => match failure {
                Failure::Unavailable => Done::Store(StoreDone::Unavailable("full".into())),
                Failure::NoAccount => Done::Store(StoreDone::NoAccount),
                Failure::Busy => {
                    Done::Busy { queue: QueueName::Store, retry_after: Default::default() }
                }
            },
            Some((failing, before, _)) if *failing == name => {
                *before -= 1;
                Done::Store(self.succeed(job))
            }
            _ => Done::Store(self.succeed(job)),
        }
    }

    fn succeed(&mut self, job: StoreJob) -> StoreDone {
        match job {
            StoreJob::Gateway(GatewayJob::LogIn { username, password, .. }) => {
                let expected = app_password::digest(&PASSWORD.parse().unwrap());
                let is_right = username == self.account.username && password == expected;
                StoreDone::Gateway(match is_right {
                    true => GatewayDone::LoggedIn(self.account.clone().into()),
                    false => GatewayDone::WrongPassword,
                })
            }
            StoreJob::Gateway(GatewayJob::Outline { account, after, mails }) => {
                let is_empty = self.empty < self.pages.0;
                self.empty = if is_empty { self.empty + 1 } else { 0 };
                let most = if is_empty { 0 } else { self.pages.1.min(mails as usize) };
                let page = self.after(account, after);
                let more = page.len() > most;
                let page = page.iter().take(most);
                let mails = page.map(|(outline, ..)| outline.clone()).collect();
                StoreDone::Gateway(GatewayDone::Outlines { mails, more })
            }
            StoreJob::Fetch { account, after, mails, bytes } => {
                let page = self.after(account, after);
                let (all, mut size) = (page.len(), 0);
                let is_wanted = |mail: &Mail| {
                    let is_wanted = size < bytes;
                    size += mail.content.inline_size();
                    is_wanted
                };
                let page = page
                    .iter()
                    .take(mails as usize)
                    .map(|(outline, content, _)| mail(outline, content));
                let mails: Vec<Mail> = page.take_while(is_wanted).collect();
                StoreDone::Page { more: mails.len() < all, mails }
            }
            StoreJob::Read { mail, offset, .. } => match self.find(mail) {
                Some((_, Content::Large(_), bytes)) => {
                    let rest = &bytes[bytes.len().min(offset as usize)..];
                    let piece = &rest[..rest.len().min(self.piece)];
                    StoreDone::Piece(Piece::try_from(piece).unwrap())
                }
                Some(_) | None => StoreDone::NoSuchMail,
            },
            StoreJob::Confirm { mails, .. } => {
                assert!(mails.len() <= 200, "{} mails in one job", mails.len());
                let before = self.mails.len();
                self.mails.retain(|(outline, ..)| !mails.contains(&outline.mail));
                StoreDone::Confirmed { deleted: (before - self.mails.len()) as u32 }
            }
            job => panic!("not a job of POP3: {job:?}"),
        }
    }

    fn after(&self, account: AccountId, after: Seq) -> &[(MailOutline, Content, Vec<u8>)] {
        assert_eq!(account, self.account.id);
        let first = self.mails.partition_point(|(outline, ..)| outline.mail.seq <= after);
        &self.mails[first..]
    }

    fn find(&self, mail: MailRef) -> Option<&(MailOutline, Content, Vec<u8>)> {
        self.mails.iter().find(|(outline, ..)| outline.mail == mail)
    }
}

fn mail(outline: &MailOutline, content: &Content) -> Mail {
    let MailOutline { mail, from, from_name, to, subject, sent_at, .. } = outline.clone();
    let (to, content) = (to.try_into().unwrap(), content.clone());
    Mail { seq: mail.seq, id: mail.id, from, from_name, to, sent_at, subject, content }
}

fn name(job: &StoreJob) -> &'static str {
    match job {
        StoreJob::Gateway(GatewayJob::LogIn { .. }) => "log in",
        StoreJob::Gateway(GatewayJob::Outline { .. }) => "outline",
        StoreJob::Fetch { .. } => "fetch",
        StoreJob::Read { .. } => "read",
        StoreJob::Confirm { .. } => "confirm",
        _ => "other",
    }
}

//! Mails whose commit's answer is lost, and which are refused when they are sent again: the sender
//! is told what holds. A mail that arrived is acknowledged, and a refused one has not arrived.

use correio_proto::mail::Mail;
use correio_server::{
    ids::{AccountId, Ticket},
    store::{
        Quota, StoreDone,
        postgres::{Connection, PostgresOptions, Statement},
    },
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Listeners, Side},
    postgres::database,
    wait::eventually,
};
use postgres_types::Type;

use super::support::{Harness, PATIENCE, ROOMY, create, delete, find, id, rename, send};

/// A mailbox has room for one mail.
const ONE_MAIL: Quota = Quota { mails: 1, ..ROOMY };

/// The mail that takes another mail's place in a full mailbox has a number that is higher by this.
const RIVAL: u64 = 50;

/// A connection whose answer comes after those of the mails.
const LAST: u32 = 100;

/// What happens to a recipient while the server has lost its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// Another mail takes the room, if there is still room.
    Fills,
    /// The account is deleted.
    Deletes,
}

type Answers = Vec<(Ticket, StoreDone)>;

/// How often the sender was told each of the two.
#[derive(Debug, Default)]
struct Told {
    sent_before: usize,
    refused: usize,
}

/// The servers of a test on one database.
struct Servers {
    proxy: DatabaseProxy,
    /// The server that reaches its database through the proxy.
    cut: Harness,
    other: Harness,
    administrator: Connection,
    tony: AccountId,
}

/// A mail of a run, and its recipient.
struct Sent {
    number: u64,
    name: String,
    recipient: AccountId,
}

impl Sent {
    /// The refusal that fits what has happened to the recipient.
    fn refusal(&self, meanwhile: Meanwhile) -> StoreDone {
        let recipients = vec![self.name.parse().unwrap()];
        match meanwhile {
            Meanwhile::Fills => StoreDone::MailboxesFull { recipients, members: 0 },
            Meanwhile::Deletes => StoreDone::UnknownRecipients(recipients),
        }
    }
}

impl Servers {
    fn new() -> Option<Self> {
        let database = database()?;
        let proxy = DatabaseProxy::start(&database.url).unwrap();
        let options = PostgresOptions { lanes: 1, ..PostgresOptions::default() };
        let mut other = Harness::postgres_on(&database.url, ONE_MAIL, options);
        let tony = other.account("tony");
        let cut = Harness::postgres_on(&proxy.url(), ONE_MAIL, options);
        proxy.set_listeners(Listeners::Spared);
        eventually(|| proxy.has_listener());
        Some(Self { proxy, cut, other, administrator: database.connect(), tony })
    }

    /// Sends mails in one transaction, loses the connection after so many messages of a side, and
    /// lets the server connect again once something has happened to the recipients. Returns the
    /// answers, and whether a connection was cut.
    fn run(&mut self, sent: &[Sent], at: (Side, u64), meanwhile: Meanwhile) -> (Answers, bool) {
        // A new connection has nothing prepared: its messages are those of every run.
        self.proxy.cut();
        assert_eq!(self.cut.run(rename(self.tony, "Tony Stark")), StoreDone::Changed);
        // While the lane waits for this answer, the mails gather.
        self.proxy.hold(true);
        self.cut.submit_from(LAST, find("nobody"));
        eventually(|| self.proxy.holds_something());
        for (index, mail) in (0..).zip(sent) {
            self.cut.submit_from(index, send(self.tony, mail.number, &mail.name, "x"));
        }
        let jobs = sent.len() + 1;
        self.proxy.refuse(true);
        self.proxy.cut_after(Some(at));
        self.proxy.hold(false);
        let mut answers = Answers::new();
        eventually(|| {
            self.cut.store.as_mut().unwrap().collect(&mut answers).unwrap();
            self.proxy.has_cut() || answers.len() == jobs
        });
        let has_cut = self.proxy.has_cut();
        for mail in sent {
            let done = match meanwhile {
                Meanwhile::Fills => {
                    self.other.run(send(self.tony, mail.number + RIVAL, &mail.name, "x"))
                }
                Meanwhile::Deletes => self.other.run(delete(mail.recipient)),
            };
            assert!(!matches!(done, StoreDone::Unavailable(_)), "{done:?}");
        }
        self.proxy.cut_after(None);
        self.proxy.refuse(false);
        while answers.len() < jobs {
            self.cut.woken.recv_timeout(PATIENCE).expect("an answer in time");
            self.cut.store.as_mut().unwrap().collect(&mut answers).unwrap();
        }
        answers.sort_by_key(|(ticket, _)| ticket.connection.index);
        (answers, has_cut)
    }

    /// Requires that an answer says what holds.
    fn check(&mut self, mail: &Sent, done: &StoreDone, meanwhile: Meanwhile) {
        static RECORDS: Statement =
            Statement { sql: "SELECT count(*) FROM verdict WHERE id = $1", params: &[Type::BYTEA] };
        let records = self.administrator.query(&RECORDS, &[&id(mail.number).as_bytes().as_slice()]);
        let records: i64 = records.unwrap().one().unwrap().get(0).unwrap();
        let has_arrived = match done {
            StoreDone::Sent { .. } | StoreDone::SentBefore { .. } => true,
            refusal => {
                assert_eq!(*refusal, mail.refusal(meanwhile));
                false
            }
        };
        assert_eq!(records, i64::from(has_arrived), "{done:?}");
        if meanwhile == Meanwhile::Deletes {
            return;
        }
        let there: Vec<_> = self.other.fetch(mail.recipient).iter().map(|it| it.id).collect();
        let expected = if has_arrived { mail.number } else { mail.number + RIVAL };
        assert_eq!(there, [id(expected)], "{done:?}");
        // A refused mail has left nothing that a repeat would find.
        let mails = self.other.fetch(mail.recipient).iter().map(Mail::reference).collect();
        self.other.confirm(mail.recipient, mails);
        let again = self.other.run(send(self.tony, mail.number, &mail.name, "x"));
        match has_arrived {
            true => assert!(matches!(again, StoreDone::SentBefore { .. }), "{again:?}"),
            false => assert!(matches!(again, StoreDone::Sent { .. }), "{again:?}"),
        }
    }
}

/// Loses the answer to each message in turn. `mails` share a transaction.
fn lose_each_answer(mails: u64, meanwhile: Meanwhile) {
    let Some(mut servers) = Servers::new() else { return };
    let mut told = Told::default();
    let mut run = 0;
    for side in [Side::Client, Side::Server] {
        for messages in 0.. {
            run += 1;
            let sent: Vec<_> = (0..mails)
                .map(|index| {
                    let (number, name) = (run * 100 + index, format!("pepper{run}x{index}"));
                    assert_eq!(servers.other.run(create(number, &name, "h")), StoreDone::Created);
                    let recipient = servers.other.find(&name);
                    Sent { number, name, recipient }
                })
                .collect();
            let (answers, has_cut) = servers.run(&sent, (side, messages), meanwhile);
            for (mail, (_, done)) in sent.iter().zip(&answers) {
                servers.check(mail, done, meanwhile);
                match done {
                    StoreDone::Sent { .. } => {}
                    StoreDone::SentBefore { .. } => told.sent_before += 1,
                    _ => told.refused += 1,
                }
            }
            if !has_cut {
                break;
            }
        }
    }
    assert!(told.sent_before > 0 && told.refused > 0, "{told:?}");
}

#[test]
fn a_mail_is_refused_for_its_quota_only_if_its_lost_commit_did_not_hold() {
    lose_each_answer(1, Meanwhile::Fills);
}

#[test]
fn a_mail_is_refused_for_a_deleted_recipient_only_if_its_lost_commit_did_not_hold() {
    lose_each_answer(1, Meanwhile::Deletes);
}

#[test]
fn mails_of_one_transaction_are_refused_only_if_their_lost_commit_did_not_hold() {
    lose_each_answer(3, Meanwhile::Fills);
    lose_each_answer(3, Meanwhile::Deletes);
}

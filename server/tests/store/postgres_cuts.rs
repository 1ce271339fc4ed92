//! Cuts of the connection to the database at each message in turn: every job is answered, is done
//! exactly once, and leaves what the oracle has after the same jobs.

use correio_proto::{
    mail::{Content, Mail, Timestamp},
    message::SendPolicy,
};
use correio_server::{
    ids::{AccountId, AppPasswordDigest, ConnId, Ticket},
    store::{
        StoreDone, StoreJob, Submitted,
        app_password::{AppPasswordDone, AppPasswordJob},
        postgres::PostgresOptions,
    },
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Listeners, Side},
    postgres::database,
    wait::eventually,
};

use super::{
    app_passwords::passwords,
    lists,
    support::{
        Harness, ROOMY, UPLOADS, create, delete, find, id, rename, send, send_large, set_hash,
        upload, whole_mailbox,
    },
};

/// A run of a scenario: the accounts `tony`, `pepper` and `bruce` have its number in their names.
#[derive(Clone, Copy)]
struct Run(u64);

impl Run {
    fn name(self, name: &str) -> String {
        format!("{name}{}", self.0)
    }

    /// The id of the run's mail with this number, which is below 100.
    fn mail(self, number: u64) -> u64 {
        self.0 * 100 + number
    }
}

/// Jobs as a function of a store, in which the accounts have other numbers than in another.
/// Each comes with the connection that submits it.
type Jobs = fn(Run, &mut Harness) -> Vec<(u32, StoreJob)>;

/// Jobs of which some were done before the connection is cut, and the jobs that it is cut at.
struct Scenario {
    before: Jobs,
    cut: Jobs,
}

/// Makes the three accounts.
fn accounts(run: Run, _: &mut Harness) -> Vec<(u32, StoreJob)> {
    let job = |(number, name): (u64, &str)| create(run.mail(number), &run.name(name), "h");
    (90..).zip(["tony", "pepper", "bruce"]).map(job).map(|job| (0, job)).collect()
}

fn of(run: Run, harness: &mut Harness, name: &str) -> AccountId {
    harness.find(&run.name(name))
}

/// What the accounts of a run have, and nothing that differs between stores.
fn state(run: Run, harness: &mut Harness) -> String {
    let mut text = String::new();
    for name in ["tony", "pepper", "bruce"] {
        let account = match harness.run(find(&run.name(name))) {
            StoreDone::Account(Some(account)) => account,
            nobody => {
                text += &format!("{nobody:?}\n");
                continue;
            }
        };
        let StoreDone::Page { mails, .. } = harness.run(whole_mailbox(account.id)) else {
            panic!("no page");
        };
        let mut mails: Vec<String> = mails.iter().map(shown).collect();
        // Jobs of several connections have no order.
        mails.sort();
        let labels: Vec<_> =
            passwords(harness, account.id).iter().map(|it| it.label.to_string()).collect();
        let (hash, waiting) = (&account.hash, account.waiting());
        text += &format!("{name} {hash:?} {waiting} {mails:?} {labels:?}\n");
    }
    text
}

fn shown(mail: &Mail) -> String {
    let content = match &mail.content {
        Content::Large(large) => format!("{large:?}"),
        _ => mail.content.inline_size().to_string(),
    };
    format!("{:?} {} {} {:?} {content}", mail.id, mail.from, mail.to, mail.sent_at)
}

/// Submits jobs at once, and those that are unavailable again, until all are answered.
fn run_all(harness: &mut Harness, jobs: &[(u32, StoreJob)]) -> Vec<StoreDone> {
    let mut answers: Vec<Option<StoreDone>> = vec![None; jobs.len()];
    while answers.contains(&None) {
        let mut waited = 0;
        for (serial, (index, job)) in (0..).zip(jobs) {
            let place = usize::try_from(serial).unwrap();
            if answers[place].is_some() {
                continue;
            }
            let connection = ConnId { index: *index, generation: 0 };
            let ticket = Ticket { connection, serial };
            match harness.store.as_mut().unwrap().submit(ticket, job.clone()) {
                Submitted::Queued => waited += 1,
                Submitted::Done(done) => answers[place] = Some(done),
                Submitted::Full => panic!("the queue is full"),
            }
        }
        for (ticket, done) in harness.collect(waited) {
            let place = usize::try_from(ticket.serial).unwrap();
            assert_eq!(answers[place], None, "one answer for each submission");
            answers[place] = Some(done).filter(|it| !matches!(it, StoreDone::Unavailable(_)));
        }
    }
    answers.into_iter().flatten().collect()
}

/// Whether an answer says what the oracle's says: the change was made, now or by an attempt whose
/// answer was lost.
fn agrees(done: &StoreDone, oracle: &StoreDone) -> bool {
    match (done, oracle) {
        (StoreDone::SentBefore { sent_at }, StoreDone::Sent { sent_at: expected, .. })
        | (StoreDone::Sent { sent_at, .. }, StoreDone::Sent { sent_at: expected, .. }) => {
            sent_at == expected
        }
        (StoreDone::CreatedBefore, StoreDone::Created)
        | (StoreDone::NoAccount, StoreDone::Changed)
        | (StoreDone::Confirmed { deleted: 0 }, StoreDone::Confirmed { .. }) => true,
        (
            StoreDone::AppPassword(AppPasswordDone::Created(_)),
            StoreDone::AppPassword(AppPasswordDone::Created(_)),
        ) => true,
        (done, oracle) => done == oracle,
    }
}

/// Cuts the connection at each message of the jobs in turn, of both sides.
fn cut_everywhere(scenario: &Scenario) {
    let Some(database) = database() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let options = PostgresOptions { lanes: 1, uploads: UPLOADS, ..PostgresOptions::default() };
    let mut direct = Harness::postgres_on(&database.url, ROOMY, options);
    let mut through = Harness::postgres_on(&proxy.url(), ROOMY, options);
    proxy.set_listeners(Listeners::Spared);
    eventually(|| proxy.has_listener());
    let mut oracle = Harness::oracle(ROOMY);
    let mut run = Run(0);
    for side in [Side::Client, Side::Server] {
        let mut cuts = 0;
        for messages in 0.. {
            run = Run(run.0 + 1);
            for jobs in [accounts, scenario.before] {
                let prepared = jobs(run, &mut direct);
                run_all(&mut direct, &prepared);
                let prepared = jobs(run, &mut oracle);
                run_all(&mut oracle, &prepared);
            }
            let jobs = (scenario.cut)(run, &mut direct);
            // A new connection has nothing prepared: its messages are those of every run.
            proxy.cut();
            let tony = of(run, &mut direct, "tony");
            assert_eq!(through.run(rename(tony, "Tony Stark")), StoreDone::Changed);
            proxy.cut_after(Some((side, messages)));
            let answers = run_all(&mut through, &jobs);
            let has_cut = proxy.has_cut();
            proxy.cut_after(None);
            let jobs = (scenario.cut)(run, &mut oracle);
            let expected = run_all(&mut oracle, &jobs);
            for (done, expected) in answers.iter().zip(&expected) {
                assert!(agrees(done, expected), "{side:?} {messages}: {done:?}, not {expected:?}");
            }
            let (state, expected) = (state(run, &mut direct), state(run, &mut oracle));
            assert_eq!(state, expected, "after a cut at message {messages} of {side:?}");
            if !has_cut {
                break;
            }
            cuts += 1;
        }
        assert!(cuts >= 8, "only {cuts} messages of {side:?} were cut");
    }
}

fn nothing(_: Run, _: &mut Harness) -> Vec<(u32, StoreJob)> {
    Vec::new()
}

#[test]
fn a_registration_is_made_once_wherever_the_connection_ends() {
    let cut: Jobs = |run, _| vec![(0, create(run.mail(1), &run.name("nobody"), "h"))];
    cut_everywhere(&Scenario { before: nothing, cut });
}

#[test]
fn mails_that_share_a_transaction_arrive_once_wherever_the_connection_ends() {
    let cut: Jobs = |run, harness| {
        let tony = of(run, harness, "tony");
        let to = format!("{},{}", run.name("pepper"), run.name("bruce"));
        let mail = |number: u32| (number, send(tony, run.mail(number.into()), &to, "x"));
        (1..6).map(mail).collect()
    };
    cut_everywhere(&Scenario { before: nothing, cut });
}

#[test]
fn a_mail_to_a_list_arrives_once_wherever_the_connection_ends() {
    let before: Jobs = |run, harness| {
        let tony = of(run, harness, "tony");
        let (list, members) =
            (run.name("team"), format!("{},{}", run.name("pepper"), run.name("bruce")));
        let make = lists::make(tony, &list, SendPolicy::Everybody {});
        vec![(0, make), (0, lists::add(tony, &list, &members))]
    };
    let cut: Jobs = |run, harness| {
        let tony = of(run, harness, "tony");
        let to = format!("{},{}", run.name("team"), run.name("pepper"));
        // A text of which one copy is kept.
        vec![(0, send(tony, run.mail(1), &to, &"x".repeat(20_000)))]
    };
    cut_everywhere(&Scenario { before, cut });
}

#[test]
fn an_upload_and_its_mail_are_whole_wherever_the_connection_ends() {
    let cut: Jobs = |run, harness| {
        let tony = of(run, harness, "tony");
        let mail = send_large(tony, run.mail(1), &run.name("pepper"), 600);
        vec![
            (0, upload(tony, run.mail(1), 600, 0..300)),
            (0, upload(tony, run.mail(1), 600, 300..600)),
            (0, mail),
        ]
    };
    cut_everywhere(&Scenario { before: nothing, cut });
}

#[test]
fn a_confirmation_deletes_once_wherever_the_connection_ends() {
    let before: Jobs = |run, harness| {
        let tony = of(run, harness, "tony");
        let to = run.name("pepper");
        (1..4).map(|number| (0, send(tony, run.mail(number), &to, "x"))).collect()
    };
    let cut: Jobs = |run, harness| {
        let pepper = of(run, harness, "pepper");
        let mails = harness.fetch(pepper).iter().map(Mail::reference).collect::<Vec<_>>();
        let mails = mails.into_iter().filter(|mail| mail.id != id(run.mail(2))).collect();
        vec![(0, StoreJob::Confirm { account: pepper, mails })]
    };
    cut_everywhere(&Scenario { before, cut });
}

#[test]
fn changes_of_passwords_hold_once_wherever_the_connection_ends() {
    let cut: Jobs = |run, harness| {
        let [tony, pepper, bruce] = ["tony", "pepper", "bruce"].map(|name| of(run, harness, name));
        vec![
            (0, set_hash(tony, "h", "i")),
            (0, StoreJob::AppPassword(app_password(run, tony))),
            (0, StoreJob::AppPassword(app_password(run, pepper))),
            (0, delete(bruce)),
        ]
    };
    cut_everywhere(&Scenario { before: nothing, cut });
}

fn app_password(run: Run, account: AccountId) -> AppPasswordJob {
    let digest = AppPasswordDigest([u8::try_from(run.0 % 251).unwrap(); 32]);
    AppPasswordJob::Create { account, label: "phone".parse().unwrap(), digest, now: Timestamp(1) }
}

//! Several servers on one PostgreSQL database: what one changes, the others learn, and what each
//! promises holds over all of them.

use std::{
    net::Ipv4Addr,
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use correio_proto::mail::{Seq, Timestamp};
use correio_server::{
    ids::{AccountId, AppPasswordDigest, ConnId, Ticket},
    limits::throttle::{FailedLogin, FailureScope, LoginNews, SecretKind},
    metrics::Reach,
    store::{
        Quota, StoreDone, StoreJob, Submitted,
        admin::{AccountState, AdminDone, AdminJob, DisabledMail},
        app_password::{AppPasswordDone, AppPasswordJob},
        news::News,
        postgres::{Connection, DatabaseSync, PostgresOptions, Statement},
    },
};
use correio_testing::{
    postgres::{Database, Postgres, database},
    wait::eventually,
};

use super::support::{Harness, PATIENCE, ROOMY, find, is_sent, send, set_hash};

fn node(database: &Database, quota: Quota) -> Harness {
    Harness::postgres_on(&database.url, quota, PostgresOptions::default())
}

/// Waits for news.
fn news(harness: &mut Harness) -> Vec<News> {
    let mut news = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while news.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        harness.woken.recv_timeout(left).expect("news in time");
        harness.store.as_mut().unwrap().hear(&mut news);
    }
    news
}

/// All news so far.
fn news_so_far(harness: &mut Harness) -> Vec<News> {
    let mut news = Vec::new();
    harness.store.as_mut().unwrap().hear(&mut news);
    news
}

#[test]
fn a_mail_that_one_server_takes_is_news_for_the_other_alone() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let tony = one.account("tony");
    let deadline = Instant::now() + PATIENCE;
    // Until the servers know of each other, nothing is told.
    for number in 1.. {
        assert!(is_sent(&one.run(send(tony, number, "tony", "x"))));
        match other.woken.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) => assert!(Instant::now() < deadline, "no news"),
            Err(error) => panic!("{error}"),
        }
    }
    let heard = news_so_far(&mut other);
    let Some(News::MailArrived { accounts, mail }) = heard.first() else { panic!("{heard:?}") };
    assert_eq!(*accounts, [tony]);
    assert_eq!((mail.from.as_str(), mail.from_name.as_str()), ("tony", "Tony Stark"));
    assert_eq!(news_so_far(&mut one), []);
}

#[test]
fn sessions_end_on_the_other_server_and_their_own_server_hears_nothing() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let tony = one.account("tony");
    // The other server has looked once what there was before it.
    await_look(&database, 2);
    assert_eq!(one.run(set_hash(tony, "h", "i")), StoreDone::PasswordSet { revoked: 0 });
    assert_eq!(news(&mut other), [News::SessionsEnded { account: tony }]);
    let make = AppPasswordJob::Create {
        account: tony,
        label: "phone".parse().unwrap(),
        digest: AppPasswordDigest([7; 32]),
        now: Timestamp(1),
    };
    let made = one.run(StoreJob::AppPassword(make));
    let StoreDone::AppPassword(AppPasswordDone::Created(id)) = made else { panic!("{made:?}") };
    one.run(StoreJob::AppPassword(AppPasswordJob::Revoke { account: tony, id }));
    assert_eq!(news(&mut other), [News::GatewaySessionsEnded { account: tony }]);
    let state = AccountState::Disabled(DisabledMail::Kept);
    let disable = AdminJob::SetState { username: "tony".parse().unwrap(), state };
    let disabled = one.run(StoreJob::Admin(disable));
    assert_eq!(disabled, StoreDone::Admin(AdminDone::Changed(Some(tony))));
    assert_eq!(news(&mut other), [News::SessionsEnded { account: tony }]);
    let delete = AdminJob::Delete { username: "tony".parse().unwrap() };
    one.run(StoreJob::Admin(delete));
    assert_eq!(news(&mut other), [News::SessionsEnded { account: tony }]);
    assert_eq!(news_so_far(&mut one), []);
}

#[test]
fn failed_logins_are_told_to_the_other_server_in_the_order_of_their_failures() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let failed = |number: u32, secret| {
        LoginNews::Failed(FailedLogin {
            address: Ipv4Addr::from_bits(number).into(),
            username: "tony".parse().unwrap(),
            secret,
            scope: FailureScope::PrefixAndPair,
        })
    };
    // Until the servers know of each other, nothing is told.
    let deadline = Instant::now() + PATIENCE;
    loop {
        one.store.as_mut().unwrap().tell(failed(0, SecretKind::Password));
        match other.woken.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) => assert!(Instant::now() < deadline, "no news"),
            Err(error) => panic!("{error}"),
        }
    }
    // More than one text has.
    let secrets = [SecretKind::Password, SecretKind::AppPassword].into_iter().cycle();
    let all: Vec<_> =
        (1..=100).zip(secrets).map(|(number, secret)| failed(number, secret)).collect();
    for news in &all {
        one.store.as_mut().unwrap().tell(news.clone());
    }
    let mut heard = Vec::new();
    eventually(|| {
        for news in news_so_far(&mut other) {
            let News::Logins(logins) = news else { panic!("{news:?}") };
            heard.extend(logins);
        }
        heard.retain(|news| *news != failed(0, SecretKind::Password));
        heard.len() >= all.len()
    });
    assert_eq!(heard, all);
    assert_eq!(news_so_far(&mut one), []);
    let shared = one.store.as_ref().unwrap().health().shared.unwrap();
    assert_eq!(shared.logins_untold, 0);
}

#[test]
fn a_server_that_was_away_for_more_than_an_hour_ends_all_sessions() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let tony = one.account("tony");
    await_look(&database, 2);
    // As if rows had been added and deleted that this server has not read.
    database.connect().batch("UPDATE meta SET ended_through = 1000").unwrap();
    assert_eq!(news(&mut other), [News::AllSessionsEnded]);
    assert_eq!(one.run(find("nobody")), StoreDone::Account(None));
    let _ = tony;
}

/// After a restore the database gives numbers again that this server has read.
#[test]
fn a_server_whose_database_is_one_of_an_earlier_time_ends_all_sessions() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let tony = one.account("tony");
    await_look(&database, 2);
    assert_eq!(one.run(set_hash(tony, "h", "i")), StoreDone::PasswordSet { revoked: 0 });
    assert_eq!(news(&mut other), [News::SessionsEnded { account: tony }]);
    let earlier = "DELETE FROM ended_session; ALTER SEQUENCE ended_session_id_seq RESTART";
    database.connect().batch(earlier).unwrap();
    assert_eq!(news(&mut other), [News::AllSessionsEnded]);
    assert_eq!(one.run(set_hash(tony, "i", "j")), StoreDone::PasswordSet { revoked: 0 });
    while !news(&mut other).contains(&News::SessionsEnded { account: tony }) {}
}

/// A row that cannot be read stands for any error half-way.
#[test]
fn ended_sessions_that_were_read_before_an_error_are_told_once() {
    static BEATS: Statement = Statement { sql: "SELECT beats FROM node", params: &[] };
    let Some(database) = database() else { return };
    let mut harness = node(&database, ROOMY);
    await_look(&database, 1);
    let mut administrator = database.connect();
    // More rows than are read at once.
    let rows = "ALTER TABLE ended_session ALTER account DROP NOT NULL;
        INSERT INTO ended_session (node, account, of_gateways)
            SELECT 'other', nullif(number, 1500), false FROM generate_series(1, 2500) AS number
            ORDER BY number";
    administrator.batch(rows).unwrap();
    let ended = |last: i64| -> Vec<_> {
        (1..=last).map(|number| News::SessionsEnded { account: AccountId(number) }).collect()
    };
    let mut heard = Vec::new();
    let mut hear_up_to = |last: i64| {
        eventually(|| {
            heard.extend(news_so_far(&mut harness));
            heard.len() >= ended(last).len()
        });
        assert_eq!(heard, ended(last));
    };
    hear_up_to(1499);
    // The error again, twice.
    let beats = count(&mut administrator, &BEATS);
    eventually(|| count(&mut administrator, &BEATS) >= beats + 2);
    hear_up_to(1499);
    administrator.batch("UPDATE ended_session SET account = 1500 WHERE account IS NULL").unwrap();
    hear_up_to(2500);
}

/// Waits until so many servers have their rows: each has read the ended sessions before.
fn await_look(database: &Database, servers: i64) {
    static SEEN: Statement =
        Statement { sql: "SELECT count(*) FROM node WHERE beats > 0", params: &[] };
    let mut connection = database.connect();
    eventually(|| count(&mut connection, &SEEN) >= servers);
}

fn count(connection: &mut Connection, statement: &'static Statement) -> i64 {
    connection.query(statement, &[]).unwrap().one().unwrap().get(0).unwrap()
}

/// Submits jobs to a server, each as another connection's, without waiting.
fn submit(harness: &mut Harness, jobs: impl IntoIterator<Item = StoreJob>) -> usize {
    let mut submitted = 0;
    for (index, job) in (0..).zip(jobs) {
        let ticket = Ticket { connection: ConnId { index, generation: 0 }, serial: 1 };
        let taken = harness.store.as_mut().unwrap().submit(ticket, job);
        assert!(matches!(taken, Submitted::Queued));
        submitted += 1;
    }
    submitted
}

#[test]
fn no_mail_becomes_visible_before_one_with_a_lower_number() {
    let Some(database) = database() else { return };
    let mut reader = node(&database, ROOMY);
    let tony = reader.account("tony");
    let mut writers = [node(&database, ROOMY), node(&database, ROOMY)];
    let mut submitted = Vec::new();
    for (writer, first) in writers.iter_mut().zip([1_000, 2_000]) {
        let mails = (first..first + 200).map(|number| send(tony, number, "tony", "x"));
        submitted.push(submit(writer, mails));
    }
    // A client asks for what comes after the last mail that it has.
    let (mut last, mut read) = (0, 0);
    let deadline = Instant::now() + PATIENCE;
    while read < 400 {
        assert!(Instant::now() < deadline, "{read} of 400 mails were seen after the last one");
        let (mails, _) = reader.page(tony, last, 1000, usize::MAX);
        read += mails.len();
        last = mails.last().map_or(last, |mail| mail.seq.0);
    }
    for (writer, count) in writers.iter_mut().zip(submitted) {
        let results = writer.collect(count);
        assert!(results.iter().all(|(_, done)| is_sent(done)), "{results:?}");
    }
}

#[test]
fn a_quota_holds_over_two_servers() {
    let Some(database) = database() else { return };
    let quota = Quota { mails: 50, bytes: 1 << 20 };
    let (mut one, mut other) = (node(&database, quota), node(&database, quota));
    let tony = one.account("tony");
    let mails =
        |first: u64| (first..first + 100).map(move |number| send(tony, number, "tony", "x"));
    let counts = (submit(&mut one, mails(1_000)), submit(&mut other, mails(2_000)));
    let results = [one.collect(counts.0), other.collect(counts.1)].concat();
    let sent = results.iter().filter(|(_, done)| is_sent(done)).count();
    let is_full = |done: &StoreDone| matches!(done, StoreDone::MailboxesFull { .. });
    let full = results.iter().filter(|(_, done)| is_full(done)).count();
    assert_eq!((sent, full), (50, 150));
    assert_eq!(one.fetch(tony).len(), 50);
    assert_eq!(one.record("tony").waiting(), 50);
}

#[test]
fn the_same_mail_through_two_servers_at_once_is_one() {
    let Some(database) = database() else { return };
    let (mut one, mut other) = (node(&database, ROOMY), node(&database, ROOMY));
    let tony = one.account("tony");
    let mails = || (1_000..1_100).map(|number| send(tony, number, "tony", "x"));
    let counts = (submit(&mut one, mails()), submit(&mut other, mails()));
    let results = [one.collect(counts.0), other.collect(counts.1)].concat();
    let sent = results.iter().filter(|(_, done)| is_sent(done)).count();
    let is_before = |done: &StoreDone| matches!(done, StoreDone::SentBefore { .. });
    let before = results.iter().filter(|(_, done)| is_before(done)).count();
    assert_eq!((sent, before), (100, 100));
    assert_eq!(one.fetch(tony).len(), 100);
}

#[test]
fn a_name_is_taken_once_over_two_servers() {
    let Some(database) = database() else { return };
    let mut servers = [node(&database, ROOMY), node(&database, ROOMY)];
    let mut results = Vec::new();
    for (number, server) in (1..).zip(&mut servers) {
        let jobs = (0..20).map(|name| super::support::create(number, &format!("u{name}"), "h"));
        let jobs: Vec<StoreJob> = jobs.collect();
        submit(server, jobs);
    }
    for server in &mut servers {
        results.extend(server.collect(20));
    }
    let created = results.iter().filter(|(_, done)| *done == StoreDone::Created).count();
    let taken = results.iter().filter(|(_, done)| *done == StoreDone::UsernameTaken).count();
    assert_eq!((created, taken), (20, 20));
}

static WAITING_FOR_STANDBY: Statement = Statement {
    sql: "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    params: &[],
};

/// A commit whose wait for the standby was cut off is on the primary alone. Its repeat finds it
/// there, and must not be acknowledged before a standby has it.
#[test]
fn a_repeat_is_not_acknowledged_before_a_standby_has_the_mail() {
    let Some(server) = Postgres::start("synchronous_commit = on") else { return };
    let database = server.database();
    let options = PostgresOptions { lanes: 1, ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, options);
    let tony = harness.account("tony");
    let mut administrator = database.connect();
    administrator.batch("SET synchronous_commit = local").unwrap();
    // No standby has this name: from now on a commit that wrote something waits.
    alter(&mut administrator, "synchronous_standby_names = 'standby'");
    let sent = send_until_one_waits(&mut harness, tony, &mut administrator);
    static END: Statement = Statement {
        sql: "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
              WHERE wait_event = 'SyncRep'",
        params: &[],
    };
    assert_eq!(count(&mut administrator, &END), 1);
    // The lane has connected anew and run the job again, which waits as its first attempt did.
    eventually(|| {
        let mut done = Vec::new();
        harness.store.as_mut().unwrap().collect(&mut done).unwrap();
        assert_eq!(done, [], "acknowledged without a standby");
        count(&mut administrator, &MAILS) == sent
            && count(&mut administrator, &WAITING_FOR_STANDBY) == 1
    });
    alter(&mut administrator, "synchronous_standby_names = ''");
    let results = harness.collect(1);
    assert!(matches!(results[0].1, StoreDone::SentBefore { .. }), "{results:?}");
    assert_eq!(harness.fetch(tony).len() as i64, sent);
}

/// Sends mails, until the commit of one waits for a standby: the lane's connection takes the
/// setting at some moment. Returns the number of mails, of which only the last has no answer.
fn send_until_one_waits(
    harness: &mut Harness,
    sender: AccountId,
    administrator: &mut Connection,
) -> i64 {
    let mut sent = 0;
    loop {
        sent += 1;
        submit(harness, [send(sender, sent, "tony", "x")]);
        let mut done = Vec::new();
        let mut is_waiting = false;
        eventually(|| {
            harness.store.as_mut().unwrap().collect(&mut done).unwrap();
            is_waiting = done.is_empty() && count(administrator, &WAITING_FOR_STANDBY) == 1;
            is_waiting || !done.is_empty()
        });
        if is_waiting {
            return i64::try_from(sent).unwrap();
        }
    }
}

/// The commit of a new password waits for a standby until the server gives the job up. Once the
/// standby has it, the old password's sessions must end, on this server as well.
#[test]
fn sessions_end_after_a_new_password_whose_commit_was_given_up() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let patience = Duration::from_secs(1);
    let options = PostgresOptions { lanes: 1, patience, ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, options);
    let mut accounts: Vec<_> =
        (0..50).map(|number| harness.account(&format!("user{number}"))).collect();
    let mut administrator = database.connect();
    administrator.batch("SET synchronous_commit = local").unwrap();
    alter(&mut administrator, "synchronous_standby_names = 'standby'");
    // The lane's connection takes the setting at some moment, from which on a commit waits.
    let given_up = loop {
        let account = accounts.pop().expect("a commit that waits");
        match harness.run(set_hash(account, "h", "i")) {
            StoreDone::PasswordSet { .. } => {}
            StoreDone::Unavailable(_) => break account,
            done => panic!("{done:?}"),
        }
    };
    assert!(count(&mut administrator, &WAITING_FOR_STANDBY) > 0, "the commit waits");
    alter(&mut administrator, "synchronous_standby_names = ''");
    let expected = News::SessionsEnded { account: given_up };
    while !news(&mut harness).contains(&expected) {}
}

static MAILS: Statement = Statement { sql: "SELECT count(*) FROM mail", params: &[] };

fn alter(connection: &mut Connection, setting: &str) {
    connection.batch(&format!("ALTER SYSTEM SET {setting}")).unwrap();
    connection.batch("SELECT pg_reload_conf()").unwrap();
}

#[test]
fn a_server_goes_on_by_itself_after_its_database_was_killed() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", "x"))));
    server.kill();
    submit(&mut harness, [send(tony, 2, "tony", "x")]);
    let health = |harness: &Harness| {
        let health = harness.store.as_ref().unwrap().health();
        (health.ready.is_ok(), health.shared.unwrap().reach)
    };
    eventually(|| health(&harness) == (false, Reach::Lost));
    server.restart();
    let results = harness.collect(1);
    assert!(is_sent(&results[0].1), "{results:?}");
    assert_eq!(harness.fetch(tony).len(), 2);
    eventually(|| health(&harness) == (true, Reach::Reached));
}

#[test]
fn where_a_standby_is_asked_for_nothing_is_done_while_the_database_waits_for_none() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let (sync, patience) = (DatabaseSync::Standby, Duration::from_millis(300));
    let options = PostgresOptions { sync, patience, ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, options);
    let refused = harness.run(super::support::create(1, "tony", "h"));
    let StoreDone::Unavailable(text) = &refused else { panic!("{refused:?}") };
    assert!(text.contains("synchronous_standby_names"), "{text}");
    let mut administrator = database.connect();
    administrator.batch("SET synchronous_commit = local").unwrap();
    alter(&mut administrator, "synchronous_standby_names = 'standby'");
    // Now the database waits, for ever, and so does the job.
    eventually(|| {
        submit(&mut harness, [super::support::create(1, "tony", "h")]);
        let waiting = count(&mut administrator, &WAITING_FOR_STANDBY) == 1;
        let mut done = Vec::new();
        harness.store.as_mut().unwrap().collect(&mut done).unwrap();
        waiting
    });
    alter(&mut administrator, "synchronous_standby_names = ''");
}

#[test]
fn a_job_that_waits_too_long_for_the_database_is_given_up() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let patience = Duration::from_millis(300);
    let options = PostgresOptions { patience, ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, options);
    let tony = harness.account("tony");
    server.kill();
    let given_up = harness.run(send(tony, 1, "tony", "x"));
    assert!(matches!(given_up, StoreDone::Unavailable(_)), "{given_up:?}");
    server.restart();
    eventually(|| match harness.run(send(tony, 1, "tony", "x")) {
        StoreDone::Unavailable(_) => false,
        done => is_sent(&done),
    });
    assert_eq!(harness.page(tony, Seq(0).0, 10, usize::MAX).0.len(), 1);
    let _: AccountId = tony;
}

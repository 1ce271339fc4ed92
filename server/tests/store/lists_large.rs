//! Tests of lists with as many members as there may be, and of the list of all accounts.

use std::{sync::atomic::Ordering, time::Instant};

use correio_proto::{
    limits,
    message::{ListChange, Role, SendPolicy},
};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, StoreJob, Submitted, memory::MemoryLimits, sqlite::SqliteOptions},
};
use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
};

use super::{
    files::{DATABASE, with_sql},
    support::{Harness, QUOTA, ROOMY, create, delete, is_sent, send},
};

/// Usernames of so many accounts, in order.
fn usernames(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("user{number:05}")).collect()
}

fn register(harness: &mut Harness, usernames: &[String]) {
    let creates = (1..).zip(usernames).map(|(number, name)| create(number, name, "h"));
    let done = harness.run_together(creates.collect());
    assert!(done.iter().all(|done| *done == StoreDone::Created));
}

fn change(account: AccountId, list: &str, change: ListChange) -> StoreJob {
    StoreJob::ChangeList { account, name: list.parse().unwrap(), change }
}

/// Makes a list with these members, and the account, which owns it.
fn make(harness: &mut Harness, account: AccountId, list: &str, members: &[String]) {
    let title = "Turma".parse().unwrap();
    let new = ListChange::Create { title, senders: SendPolicy::Members {} };
    assert_eq!(harness.run(change(account, list, new)), StoreDone::Changed);
    let adds = members.chunks(limits::RECIPIENTS_MAX).map(|members| {
        let (members, role) = (members.join(",").parse().unwrap(), Role::Member {});
        change(account, list, ListChange::Add { members, role })
    });
    let done = harness.run_together(adds.collect());
    assert!(done.iter().all(|done| *done == StoreDone::Changed));
}

/// The largest list gets a mail, and no list gets larger.
#[test]
fn a_mail_reaches_all_members_of_the_largest_list() {
    let max = u64::from(limits::MEMBERS_MAX);
    let usernames = usernames(max + 1);
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        register(&mut harness, &usernames);
        let first = harness.find("user00000");
        make(&mut harness, first, "turma", &usernames[1..usernames.len() - 1]);
        let last = usernames.last().unwrap().parse().unwrap();
        let add = ListChange::Add { members: last, role: Role::Member {} };
        assert_eq!(harness.run(change(first, "turma", add)), StoreDone::ListFull);

        let began = Instant::now();
        let sent = harness.run(send(first, 1, "turma", &"x".repeat(1024)));
        println!("a mail to {max} members: {:?}", began.elapsed());
        let StoreDone::Sent { recipients, .. } = sent else { panic!("{sent:?}") };
        assert_eq!(recipients.len() as u64, max);
        for username in [&usernames[0], &usernames[5000], &usernames[9999]] {
            let account = harness.find(username);
            assert_eq!(harness.fetch(account).len(), 1, "{username}");
        }
        let outside = harness.find("user10000");
        assert_eq!(harness.fetch(outside), []);

        // Another list beside it is too much for one mail, even if an account is in both.
        make(&mut harness, first, "amigos", &[]);
        assert_eq!(harness.run(send(first, 2, "turma,amigos", "x")), StoreDone::ListFull);
        assert!(is_sent(&harness.run(send(first, 2, "turma,user10000", "x"))));
        harness.close();
    }
    let db = Connection::open(directory.path().join(DATABASE)).unwrap();
    let contents = "SELECT count(*), count(DISTINCT sent_at) FROM content";
    let contents: (u32, u32) =
        db.query_row(contents, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(contents, (2, 2), "each mail is written once");
}

/// Runs these jobs, which wait together. Returns their results and the number of groups.
pub fn run_in_groups(harness: &mut Harness, jobs: Vec<StoreJob>) -> (Vec<StoreDone>, usize) {
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let before = wake.count.load(Ordering::SeqCst);
    let count = jobs.len();
    for job in jobs {
        harness.submit(job);
    }
    drop(gate);
    let done = harness.collect(count).into_iter().map(|(_, done)| done).collect();
    (done, wake.count.load(Ordering::SeqCst) - before)
}

/// A refused mail to a large list holds the store as long as one that is sent, and is the last of
/// its group, too. A mail that was sent before is known before the members are looked at.
#[test]
fn of_mails_that_walk_through_a_large_list_each_ends_its_group() {
    let usernames = usernames(1500);
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    register(&mut harness, &usernames);
    let first = harness.find("user00000");
    make(&mut harness, first, "turma", &usernames[1..]);
    let (done, groups) = run_in_groups(&mut harness, vec![send(first, 1, "turma", "x"); 5]);
    assert!(is_sent(&done[0]), "{:?}", done[0]);
    assert!(done[1..].iter().all(|done| matches!(done, StoreDone::SentBefore { .. })), "{done:?}");
    assert_eq!(groups, 2, "the mail that is sent, and all that repeat it");
    for number in 2..=u64::from(QUOTA.mails) {
        assert!(is_sent(&harness.run(send(first, number, "user00007", "x"))));
    }
    let refused = (10..15).map(|number| send(first, number, "turma", "x")).collect();
    let (done, groups) = run_in_groups(&mut harness, refused);
    assert!(done.iter().all(|done| matches!(done, StoreDone::MailboxesFull { .. })), "{done:?}");
    assert_eq!(groups, 5);
}

/// The mails of a group reach so many members of lists together and no more, also if each of them
/// reaches few.
#[test]
fn of_mails_to_several_lists_a_group_has_a_thousand_members() {
    let usernames = usernames(400);
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    register(&mut harness, &usernames);
    let first = harness.find("user00000");
    make(&mut harness, first, "turma", &usernames[1..]);
    let mails = (1..=5).map(|number| send(first, number, "turma", "x")).collect();
    let (done, groups) = run_in_groups(&mut harness, mails);
    assert!(done.iter().all(is_sent), "{done:?}");
    assert_eq!(groups, 2, "three mails, and two");
}

/// The store in memory works on the event loop: a second mail to as many waits for another
/// iteration, in which results are collected.
#[test]
fn of_mails_to_large_lists_the_store_in_memory_does_one_in_an_iteration() {
    let usernames = usernames(6000);
    let mut harness = Harness::memory_with(ROOMY, MemoryLimits::default());
    register(&mut harness, &usernames);
    let first = harness.find("user00000");
    make(&mut harness, first, "turma", &usernames[1..]);
    make(&mut harness, first, "amigos", &usernames[1..3]);
    for number in 0..3 {
        let is_done = |harness: &mut Harness, number, to| match harness
            .submit(send(first, number, to, "x"))
            .1
        {
            Submitted::Done(StoreDone::SentBefore { .. }) => true,
            Submitted::Done(done) => is_sent(&done),
            Submitted::Full => false,
            Submitted::Queued => panic!("it has no queue"),
        };
        assert!(is_done(&mut harness, 10 * number + 1, "turma"));
        assert!(is_done(&mut harness, 10 * number + 1, "turma"), "it was sent before");
        assert!(!is_done(&mut harness, 10 * number + 2, "turma"));
        assert!(is_done(&mut harness, 10 * number + 3, "amigos"));
        assert!(is_done(&mut harness, 10 * number + 4, "user00007"));
        harness.store.as_mut().unwrap().collect(&mut Vec::new()).unwrap();
    }
}

#[test]
fn the_store_in_memory_makes_no_list_when_it_has_as_many_members_as_it_may() {
    let limits = MemoryLimits { memberships: 2, ..MemoryLimits::default() };
    let mut harness = Harness::memory_with(ROOMY, limits);
    let tony = harness.account("tony");
    make(&mut harness, tony, "turma", &[]);
    make(&mut harness, tony, "amigos", &[]);
    let (title, senders) = ("Turma".parse().unwrap(), SendPolicy::Members {});
    let new = change(tony, "mais", ListChange::Create { title, senders });
    let refused = harness.run(new.clone());
    assert!(matches!(refused, StoreDone::Unavailable(_)), "{refused:?}");
    harness.run(change(tony, "turma", ListChange::Delete {}));
    assert_eq!(harness.run(new), StoreDone::Changed);
}

/// An older database with an account of that name has no list of all accounts. When the account is
/// deleted, nobody gets the name.
#[test]
fn nobody_gets_the_name_of_the_list_of_all_accounts_where_there_is_no_such_list() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.close();
    with_sql(&directory.path().join(DATABASE), "DELETE FROM list WHERE name = 'everybody'");
    let mut harness = Harness::sqlite(directory.path());
    assert_eq!(harness.run(create(7, "everybody", "h")), StoreDone::UsernameTaken);
    let (title, senders) = ("Todos".parse().unwrap(), SendPolicy::Members {});
    let new = change(tony, "everybody", ListChange::Create { title, senders });
    assert_eq!(harness.run(new), StoreDone::UsernameTaken);
}

/// A reply names at most a hundred recipients.
#[test]
fn of_many_members_with_full_mailboxes_the_first_hundred_are_named() {
    let usernames = usernames(150);
    let directory = tempfile::tempdir().unwrap();
    for mut harness in
        [Harness::oracle(QUOTA), Harness::memory(), Harness::sqlite(directory.path())]
    {
        register(&mut harness, &usernames);
        let first = harness.find("user00000");
        make(&mut harness, first, "turma", &usernames[1..]);
        for number in 0..u64::from(QUOTA.mails) {
            assert!(is_sent(&harness.run(send(first, number, "turma", "x"))));
        }
        let refused = harness.run(send(first, 9, "turma,user00149", "x"));
        let StoreDone::MailboxesFull { recipients: full, members: 150 } = refused else {
            panic!("full mailboxes were expected, not {refused:?}");
        };
        let full: Vec<_> = full.iter().map(ToString::to_string).collect();
        let expected = [&usernames[149..], &usernames[..99]].concat();
        assert_eq!(full, expected);
    }
}

/// The list of all accounts, once it has an owner.
#[test]
fn the_owner_of_the_list_of_all_accounts_reaches_everybody() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.close();
    let owner = "INSERT INTO list_member SELECT id, 'tony', 1, 0 FROM list WHERE membership = 1";
    with_sql(&directory.path().join(DATABASE), owner);
    let mut harness = Harness::sqlite(directory.path());
    let bruce = harness.account("bruce");
    assert!(is_sent(&harness.run(send(tony, 1, "everybody,pepper", "x"))));
    for account in [tony, pepper, bruce] {
        assert_eq!(harness.fetch(account).len(), 1);
    }
    let refused = StoreDone::MayNotSend(vec!["everybody".parse().unwrap()]);
    assert_eq!(harness.run(send(pepper, 1, "everybody", "x")), refused);
    let (name, members) = ("everybody".parse().unwrap(), 2);
    let page = StoreJob::Members { account: tony, name, after: None, members };
    let StoreDone::Members(page) = harness.run(page) else { panic!("members were expected") };
    let names: Vec<_> = page.members.iter().map(|member| member.username.as_str()).collect();
    assert_eq!((names, page.more, page.list.members), (vec!["bruce", "pepper"], true, 3));
    // A second owner, and the first becomes a member like all others.
    for (members, role, done) in [
        ("tony", Role::Member {}, StoreDone::LastOwner),
        ("pepper", Role::Owner {}, StoreDone::Changed),
        ("tony", Role::Member {}, StoreDone::Changed),
    ] {
        let add = ListChange::Add { members: members.parse().unwrap(), role };
        assert_eq!(harness.run(change(tony, "everybody", add)), done, "{members}");
    }
    let fixed = harness.run(change(pepper, "everybody", ListChange::Delete {}));
    assert_eq!(fixed, StoreDone::FixedList);
    harness.run(delete(pepper));
    let again = harness.account("pepper");
    let refused = harness.run(send(again, 9, "everybody", "x"));
    assert!(matches!(refused, StoreDone::MayNotSend(_)), "{refused:?}");
}

/// A database of an earlier version gets the list of all accounts, unless an account has its name.
#[test]
fn an_older_database_gets_the_list_of_all_accounts_if_the_name_is_free() {
    use correio_server::store::sqlite::Schema;
    for (username, count) in [("pepper", 1), ("everybody", 0)] {
        let db = Connection::open_in_memory().unwrap();
        // The steps call it; what it returns does not matter here.
        let name = |context: &Context<'_>| context.get::<String>(0);
        db.create_scalar_function("directory_name", 1, FunctionFlags::SQLITE_UTF8, name).unwrap();
        for (version, step) in (1..).zip(Schema::PRESENT.steps) {
            if version == 3 {
                let account = "INSERT INTO account (username, full_name, hash, register_id)
                               VALUES (?1, 'Tony Stark', 'h', zeroblob(16))";
                db.execute(account, [username]).unwrap();
            }
            db.execute_batch(step).unwrap();
        }
        let sql = "SELECT count(*), coalesce(sum(members), 0) FROM list";
        let found: (u32, u32) =
            db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, (count, count));
    }
}

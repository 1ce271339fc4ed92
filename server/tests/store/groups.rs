//! Random histories: every store answers as the model does, alone or in groups, whatever the clock
//! does meanwhile.

use std::{collections::BTreeSet, path::Path};

use correio_proto::mail::{Mail, MailRef, Seq, Timestamp};
use correio_server::{
    ids::{AccountId, InviteId},
    store::{HashChange, StoreDone, StoreJob, sqlite::SqliteOptions},
};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use super::app_passwords;
use super::support::{
    Harness, NAMES, QUOTA, create, delete, everything, find, hash, id, rename, send, send_at,
    send_message_at, set_hash,
};

/// Wall-clock time at the beginning of a history.
const START: u64 = 1000;

/// A step of a random history, with few names and numbers so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Create(u64, u8),
    Rename(u8),
    SetHash(u8, u8, u8),
    Delete(u8, u8),
    Send(u8, u64, Vec<u8>, u8),
    Fetch(u8, u32),
    Confirm(u8, usize),
    /// Prunes the records from before this offset from now.
    Prune(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u64, 0..3_u8).prop_map(|(id, name)| Step::Create(id, name)),
        (0..3_u8).prop_map(Step::Rename),
        (0..3_u8, 0..2_u8, 0..2_u8).prop_map(|(name, old, new)| Step::SetHash(name, old, new)),
        (0..3_u8, 0..2_u8).prop_map(|(name, hash)| Step::Delete(name, hash)),
        (0..3_u8, 0..6_u64, prop::collection::vec(0..4_u8, 1..3), 0..4_u8)
            .prop_map(|(from, id, to, body)| Step::Send(from, id, to, body)),
        (0..3_u8, 1..4_u32).prop_map(|(name, mails)| Step::Fetch(name, mails)),
        (0..3_u8, 0..3_usize).prop_map(|(name, mails)| Step::Confirm(name, mails)),
        (-30..30_i64).prop_map(Step::Prune),
    ]
}

/// Advance of the wall clock between two jobs: mostly small, sometimes a jump.
fn tick() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..3_i64, 1 => -40..0_i64, 1 => 3..40_i64]
}

/// A history of this many steps, each with the advance of the clock before it.
fn history<T: std::fmt::Debug>(
    step: impl Strategy<Value = T>,
    length: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<(i64, T)>> {
    prop::collection::vec((tick(), step), length)
}

fn moved(time: u64, by: i64) -> u64 {
    time.checked_add_signed(by).unwrap()
}

/// Plays a history and returns every answer. Accounts and mails are numbered alike by all stores,
/// so the answers can be compared as they are.
fn play(harness: &mut Harness, steps: &[(i64, Step)]) -> Vec<StoreDone> {
    let mut now = START;
    let mut answers = Vec::new();
    for (tick, step) in steps {
        now = moved(now, *tick);
        let job = as_job(harness, now, step);
        answers.push(harness.run(job));
    }
    answers.extend(everything(harness));
    // The answers show which idempotency records are left.
    answers.extend((START - 200..START + 400).step_by(3).map(|before| {
        let before = Timestamp(before);
        harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before })
    }));
    answers
}

/// A step as a job on the accounts and mails that there are.
fn as_job(harness: &mut Harness, now: u64, step: &Step) -> StoreJob {
    let name = |index: u8| NAMES[usize::from(index)];
    let mut account = |index: u8| match harness.run(find(name(index))) {
        StoreDone::Account(Some(account)) => account.id,
        _ => AccountId(999),
    };
    match step {
        Step::Create(number, index) => create(*number, name(*index), "0"),
        Step::Rename(index) => rename(account(*index), "Anthony Stark"),
        Step::SetHash(index, old, new) => {
            set_hash(account(*index), &old.to_string(), &new.to_string())
        }
        Step::Delete(index, password) => {
            StoreJob::DeleteAccount { account: account(*index), hash: hash(&password.to_string()) }
        }
        Step::Send(from, number, to, body) => {
            let to: Vec<_> = to.iter().map(|index| name(*index)).collect();
            let (to, from) = (to.join(","), account(*from));
            let bytes = "x".repeat(1 + usize::from(*body % 2) * 300);
            match body / 2 {
                0 => send_at(now, from, *number, &to, &bytes),
                _ => send_message_at(now, from, *number, &to, bytes.as_bytes()),
            }
        }
        Step::Fetch(index, mails) => {
            StoreJob::Fetch { account: account(*index), after: Seq(0), mails: *mails, bytes: 400 }
        }
        Step::Confirm(index, count) => {
            let account = account(*index);
            let fetch = StoreJob::Fetch { account, after: Seq(0), mails: 9, bytes: 9999 };
            let mails = match harness.run(fetch) {
                StoreDone::Page { mails, .. } => {
                    mails.iter().take(*count).map(Mail::reference).collect()
                }
                _ => vec![],
            };
            StoreJob::Confirm { account, mails }
        }
        Step::Prune(from_now) => StoreJob::Prune {
            uploads_before: Timestamp(0),
            before: Timestamp(moved(now, *from_now)),
        },
    }
}

/// The same answers with the mails' sequence numbers as 1, 2, 3: a store that was restarted may
/// skip numbers, but never repeats one and never goes back.
fn in_order(mut answers: Vec<StoreDone>) -> Vec<StoreDone> {
    fn mails(answers: &mut [StoreDone]) -> impl Iterator<Item = &mut Mail> {
        answers.iter_mut().flat_map(|answer| match answer {
            StoreDone::Page { mails, .. } => mails.as_mut_slice(),
            _ => &mut [],
        })
    }
    let given: BTreeSet<Seq> = mails(&mut answers).map(|mail| mail.seq).collect();
    for mail in mails(&mut answers) {
        let place = given.iter().position(|seq| *seq == mail.seq).unwrap();
        mail.seq = Seq(1 + place as u64);
    }
    answers
}

/// The same job at this time.
fn at(time: u64, job: StoreJob) -> StoreJob {
    match job {
        StoreJob::Send { sender, mail, to_lists, .. } => {
            StoreJob::Send { sender, mail, to_lists, now: Timestamp(time) }
        }
        other => other,
    }
}

fn with_invite(job: StoreJob, number: Option<u8>) -> StoreJob {
    match job {
        StoreJob::CreateAccount { register_id, username, full_name, hash, .. } => {
            let invite = number.map(|number| InviteId([number; 8]));
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite }
        }
        other => other,
    }
}

/// A random job on accounts and mails that may exist: they are numbered from 1 by all stores.
fn job() -> impl Strategy<Value = StoreJob> {
    let name = || prop::sample::select(&NAMES[..]);
    let account = || (1..5_i64).prop_map(AccountId);
    let password = || prop::sample::select(&["h", "i"][..]).prop_map(hash);
    let body =
        || prop::sample::select(&[1_usize, 300, 999][..]).prop_map(|bytes| "x".repeat(bytes));
    let mail = || {
        (1..12_u64, 0..6_u64).prop_map(|(seq, number)| MailRef { seq: Seq(seq), id: id(number) })
    };
    prop_oneof![
        3 => (0..4_u64, name(), prop::option::of(0..3_u8))
            .prop_map(|(number, name, invite)| with_invite(create(number, name, "h"), invite)),
        1 => name().prop_map(find),
        1 => account().prop_map(|account| rename(account, "Anthony Edward Stark")),
        1 => (account(), password(), password())
            .prop_map(|(account, old, new)| {
                let change = HashChange::NewPassword;
                StoreJob::SetHash { account, old, new, change }
            }),
        1 => (account(), password())
            .prop_map(|(account, hash)| StoreJob::DeleteAccount { account, hash }),
        6 => (account(), 0..6_u64, name(), name(), body())
            .prop_map(|(sender, number, a, b, body)| send(sender, number, &format!("{a},{b}"), &body)),
        2 => (account(), 0..12_u64, 0..4_u32, 0..700_usize)
            .prop_map(|(account, after, mails, bytes)| {
                StoreJob::Fetch { account, after: Seq(after), mails, bytes }
            }),
        2 => (account(), prop::collection::vec(mail(), 0..8))
            .prop_map(|(account, mails)| StoreJob::Confirm { account, mails }),
        2 => app_passwords::job(),
        1 => (START - 60..START + 60)
            .prop_map(|before| StoreJob::Prune { uploads_before: Timestamp(0), before: Timestamp(before) }),
    ]
}

/// The jobs of each group, each at the time of the advancing clock.
fn timed(groups: Vec<Vec<(i64, StoreJob)>>) -> Vec<Vec<StoreJob>> {
    let mut now = START;
    let mut timed = |(tick, job)| {
        now = moved(now, tick);
        at(now, job)
    };
    groups.into_iter().map(|group| group.into_iter().map(&mut timed).collect()).collect()
}

fn model() -> Harness {
    Harness::oracle(QUOTA)
}

/// A store that flushes its memtable after three or four mails.
fn flushing_often(directory: &Path) -> Harness {
    let options = SqliteOptions { memtable_mails: 3, ..SqliteOptions::default() };
    Harness::sqlite_with(directory, QUOTA, options)
}

proptest! {
    // Each crash takes as long as a hundred jobs.
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence:
            Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]
    /// Nothing of a history is lost or done twice by crashes between its jobs.
    #[test]
    fn the_stores_agree_whatever_crashes(steps in history(step(), 1..40), every in 10..80_usize) {
        let played = |mut harness| in_order(play(&mut harness, &steps));
        let expected = played(model());
        prop_assert!(expected == played(Harness::sqlite_crashing(every)));
        prop_assert!(expected == played(Harness::simulated_crashing(1)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence:
            Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_stores_agree(steps in history(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let expected = play(&mut model(), &steps);
        prop_assert_eq!(&expected, &play(&mut Harness::memory(), &steps));
        prop_assert_eq!(&expected, &play(&mut Harness::simulated(), &steps));
        prop_assert_eq!(&expected, &play(&mut Harness::sqlite(directory.path()), &steps));
        let directory = tempfile::tempdir().unwrap();
        prop_assert_eq!(&expected, &play(&mut flushing_often(directory.path()), &steps));
    }

    /// The answers do not show whether jobs share a transaction.
    #[test]
    fn a_group_answers_as_one_by_one(
        groups in prop::collection::vec(history(job(), 1..30), 1..5),
    ) {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut model, mut memory) = (model(), Harness::memory());
        let mut simulated = Harness::simulated();
        let mut sqlite = Harness::sqlite(directory.path());
        let mut flushing_often = flushing_often(other.path());
        for group in timed(groups) {
            let expected = model.run_together(group.clone());
            prop_assert_eq!(&expected, &memory.run_together(group.clone()));
            prop_assert_eq!(&expected, &simulated.run_together(group.clone()));
            prop_assert_eq!(&expected, &sqlite.run_as_one_group(group.clone()));
            prop_assert_eq!(&expected, &flushing_often.run_as_one_group(group));
        }
        sqlite.close();
        let mut sqlite = Harness::sqlite(directory.path());
        let expected = everything(&mut model);
        prop_assert_eq!(&expected, &everything(&mut memory));
        prop_assert_eq!(&expected, &everything(&mut simulated));
        prop_assert_eq!(&expected, &everything(&mut sqlite));
        prop_assert_eq!(&expected, &everything(&mut flushing_often));
    }
}

/// The age of an idempotency record follows from its time, not from its place in the order of
/// arrival.
#[test]
fn a_clock_that_was_set_keeps_no_record_and_takes_none() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = Harness::sqlite(directory.path());
    for mut harness in [model(), Harness::memory(), Harness::simulated(), sqlite] {
        let tony = harness.account("tony");
        for (number, now) in [(1, 5000), (2, 1000), (3, 9000), (4, 1001), (5, 5000)] {
            harness.run(send_at(now, tony, number, "tony", "x"));
        }
        let mut forgotten = |before| {
            harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before: Timestamp(before) })
        };
        let pruned = |records| StoreDone::Pruned { uploads: 0, records, more: false };
        assert_eq!(forgotten(1000), pruned(0));
        assert_eq!(forgotten(1001), pruned(1), "it was given after one that stays");
        assert_eq!(forgotten(5000), pruned(1));
        assert_eq!(forgotten(5001), pruned(2), "one of them was given after one that stays");
        let kept = harness.run(send(tony, 3, "tony", "x"));
        assert_eq!(kept, StoreDone::SentBefore { sent_at: Timestamp(9000) });
    }
}

/// A history on accounts most of which were never made, found at random once.
#[test]
fn jobs_on_accounts_that_do_not_exist_answer_alike() {
    let account = AccountId;
    let long = "x".repeat(999);
    let mail = |seq, number| MailRef { seq: Seq(seq), id: id(number) };
    let confirm = |number, mails| StoreJob::Confirm { account: account(number), mails };
    let fetch = |number, after, mails, bytes| StoreJob::Fetch {
        account: account(number),
        after: Seq(after),
        mails,
        bytes,
    };
    let history = vec![
        send(account(1), 5, "tony,pepper", &long),
        create(1, "pepper", "h"),
        send(account(4), 2, "tony", &long),
        fetch(1, 9, 0, 285),
        send(account(3), 1, "tony,bruce", "x"),
        delete(account(2)),
        confirm(4, vec![mail(1, 1), mail(6, 5), mail(11, 4), mail(9, 4)]),
        create(0, "nobody", "h"),
        confirm(4, vec![mail(3, 3), mail(10, 5), mail(7, 2), mail(6, 0)]),
        fetch(4, 4, 3, 503),
        send(account(4), 4, "nobody", &long),
        confirm(2, vec![]),
        rename(account(3), "Anthony Edward Stark"),
        fetch(2, 4, 2, 172),
    ];
    let directory = tempfile::tempdir().unwrap();
    let (mut model, mut memory) = (model(), Harness::memory());
    let mut sqlite = Harness::sqlite(directory.path());
    let expected = model.run_together(history.clone());
    assert_eq!(expected, memory.run_together(history.clone()));
    assert_eq!(expected, sqlite.run_as_one_group(history));
    let expected = everything(&mut model);
    assert_eq!(expected, everything(&mut memory));
    assert_eq!(expected, everything(&mut sqlite));
}

//! Random jobs on uploads and contents: the stores answer as the oracle does, alone or in groups,
//! and nothing is left in the files of the store in SQLite that no mail and no upload has.

use std::path::Path;

use correio_proto::mail::{MailRef, Seq, Timestamp};
use correio_server::{
    ids::AccountId,
    store::{Quota, StoreDone, StoreJob, memory::MemoryLimits, sqlite::SqliteOptions},
};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use super::{
    gateway::{discard, send_staged, stage, stage_at},
    hidden::hiding,
    kept_once::{Rows, rows},
    outlines::outline,
    support::{
        Harness, UPLOADS, create, delete, everything, find, id, read, send, send_large,
        send_large_message, send_message, upload_at,
    },
};

/// Room for some long texts, which recipients share.
const WIDE: Quota = Quota { mails: 5, bytes: 40_000 };

/// Sizes of large contents.
const SIZES: [u64; 3] = [1, 300, 600];

/// A random job on accounts and mails that may exist: they are numbered from 1 by all stores.
fn job() -> impl Strategy<Value = StoreJob> {
    let account = || (1..4_i64).prop_map(AccountId);
    let number = || 0..4_u64;
    let to = || prop::sample::select(&["tony", "tony,pepper", "pepper,bruce", "nobody,tony"][..]);
    let size = || prop::sample::select(&SIZES[..]);
    let mail = || {
        (1..16_u64, number()).prop_map(|(seq, number)| MailRef { seq: Seq(seq), id: id(number) })
    };
    let time = || 1000..1010_u64;
    prop_oneof![
        8 => (account(), number(), size(), time(), 0..4_u64, 0..4_u64).prop_map(
            |(account, number, size, now, start, length)| {
                let start = start * 150;
                upload_at(now, account, number, size, start..start + length * 150)
            }
        ),
        4 => (account(), number(), size(), time())
            .prop_map(|(account, number, size, now)| upload_at(now, account, number, size, 0..size)),
        6 => (account(), number(), to(), size(), any::<bool>()).prop_map(
            |(account, number, to, size, is_message)| match is_message {
                false => send_large(account, number, to, size),
                true => send_large_message(account, number, to, size),
            }
        ),
        3 => (account(), number(), to(), prop::sample::select(&[1_usize, 9000][..]), any::<bool>())
            .prop_map(|(account, number, to, bytes, is_message)| match is_message {
                false => send(account, number, to, &"x".repeat(bytes)),
                true => send_message(account, number, to, &vec![b'x'; bytes]),
            }),
        3 => (account(), number(), to(), prop::sample::select(&[1_usize, 9000][..]), to())
            .prop_map(|(account, number, to, bytes, bcc)| {
                hiding(send(account, number, to, &"x".repeat(bytes)), bcc)
            }),
        6 => (account(), number(), time(), 0..4_u64, 0..4_u64).prop_map(
            |(account, number, now, start, length)| {
                let start = start * 150;
                stage_at(now, account, number, start..start + length * 150)
            }
        ),
        4 => (account(), number(), to(), size(), number()).prop_map(
            |(account, number, to, size, staged)| send_staged(account, number, to, size, staged)
        ),
        1 => (account(), number()).prop_map(|(account, number)| discard(account, number)),
        4 => (account(), mail(), 0..700_u64)
            .prop_map(|(account, mail, offset)| read(account, mail, offset)),
        4 => (account(), prop::collection::vec(mail(), 0..20))
            .prop_map(|(account, mails)| StoreJob::Confirm { account, mails }),
        1 => time().prop_map(|now| StoreJob::Prune {
            before: Timestamp(now),
            uploads_before: Timestamp(now),
        }),
        1 => account().prop_map(delete),
        1 => prop::sample::select(&["tony", "pepper"][..]).prop_map(|name| create(99, name, "h")),
    ]
}

/// Everything that queries tell, the bytes of contents and the progress of uploads included.
fn all(harness: &mut Harness) -> Vec<StoreDone> {
    let mut answers = everything(harness);
    for account in (1..8).map(AccountId) {
        for (number, size) in (0..4).flat_map(|number| SIZES.map(|size| (number, size))) {
            answers.push(harness.run(upload_at(1000, account, number, size, 0..0)));
        }
        for number in 0..4 {
            answers.push(harness.run(stage(account, number, 0..0)));
        }
        answers.push(harness.run(outline(account, 0, 100)));
        for mail in (1..40)
            .flat_map(|seq| (0..4).map(move |number| MailRef { seq: Seq(seq), id: id(number) }))
        {
            answers.push(harness.run(read(account, mail, 0)));
        }
    }
    answers
}

/// Ends everything that keeps a content: mails, and uploads.
fn empty(harness: &mut Harness) {
    for account in (1..8).map(AccountId) {
        harness.run(delete(account));
    }
}

fn sqlite(directory: &Path, memtable_mails: usize) -> Harness {
    let options = SqliteOptions { memtable_mails, uploads: UPLOADS, ..SqliteOptions::default() };
    Harness::sqlite_with(directory, WIDE, options)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence:
            Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]
    #[test]
    fn contents_answer_alike_and_leave_nothing(
        groups in prop::collection::vec(prop::collection::vec(job(), 1..30), 1..6),
    ) {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let limits = MemoryLimits { uploads: UPLOADS, ..MemoryLimits::default() };
        let mut oracle = Harness::oracle(WIDE);
        let mut memory = Harness::memory_with(WIDE, limits);
        let mut large = sqlite(directory.path(), 8192);
        // Its memtable is flushed after two or three mails.
        let mut small = sqlite(other.path(), 2);
        let setup: Vec<_> = (0..).zip(["tony", "pepper", "bruce"]).map(|(n, name)| create(n, name, "h")).collect();
        for group in std::iter::once(setup).chain(groups) {
            let expected = oracle.run_together(group.clone());
            prop_assert_eq!(&expected, &memory.run_together(group.clone()));
            prop_assert_eq!(&expected, &large.run_as_one_group(group.clone()));
            prop_assert_eq!(&expected, &small.run_as_one_group(group));
        }
        let expected = all(&mut oracle);
        prop_assert_eq!(&expected, &all(&mut memory));
        prop_assert_eq!(&expected, &all(&mut large));
        prop_assert_eq!(&expected, &all(&mut small));
        large.close();
        let mut large = sqlite(directory.path(), 8192);
        prop_assert_eq!(&expected, &all(&mut large));
        for (harness, directory) in [(&mut large, &directory), (&mut small, &other)] {
            empty(harness);
            // The upkeep after each job deletes a slice, one content at least.
            let left = (0..100).map(|_| {
                harness.run(find("nobody"));
                rows(directory.path())
            });
            let left = left.take_while(|rows| *rows != Rows::default()).last();
            prop_assert!(rows(directory.path()) == Rows::default(), "{left:?}");
        }
    }
}

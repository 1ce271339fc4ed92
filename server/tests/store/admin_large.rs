//! Jobs of the operator that make or delete much: each is the last of its group, so that the jobs
//! before do not wait for two of them.

use correio_proto::mail::Timestamp;
use correio_server::store::{
    StoreDone, StoreJob,
    admin::{AdminDone, AdminJob},
    sqlite::SqliteOptions,
};

use super::{
    admin::{name, new_account},
    lists_large::run_in_groups,
    support::{Harness, ROOMY, is_sent, send},
};

/// More rows than a group works on before it ends.
const MANY: u64 = 1001;

#[test]
fn of_jobs_that_make_many_accounts_each_ends_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let create = |job: u64| {
        let username = |number| format!("u{job}-{number}");
        let accounts = (0..MANY).map(|number| new_account(&username(number))).collect();
        StoreJob::Admin(AdminJob::Create { accounts, now: Timestamp(5000) })
    };
    let (done, groups) = run_in_groups(&mut harness, (0..3).map(create).collect());
    assert_eq!(done, vec![StoreDone::Admin(AdminDone::Created); 3]);
    assert_eq!(groups, 3);
    harness.close();
}

#[test]
fn of_accounts_with_many_mails_that_are_deleted_each_ends_its_group() {
    for memtable_mails in [1, 8192] {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { memtable_mails, ..SqliteOptions::default() };
        let mut harness = Harness::sqlite_with(directory.path(), ROOMY, options);
        let sender = harness.account("steve");
        for username in ["tony", "pepper"] {
            harness.account(username);
        }
        let mails = (1..=MANY).map(|number| send(sender, number, "tony,pepper", "x")).collect();
        assert!(harness.run_together(mails).iter().all(is_sent));
        let delete = |username| StoreJob::Admin(AdminJob::Delete { username: name(username) });
        let (done, groups) = run_in_groups(&mut harness, ["tony", "pepper"].map(delete).to_vec());
        let is_done = |done: &StoreDone| matches!(done, StoreDone::Admin(AdminDone::Changed(_)));
        assert!(done.iter().all(is_done), "{done:?}");
        assert_eq!(groups, 2, "with {memtable_mails} mails in the memtable");
        harness.close();
    }
}

//! The store's two halves, and the state after a crash between any two steps.

use std::sync::Arc;

use correio_proto::mail::{MailId, Timestamp};
use correio_server::{
    ids::{ConnId, PasswordHash},
    store::{NewMailRecord, Quota, ToLists},
};

use super::*;

const QUOTA: Quota = Quota { mails: 5, bytes: 1000 };

fn ticket(serial: u64) -> Ticket {
    Ticket { connection: ConnId { index: 0, generation: 1 }, serial }
}

fn id(number: u8) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8] = 0x80;
    bytes[15] = number;
    bytes.try_into().unwrap()
}

fn create() -> StoreJob {
    StoreJob::CreateAccount {
        register_id: id(1),
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        hash: PasswordHash("h".into()),
        invite: None,
    }
}

fn send(store: &SimStore) -> StoreJob {
    let sender = store.pending(|state| state.account(&"tony".parse().unwrap())).unwrap();
    let (to, subject, body) = ("tony".parse(), "s".parse(), "b".parse());
    let mail = NewMailRecord::new(id(2), to.unwrap(), subject.unwrap(), body.unwrap());
    let to_lists = ToLists::Allowed;
    StoreJob::Send { sender, mail: Arc::new(mail), to_lists, now: Timestamp(1) }
}

fn collect(store: &mut SimStore) -> Vec<StoreDone> {
    let mut done = Vec::new();
    store.collect(&mut done).unwrap();
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// A store with Tony's account and a queued mail from Tony to himself.
fn with_a_mail_waiting() -> SimStore {
    let mut store = SimStore::new(Realm([1; 16]), QUOTA);
    store.submit(ticket(1), create());
    store.settle();
    assert_eq!(collect(&mut store), [StoreDone::Created]);
    let job = send(&store);
    assert!(matches!(store.submit(ticket(2), job), Submitted::Queued));
    store
}

#[test]
fn an_answer_comes_with_the_commit_and_survives_it() {
    let mut store = with_a_mail_waiting();
    assert!(store.run_next());
    assert_eq!(collect(&mut store), []);
    assert_eq!(store.durable(|state| state.mails().count()), 0);
    store.commit();
    assert!(matches!(collect(&mut store)[..], [StoreDone::Sent { .. }]));
    store.crash();
    assert_eq!(store.durable(|state| state.mails().count()), 1);
    assert_eq!(store.pending(|state| state.mails().count()), 1);
}

#[test]
fn a_crash_before_the_commit_leaves_nothing() {
    for steps in 0..2 {
        let mut store = with_a_mail_waiting();
        for _ in 0..steps {
            store.run_next();
        }
        store.crash();
        store.settle();
        assert_eq!(collect(&mut store), []);
        assert_eq!(store.pending(|state| state.mails().count()), 0);
        assert_eq!(store.pending(Clone::clone), store.durable(Clone::clone));
    }
}

#[test]
fn a_failed_commit_acknowledges_nothing() {
    for is_on_disk in [false, true] {
        let mut store = with_a_mail_waiting();
        store.run_next();
        store.fail_commit(is_on_disk);
        assert!(store.collect(&mut Vec::new()).is_err());
        store.crash();
        assert_eq!(collect(&mut store), []);
        assert_eq!(store.durable(|state| state.mails().count()), usize::from(is_on_disk));
    }
}

#[test]
fn a_full_disk_takes_no_mail_and_lets_others_go() {
    let mut store = with_a_mail_waiting();
    store.set_faults(StoreFaults { disk_full: true, ..StoreFaults::default() });
    store.settle();
    assert!(matches!(collect(&mut store)[..], [StoreDone::Unavailable(_)]));
    store.submit(ticket(3), StoreJob::FindAccount { username: "tony".parse().unwrap() });
    store.settle();
    assert!(matches!(collect(&mut store)[..], [StoreDone::Account(Some(_))]));
}

#[test]
fn a_full_queue_takes_no_job() {
    let mut store = with_a_mail_waiting();
    store.set_faults(StoreFaults { queue_max: 1, ..StoreFaults::default() });
    assert!(matches!(store.submit(ticket(3), create()), Submitted::Full));
}

/// Two servers' handles of a store with Tony's account and a queued mail of the first server.
fn shared() -> (SimStore, SimStore) {
    let first = with_a_mail_waiting();
    let second = first.for_server(1);
    (first, second)
}

#[test]
fn each_server_gets_its_own_answers_and_the_other_one_the_news() {
    let (mut first, mut second) = shared();
    assert!(!second.run_next(), "the job is the first server's");
    first.settle();
    assert_eq!(collect(&mut second), []);
    assert!(matches!(collect(&mut first)[..], [StoreDone::Sent { .. }]));
    let news = first.take_news();
    assert!(matches!(news[..], [(1, News::MailArrived { .. })]), "{news:?}");
    for (_, news) in news {
        second.tell(5, news);
    }
    let mut heard = Vec::new();
    second.hand_out_news(4);
    second.hear(&mut heard);
    assert!(heard.is_empty() && !second.has_done());
    second.hand_out_news(5);
    assert!(second.has_done());
    second.hear(&mut heard);
    assert_eq!(heard.len(), 1);
}

#[test]
fn a_job_that_was_open_when_the_store_was_lost_runs_again_and_has_one_effect() {
    for open in [OpenJobs::Kept, OpenJobs::Undone] {
        let (mut first, second) = shared();
        assert!(first.run_next());
        first.cut(open);
        second.commit();
        let kept = second.durable(|state| state.mails().count());
        assert_eq!(kept, usize::from(open == OpenJobs::Kept));
        assert!(!first.run_next(), "the store cannot be reached");
        first.mend();
        first.settle();
        assert_eq!(collect(&mut first).len(), 1);
        assert_eq!(second.durable(|state| state.mails().count()), 1, "{open:?}");
    }
}

#[test]
fn a_job_that_waits_too_long_for_the_store_is_given_up() {
    let (mut first, _second) = shared();
    first.cut(OpenJobs::Undone);
    first.give_up_late_jobs(10, 5);
    assert_eq!((collect(&mut first), first.next_due()), (Vec::new(), Some(15)));
    first.give_up_late_jobs(15, 5);
    assert!(matches!(collect(&mut first)[..], [StoreDone::Unavailable(_)]));
}

#[test]
fn a_server_that_ends_leaves_the_other_one_s_open_jobs_alone() {
    let (mut first, mut second) = shared();
    let find = StoreJob::FindAccount { username: "tony".parse().unwrap() };
    second.submit(ticket(1), find);
    assert!(first.run_next() && second.run_next());
    first.end_server(OpenJobs::Undone);
    second.commit();
    assert_eq!(collect(&mut first), []);
    assert!(matches!(collect(&mut second)[..], [StoreDone::Account(Some(_))]));
    assert_eq!(second.durable(|state| state.mails().count()), 0);
}

#[test]
fn answers_of_a_slow_lane_come_later_and_those_of_other_lanes_do_not_wait() {
    let (mut first, _second) = shared();
    first.slow_down(ticket(1).connection.index % LANES, 7);
    first.settle();
    assert!(!first.has_done() && !first.is_at_rest());
    assert_eq!((collect(&mut first), first.next_due()), (Vec::new(), Some(7)));
    let connection = ConnId { index: ticket(1).connection.index + 1, generation: 1 };
    let find = StoreJob::FindAccount { username: "tony".parse().unwrap() };
    first.submit(Ticket { connection, serial: 1 }, find);
    first.settle();
    assert!(matches!(collect(&mut first)[..], [StoreDone::Account(Some(_))]));
    first.hand_out_slow_answers(7);
    assert!(matches!(collect(&mut first)[..], [StoreDone::Sent { .. }]));
    assert!(first.is_at_rest());
}

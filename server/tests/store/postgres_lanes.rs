//! The lanes of a store in PostgreSQL: order, bounds, and transactions that meet.

use std::{sync::atomic::Ordering, time::Duration};

use correio_proto::{
    mail::{Mail, MailId, MailRef},
    message::SendPolicy,
};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, StoreJob, Submitted, UploadLimits, postgres::PostgresOptions},
};
use correio_testing::{postgres::database, wait::eventually};

use super::{
    lists,
    support::{
        Harness, ROOMY, UPLOADS, find, id, is_sent, rename, send, send_large, upload, whole_mailbox,
    },
};

fn one_lane() -> PostgresOptions {
    PostgresOptions { lanes: 1, ..PostgresOptions::default() }
}

fn ids(harness: &mut Harness, account: AccountId) -> Vec<MailId> {
    harness.fetch(account).iter().map(|mail| mail.id).collect()
}

#[test]
fn no_mail_overtakes_an_earlier_one_of_its_connection() {
    let Some(mut harness) = Harness::postgres_with(ROOMY, one_lane()) else { return };
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(lists::make(tony, "team", SendPolicy::Everybody {}));
    harness.run(lists::add(tony, "team", "pepper"));
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    // A mail to a list shares no transaction with the plain mails around it.
    for (number, to) in [(1, "pepper"), (2, "team"), (3, "pepper"), (4, "team"), (5, "pepper")] {
        harness.submit_from(7, send(tony, number, to, "x"));
    }
    harness.submit_from(8, send(tony, 6, "tony", "x"));
    drop(gate);
    let done = harness.collect(6);
    assert!(done.iter().all(|(_, done)| is_sent(done)), "{done:?}");
    let serials: Vec<u64> = done
        .iter()
        .filter(|(ticket, _)| ticket.connection.index == 7)
        .map(|(ticket, _)| ticket.serial)
        .collect();
    assert!(serials.is_sorted(), "{serials:?}");
    assert_eq!(ids(&mut harness, pepper), (1..6).map(id).collect::<Vec<_>>());
}

#[test]
fn a_full_lane_says_so_and_loses_nothing() {
    let options = PostgresOptions { queue_jobs: 3, queue_bytes: 400, ..one_lane() };
    let Some(mut harness) = Harness::postgres_with(ROOMY, options) else { return };
    let tony = harness.account("tony");
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let mut is_taken = |number, bytes: usize| {
        let job = send(tony, number, "tony", &"x".repeat(bytes));
        matches!(harness.submit(job).1, Submitted::Queued)
    };
    // A mail counts with its texts, and 64 bytes for its recipient.
    let taken = [is_taken(1, 200), is_taken(2, 200), is_taken(3, 10)];
    assert_eq!(taken, [true, false, true], "bytes");
    let taken = [harness.submit(find("tony")).1, harness.submit(find("tony")).1];
    assert!(matches!(taken, [Submitted::Queued, Submitted::Full]), "jobs: {taken:?}");
    drop(gate);
    harness.collect(3);
    assert_eq!(ids(&mut harness, tony), [id(1), id(3)]);
    // An empty lane takes even a mail that is larger than all its room.
    assert!(is_sent(&harness.run(send(tony, 4, "tony", &"x".repeat(1000)))));
}

#[test]
fn pages_that_nobody_takes_hold_up_later_pages() {
    const PAGES: usize = 40;
    /// Pages up to the bound, and one beyond it.
    const BYTES_MAX: usize = (4 << 20) + (1 << 20) + 4096;
    let Some(mut harness) = Harness::postgres_with(ROOMY, one_lane()) else { return };
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", &"x".repeat(1 << 20)))));
    let wake = harness.wake.clone();
    let begun = wake.count.load(Ordering::SeqCst);
    let tickets: Vec<_> = (0..PAGES).map(|_| harness.submit(whole_mailbox(tony)).0).collect();
    let (mut answered, mut most) = (Vec::new(), 0);
    // The lane stops after four pages; a lane that did not would go on.
    eventually(|| wake.count.load(Ordering::SeqCst) >= begun + 4);
    while answered.len() < PAGES {
        let done = harness.collect(1);
        let bodies = done.iter().map(|(_, done)| match done {
            StoreDone::Page { mails, .. } => mails[0].content.body().unwrap().as_str().len(),
            other => panic!("{other:?}"),
        });
        most = most.max(bodies.sum());
        answered.extend(done.into_iter().map(|(ticket, _)| ticket));
    }
    assert_eq!(answered, tickets);
    assert!((4 << 20..=BYTES_MAX).contains(&most), "{most} bytes at once");
}

/// Rounds of [`mixed`].
const ROUNDS: u64 = 12;

/// What a server of the two submits: mails to a list, to several and to one, confirmations that
/// overlap with the other server's, large mails and changes of names and lists.
/// Each comes with its connection, which keeps an upload before its mail.
fn mixed(
    accounts: &[(String, AccountId)],
    first: u64,
    waiting: &[Vec<MailRef>],
) -> Vec<(u32, StoreJob)> {
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let mut jobs = Vec::new();
        for (place, (name, account)) in accounts.iter().enumerate() {
            let number = first + round * 100 + place as u64 * 10;
            let (next, _) = &accounts[(place + 1) % accounts.len()];
            // The first recipient of the first mail decides the lane.
            jobs.push(send(*account, number + 2, &format!("{next},{name}"), "x"));
            jobs.push(send(*account, number, "team", "x"));
            jobs.push(send(
                *account,
                number + 1,
                &format!("{next},{name},team"),
                &"x".repeat(5000),
            ));
            jobs.push(upload(*account, number + 3, 60, 0..60));
            jobs.push(send_large(*account, number + 3, "team", 60));
            jobs.push(rename(*account, &format!("Stark {number}")));
            let mails = waiting[place].iter().skip(round as usize).step_by(5).copied().collect();
            jobs.push(StoreJob::Confirm { account: *account, mails });
        }
        let (owner, changed) = (accounts[0].1, &accounts[1].0);
        jobs.push(lists::add(owner, "other", changed));
        jobs.push(lists::remove(owner, "other", changed));
        let connection = |place: usize| u32::try_from(place / 7).unwrap() + round as u32 * 5;
        all.extend(jobs.into_iter().enumerate().map(|(place, job)| (connection(place), job)));
    }
    all
}

#[test]
fn two_servers_that_do_everything_at_once_lose_nothing_and_give_nothing_up() {
    let Some(database) = database() else { return };
    let patience = Duration::from_secs(120);
    // An account has as many uploads at once as there are lanes of both servers.
    let uploads = UploadLimits { uploads: 8, ..UPLOADS };
    let options = PostgresOptions { uploads, patience, ..PostgresOptions::default() };
    let mut servers = [(); 2].map(|()| Harness::postgres_on(&database.url, ROOMY, options));
    let names = ["tony", "pepper", "bruce", "thor", "clint"];
    let accounts: Vec<(String, AccountId)> =
        names.iter().map(|name| ((*name).to_owned(), servers[0].account(name))).collect();
    for list in ["team", "other"] {
        servers[0].run(lists::make(accounts[0].1, list, SendPolicy::Everybody {}));
    }
    let others = names[1..].join(",");
    servers[0].run(lists::add(accounts[0].1, "team", &others));
    for number in 1..=30 {
        servers[0].run(send(accounts[0].1, number, "team", "before"));
    }
    let waiting: Vec<Vec<MailRef>> = accounts
        .iter()
        .map(|(_, account)| servers[0].fetch(*account).iter().map(Mail::reference).collect())
        .collect();
    let mut counts = Vec::new();
    for (server, first) in servers.iter_mut().zip([10_000, 20_000]) {
        let jobs = mixed(&accounts, first, &waiting);
        counts.push(jobs.len());
        for (index, job) in jobs {
            assert!(matches!(server.submit_from(index, job).1, Submitted::Queued));
        }
    }
    let (mut mails, mut confirmed) = (0, 0);
    for (server, count) in servers.iter_mut().zip(counts) {
        for (_, done) in server.collect(count) {
            match done {
                StoreDone::Sent { recipients, .. } => mails += recipients.len() as u64,
                StoreDone::Confirmed { deleted } => confirmed += u64::from(deleted),
                StoreDone::Changed | StoreDone::Uploaded { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let (mut there, mut counted) = (0, 0);
    for (name, account) in &accounts {
        there += servers[1].fetch(*account).len() as u64;
        counted += servers[1].record(name).waiting();
    }
    assert_eq!(confirmed, 5 * 30, "each mail of before is deleted once");
    // Of each server, in each round, of five senders: three mails to five each, and one to two.
    assert_eq!(
        (mails, there, u64::from(counted)),
        (2 * ROUNDS * 5 * (5 + 5 + 2 + 5), mails, mails)
    );
}

//! Kills a process that sends mails to a store, at any moment.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use correio_proto::mail::Mail;
use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::{
        StoreDone,
        sqlite::{SqliteOptions, SqliteSnapshot},
    },
};
use correio_testing::rerun::{data_directory, rerun};
use tempfile::TempDir;

use super::{
    gateway::{send_staged, stage},
    outlines::all,
    support::{Harness, ROOMY, id, is_sent, send},
};

/// What a killed process has left.
struct Survivors {
    harness: Harness,
    tony: AccountId,
    mails: Vec<Mail>,
    /// Dropped after the store.
    directory: TempDir,
}

/// Runs a test again in a process in which an account sends mails to itself by `send`, and that is
/// killed once it has sent this many. Checks that all acknowledged mails are left.
fn kill_while_sending(
    test: &str,
    mails: usize,
    send: impl Fn(&mut Harness, AccountId, u64),
) -> Survivors {
    if let Some(directory) = data_directory() {
        let mut harness = Harness::sqlite_with(&directory, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        for number in 1.. {
            send(&mut harness, tony, number);
            eprintln!("sent {number}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let acknowledged = killed_after(test, directory.path(), mails);
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    let mails = harness.fetch(tony);
    // One more mail may have been committed without an acknowledgement.
    assert!((acknowledged..=acknowledged + 1).contains(&mails.len()), "{acknowledged}");
    assert!((1..).zip(&mails).all(|(number, mail)| mail.id == id(number)));
    Survivors { harness, tony, mails, directory }
}

/// Runs a test in a process that is killed once it has sent this many mails. Returns the number of
/// mails that it has sent.
fn killed_after(test: &str, directory: &Path, mails: usize) -> usize {
    let mut process =
        rerun(test, directory, "").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let heard = said
        .by_ref()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("sent "))
        .take(mails)
        .count();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(heard, mails);
    // Mails that the process printed before the signal reached it were acknowledged, too.
    let more = said.map_while(Result::ok).filter(|line| line.starts_with("sent ")).count();
    heard + more
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let test = "killing::a_killed_server_keeps_what_it_acknowledged";
    let mut survivors = kill_while_sending(test, 100, |harness, tony, number| {
        assert!(is_sent(&harness.run(send(tony, number, "tony", "x"))));
    });
    assert_eq!(survivors.harness.record("tony").waiting() as usize, survivors.mails.len());
}

/// Stages a content in three pieces, and sends it.
fn staged_and_sent(harness: &mut Harness, account: AccountId, number: u64) {
    for part in [0..7, 7..40, 40..100] {
        let staged = part.end;
        assert_eq!(harness.run(stage(account, number, part)), StoreDone::Uploaded { staged });
    }
    assert!(is_sent(&harness.run(send_staged(account, number, "tony", 100, number))));
}

#[test]
fn a_killed_server_keeps_staged_contents_and_what_was_counted_of_them() {
    let test = "killing::a_killed_server_keeps_staged_contents_and_what_was_counted_of_them";
    let mut survivors = kill_while_sending(test, 30, staged_and_sent);
    let tony = survivors.tony;
    // Whatever was acknowledged of the next content, it goes on from there.
    let next = survivors.mails.len() as u64 + 1;
    assert_eq!(
        survivors.harness.run(stage(tony, next, 0..100)),
        StoreDone::Uploaded { staged: 100 }
    );
    assert!(is_sent(&survivors.harness.run(send_staged(tony, next, "tony", 100, next))));
    let mut oracle = Harness::oracle(ROOMY);
    let tony_there = oracle.account("tony");
    for number in 1..=next {
        staged_and_sent(&mut oracle, tony_there, number);
    }
    let counted = |harness: &mut Harness, account| {
        let (outlines, _) = all(harness, account);
        outlines.into_iter().map(|it| (it.mail.id, it.size, it.texture)).collect::<Vec<_>>()
    };
    assert_eq!(counted(&mut survivors.harness, tony), counted(&mut oracle, tony_there));
    survivors.harness.close();
    let checked = SqliteSnapshot::open(survivors.directory.path(), &Cancel::default());
    assert_eq!(checked.unwrap().check(|_| ()).unwrap().findings, []);
}

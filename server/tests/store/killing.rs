//! Kills a process that sends mails to a store, at any moment.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use correio_server::store::sqlite::SqliteOptions;
use correio_testing::rerun::{data_directory, rerun};

use super::support::{Harness, ROOMY, id, is_sent, send};

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    if let Some(directory) = data_directory() {
        let mut harness = Harness::sqlite_with(&directory, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        for number in 1.. {
            assert!(is_sent(&harness.run(send(tony, number, "tony", "x"))));
            eprintln!("sent {number}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut process =
        rerun("killing::a_killed_server_keeps_what_it_acknowledged", directory.path(), "")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let heard = said
        .by_ref()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("sent "))
        .take(100)
        .count();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(heard, 100);
    // Mails that the process printed before the signal reached it were acknowledged, too.
    let more = said.map_while(Result::ok).filter(|line| line.starts_with("sent ")).count();
    let acknowledged = u64::try_from(heard + more).unwrap();

    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    let mails = harness.fetch(tony);
    let found = u64::try_from(mails.len()).unwrap();
    // One more mail may have been committed without an acknowledgement.
    assert!((acknowledged..=acknowledged + 1).contains(&found));
    assert!((1..).zip(&mails).all(|(number, mail)| mail.id == id(number)));
    assert_eq!(u64::from(harness.record("tony").waiting()), found);
}

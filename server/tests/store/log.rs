//! Tests that a log that is cut anywhere holds everything that was acknowledged up to there.

use std::fs;

use correio_server::ids::AccountId;

use super::{
    files::{DATABASE, LOG},
    support::{Harness, create, delete, everything, rename, send},
};

#[test]
fn a_log_cut_anywhere_holds_all_that_was_acknowledged_up_to_there() {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join(LOG);
    let length = || usize::try_from(fs::metadata(&log).unwrap().len()).unwrap();
    let mut harness = Harness::sqlite(directory.path());
    // After each acknowledgement: how long the log was, and what was to be seen.
    let mut history = vec![(length(), everything(&mut harness))];
    let (tony, pepper) = (AccountId(1), AccountId(2));
    let jobs = [
        create(1, "tony", "h"),
        create(2, "pepper", "h"),
        send(tony, 1, "tony,pepper", "x"),
        send(pepper, 1, "tony,pepper", &"x".repeat(900)),
        rename(tony, "Anthony Edward Stark"),
        send(tony, 2, "pepper", "x"),
    ];
    for job in jobs {
        harness.run(job);
        history.push((length(), everything(&mut harness)));
    }
    harness.confirm_all(tony);
    history.push((length(), everything(&mut harness)));
    harness.run(delete(pepper));
    history.push((length(), everything(&mut harness)));

    let bytes = fs::read(&log).unwrap();
    let database = fs::read(directory.path().join(DATABASE)).unwrap();
    let frames = (bytes.len() - HEADER) / FRAME;
    assert!(frames > 20, "{frames} frames");
    let cuts = (0..=frames).flat_map(|frame| {
        let whole = HEADER + frame * FRAME;
        [whole, whole + 1, whole + FRAME - 1]
    });
    let (first, _) = history[0];
    for cut in cuts.filter(|cut| (first..=bytes.len()).contains(cut)) {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join(DATABASE), &database).unwrap();
        fs::write(copy.path().join(LOG), &bytes[..cut]).unwrap();
        let found = everything(&mut Harness::sqlite(copy.path()));
        let (_, expected) = history.iter().rfind(|(length, _)| *length <= cut).unwrap();
        assert_eq!(found, *expected, "cut at {cut}");
    }
}

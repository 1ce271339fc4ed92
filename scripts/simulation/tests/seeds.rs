//! Simulates a thousand seeds, and the same seed twice.

use std::thread;

use correio_simulation::{simulate, simulate_many};

const SEEDS: u64 = 1_000;

#[test]
fn a_thousand_seeds_hold() {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let (mut ended, mut failed) = (0, None);
    simulate_many(0..SEEDS, threads, |report| {
        ended += 1;
        // Other threads may still finish seeds after the first failure.
        failed = failed.take().or(report.violation.map(|violation| (report.seed, violation)));
        failed.is_none()
    });
    if let Some((seed, violation)) = failed {
        panic!("seed {seed}: {violation}\nreplay it with: scripts/simulate --seed {seed} --trace");
    }
    assert_eq!(ended, SEEDS);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..8 {
        let (once, again) = (simulate(seed, true), simulate(seed, true));
        assert!(once.steps > 100 && once.trace.len() > 20, "seed {seed} is no simulation");
        let differing = once.trace.iter().zip(&again.trace).find(|(once, again)| once != again);
        assert_eq!(differing, None, "seed {seed}");
        assert_eq!(once, again, "seed {seed}");
    }
}

#[test]
fn seeds_with_two_servers_on_one_store_hold() {
    let mut shared = 0;
    for seed in 0..12 {
        let report = simulate(seed, true);
        assert_eq!(report.violation, None, "seed {seed}");
        let is_login = |line: &&String| line.contains("  server 1 ") && line.contains("LoggedIn");
        let is_used = report.trace.iter().any(|line| is_login(&line));
        shared += u32::from(is_used);
    }
    assert!(shared >= 3, "{shared} seeds of 12 have logins at a second server");
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(simulate(1, true).trace, simulate(2, true).trace);
}

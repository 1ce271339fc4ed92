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
fn another_seed_gives_another_trace() {
    assert_ne!(simulate(1, true).trace, simulate(2, true).trace);
}

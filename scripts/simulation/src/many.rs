//! Simulates many seeds on several threads; each simulation stays in one thread.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use crate::run::{SeedReport, simulate};

/// Simulates seeds until none is left or `take`, which gets each report, returns false. Seeds start
/// in order and are reported as they end.
pub fn simulate_many(
    seeds: Range<u64>,
    threads: usize,
    take: impl FnMut(SeedReport) -> bool + Send,
) {
    let next = AtomicU64::new(seeds.start);
    let stopped = AtomicBool::new(false);
    let take = Mutex::new(take);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = simulate(seed, false);
                    let mut take = take.lock().unwrap_or_else(PoisonError::into_inner);
                    if !take(report) {
                        stopped.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

//! One seed, from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    check::{Check, Violation},
    world::World,
};

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedReport {
    /// Which.
    pub seed: u64,
    /// What failed; nothing where all is well.
    pub violation: Option<Violation>,
    /// Steps that were taken.
    pub steps: u64,
    /// What happened, where it was asked for.
    pub trace: Vec<String>,
}

/// Simulates what a seed decides, and keeps a trace of it where that `is_traced`.
#[must_use]
pub fn simulate(seed: u64, is_traced: bool) -> SeedReport {
    let mut world = World::new(seed, is_traced);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match ran {
        Ok(ended) => ended.err(),
        Err(panic) => Some(Violation::new(Check::Sound, said(&*panic))),
    };
    let steps = world.steps();
    SeedReport { seed, violation, steps, trace: world.into_trace() }
}

/// What a panic says.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

//! Runs one seed from start to end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    check::{Check, Violation},
    world::World,
};

/// The result of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// The failed check; `None` if all hold.
    pub violation: Option<Violation>,
    /// Number of steps.
    pub steps: u64,
    /// The trace, if it was asked for.
    pub trace: Vec<String>,
}

/// Simulates a seed; keeps a trace if `is_traced`.
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

/// The message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

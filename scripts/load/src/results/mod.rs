//! The results of a run: recording, display, saving and comparison. It measures nothing itself.

mod axis;
mod backups;
mod compare;
mod condition;
mod ending;
mod figures;
mod html;
mod operation;
mod pauses;
mod plot;
mod plots;
mod recorder;
mod table;
mod timeline;
mod units;

pub use compare::{compare, have_something_in_common};
pub use condition::{Condition, InvalidCondition, Measures, Outcome};
pub use ending::{Ending, Flaw};
pub use figures::{
    BackupOutcome, BackupSummary, Checks, Gauges, LedgerSummary, Measured, Results, Run, Second,
    SecondSummary, UserCounts,
};
pub use operation::Operation;
pub use pauses::Pause;
pub use recorder::Recorder;
pub use units::{size, time};

/// Share of a processor above which the generator may have limited the load.
pub const GENERATOR_BUSY: f64 = 0.95;

#[cfg(test)]
mod html_tests;
#[cfg(test)]
mod tests;

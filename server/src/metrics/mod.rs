//! Metrics: what the server counts and measures of itself, and the text that collectors read.
//!
//! The loop's thread counts in plain numbers (`counts`); other threads use atomics (`shared`). The
//! text is written when it is asked for (`render`), from the list in [`families`]; the numbers of
//! the status page as JSON, too (`status`).

pub(crate) mod counts;
pub(crate) mod facts;
pub mod families;
pub(crate) mod histogram;
pub mod hosts;
pub(crate) mod render;
pub(crate) mod shared;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod visitors;

use crate::event::recent::RecentEvents;

pub use self::{
    facts::Level,
    hosts::{HostName, Hosts},
    shared::{Sample, StoreCounts},
};

/// What a server needs to show its metrics.
#[derive(Clone, Debug, Default)]
pub struct Monitoring {
    /// The names by which they may be asked for.
    pub hosts: Hosts,
    /// What a thread of its own reads of process and disk.
    pub sample: std::sync::Arc<Sample>,
    /// The last events of the log.
    pub recent: std::sync::Arc<RecentEvents>,
}

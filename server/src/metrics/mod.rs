//! Metrics: counts and measurements of the server, and the text that collectors read.
//!
//! The loop's thread counts in plain numbers (`counts`); other threads count in atomics (`shared`).
//! When a client asks, the server writes the text from the list in [`families`] (`render`), or the
//! numbers of the status page as JSON (`status`).

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
    facts::{Level, Reach, SharedStore},
    hosts::{HostName, Hosts},
    shared::{Sample, StoreCounts},
};

/// The names, values and events that a server shows with its metrics.
#[derive(Clone, Debug, Default)]
pub struct Monitoring {
    /// The names of hosts by which clients may ask for the metrics.
    pub hosts: Hosts,
    /// The values of process and disk, which a thread of its own reads.
    pub sample: std::sync::Arc<Sample>,
    /// The last events of the log.
    pub recent: std::sync::Arc<RecentEvents>,
}

//! Gives room that deleted mail has left in the main file back to the disk, in slices.
//!
//! SQLite keeps pages that become free for later use (`auto_vacuum = INCREMENTAL`). When they are
//! many, pages from the file's end are moved into free ones, and the next checkpoint of the whole
//! log cuts the file.

use std::time::Duration;

use rusqlite::{Connection, Result};

use super::pace::Load;
use crate::clock::Clock;

/// Bytes of free pages that are kept for later mail.
const KEPT_BYTES: u64 = 16 << 20;

/// Bytes of free pages from which on free pages are given back, if they are a quarter of the file.
const MANY_BYTES: u64 = 32 << 20;

/// Most pages that one slice gives back, and its longest time. A slice writes up to three pages for
/// each.
const SLICE_PAGES: u32 = 256;
const SLICE_TIME: Duration = Duration::from_millis(2);

/// Most pages that one slice gives back while jobs come.
const BUSY_SLICE_PAGES: u32 = 64;

/// Time from one look at the free pages to the next.
const LOOK: Duration = Duration::from_millis(500);

/// What the store thread knows about free pages, and does about them.
#[derive(Debug)]
pub(super) struct Room {
    clock: Clock,
    page_size: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has changed since the last look.
    Known,
    /// The free pages are looked at, at this uptime.
    Look(Duration),
    /// Free pages are given back.
    GiveBack,
}

/// What is to be done for room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// A slice of free pages is to be given back, in a transaction.
    Slice,
    /// Enough were given back: the file is to be cut.
    Cut,
}

impl Room {
    pub(super) fn new(page_size: u64) -> Self {
        Self { clock: Clock::start(), page_size, state: State::Look(Duration::ZERO) }
    }

    /// Learns that the database has changed.
    pub(super) fn changed(&mut self) {
        if self.state == State::Known {
            self.state = State::Look(self.clock.uptime() + LOOK);
        }
    }

    /// How long an idle store thread may wait until its next [`Room::step`]; `None` for ever.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self.state {
            State::Known => None,
            State::Look(at) => Some(at.saturating_sub(self.clock.uptime())),
            State::GiveBack => Some(Duration::ZERO),
        }
    }

    /// Decides what is due.
    pub(super) fn step(&mut self, db: &Connection) -> Result<Step> {
        let now = self.clock.uptime();
        match self.state {
            State::Look(at) if at <= now => {
                let (free, pages) = (count(db, "freelist_count")?, count(db, "page_count")?);
                let is_much = free * self.page_size >= MANY_BYTES && free * 4 >= pages;
                // A database that an earlier version made has no map of its pages to move them by.
                let can_move = count(db, "auto_vacuum")? == INCREMENTAL;
                let gives_back = is_much && can_move;
                self.state = if gives_back { State::GiveBack } else { State::Known };
                Ok(Step::Nothing)
            }
            State::GiveBack => {
                let (free, pages) = (count(db, "freelist_count")?, count(db, "page_count")?);
                if free * self.page_size > KEPT_BYTES && free * 8 > pages {
                    return Ok(Step::Slice);
                }
                self.state = State::Known;
                Ok(Step::Cut)
            }
            State::Known | State::Look(_) => Ok(Step::Nothing),
        }
    }

    /// Gives up until the database has changed, since there is no room on the disk to move pages
    /// through the log.
    pub(super) fn give_up(&mut self) {
        self.state = State::Known;
    }

    /// Moves pages within the open transaction.
    pub(super) fn slice(&self, db: &Connection, load: Load) -> Result<()> {
        let end = self.clock.uptime() + SLICE_TIME;
        let pages = match load {
            Load::Idle => SLICE_PAGES,
            Load::Busy => BUSY_SLICE_PAGES,
        };
        let sql = format!("PRAGMA incremental_vacuum({pages})");
        let mut statement = db.prepare_cached(&sql)?;
        // Each row is a page.
        let mut pages = statement.query([])?;
        while pages.next()?.is_some() && self.clock.uptime() < end {}
        Ok(())
    }
}

/// The value of `auto_vacuum` with which SQLite gives pages back when it is asked to.
const INCREMENTAL: u64 = 2;

fn count(db: &Connection, pragma: &str) -> Result<u64> {
    db.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0)).map(u64::from)
}

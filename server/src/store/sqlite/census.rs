//! Counts the accounts and their mails, a slice at a time, so that no job waits long for it.

use std::time::Duration;

use rusqlite::Connection;

use crate::metrics::StoreCounts;

/// Accounts of one slice: about a millisecond.
const SLICE: u32 = 1000;

/// Time between two counts.
const EVERY: Duration = Duration::from_secs(60);

/// A count of all accounts, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// The last account that was counted.
    after: i64,
    accounts: u64,
    mails: u64,
    /// When the next slice is due (uptime).
    due: Duration,
}

impl Census {
    /// Time until the next slice is due.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.due.saturating_sub(now)
    }

    /// Counts a slice, and publishes the numbers after the last one. An error ends the count; the
    /// next one begins a minute later.
    pub(super) fn step(&mut self, connection: &Connection, counts: &StoreCounts, now: Duration) {
        let Ok((accounts, mails, last)) = self.slice(connection) else {
            *self = Self { due: now + EVERY, ..Self::default() };
            return;
        };
        self.accounts += u64::from(accounts);
        self.mails += mails;
        self.after = last;
        if accounts < SLICE {
            counts.accounts.set(Some(self.accounts));
            counts.mails.set(Some(self.mails));
            *self = Self { due: now + EVERY, ..Self::default() };
        }
    }

    fn slice(&self, connection: &Connection) -> rusqlite::Result<(u32, u64, i64)> {
        let mut slice = connection.prepare_cached(
            "SELECT count(*), ifnull(sum(mails), 0), ifnull(max(id), 0)
             FROM (SELECT id, mails FROM account WHERE id > ?1 ORDER BY id LIMIT ?2)",
        )?;
        slice.query_row((self.after, SLICE), |row| {
            let mails: i64 = row.get(1)?;
            Ok((row.get(0)?, mails.unsigned_abs(), row.get(2)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_accounts_are_counted_in_slices_and_published_together() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE account (id INTEGER PRIMARY KEY, mails INTEGER NOT NULL);
                 WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 2500)
                 INSERT INTO account SELECT id, id % 3 FROM n;",
            )
            .unwrap();
        let (mut census, counts) = (Census::default(), StoreCounts::default());
        let now = Duration::from_secs(7);
        for _ in 0..2 {
            census.step(&connection, &counts, now);
            assert_eq!((counts.accounts.get(), census.wait(now)), (None, Duration::ZERO));
        }
        census.step(&connection, &counts, now);
        assert_eq!((counts.accounts.get(), counts.mails.get()), (Some(2500), Some(2500)));
        assert_eq!(census.wait(now), EVERY);
        census.step(&connection, &counts, now + EVERY);
        assert_eq!(census.after, 1000, "a count begins with the first account");
    }
}

//! Counts operations, latencies and failures of a load.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::process;

/// Counts for a fixed time after a warm-up.
#[derive(Debug)]
pub struct Tally {
    from: Instant,
    until: Instant,
    /// Operations that were answered in time.
    pub operations: u64,
    /// Requests that the server refused because it was busy.
    pub refused: u64,
    /// Requests that were never answered.
    pub lost: u64,
    /// In units of 100 ns.
    latencies: Vec<u32>,
    pid: Option<u32>,
    /// Processor seconds of this process and of the server at the start.
    used: Option<(f64, Option<f64>)>,
}

impl Tally {
    /// Counts for `seconds` after a warm-up. `pid` is the server's process, to measure its
    /// processor time.
    #[must_use]
    pub fn new(warm_up: Duration, seconds: Duration, pid: Option<u32>) -> Self {
        let from = Instant::now() + warm_up;
        Self {
            from,
            until: from + seconds,
            operations: 0,
            refused: 0,
            lost: 0,
            latencies: Vec::new(),
            pid,
            used: None,
        }
    }

    /// When the load ends.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// When the warm-up ends.
    #[must_use]
    pub fn from(&self) -> Instant {
        self.from
    }

    /// Ends the counting early, because no work is left.
    pub fn end(&mut self, now: Instant) {
        self.until = self.until.min(now.max(self.from + Duration::from_millis(1)));
    }

    /// Counts the operations of a request that was sent at `begun` and answered at `now`.
    pub fn answered(&mut self, begun: Instant, now: Instant, operations: u64) {
        if now >= self.from && now <= self.until {
            self.operations += operations;
            self.late(begun, now);
        }
    }

    /// Records a latency, even after the end.
    pub fn late(&mut self, begun: Instant, now: Instant) {
        let units = now.saturating_duration_since(begun).as_nanos() / 100;
        self.latencies.push(u32::try_from(units).unwrap_or(u32::MAX));
    }

    /// Records processor times once, after the warm-up.
    pub fn observe(&mut self, now: Instant) {
        if self.used.is_none() && now >= self.from {
            self.used = Some(self.processor());
        }
    }

    fn processor(&self) -> (f64, Option<f64>) {
        let own = process::processor_seconds(std::process::id()).unwrap_or_default();
        (own, self.pid.and_then(process::processor_seconds))
    }

    /// The shares of one processor that this process and the server used; call it at the end of the
    /// load.
    #[must_use]
    pub fn shares(&self, now: Instant) -> (Option<f64>, Option<f64>) {
        let Some((own, server)) = self.used else {
            return (None, None);
        };
        let (own_now, server_now) = self.processor();
        let seconds = now.saturating_duration_since(self.from).as_secs_f64().max(0.001);
        let server = server.zip(server_now).map(|(before, now)| (now - before) / seconds);
        (Some((own_now - own) / seconds), server)
    }

    /// All figures as JSON.
    ///
    /// # Errors
    ///
    /// No operation was answered in time: a rate of zero is no measurement.
    pub fn report(&mut self, shares: (Option<f64>, Option<f64>)) -> Result<Value> {
        ensure!(
            self.operations > 0,
            "nothing was measured: no operation was answered in time, {} were refused and {} never \
             answered",
            self.refused,
            self.lost
        );
        self.latencies.sort_unstable();
        let at = |thousandths: usize| {
            let index = (self.latencies.len() * thousandths / 1000)
                .min(self.latencies.len().saturating_sub(1));
            self.latencies.get(index).map(|units| f64::from(*units) / 10.0)
        };
        let seconds = self.until.duration_since(self.from).as_secs_f64();
        Ok(json!({
            "seconds": seconds,
            "operations": self.operations,
            "per_second": self.operations as f64 / seconds,
            "p50_us": at(500),
            "p99_us": at(990),
            "max_us": at(1000),
            "refused": self.refused,
            "lost": self.lost,
            "client_processors": shares.0,
            "server_processors": shares.1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_without_an_answer_is_no_measurement() {
        let mut tally = Tally::new(Duration::ZERO, Duration::from_secs(60), None);
        tally.lost = 3;
        let error = tally.report((None, None)).unwrap_err().to_string();
        assert!(error.contains("3 never answered"), "{error}");
        let now = tally.from();
        tally.answered(now, now, 1);
        assert_eq!(tally.report((None, None)).unwrap()["operations"], 1);
    }
}

//! Limits the rate of log lines per event and address, so that one client cannot fill the disk.
//! Lines above the limit are counted, and only their number is logged.
//!
//! Only lines about connections without an effect are limited. Lines about accounts, wrong
//! passwords and the server itself are all written. Of each event and address [`BURST`] lines are
//! written at once, and one more each [`REFILL`]; the others are counted, and their number is
//! written each [`SUM_EVERY`].

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// Lines of one event and address that are written at once: a class of students connects from one
/// address.
const BURST: u32 = 100;

/// Time after which one more line may be written.
const REFILL: Duration = Duration::from_secs(60);

/// Time after which the sum of counted lines is written.
const SUM_EVERY: Duration = Duration::from_secs(600);

/// Pairs of event and address that are counted separately. All further addresses are counted
/// together.
const KEYS_MAX: usize = 1024;

/// Connections whose opening was not written, so that their end is not written either.
const SILENT_MAX: usize = 16_384;

/// Events that are limited. Events without an address are counted for all addresses together.
const EVENTS: [&str; 9] = [
    "connection.opened",
    "connection.refused",
    "proxy.refused",
    "protocol.error",
    "request.limited",
    "request.refused",
    "upload.refused",
    "input.refused",
    "queue.full",
];

/// Decision about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Write,
    Count,
}

/// A number of lines that were not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) event: &'static str,
    /// Empty if the event has no address.
    pub(super) address: String,
    pub(super) count: u64,
}

/// The lines of one event and address.
#[derive(Debug)]
struct LineCount {
    /// Lines that may be written at once.
    room: u32,
    refilled: Duration,
    counted: u64,
    /// When the first of the counted lines came.
    since: Duration,
}

/// The counts of lines by event and address.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    counts: HashMap<(&'static str, String), LineCount>,
    silent: HashSet<String>,
    swept: Duration,
}

impl RateLimit {
    /// Decides whether a line is written or counted. `now` is an uptime.
    pub(super) fn decide(&mut self, now: Duration, line: &str) -> Decision {
        let name = line.split(' ').next().unwrap_or_default();
        if name == "connection.closed" {
            return match field(line, "connection").is_some_and(|id| self.silent.remove(id)) {
                true => Decision::Count,
                false => Decision::Write,
            };
        }
        let Some(event) = EVENTS.into_iter().find(|event| *event == name) else {
            return Decision::Write;
        };
        let address = field(line, "address").map(network).unwrap_or_default();
        if self.count(now, event, address) == Decision::Write {
            return Decision::Write;
        }
        // The first lines of a connection, which is closed later.
        if matches!(event, "connection.opened" | "proxy.refused")
            && let Some(id) = field(line, "connection")
            && self.silent.len() < SILENT_MAX
        {
            self.silent.insert(id.to_owned());
        }
        Decision::Count
    }

    fn count(&mut self, now: Duration, event: &'static str, address: String) -> Decision {
        let mut key = (event, address);
        if !self.counts.contains_key(&key) && self.counts.len() >= KEYS_MAX {
            key.1 = "others".to_owned();
        }
        let new = LineCount { room: BURST, refilled: now, counted: 0, since: now };
        let lines = self.counts.entry(key).or_insert(new);
        lines.refill(now);
        if lines.room > 0 {
            lines.room -= 1;
            return Decision::Write;
        }
        if lines.counted == 0 {
            lines.since = now;
        }
        lines.counted += 1;
        Decision::Count
    }

    /// Takes the sums that are due, and removes addresses without recent lines.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Sum> {
        if now.saturating_sub(self.swept) < REFILL {
            return Vec::new();
        }
        self.swept = now;
        let sums = self.take(|lines| now.saturating_sub(lines.since) >= SUM_EVERY);
        self.counts.retain(|_, lines| {
            lines.refill(now);
            lines.counted > 0 || lines.room < BURST
        });
        sums
    }

    /// Takes all sums when the log ends.
    pub(super) fn all(&mut self) -> Vec<Sum> {
        self.take(|_| true)
    }

    fn take(&mut self, is_due: impl Fn(&LineCount) -> bool) -> Vec<Sum> {
        let due = self.counts.iter_mut().filter(|(_, lines)| lines.counted > 0 && is_due(lines));
        let mut sums: Vec<_> = due
            .map(|((event, address), lines)| Sum {
                event,
                address: address.clone(),
                count: std::mem::take(&mut lines.counted),
            })
            .collect();
        sums.sort_by(|a, b| (a.event, &a.address).cmp(&(b.event, &b.address)));
        sums
    }
}

impl LineCount {
    fn refill(&mut self, now: Duration) {
        while self.room < BURST && now.saturating_sub(self.refilled) >= REFILL {
            self.refilled += REFILL;
            self.room += 1;
        }
        if self.room == BURST {
            self.refilled = now;
        }
    }
}

/// The value of a field that needs no quotes.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// An address without its port; for IPv6 its /64, which belongs to one customer.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::SocketAddr::V4(address)) => address.ip().to_string(),
        Ok(std::net::SocketAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.ip().segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_client_that_knocks_for_a_day_causes_few_lines() {
        let mut rate_limit = RateLimit::default();
        let (mut written, mut summed) = (0, 0);
        let mut sums = 0;
        for now in 0..86_400_u64 {
            let opened =
                format!("connection.opened connection=0.{now} address=192.0.2.1:{}", now % 60_000);
            let closed = format!("connection.closed connection=0.{now} reason=idle");
            for line in [opened, closed] {
                written += u64::from(rate_limit.decide(second(now), &line) == Decision::Write);
            }
            for sum in rate_limit.due(second(now)) {
                assert_eq!((sum.event, sum.address.as_str()), ("connection.opened", "192.0.2.1"));
                summed += sum.count;
                sums += 1;
            }
        }
        summed += rate_limit.all().iter().map(|sum| sum.count).sum::<u64>();
        assert_eq!(written / 2 + summed, 86_400, "each connection is written or counted");
        assert!(written < 2 * (100 + 1441) && sums <= 144, "{written} lines, {sums} sums");
        assert!(rate_limit.silent.is_empty());
    }

    #[test]
    fn a_health_check_without_a_header_causes_few_lines() {
        let mut rate_limit = RateLimit::default();
        let mut written = 0;
        for now in 0..2 * u64::from(BURST) {
            let refused = format!("proxy.refused connection=0.{now} address=10.0.0.1:{now}");
            let closed = format!("connection.closed connection=0.{now} reason=proxy_header");
            for line in [refused, closed] {
                written += u32::from(rate_limit.decide(second(0), &line) == Decision::Write);
            }
        }
        assert_eq!(written, 2 * BURST);
        assert!(rate_limit.silent.is_empty());
    }

    #[test]
    fn a_class_that_connects_and_what_accounts_do_is_written_line_by_line() {
        let mut rate_limit = RateLimit::default();
        for number in 0..100 {
            let line =
                format!("connection.opened connection={number}.1 address=192.0.2.1:{number}");
            assert_eq!(rate_limit.decide(second(0), &line), Decision::Write);
        }
        for _ in 0..10_000 {
            for line in
                ["login.failed username=tony address=192.0.2.1:1", "mail.accepted from=tony"]
            {
                assert_eq!(rate_limit.decide(second(0), line), Decision::Write);
            }
        }
        let other = "connection.opened connection=1.1 address=192.0.2.2:1";
        for _ in 0..100 {
            assert_eq!(rate_limit.decide(second(0), other), Decision::Write);
        }
        assert_eq!(rate_limit.decide(second(0), other), Decision::Count);
    }

    #[test]
    fn many_addresses_are_counted_in_bounded_memory() {
        let mut rate_limit = RateLimit::default();
        for number in 0..100_000_u32 {
            let line = format!(
                "protocol.error connection=0.1 address=[2001:db8:{:x}:{:x}::1]:1",
                number >> 16,
                number & 0xffff
            );
            rate_limit.decide(second(0), &line);
        }
        assert!(rate_limit.counts.len() <= KEYS_MAX + EVENTS.len());
        let others: Vec<_> = rate_limit.all();
        assert_eq!(others.len(), 1);
        assert_eq!((others[0].address.as_str(), others[0].count), ("others", 100_000 - 1024 - 100));
        assert_eq!(network("[2001:db8::1]:1"), "2001:db8:0:0::/64");
        rate_limit.due(second(100_000));
        assert!(rate_limit.counts.is_empty(), "who is quiet is forgotten");
    }
}

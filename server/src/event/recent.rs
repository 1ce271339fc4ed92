//! The last events of the log, kept in memory for the status page.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use log::Level;

use super::json;
use crate::mutex::lock;

/// Events that are kept.
pub const EVENTS_MAX: usize = 100;

/// Longest line of a kept event, in bytes with its escapes. Of longer ones, such as those of a mail
/// to many recipients, the fields are left out, so that all events take at most 64 KiB.
const LINE_MAX: usize = 640;

/// The last [`EVENTS_MAX`] events, which every thread that logs adds to.
#[derive(Debug, Default)]
pub struct RecentEvents {
    has_ended: AtomicBool,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Lines of the log in JSON, oldest first.
    lines: VecDeque<String>,
    /// Events that were ever added.
    total: u64,
}

impl RecentEvents {
    /// Adds an event: its time (RFC 3339), its level, and its members in JSON as the log writes
    /// them. The members are not formatted after [`RecentEvents::end`].
    pub fn add(&self, time: impl fmt::Display, level: Level, members: impl fmt::Display) {
        if self.has_ended.load(Ordering::Relaxed) {
            return;
        }
        let line = shortened(&time, level, &members.to_string());
        let mut ring = lock(&self.ring);
        if ring.lines.len() >= EVENTS_MAX {
            ring.lines.pop_front();
        }
        ring.lines.push_back(line);
        ring.total += 1;
    }

    /// Forgets all events and keeps no more, because nothing shows them.
    pub fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
        *lock(&self.ring) = Ring::default();
    }

    /// The number of events that were ever added, and the last ones as an array in JSON, oldest
    /// first.
    pub(crate) fn json(&self) -> (u64, String) {
        let ring = lock(&self.ring);
        let lines: Vec<&str> = ring.lines.iter().map(String::as_str).collect();
        (ring.total, format!("[{}]", lines.join(",")))
    }
}

/// A line that is not too long; of others, the event's name and a mark. A name has no comma.
fn shortened(time: &impl fmt::Display, level: Level, members: &str) -> String {
    let line = json::line(time, level, members);
    match members.split_once(',') {
        Some((event, _)) if line.len() > LINE_MAX => {
            json::line(time, level, format_args!("{event},\"cut\":true"))
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::Event, *};

    const TIME: &str = "1970-01-01T00:00:00.000Z";

    fn add(recent: &RecentEvents, event: &Event<'_>) {
        recent.add(TIME, event.level(), super::super::Members(event));
    }

    fn events(recent: &RecentEvents) -> Vec<Value> {
        serde_json::from_str(&recent.json().1).unwrap()
    }

    #[test]
    fn only_the_last_events_are_kept_and_all_are_counted() {
        let recent = RecentEvents::default();
        assert_eq!(recent.json(), (0, "[]".to_owned()));
        for count in 0..250 {
            add(&recent, &Event::LogDropped { count });
        }
        let events = events(&recent);
        assert_eq!((recent.json().0, events.len()), (250, EVENTS_MAX));
        assert_eq!((&events[0]["count"], &events[99]["count"]), (&150.into(), &249.into()));
        assert_eq!(events[0]["level"], "warn");
        recent.end();
        add(&recent, &Event::LogReopened);
        assert_eq!(recent.json(), (0, "[]".to_owned()));
    }

    #[test]
    fn long_events_are_shortened_so_that_all_together_are_bounded() {
        let recent = RecentEvents::default();
        let long = "\u{202e}\"</script>\\".repeat(10_000);
        // Each of these characters takes six bytes once it is escaped.
        let escaped = "\u{7f}".repeat(500);
        for text in [&long, &escaped] {
            let short = RecentEvents::default();
            add(&short, &Event::ServerWarning { text });
            assert!(short.json().1.len() < 100, "{}", short.json().1);
        }
        for _ in 0..EVENTS_MAX {
            add(&recent, &Event::ServerWarning { text: &long });
            let text = "é".repeat(230);
            add(&recent, &Event::ServerWarning { text: &text });
        }
        assert!(recent.json().1.len() < 65 << 10, "{}", recent.json().1.len());
        let events = events(&recent);
        assert_eq!(
            (&events[0]["event"], &events[0]["cut"]),
            (&"server.warning".into(), &true.into())
        );
        assert_eq!(events[1]["text"].as_str().map(str::len), Some(460));
    }

    #[test]
    fn hostile_text_is_text() {
        let recent = RecentEvents::default();
        let text = "</script><img src=x onerror=alert(1)>\u{202e}\n\"}]\u{2028}";
        add(&recent, &Event::ServerWarning { text });
        assert_eq!(events(&recent)[0]["text"], text);
        assert!(!recent.json().1.contains(super::super::is_obeyed));
    }
}

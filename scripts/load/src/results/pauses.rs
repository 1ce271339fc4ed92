//! Pauses of a run: the times in which no mail was acknowledged.

use std::{fmt::Write as _, time::Duration};

use serde::{Deserialize, Serialize};

/// Shortest time without an acknowledged mail that counts as a pause.
const LEAST: Duration = Duration::from_secs(1);

/// A time in which no mail was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// The last acknowledgement before it, in seconds since the start.
    pub began: f64,
    /// Its length, in seconds: at least one.
    pub seconds: f64,
}

/// Finds the pauses between acknowledgements.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    last: Option<Duration>,
    found: Vec<Pause>,
}

impl Pauses {
    /// Takes the moment of an acknowledgement, or of the end of the load, which ends a pause, too.
    pub(super) fn end_at(&mut self, now: Duration) {
        if let Some(began) = self.last.replace(now)
            && let Some(length) = now.checked_sub(began).filter(|length| *length >= LEAST)
        {
            self.found.push(Pause { began: began.as_secs_f64(), seconds: length.as_secs_f64() });
        }
    }

    pub(super) fn finish(self) -> Vec<Pause> {
        self.found
    }
}

/// The pauses in a sentence; empty without pauses.
pub(super) fn pauses_line(pauses: &[Pause]) -> String {
    let mut seconds: Vec<f64> = pauses.iter().map(|pause| pause.seconds).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    let mut line = String::new();
    if let (Some(median), Some(longest)) = (seconds.get(seconds.len() / 2), seconds.last()) {
        let _ = write!(
            line,
            "no mail was acknowledged for a second or more, {} times: {median:.1} s (median), at \
             most {longest:.1} s",
            seconds.len()
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(milliseconds: &[u64]) -> Vec<Pause> {
        let mut pauses = Pauses::default();
        for at in milliseconds {
            pauses.end_at(Duration::from_millis(*at));
        }
        pauses.finish()
    }

    #[test]
    fn a_pause_is_a_second_or_more_between_two_acknowledgements() {
        // The time before the first mail is no pause.
        assert_eq!(pauses(&[5000, 5999, 6500]), []);
        let expected = [Pause { began: 5.0, seconds: 1.0 }, Pause { began: 6.25, seconds: 12.0 }];
        assert_eq!(pauses(&[5000, 6000, 6250, 18250, 18251]), expected);
    }

    #[test]
    fn pauses_are_told_by_number_median_and_longest() {
        assert_eq!(pauses_line(&[]), "");
        let line = pauses_line(&pauses(&[0, 1000, 13_000, 15_000]));
        let expected = "no mail was acknowledged for a second or more, 3 times: 2.0 s (median), at \
                        most 12.0 s";
        assert_eq!(line, expected);
    }
}

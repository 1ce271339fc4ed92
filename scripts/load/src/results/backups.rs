//! The backups of a run in a sentence.

use super::{BackupOutcome, Results, size};

impl Results {
    /// Numbers of wrong and of unverified backups.
    pub(super) fn bad_backups(&self) -> (usize, usize) {
        let outcomes = || self.run.backups.iter().flatten().map(|backup| &backup.outcome);
        let wrong = outcomes().filter(|one| matches!(one, BackupOutcome::Wrong(_)));
        let unverified = outcomes().filter(|one| **one == BackupOutcome::Unverified);
        (wrong.count(), unverified.count())
    }

    /// The backups in a sentence; `None` if none were to be taken.
    #[must_use]
    pub fn backups_line(&self) -> Option<String> {
        let backups = self.run.backups.as_ref()?;
        let mut seconds: Vec<f64> = backups.iter().map(|backup| backup.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let (Some(median), Some(longest)) = (seconds.get(seconds.len() / 2), seconds.last()) else {
            return Some("no backup was taken".to_owned());
        };
        let largest = backups.iter().map(|backup| backup.bytes).max().unwrap_or(0);
        let taken = format!(
            "{} backups, each in {median:.2} s (median; at most {longest:.2} s), of up to {}",
            backups.len(),
            size(largest)
        );
        Some(match self.bad_backups() {
            (0, 0) => {
                let mails = || backups.iter().map(|backup| backup.mails);
                let (least, most) = (mails().min().unwrap_or(0), mails().max().unwrap_or(0));
                format!(
                    "{taken}: each was restored, checked clean, and holds a prefix of what was \
                     acknowledged ({least} to {most} mails)"
                )
            }
            (0, unverified) => format!("{taken}: {unverified} were not verified"),
            (wrong, unverified) => {
                let first = backups.iter().find_map(|backup| match &backup.outcome {
                    BackupOutcome::Wrong(why) => Some(format!("at {:.1} s: {why}", backup.began)),
                    BackupOutcome::Sound | BackupOutcome::Unverified => None,
                });
                let first = first.unwrap_or_default();
                format!(
                    "BACKUPS WRONG: {taken}: {wrong} wrong, {unverified} not verified; the first \
                     wrong one {first}"
                )
            }
        })
    }
}

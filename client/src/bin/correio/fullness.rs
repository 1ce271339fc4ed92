//! How full a mailbox on the server is, and from when on its person is told.

use correio_client::MailboxUsage;

use crate::text::Text;

/// Percentage from which on a mailbox is nearly full: time to receive what waits in it.
const NEARLY_FULL: u64 = 90;

/// How full a mailbox is: the fuller of its number of mails and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fullness {
    /// In percent, rounded down; above 100 after the operator has lowered the quota.
    pub(crate) percent: u64,
}

impl Fullness {
    pub(crate) fn of(usage: &MailboxUsage) -> Self {
        let mails = percent(usage.mails, usage.mails_max);
        Self { percent: mails.max(percent(usage.bytes, usage.bytes_max)) }
    }

    pub(crate) fn is_nearly_full(self) -> bool {
        self.percent >= NEARLY_FULL
    }

    /// The warning to the person, if there is a reason for it.
    pub(crate) fn warning(self, text: &Text) -> Option<String> {
        let values = [("percent", self.percent.to_string().into())];
        self.is_nearly_full().then(|| text.with("mailbox-nearly-full", &values))
    }
}

/// What a mailbox has and may have, in a line.
pub(crate) fn line(text: &Text, usage: &MailboxUsage) -> String {
    let values = [
        ("mails", usage.mails.to_string().into()),
        ("bytes", text.size_of(usage.bytes).into()),
        ("bytes_max", text.limit_of(usage.bytes_max).into()),
        ("percent", Fullness::of(usage).percent.to_string().into()),
    ];
    text.count_with("mailbox-usage", usage.mails_max, &values)
}

/// A mailbox that may have nothing is full.
fn percent(used: u64, max: u64) -> u64 {
    let percent = (u128::from(used) * 100).checked_div(u128::from(max)).unwrap_or(100);
    u64::try_from(percent).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_of_mails_and_bytes_counts_and_ninety_percent_is_nearly_full() {
        let usage = |mails, bytes| MailboxUsage { mails, mails_max: 10, bytes, bytes_max: 1000 };
        for (mails, bytes, percent, is_nearly_full) in [
            (0, 0, 0, false),
            (8, 899, 89, false),
            (9, 0, 90, true),
            (0, 900, 90, true),
            (20, 1, 200, true),
        ] {
            let fullness = Fullness::of(&usage(mails, bytes));
            assert_eq!((fullness.percent, fullness.is_nearly_full()), (percent, is_nearly_full));
        }
    }

    #[test]
    fn a_server_that_states_extreme_numbers_is_answered() {
        let usage = MailboxUsage { mails: 0, mails_max: 0, bytes: 0, bytes_max: 0 };
        assert_eq!(Fullness::of(&usage).percent, 100);
        let usage = MailboxUsage { mails: u64::MAX, mails_max: 1, bytes: 0, bytes_max: u64::MAX };
        assert_eq!(Fullness::of(&usage).percent, u64::MAX);
    }
}

//! The mails of one account: their rate, and those whose whole cost is not known yet.

use std::time::Duration;

use correio_proto::limits;

use super::bucket::Bucket;

/// Whether a mail may go to lists. The throttle decides it before the mail is stored, and only the
/// store knows which of the mail's names are lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToLists {
    /// It may.
    Allowed,
    /// It may not: another mail of the account is on its way, and if that one goes to a list, the
    /// account cannot pay for a second one.
    Held,
}

/// The mails of one account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mails {
    pub(super) bucket: Bucket,
    /// Mails that may go to lists and are not settled: how many members they reach is not known
    /// yet.
    uncounted: u32,
}

impl Mails {
    /// Takes the tokens of a mail's recipients, and decides whether the mail may go to lists.
    ///
    /// # Errors
    ///
    /// The bucket holds fewer; the error is the time until it holds them. Nothing is taken.
    pub(super) fn charge(
        &mut self,
        now: Duration,
        per_hour: u32,
        recipients: u32,
    ) -> Result<ToLists, Duration> {
        self.bucket.take_some(now, per_hour, recipients)?;
        if self.uncounted > 0 && !self.could_pay_one_more(now, per_hour) {
            return Ok(ToLists::Held);
        }
        self.uncounted = self.uncounted.saturating_add(1);
        Ok(ToLists::Allowed)
    }

    /// Whether the bucket holds the tokens of all mails on their way and of one more, if each goes
    /// to as many members as a mail may have.
    fn could_pay_one_more(&self, now: Duration, per_hour: u32) -> bool {
        let mails = self.uncounted.saturating_add(1);
        let members = mails.saturating_mul(limits::MEMBERS_MAX);
        members <= per_hour && self.bucket.wait(now, per_hour, members).is_zero()
    }

    /// A mail is on its way no more.
    pub(super) fn settle(&mut self, to_lists: ToLists) {
        match to_lists {
            ToLists::Allowed => self.uncounted = self.uncounted.saturating_sub(1),
            ToLists::Held => {}
        }
    }

    /// Whether nothing is counted.
    pub(super) fn is_unused(&self, now: Duration) -> bool {
        self.uncounted == 0 && self.bucket.is_full(now)
    }
}

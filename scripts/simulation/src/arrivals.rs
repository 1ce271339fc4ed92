//! When mails came into mailboxes, how often, and in which order: the oracle's part of properties
//! (d) and (k).

use std::collections::BTreeMap;

use correio_proto::{
    mail::{Mail, Seq, Timestamp},
    message::Page,
};
use correio_server::ids::AccountId;

use crate::{
    check::{Check, Violation, require},
    contents::MailKey,
};

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// The mails of all mailboxes, with the times at which they were first seen there.
    present: BTreeMap<(AccountId, Seq), u64>,
    /// The largest number that a mail of each mailbox has had.
    last: BTreeMap<AccountId, Seq>,
    /// When each mail was put into each mailbox, by the server's clock.
    sent: BTreeMap<(AccountId, MailKey), Timestamp>,
}

impl Arrivals {
    /// Records mails that came together, in the order of their numbers. Each must have a larger
    /// number than all mails that were in its mailbox before, and be new there. Records of mails
    /// that were sent before `forgotten` may be gone.
    pub(crate) fn came(
        &mut self,
        mails: &[(AccountId, &Mail)],
        (now, forgotten): (u64, Timestamp),
    ) -> Result<(), Violation> {
        for (account, Mail { seq, id, from, sent_at, .. }) in mails {
            let key = (*account, (from.clone(), *id));
            let earlier = self.sent.insert(key, *sent_at);
            let text = || format!("mail {id} of {from} is put into a mailbox again");
            require(earlier.is_none_or(|at| at < forgotten), Check::OneCopy, text)?;
            let before = self.last.get(account).copied().unwrap_or(Seq(0));
            let text = || format!("mail {id} has number {} after number {}", seq.0, before.0);
            require(*seq > before, Check::Ordered, text)?;
            self.last.insert(*account, *seq);
            self.present.insert((*account, *seq), now);
        }
        Ok(())
    }

    /// Records that a mail is gone.
    pub(crate) fn went(&mut self, account: AccountId, seq: Seq) {
        self.present.remove(&(account, seq));
    }

    /// Checks that a page has all mails after a number that were in the mailbox before `since` and
    /// are there still, up to the page's end.
    pub(crate) fn check_none_missed(
        &self,
        account: AccountId,
        (after, since): (Seq, u64),
        page: &Page,
    ) -> Result<(), Violation> {
        let end = match page.mails.last() {
            Some(last) if page.more => last.seq,
            _ => Seq(u64::MAX),
        };
        if after >= end {
            return Ok(());
        }
        let expected = self.present.range((account, Seq(after.0 + 1))..=(account, end));
        for ((_, seq), arrived) in expected {
            let is_there = *arrived >= since || page.mails.iter().any(|mail| mail.seq == *seq);
            let text = || format!("a page after number {} misses number {}", after.0, seq.0);
            require(is_there, Check::Ordered, text)?;
        }
        Ok(())
    }
}

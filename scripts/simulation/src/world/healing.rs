//! The second phase: no more faults, and all mail must arrive.

use super::World;
use crate::{
    check::{Check, Violation},
    clock::SECOND,
    reactor::Reactor,
    store::StoreFaults,
};

/// Longest duration of this phase, in ticks: a client that is throttled may wait for an hour.
const HEALING_MAX: u64 = 3 * 3_600 * SECOND;

impl World {
    /// Ends all faults and attacks.
    pub(super) fn heal(&mut self) {
        self.trace.note("world", format_args!("heals"));
        self.is_healing = true;
        self.plan.heal();
        self.store.set_faults(StoreFaults {
            disk_full: false,
            unavailable: false,
            ..self.store.faults()
        });
        self.hasher.set_faults(self.plan.hashing);
        self.network.set_conditions(&self.plan.network);
        self.attackers.clear();
        for device in &self.devices {
            device.disk.set_full(false);
        }
    }

    pub(super) fn run_until_drained(&mut self) -> Result<(), Violation> {
        let until = self.clock.tick() + HEALING_MAX;
        while !self.is_drained() {
            if self.clock.tick() >= until {
                return Err(Violation::new(Check::Drained, self.unfinished_work()));
            }
            self.step()?;
        }
        self.trace.note("world", format_args!("is drained"));
        Ok(())
    }

    fn is_drained(&self) -> bool {
        self.devices.iter().all(|device| device.has_sent_all() && device.is_at_rest())
            && self.is_store_at_rest()
            && self.hasher.len() == 0
            && self.mail_left() == 0
            && self.reactor.as_ref().is_some_and(|reactor| reactor.len() == self.devices.len())
    }

    /// Mails of honest users that are still on the server.
    fn mail_left(&self) -> usize {
        self.store.durable(|state| {
            let accounts = self.usernames.iter().filter_map(|username| state.account(username));
            accounts.map(|account| state.mailbox(account).count()).sum()
        })
    }

    /// Describes unfinished work, for the text of a violation.
    fn unfinished_work(&self) -> String {
        let connections = self.reactor.as_ref().map(Reactor::len);
        let mut text = format!(
            "{} mails are on the server, which has {connections:?} connections",
            self.mail_left()
        );
        for device in &self.devices {
            text.push_str("; ");
            text.push_str(&device.unfinished_work());
        }
        text
    }
}

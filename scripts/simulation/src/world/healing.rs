//! The second phase: no more faults, and all mail must arrive.

use correio_proto::limits;

use super::World;
use crate::{
    check::{Check, Violation, require},
    clock::SECOND,
    program::MailProgram,
    reactor::Reactor,
    store::{StoreFaults, UploadSize},
};

/// Longest duration of this phase, in ticks: a client that is throttled may wait for an hour.
const HEALING_MAX: u64 = 3 * 3_600 * SECOND;

/// How often uploads of attackers that are gone are forgotten in this phase, in ticks.
const EXPIRE_EVERY: u64 = 600 * SECOND;

impl World {
    /// Ends all faults and attacks.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        self.trace.note("world", format_args!("heals"));
        self.is_healing = true;
        self.plan.heal();
        self.store.set_faults(StoreFaults {
            disk_full: false,
            unavailable: false,
            ..self.store.faults()
        });
        for server in &self.servers {
            server.hasher.set_faults(self.plan.hashing);
        }
        self.network.set_conditions(&self.plan.network);
        self.attackers.clear();
        for device in &self.devices {
            device.disk.set_full(false);
        }
        self.let_hostile_uploads_expire()
    }

    /// If there are uploads of attackers or programs, which may take all the room, lets their time
    /// pass and starts the server again, which then forgets them.
    fn let_hostile_uploads_expire(&mut self) -> Result<(), Violation> {
        let touched = self.store.durable(|state| {
            let honest: Vec<_> =
                self.usernames.iter().filter_map(|username| state.account(username)).collect();
            // No program goes on with an upload after a break.
            let hostile = state.uploads().filter(|((account, _), upload)| {
                !honest.contains(account) || matches!(upload.size, UploadSize::Unknown(_))
            });
            hostile.map(|(_, upload)| upload.touched_at.0).max()
        });
        self.let_time_pass(touched)
    }

    /// If there are uploads, lets their time pass and starts the server again.
    pub(super) fn let_uploads_expire(&mut self) -> Result<(), Violation> {
        let touched = self
            .store
            .durable(|state| state.uploads().map(|(_, upload)| upload.touched_at.0).max());
        self.let_time_pass(touched)
    }

    fn let_time_pass(&mut self, touched: Option<u64>) -> Result<(), Violation> {
        let Some(touched) = touched else {
            return Ok(());
        };
        let over = touched.saturating_add((limits::UPLOAD_KEPT_SECONDS + 1) * 1_000);
        let ahead = over.saturating_sub(self.clock.wall().0);
        self.clock.jump(i64::try_from(ahead).unwrap_or(i64::MAX));
        for number in 0..self.servers.len() {
            self.kill_server(number, "it is started again a day later")?;
        }
        Ok(())
    }

    /// Checks that no upload has outlived its time.
    pub(super) fn check_uploads_expired(&self) -> Result<(), Violation> {
        let left = self.store.durable(|state| state.uploads().next().map(|(key, _)| key));
        let text = || format!("the upload {left:?} is left after its time");
        require(left.is_none(), Check::Contents, text)
    }

    pub(super) fn run_until_drained(&mut self) -> Result<(), Violation> {
        let until = self.clock.tick() + HEALING_MAX;
        let mut expire_at = self.clock.tick() + EXPIRE_EVERY;
        // A store that has failed takes no job of the operator before the next start.
        let mut is_undone = false;
        while !self.is_drained() {
            if !is_undone && !self.store.has_failed() {
                self.undo_operator()?;
                is_undone = true;
            }
            if self.clock.tick() >= until {
                return Err(Violation::new(Check::Drained, self.unfinished_work()));
            }
            // The server may have read an attacker's last requests after the attackers left.
            if self.clock.tick() >= expire_at {
                expire_at += EXPIRE_EVERY;
                self.let_hostile_uploads_expire()?;
            }
            self.step()?;
        }
        self.trace.note("world", format_args!("is drained"));
        Ok(())
    }

    fn is_drained(&self) -> bool {
        self.devices.iter().all(|device| device.has_sent_all() && device.is_at_rest())
            && self.programs.iter().all(MailProgram::is_at_rest)
            && self.is_store_at_rest()
            && self.servers.iter().all(|server| server.hasher.len() == 0)
            && self.mail_left() == 0
            && self.servers.iter().all(|server| server.reactor.is_some())
            && self.connections() == self.devices.len()
    }

    /// Number of connections to all servers.
    fn connections(&self) -> usize {
        self.servers.iter().filter_map(|server| server.reactor.as_ref()).map(Reactor::len).sum()
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
        let mut text = format!(
            "{} mails are in the store, and {} connections are open",
            self.mail_left(),
            self.connections()
        );
        for device in &self.devices {
            text.push_str("; ");
            text.push_str(&device.unfinished_work());
        }
        for program in &self.programs {
            text.push_str("; ");
            text.push_str(&program.unfinished_work());
        }
        text
    }
}

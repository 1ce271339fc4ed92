//! Injects faults.

use correio_server::{engine::connection::Readiness, ids::ConnId};

use super::{World, sim_server::SimServer};
use crate::{check::Violation, clock::SECOND, plan::Fault, store::StoreFaults};

/// Longest shutdown period of the server, in ticks.
const DRAIN: u64 = 8 * SECOND;

/// How far the wall clock jumps, in milliseconds: an hour, and longer than idempotency records are
/// kept.
const JUMPS: [i64; 4] = [-3_600_000, 3_600_000, -700_000_000, 700_000_000];

impl World {
    pub(super) fn inject_fault(&mut self) -> Result<(), Violation> {
        let now = self.clock.tick();
        if self.is_healing || now < self.fault_at {
            return Ok(());
        }
        self.fault_at = now + self.rng.within(1..=2 * self.plan.fault_every);
        let faults = self.plan.faults.clone();
        let Some(fault) = self.rng.pick(&faults) else {
            return Ok(());
        };
        self.trace.note("fault", format_args!("{fault:?}"));
        match fault {
            Fault::ServerKilled => {
                let number = self.any_server();
                self.kill_server(number, "it is killed")
            }
            Fault::ServerStopped => {
                self.stop_server();
                Ok(())
            }
            Fault::SyncFails if self.is_shared() => self.fail_over(),
            Fault::SyncFails => {
                if !self.plan.store.immediate {
                    self.store.fail_commit(self.rng.one_in(2));
                    self.store_at = None;
                    self.look_at_store()?;
                }
                Ok(())
            }
            Fault::StoreFull => {
                let faults = self.store.faults();
                self.store.set_faults(StoreFaults { disk_full: !faults.disk_full, ..faults });
                Ok(())
            }
            Fault::StoreUnavailable if self.is_shared() => {
                self.cut_servers();
                Ok(())
            }
            Fault::StoreUnavailable => {
                let faults = self.store.faults();
                self.store.set_faults(StoreFaults { unavailable: !faults.unavailable, ..faults });
                Ok(())
            }
            Fault::ClockJumps => {
                self.clock.jump(self.rng.pick(&JUMPS).unwrap_or_default());
                Ok(())
            }
            Fault::Operator => {
                self.operate();
                Ok(())
            }
            Fault::Lag => {
                self.delay_server();
                Ok(())
            }
            Fault::Spurious => {
                self.report_nothing();
                Ok(())
            }
            Fault::Reset | Fault::Stalled | Fault::Vanished | Fault::HalfClosed => {
                self.break_link(fault);
                Ok(())
            }
            Fault::ClientKilled | Fault::ClientPower | Fault::ClientDies | Fault::ClientFull => {
                self.break_client(fault)
            }
        }
    }

    /// Asks a server to stop.
    fn stop_server(&mut self) {
        let number = self.any_server();
        let server = self.servers.get_mut(number);
        if let Some(reactor) = server.and_then(|server| server.reactor.as_mut()) {
            reactor.stop(self.clock.tick() + DRAIN);
            self.network.close(number);
        }
    }

    /// Has a server's loop stand still.
    fn delay_server(&mut self) {
        let number = self.any_server();
        let server = self.servers.get_mut(number);
        if let Some(reactor) = server.and_then(|server| server.reactor.as_mut()) {
            reactor.lags_until = self.clock.tick() + self.rng.within(1..=3 * SECOND);
        }
    }

    /// Reports spurious readiness of present and absent connections.
    fn report_nothing(&mut self) {
        let number = self.any_server();
        let server = self.servers.get_mut(number);
        let Some(reactor) = server.and_then(|server| server.reactor.as_mut()) else {
            return;
        };
        let ids: Vec<ConnId> = reactor.taps().map(|tap| tap.id).collect();
        let spurious = Readiness { readable: true, writable: true, ended: false };
        if let Some(id) = self.rng.pick(&ids) {
            reactor.report(id, spurious);
            reactor.report(ConnId { generation: id.generation.wrapping_sub(1), ..id }, spurious);
        }
        let index = self.rng.within(0..=5) as u32;
        reactor.report(ConnId { index, generation: 0 }, spurious);
    }

    fn break_link(&mut self, fault: Fault) {
        let Some(link) = self.network.any(&mut self.rng) else {
            return;
        };
        let mut link = link.borrow_mut();
        match fault {
            Fault::Reset => link.reset(),
            Fault::Stalled => link.stall(self.clock.tick() + self.rng.within(1..=30 * SECOND)),
            Fault::HalfClosed => link.end_to_server(),
            _ => link.stall(u64::MAX),
        }
    }

    fn break_client(&mut self, fault: Fault) -> Result<(), Violation> {
        let now = self.clock.tick();
        let index = self.rng.below(self.devices.len());
        let Some(device) = self.devices.get_mut(index) else {
            return Ok(());
        };
        self.trace.note(&device.name, format_args!("{fault:?}"));
        match fault {
            Fault::ClientKilled | Fault::ClientPower => {
                device.kill(now, fault == Fault::ClientPower);
                if let Some(user) = self.users.get_mut(device.user) {
                    user.change_is_lost(now);
                    self.ledger.look_at_disk(&user.username, &device.disk)?;
                }
                self.ledger.check_all_kept()?;
            }
            Fault::ClientDies => device.disk.die_in(self.rng.within(1..=12) as u32),
            _ => device.disk.set_full(self.rng.one_in(2)),
        }
        Ok(())
    }

    /// Whether the store has no waiting job and no answer left.
    pub(super) fn is_store_at_rest(&self) -> bool {
        let is_at_rest = |server: &SimServer| server.store.is_at_rest();
        self.store.held() == 0 && self.servers.iter().all(is_at_rest)
    }
}

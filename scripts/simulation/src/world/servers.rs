//! The servers on the store: starts, ends and runs them, and carries news between them.

use correio_server::{auth::hashing::Bcrypt, store::news::News};

use super::{World, sim_server::SimServer};
use crate::{
    check::{Check, Violation},
    clock::SECOND,
    observer::Observer,
    plan::{NEWS_LATE_MAX, SLOW_LANE_MAX},
    reactor::{Reactor, ServerState},
    store::{LANES, OpenJobs},
};

/// One in so many news of mails is lost on its way to another server.
const NEWS_LOST: u32 = 4;

/// One commit in so many is followed by late answers of a lane.
const SLOW_LANE_EVERY: u32 = 4;

impl World {
    /// Whether several servers share the store.
    pub(super) fn is_shared(&self) -> bool {
        self.servers.len() > 1
    }

    /// Any of the servers.
    pub(super) fn any_server(&mut self) -> usize {
        self.rng.below(self.servers.len())
    }

    fn start_server(&mut self, number: usize) {
        self.trace.note("server", format_args!("{number} starts"));
        // The configured cost may have changed: users who log in get a new hash.
        let cost = 10 + u32::from(self.rng.one_in(3));
        self.plan.session_config.bcrypt = Bcrypt { cost };
        self.network.open(number);
        let Some(server) = self.servers.get_mut(number) else {
            return;
        };
        server.starts += 1;
        server.hasher.set_cost(cost);
        let (store, hasher) = (&server.store, &server.hasher);
        server.reactor = Some(Reactor::start(number, &self.clock, &self.plan, store, hasher));
    }

    /// Ends a process without a shutdown. If it is alone, all that is not durable is lost.
    /// Otherwise the store, and with it jobs under way, may outlive it.
    pub(super) fn kill_server(&mut self, number: usize, why: &str) -> Result<(), Violation> {
        self.trace.note("server", format_args!("{number} ends: {why}"));
        self.network.close(number);
        let (is_shared, open) = (self.is_shared(), self.open_jobs());
        let start_at = self.clock.tick() + self.rng.within(1..=5 * SECOND);
        let Some(server) = self.servers.get_mut(number) else {
            return Ok(());
        };
        server.reactor = None;
        match is_shared {
            true => server.store.end_server(open),
            false => {
                server.store.crash();
                self.store_at = None;
            }
        }
        server.hasher.forget();
        server.start_at = start_at;
        server.cut_until = None;
        self.note_disabled();
        self.look_at_store()?;
        self.ledger.check_all_kept()
    }

    /// What becomes of open jobs. The only server draws no number.
    fn open_jobs(&mut self) -> OpenJobs {
        match self.is_shared() && self.rng.one_in(2) {
            true => OpenJobs::Kept,
            false => OpenJobs::Undone,
        }
    }

    /// Ends a process after the shutdown that it was asked for.
    fn finish_server(&mut self, number: usize) -> Result<(), Violation> {
        let server = self.servers.get_mut(number);
        if let Some(reactor) = server.and_then(|server| server.reactor.take())
            && let Err(error) = reactor.close()
        {
            return Err(Violation::new(Check::Sound, error.to_string()));
        }
        self.look_at_store()?;
        self.kill_server(number, "it was asked to stop")
    }

    /// Has servers lose the store for a while: one of them, or all.
    pub(super) fn cut_servers(&mut self) {
        let (all, one) = (self.rng.one_in(3), self.any_server());
        let until = self.clock.tick() + self.rng.within(100..=8 * SECOND);
        for number in (0..self.servers.len()).filter(|number| all || *number == one) {
            let open = self.open_jobs();
            if let Some(server) = self.servers.get_mut(number)
                && server.cut_until.is_none()
            {
                self.trace.note("server", format_args!("{number} loses the store: {open:?}"));
                server.store.cut(open);
                server.cut_until = Some(until);
            }
        }
        self.note_disabled();
    }

    /// The store fails, and another machine goes on with what it has.
    pub(super) fn fail_over(&mut self) -> Result<(), Violation> {
        let open = self.open_jobs();
        self.trace.note("store", format_args!("fails over: {open:?}"));
        self.store.fail_over(open);
        self.note_disabled();
        self.store.commit();
        self.look_at_store()
    }

    /// Ends the interruptions that are over, gives up the jobs that have waited too long, and
    /// carries news between the servers.
    pub(super) fn tend_servers(&mut self) {
        if !self.is_shared() {
            return;
        }
        let now = self.clock.tick();
        for (number, news) in self.store.take_news() {
            let late = self.rng.within(0..=NEWS_LATE_MAX);
            let is_lost = matches!(news, News::MailArrived { .. }) && self.rng.one_in(NEWS_LOST);
            if let Some(server) = self.servers.get(number).filter(|_| !is_lost) {
                server.store.tell(now + late, news);
            }
        }
        for (number, server) in self.servers.iter_mut().enumerate() {
            server.store.give_up_late_jobs(now, self.plan.store_patience);
            if server.cut_until.is_some_and(|until| until <= now || self.is_healing) {
                self.trace.note("server", format_args!("{number} reaches the store again"));
                server.store.mend();
                server.cut_until = None;
                server.reached_since = now;
            }
            server.store.hand_out_news(now);
            server.store.hand_out_slow_answers(now);
        }
    }

    /// Delays the answers of a lane that are about to come.
    pub(super) fn slow_lane_down(&mut self) {
        if self.is_shared() && !self.is_healing && self.rng.one_in(SLOW_LANE_EVERY) {
            let until = self.clock.tick() + self.rng.within(1..=SLOW_LANE_MAX);
            let (number, lane) = (self.any_server(), self.rng.below(LANES as usize) as u32);
            if let Some(server) = self.servers.get(number) {
                server.store.slow_down(lane, until);
            }
        }
    }

    /// Time of the next iteration or start of a server, or of a step of its connection to the
    /// store.
    pub(super) fn next_of_servers(&self) -> Option<u64> {
        let due = |server: &SimServer| {
            let iteration = match &server.reactor {
                Some(reactor) => reactor.next_iteration(&self.network),
                None => Some(server.start_at),
            };
            let moments = [iteration, server.store.next_due(), server.cut_until];
            moments.into_iter().flatten().min()
        };
        self.servers.iter().filter_map(due).min()
    }

    /// Runs an iteration of a server's loop, if there is a reason for it.
    pub(super) fn serve(&mut self, number: usize) -> Result<(), Violation> {
        let now = self.clock.tick();
        let Some(server) = self.servers.get_mut(number) else {
            return Ok(());
        };
        server.store.hand_out_repeats(now);
        let Some(reactor) = &mut server.reactor else {
            if now >= server.start_at {
                self.start_server(number);
            }
            return Ok(());
        };
        if reactor.next_iteration(&self.network).is_none_or(|at| at > now) {
            return Ok(());
        }
        if self.plan.lag_max > 0 && self.rng.one_in(20) {
            reactor.lags_until = now + self.rng.within(0..=self.plan.lag_max);
        }
        let mut observer = Observer {
            now,
            wall: self.clock.wall(),
            server: number,
            content_max: self.plan.session_config.content_max,
            piece_min: self.plan.session_config.piece_min,
            ledger: &mut self.ledger,
            failed_logins: &mut self.failed_logins,
            trace: &mut self.trace,
        };
        match reactor.iterate(&self.plan, &mut self.network, &mut observer)? {
            ServerState::Runs => Ok(()),
            ServerState::Failed => self.kill_server(number, "the store has failed"),
            ServerState::Stopped => self.finish_server(number),
        }
    }

    /// Checks what must hold while no server has anything to do.
    pub(super) fn check_quiescent(&mut self) -> Result<(), Violation> {
        for server in &mut self.servers {
            if let Some(reactor) = &mut server.reactor {
                reactor.check_quiescent(&self.plan)?;
                if server.cut_until.is_none() {
                    reactor.check_sessions(&self.plan, &self.ledger, server.reached_since)?;
                }
            }
        }
        Ok(())
    }
}

//! Owns the connections of all scripted clients in one thread: polls them, keeps their timers and
//! reconnects them. The clients themselves decide what to send.

mod links;
mod plan;
mod program_events;
mod programs;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    io,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use correio_proto::{SpareBuffers, credential::Credential, mail::Username};
use mio::{Events, Poll, net::TcpStream};

pub use self::plan::Plan;
use self::programs::Programs;
use crate::{
    dial::{LinkAction, code},
    history::History,
    intruder::Intruder,
    ledger::{Ledger, MailCounts, UserId},
    results::{Recorder, UserCounts},
    user::{Phase, Profile, Rng, TypedPassword, UserContext, VirtualUser},
};

/// How often the events of mail programs are looked for.
const PROGRAMS_GLANCE: Duration = Duration::from_millis(20);

/// Most consecutive rounds of one client before the others are served.
const ROUNDS_MAX: usize = 8;

/// See the module's description.
pub struct Driver {
    poll: Poll,
    started: Instant,
    slots: Vec<Slot>,
    timers: BinaryHeap<Reverse<(Duration, usize)>>,
    user_count: usize,
    usernames: Vec<Vec<Username>>,
    /// For each group, the share of a large mail that is due.
    large_due: Vec<f64>,
    plan: Plan,
    programs: Programs,
    /// Counts the mails.
    ledger: Ledger,
    /// Records the latencies.
    pub recorder: Recorder,
    rng: Rng,
    phase: Phase,
    spare: SpareBuffers,
    /// Number of scheduled mails so far, and the next sender.
    scheduled: u64,
    next_sender: usize,
    /// Number of connections, and its minimum since it was last taken.
    up: usize,
    fewest: usize,
    /// Time of the last answer to a user. Connections do not count: the kernel accepts them even if
    /// the server hangs.
    heard_at: Duration,
}

/// The results of the load.
#[derive(Debug)]
pub struct Finished {
    /// The totals of the ledger.
    pub counts: MailCounts,
    /// The history, if one was to be kept.
    pub history: Option<History>,
    /// All latencies.
    pub recorder: Recorder,
    /// The results of the users' logins.
    pub users: UserCounts,
    /// Mails that were due by schedule.
    pub scheduled: u64,
    /// Hostile clients that never had a connection.
    pub harmless: usize,
}

struct Slot {
    role: Role,
    link: Link,
    failures: u32,
    /// Number of attempts to connect, which chooses among several servers.
    attempts: usize,
    /// Whether the client ever had a connection.
    has_connected: bool,
    /// The client's earliest entry among the timers.
    timer: Option<Duration>,
}

enum Role {
    User(Box<VirtualUser>),
    Intruder(Box<Intruder>),
}

enum Link {
    /// Disconnected until the next attempt at this time.
    Down(Duration),
    Connecting(TcpStream, Duration),
    /// Connected since this time.
    Up(TcpStream, Duration),
}

impl Driver {
    /// Makes all clients. Each connects at its arrival time, which counts from [`Driver::begin`].
    ///
    /// # Errors
    ///
    /// The kernel refuses a poll, or a username is invalid.
    pub fn new(mut plan: Plan) -> Result<Self> {
        let mut driver = Self {
            poll: Poll::new().context("a poll")?,
            started: Instant::now(),
            slots: Vec::new(),
            timers: BinaryHeap::new(),
            user_count: 0,
            usernames: vec![Vec::new(); plan.scenario.clients.len()],
            // The first mail of a group with large mails is one.
            large_due: plan.scenario.clients.iter().map(|group| 1.0 - group.large).collect(),
            ledger: Ledger::new(plan.history.take()),
            recorder: Recorder::default(),
            rng: Rng::with_seed(plan.seed),
            phase: Phase::Acting,
            spare: SpareBuffers::new(64),
            scheduled: 0,
            next_sender: 0,
            up: 0,
            fewest: 0,
            heard_at: Duration::ZERO,
            programs: Programs::default(),
            plan,
        };
        // Users come first, so that their numbers are those of the ledger.
        driver.make_clients(true)?;
        driver.make_clients(false)?;
        driver.programs = Programs::of(&driver.plan, driver.slots.len())?;
        for (username, user) in driver.programs.users() {
            driver.ledger.enter(username, user);
        }
        Ok(driver)
    }

    fn make_clients(&mut self, are_users: bool) -> Result<()> {
        let server = self.plan.servers.first().context("there is no server")?;
        let address = server.to_string().parse().context("the server's address")?;
        // One configuration for all: TLS sessions are resumed as one client's are.
        let security = self.plan.trust.security(&address);
        for (index, group) in self.plan.scenario.clients.iter().enumerate() {
            if group.is_program() || group.behaviour.is_user() != are_users {
                continue;
            }
            for (number, username) in group.usernames().enumerate() {
                let username: Username = username.parse()?;
                let arrival = group.arrival(number);
                // Not stretched by bcrypt: nobody guesses the passwords of a test server.
                let credential = Credential::from([0x2a; 23]);
                let role = if are_users {
                    let id = self.slots.len();
                    self.ledger.enter(username.clone(), id);
                    let security = security.clone();
                    let types = if group.mistypes(number) {
                        TypedPassword::Wrong
                    } else {
                        TypedPassword::Right
                    };
                    let group = index;
                    Role::User(Box::new(VirtualUser::new(Profile {
                        id,
                        group,
                        username,
                        credential,
                        security,
                        arrival,
                        types,
                    })))
                } else {
                    self.ledger.enter_hostile(username.clone());
                    let (behaviour, security) = (group.behaviour, security.clone());
                    let intruder =
                        Intruder::new(behaviour, username, credential, security, arrival);
                    Role::Intruder(Box::new(intruder))
                };
                let index = self.slots.len();
                self.slots.push(Slot {
                    role,
                    link: Link::Down(arrival),
                    failures: 0,
                    attempts: 0,
                    has_connected: false,
                    timer: Some(arrival),
                });
                self.timers.push(Reverse((arrival, index)));
            }
        }
        if are_users {
            self.user_count = self.slots.len();
        }
        Ok(())
    }

    /// Starts the load. Returns the moment from which its times count.
    ///
    /// # Errors
    ///
    /// The machine has no room for the threads of mail programs.
    pub fn begin(&mut self) -> Result<Instant> {
        self.started = Instant::now();
        self.programs.start(self.started)?;
        Ok(self.started)
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Number of connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.up
    }

    /// The smallest number of connections since the last call.
    pub fn take_fewest(&mut self) -> usize {
        std::mem::replace(&mut self.fewest, self.up)
    }

    /// Whether the server seems to be gone for good: it has been silent for long, and has told no
    /// user to wait.
    #[must_use]
    pub fn is_server_gone(&self) -> bool {
        let now = self.now();
        let is_told = |user: &VirtualUser| !user.is_drained() && user.is_told_to_wait(now);
        self.heard_at + self.plan.silence <= now && !self.users().any(is_told)
    }

    fn users(&self) -> impl Iterator<Item = &VirtualUser> {
        self.slots.iter().take(self.user_count).filter_map(|slot| match &slot.role {
            Role::User(user) => Some(user.as_ref()),
            Role::Intruder(_) => None,
        })
    }

    /// The ledger's counts so far.
    #[must_use]
    pub fn counts(&self) -> &MailCounts {
        self.ledger.counts()
    }

    /// Runs all clients until `until`, or until the phase has nothing left to do.
    ///
    /// # Errors
    ///
    /// The poll fails.
    pub fn run_until(&mut self, until: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = self.now();
            if now >= until || self.is_done() {
                return Ok(());
            }
            let next = self.timers.peek().map_or(until, |Reverse((at, _))| *at);
            let mut next = next.min(until).min(self.next_arrival().unwrap_or(until));
            if self.programs.are_running() {
                next = next.min(now + PROGRAMS_GLANCE);
            }
            match self.poll.poll(&mut events, Some(next.saturating_sub(now))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                other => other.context("waiting for events")?,
            }
            self.take_program_events();
            for event in &events {
                self.serve_client(event.token().0);
            }
            self.send_scheduled();
            self.take_timers();
        }
    }

    /// Starts another phase.
    pub fn enter(&mut self, phase: Phase) {
        if self.phase == Phase::Acting {
            self.recorder.end_acting(self.started.elapsed());
        }
        self.phase = phase;
        self.programs.enter(phase);
        self.heard_at = self.now();
        for index in 0..self.user_count {
            if let Some(Slot { role: Role::User(user), .. }) = self.slots.get_mut(index) {
                user.wake();
            }
            self.serve_client(index);
        }
    }

    /// Whether the phase has nothing left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let users_are = match self.phase {
            Phase::Acting => false,
            Phase::Settling => self.users().all(|user| !user.is_busy()),
            Phase::Draining => self.users().all(VirtualUser::is_drained),
        };
        users_are && self.programs.are_done(self.phase)
    }

    /// Closes the ledger and returns the results.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        let mut drained: HashSet<UserId> = HashSet::new();
        let mut users = UserCounts { expected: self.user_count, ..UserCounts::default() };
        let mut unemptied = 0;
        for user in self.users() {
            if user.is_drained() {
                drained.insert(user.id());
            } else if !user.is_stranger() {
                unemptied += 1;
            }
            let record = user.record();
            users.came_in += usize::from(record.came_in);
            users.mistyped += usize::from(record.mistyped);
            users.waited += usize::from(record.waited);
            users.let_in += usize::from(record.let_in);
        }
        unemptied += self.programs.count(&mut users, &mut drained);
        let intruders = self.slots.iter().skip(self.user_count);
        let harmless = intruders.filter(|slot| !slot.has_connected).count();
        Finished {
            history: self.ledger.take_history(),
            counts: self.ledger.close(&drained, unemptied),
            recorder: self.recorder,
            users,
            scheduled: self.scheduled,
            harmless,
        }
    }

    fn take_timers(&mut self) {
        let now = self.now();
        // Timers that come due meanwhile run after the next poll.
        let mut due = Vec::new();
        while let Some(Reverse((at, index))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            if let Some(slot) = self.slots.get_mut(index)
                && slot.timer == Some(at)
            {
                slot.timer = None;
                due.push(index);
            }
        }
        for index in due {
            self.serve_client(index);
        }
    }

    fn next_arrival(&self) -> Option<Duration> {
        let rate = self.plan.rate.filter(|_| self.phase == Phase::Acting)?;
        Some(Duration::from_secs_f64((self.scheduled + 1) as f64 / rate))
    }

    /// Gives due scheduled mails to users that can send them. Mails that no user can send are
    /// missed.
    fn send_scheduled(&mut self) {
        let now = self.now();
        while let Some(due) = self.next_arrival().filter(|due| *due <= now) {
            self.scheduled += 1;
            let mut sent = None;
            for _ in 0..self.user_count {
                let index = self.next_sender % self.user_count.max(1);
                self.next_sender += 1;
                if self.with_user(index, now, |user, context| user.send_scheduled(context, due))
                    == Some(true)
                {
                    sent = Some(index);
                    break;
                }
            }
            match sent {
                Some(index) => self.serve_client(index),
                None => self.recorder.missed(),
            }
        }
    }

    fn with_user<R>(
        &mut self,
        index: usize,
        now: Duration,
        action: impl FnOnce(&mut VirtualUser, &mut UserContext<'_>) -> R,
    ) -> Option<R> {
        let Some(Slot { role: Role::User(user), .. }) = self.slots.get_mut(index) else {
            return None;
        };
        let mut context = UserContext {
            started: self.started,
            now,
            groups: &self.plan.scenario.clients,
            usernames: &mut self.usernames,
            large_due: &mut self.large_due,
            ledger: &mut self.ledger,
            recorder: &mut self.recorder,
            rng: &mut self.rng,
            phase: self.phase,
        };
        Some(action(user, &mut context))
    }

    /// Does everything that one client can do now.
    fn serve_client(&mut self, index: usize) {
        let now = self.now();
        self.keep_connected(index, now);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        match &slot.role {
            Role::Intruder(_) => self.drive_intruder(index, now),
            Role::User(_) => self.drive_user(index),
        }
        self.set_timer(index);
    }

    fn drive_user(&mut self, index: usize) {
        for _ in 0..ROUNDS_MAX {
            let now = self.now();
            self.with_user(index, now, VirtualUser::begin);
            let Some(Slot { role: Role::User(user), link, .. }) = self.slots.get_mut(index) else {
                return;
            };
            let driven = user.client.handle_timeout(now);
            let Link::Up(stream, _) = link else {
                // Without a connection, only timeouts are handled.
                self.with_user(index, now, VirtualUser::take_events);
                return;
            };
            user.is_asking = false;
            user.client.attach(&mut self.spare);
            let driven = driven.and_then(|()| user.client.drive(now, stream));
            user.client.detach(&mut self.spare);
            self.take_program_events();
            let answers = self.recorder.answers();
            let action = self.with_user(index, now, VirtualUser::take_events);
            if self.recorder.answers() > answers {
                self.heard_at = now;
            }
            if let Err(error) = driven {
                return self.disconnected(index, now, code(&error));
            }
            if action == Some(LinkAction::Close) {
                if let Some(slot) = self.slots.get_mut(index) {
                    // The user itself closed the connection, which is no failure of the server's.
                    slot.failures = 0;
                }
                self.drop_link(index, now);
                return;
            }
            let has_more = self.with_user(index, now, |user, context| {
                let may_begin = !user.is_busy()
                    && user.wake_at() <= context.now
                    && !user.is_drained()
                    && context.phase != Phase::Settling;
                user.is_asking || may_begin
            });
            if has_more != Some(true) {
                return;
            }
        }
        // The client goes on in the next iteration.
        self.timers.push(Reverse((Duration::ZERO, index)));
        if let Some(slot) = self.slots.get_mut(index) {
            slot.timer = Some(Duration::ZERO);
        }
    }

    fn drive_intruder(&mut self, index: usize, now: Duration) {
        let Some(Slot { role: Role::Intruder(intruder), link: Link::Up(stream, _), .. }) =
            self.slots.get_mut(index)
        else {
            return;
        };
        if intruder.drive(now, stream) == LinkAction::Close {
            self.drop_link(index, now);
        }
    }

    fn set_timer(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let next = match (&slot.role, &slot.link) {
            (_, Link::Down(at)) => *at,
            (_, Link::Connecting(..)) => Duration::MAX,
            (Role::Intruder(intruder), Link::Up(..)) => intruder.wake_at(),
            (Role::User(user), Link::Up(..)) => {
                let client = user.client.timeout().unwrap_or(Duration::MAX);
                let is_waiting =
                    user.is_busy() || user.is_drained() || self.phase == Phase::Settling;
                if is_waiting { client } else { client.min(user.wake_at()) }
            }
        };
        if next < slot.timer.unwrap_or(Duration::MAX) {
            slot.timer = Some(next);
            self.timers.push(Reverse((next, index)));
        }
    }
}

//! The simulation's loop: runs all components that are due in random order, then advances the
//! clock. In the first phase faults are injected; in the second all mail must arrive.

mod faults;
mod healing;
mod operator;
mod servers;
mod sim_server;

use std::collections::BTreeMap;

use correio_proto::{
    limits,
    mail::{FullName, Timestamp, Username},
};

use crate::{
    attacker::{AttackContext, Attacker},
    check::{Check, Violation, require},
    clock::Clock,
    device::{Device, DeviceContext},
    hasher::SimHasher,
    ledger::Ledger,
    network::Network,
    observer::LoginTrace,
    plan::{Attack, Plan, REALM},
    program::MailProgram,
    rng::Rng,
    store::SimStore,
    trace::Trace,
    user::User,
};
use sim_server::SimServer;

/// Most steps at one tick; more means an endless loop.
const STEPS_PER_TICK: u32 = 20_000;

/// All acknowledged mails are looked for once in this many steps, and after every crash.
const LOOK_EVERY: u64 = 500;

/// See the module's description.
pub(crate) struct World {
    clock: Clock,
    rng: Rng,
    plan: Plan,
    trace: Trace,
    network: Network,
    /// The first server's handle; all show the same contents.
    store: SimStore,
    /// Time and kind of the store thread's next step.
    store_at: Option<(u64, StoreStep)>,
    servers: Vec<SimServer>,
    users: Vec<User>,
    usernames: Vec<Username>,
    devices: Vec<Device>,
    programs: Vec<MailProgram>,
    attackers: Vec<Attacker>,
    attackers_started: u32,
    ledger: Ledger,
    /// The latest time that the wall clock has shown.
    latest_wall: Timestamp,
    failed_logins: Vec<LoginTrace>,
    /// The observation of the first failed login of each protocol.
    login_traces: BTreeMap<&'static str, LoginTrace>,
    fault_at: u64,
    is_healing: bool,
    steps: u64,
    steps_here: u32,
}

/// A step of the store's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreStep {
    Run,
    Commit,
}

/// A component that runs in each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Component {
    Network,
    Store,
    Server(usize),
    Devices,
    Programs,
    Attacker,
    Faults,
}

const NAMES: [&str; 4] = ["tony", "pepper", "steve", "bruce"];

impl World {
    pub(crate) fn new(seed: u64, is_traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::new(seed, &mut rng);
        let clock = Clock::new();
        let mut trace = Trace::new(clock.clone(), is_traced);
        trace.note("plan", format_args!("{plan:?}"));
        let store = SimStore::new(REALM, plan.bounds);
        store.set_faults(plan.store);
        let cost = plan.session_config.bcrypt.cost;
        let mut servers = Vec::new();
        for number in 0..plan.servers {
            let hasher = SimHasher::new(clock.clone(), rng.fork(), plan.hashing, cost);
            servers.push(SimServer::new(hasher, store.for_server(number)));
        }
        let conditions = plan.network.clone();
        let network = Network::new(clock.clone(), rng.fork(), conditions, plan.servers);
        let mut world = Self {
            fault_at: rng.within(1..=plan.fault_every),
            clock,
            plan,
            trace,
            network,
            store,
            store_at: None,
            servers,
            users: Vec::new(),
            usernames: Vec::new(),
            devices: Vec::new(),
            programs: Vec::new(),
            attackers: Vec::new(),
            attackers_started: 0,
            ledger: Ledger::default(),
            latest_wall: Timestamp(0),
            failed_logins: Vec::new(),
            login_traces: BTreeMap::new(),
            is_healing: false,
            steps: 0,
            steps_here: 0,
            rng,
        };
        world.add_users();
        world
    }

    fn add_users(&mut self) {
        for (index, (name, devices)) in NAMES.iter().zip(self.plan.devices.clone()).enumerate() {
            let (Ok(username), Ok(full_name)) =
                (name.parse::<Username>(), format!("{name} the simulated").parse::<FullName>())
            else {
                continue;
            };
            self.usernames.push(username.clone());
            for device in 0..devices {
                let device = Device::new(format!("{name}.{device}"), index, self.rng.fork());
                self.ledger.add_disk(username.clone(), device.disk.clone());
                self.devices.push(device);
            }
            self.users.push(User {
                username,
                full_name,
                register_id: self.rng.mail_id(),
                is_registered: false,
                passwords: vec![self.rng.bytes().into()],
                is_changing: false,
                unsure_until: 0,
                address: ([192, 0, 2, 1 + index as u8], 4000).into(),
                app_passwords: Vec::new(),
                change_asked_at: 0,
            });
            if self.rng.one_in(2) {
                let address = ([198, 51, 100 + index as u8, 1], 4000).into();
                let (name, rng) = (format!("{name}.program"), self.rng.fork());
                self.programs.push(MailProgram::new(name, index, address, rng));
            }
        }
    }

    /// Runs both phases.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        while self.clock.tick() < self.plan.faults_until {
            self.step()?;
        }
        self.heal()?;
        self.run_until_drained()?;
        self.let_uploads_expire()?;
        self.run_until_drained()?;
        self.check_uploads_expired()?;
        self.ledger.check_all_kept()
    }

    pub(crate) fn into_trace(self) -> Vec<String> {
        self.trace.into_lines()
    }

    /// Number of steps so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Runs all components, then advances the clock to the next due time.
    fn step(&mut self) -> Result<(), Violation> {
        use Component::{Attacker, Devices, Faults, Network, Programs, Server, Store};
        self.steps += 1;
        let mut components =
            [Network, Store, Server(0), Devices, Programs, Attacker, Faults, Server(1)];
        let (components, _) = components.split_at_mut(6 + self.servers.len());
        self.rng.shuffle(components);
        for component in components {
            match component {
                Network => self.network.deliver(),
                Store => self.work_on_store()?,
                Server(number) => self.serve(*number)?,
                Devices => self.step_devices()?,
                Programs => self.step_programs()?,
                Attacker => self.step_attackers()?,
                Faults => self.inject_fault()?,
            }
        }
        if self.steps.is_multiple_of(LOOK_EVERY) {
            self.ledger.check_all_kept()?;
        }
        self.check_login_traces()?;
        self.check_uploads_kept()?;
        let now = self.clock.tick();
        let next = self.next_due();
        if next > now {
            self.check_quiescent()?;
        }
        self.steps_here = if next > now { 0 } else { self.steps_here + 1 };
        let text = || format!("more than {STEPS_PER_TICK} steps without time passing");
        require(self.steps_here < STEPS_PER_TICK, Check::Idle, text)?;
        self.clock.advance_to(next);
        Ok(())
    }

    fn next_due(&self) -> u64 {
        let store = match self.store_at {
            Some((at, _)) => Some(at),
            None => self.has_work().then(|| self.clock.tick()),
        };
        let devices = self.devices.iter().map(Device::next_due);
        let programs = self.programs.iter().map(MailProgram::next_due);
        let attackers = self.attackers.iter().map(Attacker::next_due);
        let fault = (!self.is_healing).then_some(self.fault_at);
        [self.next_of_servers(), store, self.network.next_arrival(), fault]
            .into_iter()
            .flatten()
            .chain(devices)
            .chain(programs)
            .chain(attackers)
            .min()
            .unwrap_or(u64::MAX)
            .max(self.clock.tick())
    }

    /// The store's thread: does some jobs, and commits them after a while.
    fn work_on_store(&mut self) -> Result<(), Violation> {
        let now = self.clock.tick();
        self.tend_servers();
        let Some((at, step)) = self.store_at else {
            if self.has_work() {
                self.store_at = Some((now + self.rng.within(0..=2), StoreStep::Run));
            }
            return Ok(());
        };
        if now < at {
            return Ok(());
        }
        match step {
            StoreStep::Run => {
                for _ in 0..self.rng.within(1..=10) {
                    self.run_any_job();
                }
                let wait = self.rng.within(0..=self.plan.commit_max);
                self.store_at = Some((now + wait, StoreStep::Commit));
            }
            StoreStep::Commit => {
                self.slow_lane_down();
                self.store.commit();
                self.store_at = None;
                self.repeat_answers();
                self.look_at_store()?;
            }
        }
        Ok(())
    }

    /// Does a job of any server.
    fn run_any_job(&mut self) {
        let first = self.any_server();
        let (later, sooner) = self.servers.split_at(first);
        sooner.iter().chain(later).any(|server| server.store.run_next());
    }

    /// Whether the store has a job that can be done now.
    fn has_work(&self) -> bool {
        self.servers.iter().any(|server| server.store.has_work())
    }

    /// Schedules repetitions of some answers.
    fn repeat_answers(&mut self) {
        let repeating = self.plan.hashing.repeating;
        for server in &self.servers {
            for (ticket, answer) in server.store.answers() {
                if self.rng.one_in(repeating) {
                    let due = self.clock.tick() + self.rng.within(1..=2 * self.plan.commit_max);
                    server.store.repeat_at(due, ticket, answer);
                }
            }
        }
    }

    fn look_at_store(&mut self) -> Result<(), Violation> {
        self.ledger.look_at_store(&self.store, self.clock.tick())
    }

    fn step_devices(&mut self) -> Result<(), Violation> {
        let now = self.clock.tick();
        // Apart from the world while its context is lent.
        let mut devices = std::mem::take(&mut self.devices);
        let mut due = devices.iter_mut().filter(|device| device.next_due() <= now);
        let stepped = due.try_for_each(|device| match self.device_context(device.user) {
            Some(mut context) => device.step(&mut context),
            None => Ok(()),
        });
        self.devices = devices;
        stepped
    }

    fn step_programs(&mut self) -> Result<(), Violation> {
        let now = self.clock.tick();
        // Apart from the world while its context is lent.
        let mut programs = std::mem::take(&mut self.programs);
        let mut due = programs.iter_mut().filter(|program| program.next_due() <= now);
        let stepped = due.try_for_each(|program| match self.device_context(program.user) {
            Some(mut context) => program.step(&mut context),
            None => Ok(()),
        });
        self.programs = programs;
        stepped
    }

    /// What a device or a mail program of this user may use. `None` if there is no such user.
    fn device_context(&mut self, user: usize) -> Option<DeviceContext<'_>> {
        Some(DeviceContext {
            clock: &self.clock,
            plan: &self.plan,
            user: self.users.get_mut(user)?,
            usernames: &self.usernames,
            ledger: &mut self.ledger,
            network: &mut self.network,
            trace: &mut self.trace,
            is_healing: self.is_healing,
        })
    }

    fn step_attackers(&mut self) -> Result<(), Violation> {
        let now = self.clock.tick();
        while self.attackers.len() < self.plan.attackers && !self.is_healing {
            self.attackers_started += 1;
            let attack = self.plan.only_attack.unwrap_or_else(|| Attack::any(&mut self.rng));
            let attacker = Attacker::new(self.attackers_started, attack, self.rng.fork(), now);
            self.attackers.push(attacker);
        }
        if self.attackers.iter().all(|attacker| attacker.next_due() > now) {
            return Ok(());
        }
        let foreign_mails: Vec<_> = self
            .store
            .durable(|state| state.mails().map(|(_, mail)| mail.reference()).take(200).collect());
        let foreign_uploads: Vec<_> =
            self.store.durable(|state| state.uploads().map(|((_, id), _)| id).take(20).collect());
        let server_starts: Vec<u32> = self.servers.iter().map(|server| server.starts).collect();
        let mut context = AttackContext {
            clock: &self.clock,
            plan: &self.plan,
            ledger: &mut self.ledger,
            network: &mut self.network,
            trace: &mut self.trace,
            usernames: &self.usernames,
            foreign_mails: &foreign_mails,
            foreign_uploads: &foreign_uploads,
            server_starts: &server_starts,
        };
        let mut index = 0;
        while let Some(attacker) = self.attackers.get_mut(index) {
            if attacker.next_due() > now || attacker.step(&mut context)? {
                index += 1;
            } else {
                self.attackers.remove(index);
            }
        }
        Ok(())
    }

    /// Property (j): no upload is forgotten before its time.
    fn check_uploads_kept(&mut self) -> Result<(), Violation> {
        self.latest_wall = self.latest_wall.max(self.clock.wall());
        let since = self.store.forgotten_before().0;
        let over = since.saturating_add(limits::UPLOAD_KEPT_SECONDS * 1_000);
        let text = || format!("uploads of {since} are forgotten before {over}");
        require(since == 0 || over <= self.latest_wall.0, Check::Contents, text)
    }

    /// Property (i): all failed logins of a protocol look alike.
    fn check_login_traces(&mut self) -> Result<(), Violation> {
        for trace in self.failed_logins.drain(..) {
            let first = self.login_traces.entry(trace.0).or_insert_with(|| trace.clone());
            let text = || format!("one failed login looked like {first:?}, another like {trace:?}");
            require(*first == trace, Check::Alike, text)?;
        }
        Ok(())
    }
}

//! One thread that owns the connections of all scripted clients: who is ready, what time it is,
//! whose turn it is. What they do is theirs.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use correio_client::Trust;
use correio_proto::{SpareBuffers, credential::Credential, mail::Username};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    intruder::{Intruder, Next},
    ledger::{Found, Ledger, PersonId},
    person::{Person, Phase, Random, Shared, Wish},
    results::{Operation, Recorder},
    scenario::Scenario,
};

/// Connections from one address of this machine: fewer than it has ports.
const CONNECTIONS_PER_ADDRESS: usize = 20_000;

/// Longest wait before another attempt to connect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// How often one client has its turn before the others have theirs.
const ROUNDS_MAX: usize = 8;

/// Who is loaded and by whom.
#[derive(Debug)]
pub struct Plan {
    /// What clients do.
    pub scenario: Scenario,
    /// The server.
    pub server: SocketAddr,
    /// What clients trust.
    pub trust: Trust,
    /// Mails a second by schedule, besides what the scenario says; `None` for a closed load.
    pub rate: Option<f64>,
    /// What the random choices begin with.
    pub seed: u64,
}

/// See the module's description.
pub struct Driver {
    poll: Poll,
    started: Instant,
    slots: Vec<Slot>,
    timers: BinaryHeap<Reverse<(Duration, usize)>>,
    people: usize,
    usernames: Vec<Vec<Username>>,
    plan: Plan,
    /// Where mails are counted.
    ledger: Ledger,
    /// Where times are kept.
    pub recorder: Recorder,
    random: Random,
    phase: Phase,
    spare: SpareBuffers,
    /// Scheduled mails so far, and whose turn is next.
    scheduled: u64,
    next_sender: usize,
}

struct Slot {
    who: Who,
    link: Link,
    failures: u32,
    /// The earliest entry it has among the timers.
    timer: Option<Duration>,
}

enum Who {
    Person(Box<Person>),
    Intruder(Box<Intruder>),
}

enum Link {
    /// Another attempt is due then.
    Down(Duration),
    Connecting(TcpStream, Duration),
    Up(TcpStream),
}

impl Driver {
    /// Makes all clients; none of them connects before its time.
    ///
    /// # Errors
    ///
    /// The kernel refuses a poll, or a name is none.
    pub fn new(plan: Plan) -> Result<Self> {
        let mut driver = Self {
            poll: Poll::new().context("a poll")?,
            started: Instant::now(),
            slots: Vec::new(),
            timers: BinaryHeap::new(),
            people: 0,
            usernames: vec![Vec::new(); plan.scenario.clients.len()],
            ledger: Ledger::default(),
            recorder: Recorder::default(),
            random: Random::with_seed(plan.seed),
            phase: Phase::Acting,
            spare: SpareBuffers::new(64),
            scheduled: 0,
            next_sender: 0,
            plan,
        };
        // People first, so that their numbers are those of the ledger.
        driver.make_clients(true)?;
        driver.make_clients(false)?;
        Ok(driver)
    }

    fn make_clients(&mut self, people: bool) -> Result<()> {
        let address = self.plan.server.to_string().parse().context("the server's address")?;
        // One for all: sessions of TLS are resumed as one client's are.
        let security = self.plan.trust.security(&address);
        for (index, group) in self.plan.scenario.clients.iter().enumerate() {
            if group.behaviour.is_person() != people {
                continue;
            }
            for number in 0..group.count {
                let username: Username = format!("{}{number}", group.name).parse()?;
                let share = number as f64 / group.count as f64;
                let arrival = Duration::from_secs_f64(group.arrive * share);
                // Not stretched by bcrypt: nobody guesses the passwords of such a server.
                let credential = Credential::from([0x2a; 23]);
                let who = if people {
                    let id = self.slots.len();
                    self.ledger.enter(username.clone(), id);
                    let security = security.clone();
                    let person = Person::new(id, index, username, credential, security, arrival);
                    Who::Person(Box::new(person))
                } else {
                    let (behaviour, security) = (group.behaviour, security.clone());
                    let intruder =
                        Intruder::new(behaviour, username, credential, security, arrival);
                    Who::Intruder(Box::new(intruder))
                };
                let index = self.slots.len();
                self.slots.push(Slot {
                    who,
                    link: Link::Down(arrival),
                    failures: 0,
                    timer: Some(arrival),
                });
                self.timers.push(Reverse((arrival, index)));
            }
        }
        if people {
            self.people = self.slots.len();
        }
        Ok(())
    }

    /// How long it has been going on.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Connections that stand.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.link, Link::Up(_))).count()
    }

    /// How the ledger stands.
    #[must_use]
    pub fn found(&self) -> &Found {
        self.ledger.found()
    }

    /// Lets everybody act until `until`, or until nobody has anything left to do in this phase.
    ///
    /// # Errors
    ///
    /// The kernel does not report events any more.
    pub fn run_until(&mut self, until: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = self.now();
            if now >= until || self.is_done() {
                return Ok(());
            }
            let next = self.timers.peek().map_or(until, |Reverse((at, _))| *at);
            let next = next.min(until).min(self.next_arrival().unwrap_or(until));
            match self.poll.poll(&mut events, Some(next.saturating_sub(now))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                other => other.context("waiting for events")?,
            }
            for event in &events {
                self.turn(event.token().0);
            }
            self.send_scheduled();
            self.take_timers();
        }
    }

    /// Begins another phase.
    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        for index in 0..self.people {
            if let Some(Slot { who: Who::Person(person), .. }) = self.slots.get_mut(index) {
                person.wake();
            }
            self.turn(index);
        }
    }

    /// Whether everything of this phase was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let mut people = self.slots.iter().take(self.people).filter_map(|slot| match &slot.who {
            Who::Person(person) => Some(person),
            Who::Intruder(_) => None,
        });
        match self.phase {
            Phase::Acting => false,
            Phase::Settling => people.all(|person| !person.is_busy()),
            Phase::Draining => people.all(|person| person.is_drained() || person.is_stranger()),
        }
    }

    /// Closes the ledger. Returns what was found and how many mailboxes could not be emptied.
    #[must_use]
    pub fn finish(self) -> (Found, usize, Recorder) {
        let mut drained: HashSet<PersonId> = HashSet::new();
        let mut left = 0;
        for slot in self.slots.iter().take(self.people) {
            if let Who::Person(person) = &slot.who {
                if person.is_drained() {
                    drained.insert(person.id());
                } else if !person.is_stranger() {
                    left += 1;
                }
            }
        }
        (self.ledger.close(&drained), left, self.recorder)
    }

    fn take_timers(&mut self) {
        let now = self.now();
        // What comes due meanwhile has its turn after the sockets were looked at.
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
            self.turn(index);
        }
    }

    fn next_arrival(&self) -> Option<Duration> {
        let rate = self.plan.rate.filter(|_| self.phase == Phase::Acting)?;
        Some(Duration::from_secs_f64((self.scheduled + 1) as f64 / rate))
    }

    /// Gives mails that are due by the schedule to whoever can send them; those that nobody can
    /// send are missed.
    fn send_scheduled(&mut self) {
        let now = self.now();
        while let Some(due) = self.next_arrival().filter(|due| *due <= now) {
            self.scheduled += 1;
            let mut sent = None;
            for _ in 0..self.people {
                let index = self.next_sender % self.people.max(1);
                self.next_sender += 1;
                if self.with_person(index, now, |person, shared| person.send_scheduled(shared, due))
                    == Some(true)
                {
                    sent = Some(index);
                    break;
                }
            }
            match sent {
                Some(index) => self.turn(index),
                None => self.recorder.missed(),
            }
        }
    }

    fn with_person<R>(
        &mut self,
        index: usize,
        now: Duration,
        action: impl FnOnce(&mut Person, &mut Shared<'_>) -> R,
    ) -> Option<R> {
        let Some(Slot { who: Who::Person(person), .. }) = self.slots.get_mut(index) else {
            return None;
        };
        let mut shared = Shared {
            now,
            groups: &self.plan.scenario.clients,
            usernames: &mut self.usernames,
            ledger: &mut self.ledger,
            recorder: &mut self.recorder,
            random: &mut self.random,
            phase: self.phase,
        };
        Some(action(person, &mut shared))
    }

    /// Does whatever one client can do now.
    fn turn(&mut self, index: usize) {
        let now = self.now();
        self.keep_connected(index, now);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        match &slot.who {
            Who::Intruder(_) => self.drive_intruder(index, now),
            Who::Person(_) => self.drive_person(index),
        }
        self.set_timer(index);
    }

    fn keep_connected(&mut self, index: usize, now: Duration) {
        let source = self.source(index);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if let Link::Down(at) = slot.link
            && at <= now
        {
            match connect(source, self.plan.server) {
                Ok(mut stream) => {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    let registered =
                        self.poll.registry().register(&mut stream, Token(index), interest);
                    slot.link = match registered {
                        Ok(()) => Link::Connecting(stream, now),
                        Err(_) => Link::Down(now + RECONNECT_MAX),
                    };
                }
                Err(_) => self.disconnected(index, now, "connect"),
            }
            return;
        }
        let Link::Connecting(stream, since) = &slot.link else {
            return;
        };
        let since = *since;
        let is_connected = match stream.take_error() {
            Ok(None) => match stream.peer_addr() {
                Ok(_) => true,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(_) => false,
            },
            _ => false,
        };
        if !is_connected {
            return self.disconnected(index, now, "refused");
        }
        if let Link::Connecting(stream, _) = std::mem::replace(&mut slot.link, Link::Down(now)) {
            let _ = stream.set_nodelay(true);
            slot.link = Link::Up(stream);
            slot.failures = 0;
        }
        match &mut slot.who {
            Who::Person(person) => {
                person.client.connected(now);
                self.recorder.done(Operation::Connect, now.saturating_sub(since));
            }
            Who::Intruder(intruder) => intruder.connected(now),
        }
    }

    /// Addresses of this machine, so that there are ports enough. Those who mean no good come
    /// from others than people do.
    fn source(&self, index: usize) -> Option<IpAddr> {
        if !self.plan.server.ip().is_loopback() || self.plan.server.is_ipv6() {
            return None;
        }
        let (network, number) = match index.checked_sub(self.people) {
            None => (0, 1 + index / CONNECTIONS_PER_ADDRESS),
            Some(intruder) => (1, 1 + intruder % 50),
        };
        Some(Ipv4Addr::new(127, 0, network, number as u8).into())
    }

    fn drive_person(&mut self, index: usize) {
        for _ in 0..ROUNDS_MAX {
            let now = self.now();
            self.with_person(index, now, Person::begin);
            let Some(Slot { who: Who::Person(person), link, .. }) = self.slots.get_mut(index)
            else {
                return;
            };
            let driven = person.client.handle_timeout(now);
            let Link::Up(stream) = link else {
                // Only requests that have waited for too long.
                self.with_person(index, now, Person::take_events);
                return;
            };
            person.is_asking = false;
            person.client.attach(&mut self.spare);
            let driven = driven.and_then(|()| person.client.drive(now, stream));
            person.client.detach(&mut self.spare);
            let wish = self.with_person(index, now, Person::take_events);
            if let Err(error) = driven {
                return self.disconnected(index, now, code(&error));
            }
            if wish == Some(Wish::Vanish) {
                self.drop_link(index, now);
                return;
            }
            let has_more = self.with_person(index, now, |person, shared| {
                let may_begin = !person.is_busy()
                    && person.wake_at() <= shared.now
                    && !person.is_drained()
                    && shared.phase != Phase::Settling;
                person.is_asking || may_begin
            });
            if has_more != Some(true) {
                return;
            }
        }
        // It goes on in its next turn.
        self.timers.push(Reverse((Duration::ZERO, index)));
        if let Some(slot) = self.slots.get_mut(index) {
            slot.timer = Some(Duration::ZERO);
        }
    }

    fn drive_intruder(&mut self, index: usize, now: Duration) {
        let Some(Slot { who: Who::Intruder(intruder), link: Link::Up(stream), .. }) =
            self.slots.get_mut(index)
        else {
            return;
        };
        if intruder.drive(now, stream) == Next::Close {
            self.drop_link(index, now);
        }
    }

    fn disconnected(&mut self, index: usize, now: Duration, code: &str) {
        if index < self.people {
            self.recorder.failed(Operation::Connect, code);
        }
        self.drop_link(index, now);
    }

    fn drop_link(&mut self, index: usize, now: Duration) {
        let pause = self.random.f64();
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        slot.failures += 1;
        let wait = RECONNECT_MAX.min(Duration::from_millis(50) * 2_u32.pow(slot.failures.min(6)));
        slot.link = Link::Down(now + wait.mul_f64(0.5 + pause / 2.0));
        match &mut slot.who {
            Who::Person(person) => person.client.disconnected(),
            Who::Intruder(intruder) => {
                intruder.disconnected(now);
                slot.link = Link::Down(intruder.wake_at());
            }
        }
    }

    fn set_timer(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let next = match (&slot.who, &slot.link) {
            (_, Link::Down(at)) => *at,
            (_, Link::Connecting(..)) => Duration::MAX,
            (Who::Intruder(intruder), Link::Up(_)) => intruder.wake_at(),
            (Who::Person(person), Link::Up(_)) => {
                let client = person.client.timeout().unwrap_or(Duration::MAX);
                let is_waiting =
                    person.is_busy() || person.is_drained() || self.phase == Phase::Settling;
                if is_waiting { client } else { client.min(person.wake_at()) }
            }
        };
        if next < slot.timer.unwrap_or(Duration::MAX) {
            slot.timer = Some(next);
            self.timers.push(Reverse((next, index)));
        }
    }
}

fn connect(source: Option<IpAddr>, server: SocketAddr) -> io::Result<TcpStream> {
    use socket2::{Domain, Protocol, Socket, Type};
    let domain = Domain::for_address(server);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.set_nonblocking(true)?;
    match socket.connect(&server.into()) {
        Ok(()) => {}
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// A word for why a connection was lost.
fn code(error: &correio_client::client::LinkError) -> &'static str {
    use correio_client::client::LinkError;
    match error {
        LinkError::Closed | LinkError::Io(..) => "disconnected",
        LinkError::Rejected(error) => error.code.as_str(),
        LinkError::Silent => "silent",
        LinkError::Untrusted(_) | LinkError::NoTls | LinkError::Tls(_) => "tls",
        LinkError::Foreign(_) | LinkError::Protocol(_) | LinkError::Version(_) => "protocol",
    }
}

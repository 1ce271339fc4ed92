//! The parameters of one seed: sizes, limits, timeouts, faults and attacks.

use std::time::Duration;

use correio_client::client;
use correio_proto::message::{Realm, Software};
use correio_server::{
    auth::{
        hashing::Bcrypt,
        invite::RegistrationRules,
        resume_ticket::{TicketKey, TicketPolicy, TicketTimes, Tickets},
    },
    engine::ServerLimits,
    limits::{admission::AdmissionConfig, throttle::ThrottleConfig},
    session::{DirectoryPolicy, ListCreation, SessionConfig},
    store::{Quota, UploadLimits},
};

use crate::{
    clock::SECOND,
    hasher::HashFaults,
    pipe::LinkConditions,
    rng::Rng,
    store::{Bounds, StoreFaults},
};

/// The realm of the store, which all servers of a simulation share.
pub(crate) const REALM: Realm = Realm([7; 16]);

/// In one of so many seeds, two servers share the store.
const SHARED_EVERY: u64 = 3;

/// Longest time until a server hears of what another one has changed, in ticks, while both reach
/// the store.
pub(crate) const NEWS_LATE_MAX: u64 = SECOND;

/// Longest delay of the answers of a slow lane, in ticks.
pub(crate) const SLOW_LANE_MAX: u64 = SECOND;

/// Domain of mail addresses.
pub(crate) const DOMAIN: &str = "correio.example";

/// See the module's description.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Number of servers on the store.
    pub(crate) servers: usize,
    pub(crate) limits: ServerLimits,
    pub(crate) session_config: SessionConfig,
    pub(crate) client: client::ClientConfig,
    pub(crate) bounds: Bounds,
    pub(crate) store: StoreFaults,
    /// Longest time until a group of jobs is durable, in ticks.
    pub(crate) commit_max: u64,
    /// How long a job waits for a store that cannot be reached, in ticks.
    pub(crate) store_patience: u64,
    pub(crate) hashing: HashFaults,
    pub(crate) network: LinkConditions,
    /// Number of devices of each honest user.
    pub(crate) devices: Vec<usize>,
    /// Number of attackers at a time.
    pub(crate) attackers: usize,
    /// If set, all attackers make this attack.
    pub(crate) only_attack: Option<Attack>,
    /// Longest body, in bytes.
    pub(crate) body_max: usize,
    /// One in so many mails of honest users has a large content; none if it is 0.
    pub(crate) large_every: u32,
    /// Faults are injected until this tick.
    pub(crate) faults_until: u64,
    /// The faults of this seed, and their mean interval in ticks.
    pub(crate) faults: Vec<Fault>,
    pub(crate) fault_every: u64,
    /// Longest pause of the server's loop, in ticks.
    pub(crate) lag_max: u64,
    /// Longest pause between two actions of a client, in ticks.
    pub(crate) pause_max: u64,
}

/// A fault that is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A server's process or machine is killed.
    ServerKilled,
    /// A server is asked to stop, and started again.
    ServerStopped,
    /// A sync fails, which ends the only server. If there are two, another machine goes on.
    SyncFails,
    /// The store's disk is full for a while.
    StoreFull,
    /// The store can do nothing for a while; or one of two servers, or both, cannot reach it.
    StoreUnavailable,
    /// A link is reset.
    Reset,
    /// A link delivers nothing for a while.
    Stalled,
    /// A link never delivers anything again.
    Vanished,
    /// The client's stream of a link ends early.
    HalfClosed,
    /// A client is killed.
    ClientKilled,
    /// A client's machine loses power.
    ClientPower,
    /// A client is killed in the middle of an operation on its disk.
    ClientDies,
    /// A client's disk is full for a while.
    ClientFull,
    /// The wall clock jumps.
    ClockJumps,
    /// The operator does a job, which users notice.
    Operator,
    /// A server's loop stands still for a moment.
    Lag,
    /// The poll reports readiness without cause.
    Spurious,
}

const FAULTS: [Fault; 17] = [
    Fault::ServerKilled,
    Fault::ServerStopped,
    Fault::SyncFails,
    Fault::StoreFull,
    Fault::StoreUnavailable,
    Fault::Reset,
    Fault::Stalled,
    Fault::Vanished,
    Fault::HalfClosed,
    Fault::ClientKilled,
    Fault::ClientPower,
    Fault::ClientDies,
    Fault::ClientFull,
    Fault::ClockJumps,
    Fault::Operator,
    Fault::Lag,
    Fault::Spurious,
];

/// The behaviour of an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Sends nothing.
    Silent,
    /// Sends bytes of other protocols, or random ones.
    Garbage,
    /// Stops in the middle of a frame.
    HalfFrame,
    /// Sends one byte at a time.
    Dripping,
    /// Sends many requests.
    Flooding,
    /// Requests much and reads little of it.
    SlowReader,
    /// Guesses passwords.
    Guessing,
    /// Confirms and fetches other users' mails.
    Thief,
    /// Sends every request without a login.
    Stranger,
    /// Announces large frames and sends a part of them.
    Large,
    /// Starts a slow request, resets the connection, and reconnects at once.
    Hasty,
    /// Registers, sends, changes the password, and deletes the account.
    Visitor,
    /// Uploads at wrong offsets, more than was announced, under other users' ids, and without end.
    Uploader,
}

const ATTACKS: [Attack; 13] = [
    Attack::Silent,
    Attack::Garbage,
    Attack::HalfFrame,
    Attack::Dripping,
    Attack::Flooding,
    Attack::SlowReader,
    Attack::Guessing,
    Attack::Thief,
    Attack::Stranger,
    Attack::Large,
    Attack::Hasty,
    Attack::Visitor,
    Attack::Uploader,
];

impl Attack {
    pub(crate) fn any(rng: &mut Rng) -> Self {
        rng.pick(&ATTACKS).unwrap_or(Self::Silent)
    }
}

impl Plan {
    /// Derives the plan from a seed's random numbers.
    pub(crate) fn new(seed: u64, rng: &mut Rng) -> Self {
        let is_shared = seed.is_multiple_of(SHARED_EVERY);
        // Two devices of a user have sessions on both servers, which end together.
        let second_device = if is_shared { 2 } else { 4 };
        let devices: Vec<usize> =
            (0..rng.within(2..=4)).map(|_| 1 + usize::from(rng.one_in(second_device))).collect();
        let body_max = rng.pick(&[400, 4_000, 60_000]).unwrap_or(400);
        let content_max = rng.pick(&[1_600, 5_000, 20_000]).unwrap_or(1_600);
        let most = devices.iter().sum();
        let faults = FAULTS.into_iter().filter(|_| rng.one_in(2)).collect();
        Self {
            servers: if is_shared { 2 } else { 1 },
            limits: limits(rng, most, body_max),
            session_config: session_config(rng, body_max, content_max),
            client: client_config(rng),
            bounds: bounds(rng, body_max, content_max, is_shared),
            store: StoreFaults {
                queue_max: often(rng, &[16_384, 1, 3]),
                immediate: rng.one_in(6) && !is_shared,
                ..StoreFaults::default()
            },
            commit_max: often(rng, if is_shared { &[40, 8, 300] } else { &[8, 40, 300] }),
            store_patience: if seed.is_multiple_of(2) { SECOND } else { 4 * SECOND },
            hashing: HashFaults {
                queue_max: often(rng, &[256, 1, 2]),
                slowest: often(rng, &[60, 10, 600]),
                failing: often(rng, &[0, 20]),
                repeating: often(rng, &[0, 3]),
            },
            network: LinkConditions {
                delay_max: often(rng, &[5, 0, 60]),
                splits: rng.one_in(2),
                capacity: often(rng, &[64 * 1024, 300, 8 * 1024]),
            },
            devices,
            attackers: rng.below(5),
            only_attack: rng.one_in(3).then(|| Attack::any(rng)),
            body_max,
            large_every: often(rng, &[5, 0, 2]),
            faults_until: rng.within(3..=30) * SECOND,
            faults,
            fault_every: often(rng, &[2_000, 300, 10_000]),
            lag_max: often(rng, &[0, 30, 500]),
            pause_max: often(rng, &[1_500, 200, 6_000]),
        }
    }

    /// Ends all faults and attacks.
    pub(crate) fn heal(&mut self) {
        self.faults.clear();
        self.attackers = 0;
        self.hashing.failing = 0;
        self.hashing.repeating = 0;
        self.lag_max = 0;
        self.network = LinkConditions { delay_max: 5, splits: false, capacity: 64 * 1024 };
        self.pause_max = self.pause_max.min(1_500);
    }
}

/// The first choice half of the time, otherwise any choice.
fn often<T: Copy + Default>(rng: &mut Rng, choices: &[T]) -> T {
    let choice = if rng.one_in(2) { choices.first().copied() } else { rng.pick(choices) };
    choice.unwrap_or_default()
}

fn limits(rng: &mut Rng, devices: usize, body_max: usize) -> ServerLimits {
    // There is room for all honest devices; a device that comes too early is told to come again.
    let connections_max = often(rng, &[1_000, devices + 1, devices + 3]);
    let page = 256 * 1024 + body_max;
    ServerLimits {
        admission: AdmissionConfig {
            connections_max,
            per_prefix_max: often(rng, &[1_000, 3, 5]),
            anonymous_max: often(rng, &[1_000, 1, 3]),
        },
        throttle: ThrottleConfig {
            registrations_per_hour: 0,
            mails_per_hour: often(rng, &[0, 60]),
            failed_logins: often(rng, &[10, 0, 2, 5]),
        },
        input_max: often(rng, &[64 << 20, 64 * 1024]),
        output_max: often(rng, &[128 << 20, page]),
    }
}

fn session_config(rng: &mut Rng, body_max: usize, content_max: u64) -> SessionConfig {
    SessionConfig {
        security: correio_proto::tls::Security::Plaintext,
        realm: REALM,
        body_max,
        content_max,
        piece_min: often(rng, &[0, 16]),
        registrations: RegistrationRules::Open,
        directory: DirectoryPolicy::Members,
        lists: ListCreation::Members,
        bcrypt: Bcrypt { cost: 10 },
        tickets: tickets(rng),
        login_timeout: Duration::from_secs(often(rng, &[30, 2, 5])),
        idle_timeout: Duration::from_secs(often(rng, &[300, 4, 30])),
    }
}

/// Tickets that are valid for so short that some expire, also because the wall clock jumps.
fn tickets(rng: &mut Rng) -> TicketPolicy {
    let [life, from_login] = [often(rng, &[3_600, 5, 30]), often(rng, &[86_400, 20])];
    if rng.one_in(8) {
        return TicketPolicy::Off;
    }
    let times = TicketTimes {
        life: Duration::from_secs(life),
        from_login: Duration::from_secs(from_login),
    };
    TicketPolicy::Given(Tickets::new(TicketKey::of(&[7; 32]), REALM, times))
}

fn client_config(rng: &mut Rng) -> client::ClientConfig {
    let seconds = often(rng, &[20, 3, 8]);
    client::ClientConfig {
        software: Software::named("simulation"),
        requests_max: often(rng, &[64, 4]),
        keep_alive: Duration::from_secs(seconds),
        silence: Duration::from_secs(seconds),
        ..client::ClientConfig::default()
    }
}

fn bounds(rng: &mut Rng, body_max: usize, content_max: u64, is_shared: bool) -> Bounds {
    let bytes = 4 * content_max.max(body_max as u64) + 1_000;
    // Two servers often have a mail each for the last place in a mailbox.
    let mails = often(rng, if is_shared { &[2, 1_000, 3] } else { &[1_000, 3, 30] });
    let quota = Quota { mails, bytes: often(rng, &[64 << 20, bytes]) };
    let uploads = often(rng, &[64 << 20, content_max, 3 * content_max]);
    let pieces = rng.within(1..=20);
    Bounds {
        quota,
        uploads: UploadLimits::new(content_max, uploads),
        piece_max: usize::try_from(content_max / pieces).unwrap_or(usize::MAX),
    }
}

//! What one seed simulates: how large everything is, how patient, and what goes wrong how often.

use std::time::Duration;

use correio_client::client;
use correio_proto::message::{Realm, Software};
use correio_server::{
    auth::{hashing::Bcrypt, invite::RegistrationRules},
    engine::Limits,
    limits::{admission::AdmissionSettings, throttle::ThrottleSettings},
    session::Settings,
    store::Quota,
};

use crate::{
    chance::Chance, clock::SECOND, hasher::HashFaults, hostile::Kind, pipe::Manner,
    store::StoreFaults,
};

/// The store that all servers of a simulation keep.
pub(crate) const REALM: Realm = Realm([7; 16]);

/// See the module's description.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) client: client::Settings,
    pub(crate) quota: Quota,
    pub(crate) store: StoreFaults,
    /// Longest time until a group of jobs is durable, in ticks.
    pub(crate) commit_max: u64,
    pub(crate) hashing: HashFaults,
    pub(crate) network: Manner,
    /// Honest users, and the devices of each.
    pub(crate) devices: Vec<usize>,
    /// Hostile clients at a time.
    pub(crate) hostile: usize,
    /// Where all of them do the same.
    pub(crate) gang: Option<Kind>,
    /// Longest body, in bytes.
    pub(crate) body_max: usize,
    /// How long things go wrong, in ticks.
    pub(crate) chaos: u64,
    /// What goes wrong, and about how often: once in so many ticks.
    pub(crate) faults: Vec<Fault>,
    pub(crate) fault_every: u64,
    /// Longest pause of the server's loop, in ticks.
    pub(crate) lag_max: u64,
    /// Longest pause of a client between two things it does, in ticks.
    pub(crate) pause_max: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server is killed, or its machine is.
    ServerKilled,
    /// The server is asked to stop, and started again.
    ServerStopped,
    /// A sync fails, which ends the server.
    SyncFails,
    /// The store's disk is full for a while.
    StoreFull,
    /// The store can do nothing for a while.
    StoreUnavailable,
    /// A link is reset.
    Reset,
    /// Nothing moves on a link for a while.
    Stalled,
    /// Nothing moves on a link any more.
    Vanished,
    /// The client's side of a link ends early.
    HalfClosed,
    /// A client is killed.
    ClientKilled,
    /// A client's machine loses power.
    ClientPower,
    /// A client dies in the middle of an operation on its disk.
    ClientDies,
    /// A client's disk is full for a while.
    ClientFull,
    /// The calendar jumps.
    ClockJumps,
    /// The server's loop stands still for a moment.
    Lag,
    /// The server is told of readiness that is none.
    Spurious,
}

const FAULTS: [Fault; 16] = [
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
    Fault::Lag,
    Fault::Spurious,
];

impl Plan {
    /// The plan of a seed.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let devices: Vec<usize> =
            (0..chance.within(2..=4)).map(|_| 1 + usize::from(chance.one_in(4))).collect();
        let body_max = chance.pick(&[400, 4_000, 60_000]).unwrap_or(400);
        let most = devices.iter().sum();
        let faults = FAULTS.into_iter().filter(|_| chance.one_in(2)).collect();
        Self {
            limits: limits(chance, most, body_max),
            settings: settings(chance, body_max),
            client: client_settings(chance),
            quota: quota(chance, body_max),
            store: StoreFaults {
                queue_max: often(chance, &[16_384, 1, 3]),
                immediate: chance.one_in(6),
                ..StoreFaults::default()
            },
            commit_max: often(chance, &[8, 40, 300]),
            hashing: HashFaults {
                queue_max: often(chance, &[256, 1, 2]),
                slowest: often(chance, &[60, 10, 600]),
                failing: often(chance, &[0, 20]),
                repeating: often(chance, &[0, 3]),
            },
            network: Manner {
                delay_max: often(chance, &[5, 0, 60]),
                splits: chance.one_in(2),
                capacity: often(chance, &[64 * 1024, 300, 8 * 1024]),
            },
            devices,
            hostile: chance.below(5),
            gang: chance.one_in(3).then(|| Kind::any(chance)),
            body_max,
            chaos: chance.within(3..=30) * SECOND,
            faults,
            fault_every: often(chance, &[2_000, 300, 10_000]),
            lag_max: often(chance, &[0, 30, 500]),
            pause_max: often(chance, &[1_500, 200, 6_000]),
        }
    }

    /// From now on nothing is wrong any more.
    pub(crate) fn heal(&mut self) {
        self.faults.clear();
        self.hostile = 0;
        self.hashing.failing = 0;
        self.hashing.repeating = 0;
        self.lag_max = 0;
        self.network = Manner { delay_max: 5, splits: false, capacity: 64 * 1024 };
        self.pause_max = self.pause_max.min(1_500);
    }
}

/// The first choice half of the time, any of them otherwise.
fn often<T: Copy + Default>(chance: &mut Chance, choices: &[T]) -> T {
    let choice = if chance.one_in(2) { choices.first().copied() } else { chance.pick(choices) };
    choice.unwrap_or_default()
}

fn limits(chance: &mut Chance, devices: usize, body_max: usize) -> Limits {
    // Room for everybody who is honest; who comes too early is told to come again.
    let connections_max = often(chance, &[1_000, devices + 1, devices + 3]);
    let page = 256 * 1024 + body_max;
    Limits {
        admission: AdmissionSettings {
            connections_max,
            per_prefix_max: often(chance, &[1_000, 3, 5]),
            anonymous_max: often(chance, &[1_000, 1, 3]),
        },
        throttle: ThrottleSettings {
            registrations_per_hour: 0,
            mails_per_hour: often(chance, &[0, 60]),
            failed_logins: often(chance, &[10, 0, 2, 5]),
        },
        input_max: often(chance, &[64 << 20, 64 * 1024]),
        output_max: often(chance, &[128 << 20, page]),
    }
}

fn settings(chance: &mut Chance, body_max: usize) -> Settings {
    Settings {
        security: correio_proto::tls::Security::Plaintext,
        realm: REALM,
        body_max,
        registrations: RegistrationRules::Open,
        bcrypt: Bcrypt { cost: 10 },
        login_timeout: Duration::from_secs(often(chance, &[30, 2, 5])),
        idle_timeout: Duration::from_secs(often(chance, &[300, 4, 30])),
    }
}

fn client_settings(chance: &mut Chance) -> client::Settings {
    let seconds = often(chance, &[20, 3, 8]);
    client::Settings {
        software: Software::named("simulation"),
        requests_max: often(chance, &[64, 4]),
        keep_alive: Duration::from_secs(seconds),
        silence: Duration::from_secs(seconds),
        ..client::Settings::default()
    }
}

fn quota(chance: &mut Chance, body_max: usize) -> Quota {
    let bytes = 4 * body_max as u64 + 1_000;
    Quota { mails: often(chance, &[1_000, 3, 30]), bytes: often(chance, &[64 << 20, bytes]) }
}

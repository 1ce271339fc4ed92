//! How many connections there may be, and whose.
//!
//! It owns the counts: of all connections, of those of each prefix, and of the anonymous ones,
//! which nobody has logged in to. It opens and closes nothing.
//!
//! A connection that is logged in is never given up for another. An anonymous one is, but only
//! for a prefix that has fewer of them: whoever opens many connections and leaves them anonymous
//! displaces their own. With as many prefixes as there may be anonymous connections they can
//! still keep newcomers out, until the deadline for logging in closes theirs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::{throttle::Prefix, ticket::ConnId};

/// How many connections there may be. None of them means "no limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Of all.
    pub connections_max: usize,
    /// Of one prefix, logged in or not.
    pub per_prefix_max: usize,
    /// Of those that are not logged in. Logging out may pass it; then none is admitted but in
    /// place of another.
    pub anonymous_max: usize,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is counted.
    Admitted,
    /// It is counted in place of this one, which is to be closed: the oldest anonymous one of the
    /// prefix that has the most of those; where several have as many, the oldest of them all.
    Instead(ConnId),
    /// It is to be told why and closed.
    Refused(Refusal),
}

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many as there may be, or as many anonymous ones.
    ServerFull,
    /// Its prefix has as many as it may have.
    PrefixFull,
}

impl Refusal {
    /// The word that stands for it in the log.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ServerFull => "too_many_connections",
            Self::PrefixFull => "too_many_from_address",
        }
    }
}

/// See the module's description. Every call takes O(log n) for n connections, and there is never
/// more in it than connections that were admitted.
#[derive(Clone, Debug)]
pub(crate) struct AdmissionControl {
    settings: AdmissionSettings,
    connections: HashMap<ConnId, Entry>,
    /// Those with connections.
    prefixes: HashMap<Prefix, Members>,
    /// Those with anonymous connections, in the order in which they give one up: the last first.
    ranking: BTreeSet<Rank>,
    anonymous: usize,
    /// Counts what became anonymous, so that the oldest is known.
    serial: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: Prefix,
    standing: Standing,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// With its serial.
    Anonymous(u64),
    LoggedIn,
}

/// The connections of a prefix.
#[derive(Clone, Debug, Default)]
struct Members {
    logged_in: usize,
    /// By serial.
    anonymous: BTreeMap<u64, ConnId>,
}

/// How many anonymous connections there are, how old the oldest is, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(usize, Reverse<u64>, Prefix);

impl Members {
    fn len(&self) -> usize {
        self.logged_in + self.anonymous.len()
    }

    fn rank(&self, prefix: Prefix) -> Option<Rank> {
        let (oldest, _) = self.anonymous.first_key_value()?;
        Some(Rank(self.anonymous.len(), Reverse(*oldest), prefix))
    }
}

impl AdmissionControl {
    /// There is no connection.
    #[must_use]
    pub(crate) fn new(settings: AdmissionSettings) -> Self {
        Self {
            settings,
            connections: HashMap::new(),
            prefixes: HashMap::new(),
            ranking: BTreeSet::new(),
            anonymous: 0,
            serial: 0,
        }
    }

    /// Somebody has connected. Nothing is counted where they are refused.
    #[must_use]
    pub(crate) fn opened(&mut self, id: ConnId, prefix: Prefix) -> Admission {
        let members = self.prefixes.get(&prefix);
        if members.map_or(0, Members::len) >= self.settings.per_prefix_max {
            return Admission::Refused(Refusal::PrefixFull);
        }
        let has_room = self.connections.len() < self.settings.connections_max
            && self.anonymous < self.settings.anonymous_max;
        if has_room {
            self.insert(id, prefix);
            return Admission::Admitted;
        }
        let would_have = members.map_or(0, |members| members.anonymous.len()) + 1;
        match self.displaced_for(would_have) {
            Some(displaced) => {
                // At once: its end may come after other arrivals, which must not be told the same.
                self.closed(displaced);
                self.insert(id, prefix);
                Admission::Instead(displaced)
            }
            None => Admission::Refused(Refusal::ServerFull),
        }
    }

    /// A connection has logged in. One that is not counted stays so.
    pub(crate) fn entered(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(&id)
            && let Standing::Anonymous(serial) = entry.standing
        {
            entry.standing = Standing::LoggedIn;
            let prefix = entry.prefix;
            self.change(prefix, |members| {
                members.anonymous.remove(&serial);
                members.logged_in += 1;
            });
        }
    }

    /// A connection has logged out: it is the newest of the anonymous ones.
    pub(crate) fn left(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(&id)
            && let Standing::LoggedIn = entry.standing
        {
            self.serial += 1;
            let serial = self.serial;
            entry.standing = Standing::Anonymous(serial);
            let prefix = entry.prefix;
            self.change(prefix, |members| {
                members.logged_in -= 1;
                members.anonymous.insert(serial, id);
            });
        }
    }

    /// A connection is gone. One that is not counted may be told of as well.
    pub(crate) fn closed(&mut self, id: ConnId) {
        let Some(Entry { prefix, standing }) = self.connections.remove(&id) else {
            return;
        };
        self.change(prefix, |members| match standing {
            Standing::Anonymous(serial) => {
                members.anonymous.remove(&serial);
            }
            Standing::LoggedIn => members.logged_in -= 1,
        });
    }

    /// Which connection gives way to one whose prefix would then have so many anonymous ones.
    fn displaced_for(&self, would_have: usize) -> Option<ConnId> {
        let Rank(most, Reverse(oldest), prefix) = self.ranking.last()?;
        if *most <= would_have {
            return None;
        }
        self.prefixes.get(prefix)?.anonymous.get(oldest).copied()
    }

    fn insert(&mut self, id: ConnId, prefix: Prefix) {
        // No two connections share an id; a caller's mistake must not leave one counted for ever.
        self.closed(id);
        self.serial += 1;
        let serial = self.serial;
        self.connections.insert(id, Entry { prefix, standing: Standing::Anonymous(serial) });
        self.change(prefix, |members| {
            members.anonymous.insert(serial, id);
        });
    }

    /// Changes who belongs to a prefix, and what follows from that.
    fn change(&mut self, prefix: Prefix, action: impl FnOnce(&mut Members)) {
        let members = self.prefixes.entry(prefix).or_default();
        if let Some(before) = members.rank(prefix) {
            self.ranking.remove(&before);
            self.anonymous -= before.0;
        }
        action(members);
        if let Some(after) = members.rank(prefix) {
            self.ranking.insert(after);
            self.anonymous += after.0;
        }
        if members.len() == 0 {
            self.prefixes.remove(&prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::{Admission::*, *};

    impl AdmissionControl {
        /// How many connections are counted. One that another was admitted in place of is not,
        /// from that moment on.
        fn len(&self) -> usize {
            self.connections.len()
        }

        /// How many of them a prefix has.
        fn of(&self, prefix: Prefix) -> usize {
            self.prefixes.get(&prefix).map_or(0, Members::len)
        }
    }

    const ROOMY: AdmissionSettings =
        AdmissionSettings { connections_max: 1_000, per_prefix_max: 1_000, anonymous_max: 1_000 };

    fn conn(index: u32) -> ConnId {
        ConnId { index, generation: 0 }
    }

    fn prefix(number: u8) -> Prefix {
        IpAddr::from(Ipv4Addr::new(127, 0, 0, number)).into()
    }

    /// Opens connections 0, 1, 2… of these prefixes, for all of which there is room.
    fn with(settings: AdmissionSettings, prefixes: &[u8]) -> AdmissionControl {
        let mut control = AdmissionControl::new(settings);
        for (index, number) in prefixes.iter().enumerate() {
            let id = conn(u32::try_from(index).unwrap());
            assert_eq!(control.opened(id, prefix(*number)), Admitted);
        }
        control
    }

    #[test]
    fn refusals_have_a_word_each() {
        assert_eq!(Refusal::ServerFull.as_str(), "too_many_connections");
        assert_eq!(Refusal::PrefixFull.as_str(), "too_many_from_address");
    }

    #[test]
    fn a_prefix_has_its_maximum_logged_in_or_not() {
        let mut control = with(AdmissionSettings { per_prefix_max: 2, ..ROOMY }, &[1, 1]);
        control.entered(conn(0));
        assert_eq!(control.opened(conn(9), prefix(1)), Refused(Refusal::PrefixFull));
        assert_eq!((control.len(), control.of(prefix(1))), (2, 2));
        assert_eq!(control.opened(conn(2), prefix(2)), Admitted);
        control.closed(conn(0));
        assert_eq!(control.opened(conn(3), prefix(1)), Admitted);
    }

    #[test]
    fn a_full_prefix_displaces_nobody() {
        let settings =
            AdmissionSettings { connections_max: 4, per_prefix_max: 1, anonymous_max: 4 };
        let mut control = with(settings, &[1, 2, 3, 4]);
        assert_eq!(control.opened(conn(9), prefix(1)), Refused(Refusal::PrefixFull));
        assert_eq!(control.opened(conn(9), prefix(5)), Refused(Refusal::ServerFull));
    }

    #[test]
    fn a_full_server_gives_up_the_oldest_of_the_prefix_with_the_most() {
        for settings in [
            AdmissionSettings { connections_max: 6, ..ROOMY },
            AdmissionSettings { anonymous_max: 6, ..ROOMY },
        ] {
            let mut control = with(settings, &[2, 1, 2, 1, 1, 3]);
            assert_eq!(control.opened(conn(6), prefix(4)), Instead(conn(1)));
            assert_eq!((control.len(), control.of(prefix(1)), control.of(prefix(4))), (6, 2, 1));
            // Now 1 and 2 have as many, and 2 has the oldest.
            assert_eq!(control.opened(conn(7), prefix(5)), Instead(conn(0)));
            assert_eq!(control.opened(conn(8), prefix(6)), Instead(conn(3)));
            assert_eq!(control.opened(conn(9), prefix(7)), Refused(Refusal::ServerFull));
            assert_eq!(control.len(), 6);
        }
    }

    #[test]
    fn only_a_prefix_with_fewer_displaces() {
        let mut control = with(AdmissionSettings { connections_max: 5, ..ROOMY }, &[1, 1, 1, 2, 2]);
        assert_eq!(control.opened(conn(9), prefix(1)), Refused(Refusal::ServerFull));
        // It would have three as well.
        assert_eq!(control.opened(conn(9), prefix(2)), Refused(Refusal::ServerFull));
        assert_eq!(control.opened(conn(5), prefix(3)), Instead(conn(0)));
        assert_eq!(control.opened(conn(6), prefix(3)), Refused(Refusal::ServerFull));
    }

    #[test]
    fn who_is_logged_in_is_never_given_up() {
        let mut control = with(AdmissionSettings { connections_max: 3, ..ROOMY }, &[1, 1, 1]);
        control.entered(conn(0));
        assert_eq!(control.opened(conn(3), prefix(2)), Instead(conn(1)));
        control.entered(conn(2));
        control.entered(conn(3));
        assert_eq!(control.anonymous, 0);
        assert_eq!(control.opened(conn(9), prefix(4)), Refused(Refusal::ServerFull));
    }

    #[test]
    fn who_logs_in_makes_room_for_an_anonymous_one() {
        let mut control = with(AdmissionSettings { anonymous_max: 1, ..ROOMY }, &[1]);
        assert_eq!(control.opened(conn(1), prefix(1)), Refused(Refusal::ServerFull));
        control.entered(conn(0));
        assert_eq!(control.opened(conn(1), prefix(1)), Admitted);
    }

    #[test]
    fn who_logs_out_is_the_newest_and_may_pass_the_maximum() {
        let mut control = with(AdmissionSettings { anonymous_max: 2, ..ROOMY }, &[1]);
        control.entered(conn(0));
        for index in [1, 2] {
            assert_eq!(control.opened(conn(index), prefix(1)), Admitted);
        }
        control.left(conn(0));
        assert_eq!(control.anonymous, 3);
        assert_eq!(control.opened(conn(3), prefix(2)), Instead(conn(1)));
        assert_eq!(control.anonymous, 3);
        assert_eq!(control.opened(conn(4), prefix(1)), Refused(Refusal::ServerFull));
        // Of 0 and 2, which its prefix has left, 2 has been anonymous for longer.
        assert_eq!(control.opened(conn(4), prefix(3)), Instead(conn(2)));
    }

    #[test]
    fn one_that_was_given_up_is_not_named_again() {
        let mut control = with(AdmissionSettings { connections_max: 4, ..ROOMY }, &[1, 1, 1, 1]);
        assert_eq!(control.opened(conn(4), prefix(2)), Instead(conn(0)));
        assert_eq!(control.opened(conn(5), prefix(3)), Instead(conn(1)));
        // What still happens to it before it is closed changes nothing.
        control.entered(conn(0));
        control.left(conn(0));
        control.closed(conn(0));
        control.closed(conn(1));
        assert_eq!((control.len(), control.anonymous, control.of(prefix(1))), (4, 4, 2));
    }

    #[test]
    fn unknown_and_repeated_calls_do_no_harm() {
        let mut control = with(ROOMY, &[1]);
        for _ in 0..2 {
            control.closed(conn(7));
            control.entered(conn(7));
            control.left(conn(7));
            control.left(conn(0));
            control.entered(conn(0));
            control.entered(conn(0));
        }
        assert_eq!((control.len(), control.anonymous), (1, 0));
        control.closed(conn(0));
        control.closed(conn(0));
        assert!(
            control.connections.is_empty()
                && control.prefixes.is_empty()
                && control.ranking.is_empty()
        );
    }

    /// The same, by looking at everything every time.
    struct Model {
        settings: AdmissionSettings,
        /// In the order in which they became what they are.
        all: Vec<(ConnId, Prefix, bool)>,
    }

    impl Model {
        fn anonymous_of(&self, of: Prefix) -> usize {
            self.all.iter().filter(|(_, prefix, logged_in)| *prefix == of && !logged_in).count()
        }

        fn opened(&mut self, id: ConnId, of: Prefix) -> Admission {
            let AdmissionSettings { connections_max, per_prefix_max, anonymous_max } =
                self.settings;
            if self.all.iter().filter(|(_, prefix, _)| *prefix == of).count() >= per_prefix_max {
                return Refused(Refusal::PrefixFull);
            }
            let anonymous = self.all.iter().filter(|(_, _, logged_in)| !logged_in).count();
            let mut admission = Admitted;
            if self.all.len() >= connections_max || anonymous >= anonymous_max {
                let most = self.all.iter().map(|entry| self.anonymous_of(entry.1)).max();
                if most.unwrap_or(0) <= self.anonymous_of(of) + 1 {
                    return Refused(Refusal::ServerFull);
                }
                let is_given_up = |entry: &&(ConnId, Prefix, bool)| {
                    !entry.2 && Some(self.anonymous_of(entry.1)) == most
                };
                let (oldest, ..) = *self.all.iter().find(is_given_up).unwrap();
                self.closed(oldest);
                admission = Instead(oldest);
            }
            self.all.push((id, of, false));
            admission
        }

        fn becomes(&mut self, id: ConnId, logged_in: bool) {
            let at = self.all.iter().position(|entry| entry.0 == id && entry.2 != logged_in);
            if let Some(at) = at {
                let (id, prefix, _) = self.all.remove(at);
                self.all.push((id, prefix, logged_in));
            }
        }

        fn closed(&mut self, id: ConnId) {
            self.all.retain(|entry| entry.0 != id);
        }
    }

    proptest! {
        #[test]
        fn it_does_what_the_model_does(
            maxima in (1usize..12, 1usize..8, 1usize..10),
            steps in prop::collection::vec((0u8..8, 0u32..40, 1u8..6), 1..300),
        ) {
            let (connections_max, per_prefix_max, anonymous_max) = maxima;
            let settings = AdmissionSettings { connections_max, per_prefix_max, anonymous_max };
            let mut control = AdmissionControl::new(settings);
            let mut model = Model { settings, all: Vec::new() };
            let mut opened = 0;
            for (what, back, number) in steps {
                let id = conn(opened - back.min(opened));
                match what {
                    0..4 => {
                        let id = conn(opened);
                        opened += 1;
                        let expected = model.opened(id, prefix(number));
                        prop_assert_eq!(control.opened(id, prefix(number)), expected);
                    }
                    4 | 5 => {
                        control.entered(id);
                        model.becomes(id, true);
                    }
                    6 => {
                        control.left(id);
                        model.becomes(id, false);
                    }
                    _ => {
                        control.closed(id);
                        model.closed(id);
                    }
                }
                prop_assert!(control.len() <= connections_max);
                prop_assert_eq!(control.len(), model.all.len());
                let anonymous = model.all.iter().filter(|entry| !entry.2).count();
                prop_assert_eq!(control.anonymous, anonymous);
                for number in 1..6 {
                    let of = model.all.iter().filter(|entry| entry.1 == prefix(number)).count();
                    prop_assert_eq!(control.of(prefix(number)), of);
                }
                prop_assert!(control.prefixes.values().all(|members| members.len() > 0));
                let ranked = control.prefixes.values().filter(|some| !some.anonymous.is_empty());
                prop_assert_eq!(control.ranking.len(), ranked.count());
            }
        }
    }
}

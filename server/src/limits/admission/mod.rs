//! How many connections there may be, and whose.
//!
//! It owns the counts: of all connections, of those of each prefix, and of the anonymous ones,
//! which nobody has logged in to. It opens and closes nothing.
//!
//! A connection that is logged in is never given up for another. An anonymous one is: where there
//! is no room, the newcomer is counted, and then the prefix that has the most anonymous connections
//! gives up its oldest; where several have as many, the oldest of them all goes. So whoever opens
//! many connections and leaves them anonymous displaces their own, and those that everybody has one
//! of give way in the order in which they came.
//!
//! IPv6 is searched from wide to narrow: the /48 with the most anonymous connections, in it the /56
//! with the most, in that the /64. So a customer with a whole /48 counts as one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::{ids::ConnId, limits::prefix::Prefix};

/// How many connections there may be. None of them means "no limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Of all.
    pub connections_max: usize,
    /// Of one prefix, the narrowest, logged in or not; of the wider ones of IPv6 twice and four
    /// times as many.
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
    /// It is counted in place of this one, which is to be closed.
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
    /// Those with connections, of every width.
    prefixes: HashMap<Prefix, Members>,
    /// The widest of those with anonymous connections.
    ranking: Ranking,
    anonymous: usize,
    /// Counts what became anonymous, so that the oldest is known.
    serial: u64,
}

/// Prefixes in the order in which they give a connection up: the last first.
type Ranking = BTreeSet<Rank>;

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
    /// All of them.
    count: usize,
    /// By serial.
    anonymous: BTreeMap<u64, ConnId>,
    /// The next narrower prefixes within it that have anonymous ones.
    ranking: Ranking,
}

/// How many anonymous connections there are, how old the oldest is, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(usize, Reverse<u64>, Prefix);

impl Members {
    fn rank(&self, prefix: Prefix) -> Option<Rank> {
        let (oldest, _) = self.anonymous.first_key_value()?;
        Some(Rank(self.anonymous.len(), Reverse(*oldest), prefix))
    }

    fn apply(&mut self, id: ConnId, change: Change) {
        match change {
            Change::Opened(serial) => {
                self.count += 1;
                self.anonymous.insert(serial, id);
            }
            Change::Left(serial) => {
                self.anonymous.insert(serial, id);
            }
            Change::Entered(serial) => {
                self.anonymous.remove(&serial);
            }
            Change::Closed(standing) => {
                self.count -= 1;
                if let Standing::Anonymous(serial) = standing {
                    self.anonymous.remove(&serial);
                }
            }
        }
    }
}

/// What a connection was to its prefixes, or becomes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// It is counted among the anonymous ones.
    Opened(u64),
    /// It is counted no more.
    Closed(Standing),
    /// The anonymous one with this serial is logged in.
    Entered(u64),
    /// It is anonymous again, with this serial.
    Left(u64),
}

impl AdmissionControl {
    /// There is no connection.
    #[must_use]
    pub(crate) fn new(settings: AdmissionSettings) -> Self {
        Self {
            settings,
            connections: HashMap::new(),
            prefixes: HashMap::new(),
            ranking: Ranking::new(),
            anonymous: 0,
            serial: 0,
        }
    }

    /// Somebody has connected. Nothing is counted where they are refused.
    #[must_use]
    pub(crate) fn opened(&mut self, id: ConnId, prefix: Prefix) -> Admission {
        if self.is_full(prefix) {
            return Admission::Refused(Refusal::PrefixFull);
        }
        let crowded = prefix.and_wider().skip(1).find(|wide| self.is_full(*wide));
        let has_room = crowded.is_none()
            && self.connections.len() < self.settings.connections_max
            && self.anonymous < self.settings.anonymous_max;
        self.insert(id, prefix);
        if has_room {
            return Admission::Admitted;
        }
        // The newcomer is the newest of all: it is the oldest only where it is alone.
        let displaced = self.oldest_of_most(crowded).filter(|displaced| *displaced != id);
        // At once: its end may come after other arrivals, which must not be told the same.
        self.closed(displaced.unwrap_or(id));
        match (displaced, crowded) {
            (Some(displaced), _) => Admission::Instead(displaced),
            (None, Some(_)) => Admission::Refused(Refusal::PrefixFull),
            (None, None) => Admission::Refused(Refusal::ServerFull),
        }
    }

    /// A connection has logged in. One that is not counted stays so.
    pub(crate) fn entered(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(&id)
            && let Standing::Anonymous(serial) = entry.standing
        {
            entry.standing = Standing::LoggedIn;
            let prefix = entry.prefix;
            self.change(id, prefix, Change::Entered(serial));
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
            self.change(id, prefix, Change::Left(serial));
        }
    }

    /// A connection is gone. One that is not counted may be told of as well.
    pub(crate) fn closed(&mut self, id: ConnId) {
        if let Some(Entry { prefix, standing }) = self.connections.remove(&id) {
            self.change(id, prefix, Change::Closed(standing));
        }
    }

    /// Whether a prefix has as many connections as one of its width may have.
    fn is_full(&self, prefix: Prefix) -> bool {
        let max = self.settings.per_prefix_max.saturating_mul(prefix.share() as usize);
        self.prefixes.get(&prefix).is_some_and(|members| members.count >= max)
    }

    /// The oldest anonymous connection of the prefix with the most, within a prefix or of all.
    fn oldest_of_most(&self, within: Option<Prefix>) -> Option<ConnId> {
        let mut ranking = match within {
            Some(prefix) => &self.prefixes.get(&prefix)?.ranking,
            None => &self.ranking,
        };
        loop {
            let Rank(_, Reverse(oldest), prefix) = ranking.last()?;
            let members = self.prefixes.get(prefix)?;
            if members.ranking.is_empty() {
                return members.anonymous.get(oldest).copied();
            }
            ranking = &members.ranking;
        }
    }

    fn insert(&mut self, id: ConnId, prefix: Prefix) {
        // No two connections share an id; a caller's mistake must not leave one counted for ever.
        self.closed(id);
        self.serial += 1;
        let serial = self.serial;
        self.connections.insert(id, Entry { prefix, standing: Standing::Anonymous(serial) });
        self.change(id, prefix, Change::Opened(serial));
    }

    /// Applies a change to a prefix and to every wider one, and updates their ranks.
    fn change(&mut self, id: ConnId, prefix: Prefix, change: Change) {
        match change {
            Change::Opened(_) | Change::Left(_) => self.anonymous += 1,
            Change::Closed(Standing::Anonymous(_)) | Change::Entered(_) => self.anonymous -= 1,
            Change::Closed(Standing::LoggedIn) => {}
        }
        for prefix in prefix.and_wider() {
            let members = self.prefixes.entry(prefix).or_default();
            let before = members.rank(prefix);
            members.apply(id, change);
            let after = members.rank(prefix);
            if members.count == 0 {
                self.prefixes.remove(&prefix);
            }
            let ranking = match prefix.wider() {
                Some(wider) => &mut self.prefixes.entry(wider).or_default().ranking,
                None => &mut self.ranking,
            };
            before.map(|before| ranking.remove(&before));
            after.map(|after| ranking.insert(after));
        }
    }
}

#[cfg(test)]
mod tests;

//! Decides which connections are admitted, and which give way.
//!
//! Admission owns the counts: of all connections, of the connections of each prefix, and of the
//! anonymous connections, which are not logged in. It opens and closes no connection.
//!
//! A connection that is logged in never gives way to another. An anonymous connection does: if
//! there is no room, the newcomer is counted, and then the prefix with the most anonymous
//! connections loses its oldest. Among several such prefixes the oldest of all these connections
//! gives way. So a client that opens many anonymous connections displaces its own, and clients with
//! one connection each give way in the order of arrival.
//!
//! A connection of a trusted proxy is counted as the proxy's, without a limit for that address,
//! until the client's address is known. Then it is counted as a new connection of the client.
//!
//! IPv6 is searched from wide to narrow: the /48 with the most anonymous connections, in it the /56
//! with the most, in that the /64. So a customer with a whole /48 counts as one client.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use crate::{ids::ConnId, limits::prefix::Prefix};

/// Limits on the number of connections. There is no value for "no limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionConfig {
    /// Most connections.
    pub connections_max: usize,
    /// Most connections of one narrowest prefix, logged in or not. Wider IPv6 prefixes may have
    /// twice and four times as many.
    pub per_prefix_max: usize,
    /// Most anonymous connections. Logouts may exceed this number; then a connection is admitted
    /// only in place of another.
    pub anonymous_max: usize,
}

/// Decision about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The connection is counted.
    Admitted,
    /// The connection is counted in place of this one, which must be closed.
    Instead(ConnId),
    /// The connection must be told the reason and closed.
    Rejected(Rejection),
}

/// Why a connection is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The server has its maximum of connections, or of anonymous ones.
    ServerFull,
    /// The prefix has its maximum.
    PrefixFull,
}

impl Rejection {
    /// The reason's word in the log.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ServerFull => "too_many_connections",
            Self::PrefixFull => "too_many_from_address",
        }
    }
}

/// The counts. Every call takes O(log n) for n connections; memory grows with the admitted
/// connections only.
#[derive(Clone, Debug)]
pub(crate) struct AdmissionControl {
    config: AdmissionConfig,
    connections: HashMap<ConnId, Entry>,
    /// Prefixes of every width that have connections.
    prefixes: HashMap<Prefix, Members>,
    /// The widest prefixes that have anonymous connections.
    ranking: Ranking,
    anonymous: usize,
    /// Serial of the connection that became anonymous last. The lowest serial is the oldest.
    serial: u64,
}

/// Prefixes by [`Rank`]. The last prefix is the first to lose a connection.
type Ranking = BTreeSet<Rank>;

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: Prefix,
    standing: Standing,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Of a proxy that has not named the client; the serial tells since when.
    Unidentified(u64),
    /// Not logged in; the serial tells since when.
    Anonymous(u64),
    LoggedIn,
}

/// The connections of a prefix.
#[derive(Clone, Debug, Default)]
struct Members {
    /// Number of connections whose client is known.
    count: usize,
    /// The anonymous connections by serial, those of proxies among them.
    anonymous: BTreeMap<u64, ConnId>,
    /// The next narrower prefixes within this one that have anonymous connections.
    ranking: Ranking,
}

/// Rank of a prefix: number of its anonymous connections, serial of the oldest, and the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(usize, Reverse<u64>, Prefix);

impl Members {
    /// Whether there is any connection.
    fn is_used(&self) -> bool {
        self.count > 0 || !self.anonymous.is_empty()
    }

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
            Change::OpenedByProxy(serial) | Change::LoggedOut(serial) => {
                self.anonymous.insert(serial, id);
            }
            Change::LoggedIn(serial) => {
                self.anonymous.remove(&serial);
            }
            Change::Closed(standing) => match standing {
                Standing::Unidentified(serial) => _ = self.anonymous.remove(&serial),
                Standing::Anonymous(serial) => {
                    self.count -= 1;
                    self.anonymous.remove(&serial);
                }
                Standing::LoggedIn => self.count -= 1,
            },
        }
    }
}

/// Change of a connection, as its prefixes count it.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The connection is counted as anonymous, with this serial.
    Opened(u64),
    /// The connection is counted as one whose client a proxy has not named, with this serial.
    OpenedByProxy(u64),
    /// The connection is no longer counted.
    Closed(Standing),
    /// The anonymous connection with this serial has logged in.
    LoggedIn(u64),
    /// The connection is anonymous again, with this serial.
    LoggedOut(u64),
}

impl AdmissionControl {
    /// Counts without any connection.
    #[must_use]
    pub(crate) fn new(config: AdmissionConfig) -> Self {
        Self {
            config,
            connections: HashMap::new(),
            prefixes: HashMap::new(),
            ranking: Ranking::new(),
            anonymous: 0,
            serial: 0,
        }
    }

    /// Number of anonymous connections, and of those that are logged in.
    #[must_use]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.anonymous, self.connections.len() - self.anonymous)
    }

    /// Decides about a new connection, and counts it unless it is rejected.
    #[must_use]
    pub(crate) fn opened(&mut self, id: ConnId, prefix: Prefix) -> Admission {
        if self.is_full(prefix) {
            return Admission::Rejected(Rejection::PrefixFull);
        }
        let crowded = prefix.and_wider().skip(1).find(|wide| self.is_full(*wide));
        self.admit(id, prefix, crowded, Standing::Anonymous)
    }

    /// As [`AdmissionControl::opened`], for a connection of a trusted proxy at this address: no
    /// limit of one address holds until the client is [`identified`](Self::identified).
    #[must_use]
    pub(crate) fn opened_by_proxy(&mut self, id: ConnId, proxy: IpAddr) -> Admission {
        self.admit(id, Prefix::of_host(proxy), None, Standing::Unidentified)
    }

    /// Decides about the client of a proxy's connection as about a new connection. `None` if the
    /// connection is not counted any more.
    #[must_use]
    pub(crate) fn identified(&mut self, id: ConnId, prefix: Prefix) -> Option<Admission> {
        if !self.connections.contains_key(&id) {
            return None;
        }
        self.closed(id);
        Some(self.opened(id, prefix))
    }

    /// Counts a connection, and decides which one gives way. `crowded` is the narrowest wider
    /// prefix that is full.
    fn admit(
        &mut self,
        id: ConnId,
        prefix: Prefix,
        crowded: Option<Prefix>,
        standing: fn(u64) -> Standing,
    ) -> Admission {
        let has_room = crowded.is_none()
            && self.connections.len() < self.config.connections_max
            && self.anonymous < self.config.anonymous_max;
        self.insert(id, prefix, standing);
        if has_room {
            return Admission::Admitted;
        }
        // The newcomer is the newest connection, so it is the oldest only of a prefix without
        // another.
        let displaced = self.oldest_of_most(crowded).filter(|displaced| *displaced != id);
        // Uncounted at once: the connection may be closed only after further arrivals, which must
        // not displace it again.
        self.closed(displaced.unwrap_or(id));
        match (displaced, crowded) {
            (Some(displaced), _) => Admission::Instead(displaced),
            (None, Some(_)) => Admission::Rejected(Rejection::PrefixFull),
            (None, None) => Admission::Rejected(Rejection::ServerFull),
        }
    }

    /// Counts a connection as logged in, unless it is not counted at all.
    pub(crate) fn logged_in(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(&id)
            && let Standing::Anonymous(serial) = entry.standing
        {
            entry.standing = Standing::LoggedIn;
            let prefix = entry.prefix;
            self.change(id, prefix, Change::LoggedIn(serial));
        }
    }

    /// Counts a connection as anonymous after a logout: it is the newest anonymous one.
    pub(crate) fn logged_out(&mut self, id: ConnId) {
        if let Some(entry) = self.connections.get_mut(&id)
            && let Standing::LoggedIn = entry.standing
        {
            self.serial += 1;
            let serial = self.serial;
            entry.standing = Standing::Anonymous(serial);
            let prefix = entry.prefix;
            self.change(id, prefix, Change::LoggedOut(serial));
        }
    }

    /// Removes a connection, if it is counted.
    pub(crate) fn closed(&mut self, id: ConnId) {
        if let Some(Entry { prefix, standing }) = self.connections.remove(&id) {
            self.change(id, prefix, Change::Closed(standing));
        }
    }

    /// Whether a prefix has the maximum of connections for its width.
    fn is_full(&self, prefix: Prefix) -> bool {
        let max = self.config.per_prefix_max.saturating_mul(prefix.share() as usize);
        self.prefixes.get(&prefix).is_some_and(|members| members.count >= max)
    }

    /// The oldest anonymous connection of the prefix that has most, among the prefixes within
    /// `within` or among all.
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

    fn insert(&mut self, id: ConnId, prefix: Prefix, standing: fn(u64) -> Standing) {
        // No two connections share an id, but a caller's mistake must not leak a count.
        self.closed(id);
        self.serial += 1;
        let serial = self.serial;
        let standing = standing(serial);
        self.connections.insert(id, Entry { prefix, standing });
        let change = match standing {
            Standing::Unidentified(_) => Change::OpenedByProxy(serial),
            Standing::Anonymous(_) | Standing::LoggedIn => Change::Opened(serial),
        };
        self.change(id, prefix, change);
    }

    /// Applies a change to a prefix and every wider one, and updates their ranks.
    fn change(&mut self, id: ConnId, prefix: Prefix, change: Change) {
        match change {
            Change::Opened(_) | Change::OpenedByProxy(_) | Change::LoggedOut(_) => {
                self.anonymous += 1;
            }
            Change::Closed(Standing::Anonymous(_) | Standing::Unidentified(_))
            | Change::LoggedIn(_) => self.anonymous -= 1,
            Change::Closed(Standing::LoggedIn) => {}
        }
        for prefix in prefix.and_wider() {
            let members = self.prefixes.entry(prefix).or_default();
            let before = members.rank(prefix);
            members.apply(id, change);
            let after = members.rank(prefix);
            if !members.is_used() {
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

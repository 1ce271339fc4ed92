//! Tests of the decisions: which connections are admitted, and which they displace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{Admission::*, *};

impl AdmissionControl {
    /// Number of counted connections. A displaced connection is not counted from that moment on.
    fn len(&self) -> usize {
        self.connections.len()
    }

    /// Number of counted connections of a prefix.
    fn of(&self, prefix: Prefix) -> usize {
        self.prefixes.get(&prefix).map_or(0, |members| members.count)
    }
}

const ROOMY: AdmissionConfig =
    AdmissionConfig { connections_max: 1_000, per_prefix_max: 1_000, anonymous_max: 1_000 };

fn conn(index: u32) -> ConnId {
    ConnId { index, generation: 0 }
}

fn prefix(number: u8) -> Prefix {
    IpAddr::from(Ipv4Addr::new(127, 0, 0, number)).into()
}

/// The /64 prefix whose bits after `2001:db8` are `bits`.
fn network(bits: u32) -> Prefix {
    IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) + (u128::from(bits) << 64))).into()
}

/// Opens connections 0, 1, 2… of these prefixes. There must be room for all of them.
fn with(config: AdmissionConfig, prefixes: &[u8]) -> AdmissionControl {
    let mut control = AdmissionControl::new(config);
    for (index, number) in prefixes.iter().enumerate() {
        let id = conn(u32::try_from(index).unwrap());
        assert_eq!(control.opened(id, prefix(*number)), Admitted);
    }
    control
}

#[test]
fn rejections_have_a_word_each() {
    assert_eq!(Rejection::ServerFull.as_str(), "too_many_connections");
    assert_eq!(Rejection::PrefixFull.as_str(), "too_many_from_address");
}

#[test]
fn a_client_that_a_proxy_names_is_admitted_as_a_new_one() {
    let config = AdmissionConfig { per_prefix_max: 2, anonymous_max: 6, ..ROOMY };
    let mut control = AdmissionControl::new(config);
    let proxy = IpAddr::from(Ipv4Addr::LOCALHOST);
    for index in 0..5 {
        assert_eq!(control.opened_by_proxy(conn(index), proxy), Admitted);
    }
    assert_eq!((control.anonymous, control.of(Prefix::of_host(proxy))), (5, 0));
    assert_eq!(control.identified(conn(0), prefix(7)), Some(Admitted));
    assert_eq!(control.identified(conn(1), prefix(7)), Some(Admitted));
    let refused = Rejected(Rejection::PrefixFull);
    assert_eq!(control.identified(conn(2), prefix(7)), Some(refused));
    assert_eq!((control.of(prefix(7)), control.anonymous), (2, 4));
    // A connection that was rejected, or has given way, is not admitted again.
    assert_eq!(control.identified(conn(2), prefix(8)), None);
    assert_eq!(control.opened(conn(5), prefix(9)), Admitted);
    assert_eq!(control.opened(conn(6), prefix(9)), Admitted);
    // The proxy has as many as others, and the oldest of all gives way.
    assert_eq!(control.opened(conn(7), prefix(10)), Instead(conn(3)));
    control.closed(conn(3));
    control.closed(conn(4));
    assert!(!control.prefixes.contains_key(&Prefix::of_host(proxy)));
}

#[test]
fn a_prefix_has_its_maximum_logged_in_or_not() {
    let mut control = with(AdmissionConfig { per_prefix_max: 2, ..ROOMY }, &[1, 1]);
    control.logged_in(conn(0));
    assert_eq!(control.opened(conn(9), prefix(1)), Rejected(Rejection::PrefixFull));
    assert_eq!((control.len(), control.of(prefix(1))), (2, 2));
    assert_eq!(control.opened(conn(2), prefix(2)), Admitted);
    control.closed(conn(0));
    assert_eq!(control.opened(conn(3), prefix(1)), Admitted);
}

#[test]
fn a_full_prefix_displaces_nobody() {
    let config = AdmissionConfig { connections_max: 4, per_prefix_max: 1, anonymous_max: 4 };
    let mut control = with(config, &[1, 2, 3, 4]);
    assert_eq!(control.opened(conn(9), prefix(1)), Rejected(Rejection::PrefixFull));
    assert_eq!(control.len(), 4);
}

#[test]
fn a_full_server_gives_up_the_oldest_of_the_prefix_with_the_most() {
    for config in [
        AdmissionConfig { connections_max: 6, ..ROOMY },
        AdmissionConfig { anonymous_max: 6, ..ROOMY },
    ] {
        let mut control = with(config, &[2, 1, 2, 1, 1, 3]);
        assert_eq!(control.opened(conn(6), prefix(4)), Instead(conn(1)));
        assert_eq!((control.len(), control.of(prefix(1)), control.of(prefix(4))), (6, 2, 1));
        // Now prefixes 1 and 2 have as many, and 2 has the oldest connection.
        assert_eq!(control.opened(conn(7), prefix(5)), Instead(conn(0)));
        assert_eq!(control.opened(conn(8), prefix(6)), Instead(conn(3)));
        // Now each prefix has one.
        assert_eq!(control.opened(conn(9), prefix(7)), Instead(conn(2)));
        assert_eq!(control.len(), 6);
    }
}

#[test]
fn where_all_have_as_many_the_oldest_gives_way() {
    let mut control = with(AdmissionConfig { anonymous_max: 4, ..ROOMY }, &[1, 2, 3, 4]);
    for newcomer in 4..100 {
        let id = conn(newcomer);
        let from = prefix(u8::try_from(newcomer + 1).unwrap());
        assert_eq!(control.opened(id, from), Instead(conn(newcomer - 4)));
    }
    assert_eq!((control.len(), control.anonymous), (4, 4));
}

#[test]
fn the_prefix_with_most_displaces_its_own() {
    let mut control = with(AdmissionConfig { connections_max: 5, ..ROOMY }, &[1, 1, 1, 2, 2]);
    assert_eq!(control.opened(conn(5), prefix(1)), Instead(conn(0)));
    // Prefix 2 has three now, as prefix 1 has.
    assert_eq!(control.opened(conn(6), prefix(2)), Instead(conn(1)));
    assert_eq!(control.opened(conn(7), prefix(2)), Instead(conn(3)));
    assert_eq!(control.opened(conn(8), prefix(3)), Instead(conn(4)));
    assert_eq!((control.of(prefix(1)), control.of(prefix(2))), (2, 2));
}

#[test]
fn a_whole_network_counts_as_one_customer() {
    let mut control = AdmissionControl::new(AdmissionConfig { anonymous_max: 500, ..ROOMY });
    let mut ids = 0..;
    let mut open = |control: &mut AdmissionControl, from| {
        let id = conn(ids.next().unwrap());
        (id, control.opened(id, from))
    };
    // One connection from each of 500 networks of 64 bits, all in one network of 48 bits.
    for number in 0..500 {
        assert_eq!(open(&mut control, network(number)).1, Admitted);
    }
    let site = network(0).and_wider().last().unwrap();
    for number in 0..100 {
        let (_, admission) = open(&mut control, prefix(number));
        assert!(matches!(admission, Instead(ConnId { index: 0..500, .. })), "{admission:?}");
        assert_eq!(control.of(site), 499 - usize::from(number));
    }
    // Their two networks of 56 bits have as many now. A newcomer from the same 48 bits takes the
    // place of the oldest.
    let halves = [0, 0x100].map(|number| network(number).wider().unwrap());
    assert_eq!(halves.map(|half| control.of(half)), [200, 200]);
    let (id, admission) = open(&mut control, network(0xffff));
    assert_eq!(admission, Instead(conn(56)));
    control.logged_in(id);
    assert_eq!((control.len(), control.of(site)), (500, 400));
}

#[test]
fn a_wide_prefix_has_its_maximum_and_gives_up_its_own() {
    let config = AdmissionConfig { per_prefix_max: 2, ..ROOMY };
    let mut control = AdmissionControl::new(config);
    for number in 0..4 {
        assert_eq!(control.opened(conn(number), network(number)), Admitted);
    }
    // The network of 56 bits has its four; there is room beside it.
    assert_eq!(control.opened(conn(4), network(4)), Instead(conn(0)));
    assert_eq!(control.opened(conn(5), prefix(1)), Admitted);
    for number in [1, 2, 3, 4] {
        control.logged_in(conn(number));
    }
    assert_eq!(control.opened(conn(6), network(5)), Rejected(Rejection::PrefixFull));
    for number in 6..10 {
        assert_eq!(control.opened(conn(number), network(0x100 + number)), Admitted);
    }
    // The network of 48 bits has its eight, four of them anonymous.
    assert_eq!(control.opened(conn(10), network(0x200)), Instead(conn(6)));
    control.closed(conn(1));
    assert_eq!(control.opened(conn(11), network(5)), Admitted);
}

#[test]
fn a_logged_in_connection_is_never_displaced() {
    let mut control = with(AdmissionConfig { connections_max: 3, ..ROOMY }, &[1, 1, 1]);
    control.logged_in(conn(0));
    assert_eq!(control.opened(conn(3), prefix(2)), Instead(conn(1)));
    control.logged_in(conn(2));
    control.logged_in(conn(3));
    assert_eq!(control.anonymous, 0);
    assert_eq!(control.opened(conn(9), prefix(4)), Rejected(Rejection::ServerFull));
    assert_eq!((control.len(), control.anonymous), (3, 0));
}

#[test]
fn a_login_makes_room_for_an_anonymous_connection() {
    let mut control = with(AdmissionConfig { anonymous_max: 1, ..ROOMY }, &[1]);
    assert_eq!(control.opened(conn(1), prefix(1)), Instead(conn(0)));
    control.logged_in(conn(1));
    assert_eq!(control.opened(conn(2), prefix(1)), Admitted);
}

#[test]
fn a_logout_is_the_newest_and_may_pass_the_maximum() {
    let mut control = with(AdmissionConfig { anonymous_max: 2, ..ROOMY }, &[1]);
    control.logged_in(conn(0));
    for index in [1, 2] {
        assert_eq!(control.opened(conn(index), prefix(1)), Admitted);
    }
    control.logged_out(conn(0));
    assert_eq!(control.anonymous, 3);
    assert_eq!(control.opened(conn(3), prefix(2)), Instead(conn(1)));
    assert_eq!(control.anonymous, 3);
    // Connections 0 and 2 of prefix 1 are left, and 2 has been anonymous for longer.
    assert_eq!(control.opened(conn(4), prefix(3)), Instead(conn(2)));
    assert_eq!(control.opened(conn(5), prefix(1)), Instead(conn(0)));
}

#[test]
fn a_displaced_connection_is_not_displaced_again() {
    let mut control = with(AdmissionConfig { connections_max: 4, ..ROOMY }, &[1, 1, 1, 1]);
    assert_eq!(control.opened(conn(4), prefix(2)), Instead(conn(0)));
    assert_eq!(control.opened(conn(5), prefix(3)), Instead(conn(1)));
    // Later events of a displaced connection change nothing.
    control.logged_in(conn(0));
    control.logged_out(conn(0));
    control.closed(conn(0));
    control.closed(conn(1));
    assert_eq!((control.len(), control.anonymous, control.of(prefix(1))), (4, 4, 2));
}

#[test]
fn unknown_and_repeated_calls_do_no_harm() {
    let mut control = with(ROOMY, &[1]);
    for _ in 0..2 {
        control.closed(conn(7));
        control.logged_in(conn(7));
        control.logged_out(conn(7));
        control.logged_out(conn(0));
        control.logged_in(conn(0));
        control.logged_in(conn(0));
    }
    assert_eq!((control.len(), control.anonymous), (1, 0));
    control.closed(conn(0));
    control.closed(conn(0));
    assert!(
        control.connections.is_empty() && control.prefixes.is_empty() && control.ranking.is_empty()
    );
}

/// Addresses of proxies, as [`place`] has those of clients.
fn proxy(number: u8) -> IpAddr {
    match number % 2 {
        0 => IpAddr::from(Ipv4Addr::LOCALHOST),
        _ => IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8 << 96)),
    }
}

/// The same decisions, made by a scan of all connections.
struct Model {
    config: AdmissionConfig,
    /// Connections with their prefix and their state, by the time of their last change.
    all: Vec<(ConnId, Prefix, State)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unidentified,
    Anonymous,
    LoggedIn,
}

impl Model {
    fn of(&self, of: Prefix) -> usize {
        let known = self.all.iter().filter(|entry| entry.2 != State::Unidentified);
        known.filter(|entry| entry.1.and_wider().any(|wide| wide == of)).count()
    }

    /// The anonymous connections within a prefix or of all, the oldest first.
    fn anonymous_of(&self, of: Option<Prefix>) -> Vec<(ConnId, Prefix)> {
        let is_within = |from: Prefix| of.is_none_or(|of| from.and_wider().any(|it| it == of));
        let anonymous =
            self.all.iter().filter(|entry| entry.2 != State::LoggedIn && is_within(entry.1));
        anonymous.map(|entry| (entry.0, entry.1)).collect()
    }

    /// Descends from the widest prefix to the narrowest, each time into the prefix with the most.
    fn oldest_of_most(&self, mut within: Option<Prefix>) -> Option<ConnId> {
        loop {
            let anonymous = self.anonymous_of(within);
            let narrower = anonymous.iter().filter_map(|(_, from)| {
                let widths: Vec<Prefix> = from.and_wider().collect();
                let at = within.and_then(|it| widths.iter().position(|wide| *wide == it));
                at.unwrap_or(widths.len()).checked_sub(1).map(|at| widths[at])
            });
            // Of prefixes with as many, the first has the oldest connection.
            let most = narrower.rev().max_by_key(|it| self.anonymous_of(Some(*it)).len());
            match most {
                Some(prefix) => within = Some(prefix),
                None => return anonymous.first().map(|(id, _)| *id),
            }
        }
    }

    fn opened(&mut self, id: ConnId, of: Prefix) -> Admission {
        let per_prefix_max = self.config.per_prefix_max;
        let full: Vec<Prefix> = of
            .and_wider()
            .filter(|wide| self.of(*wide) >= per_prefix_max * wide.share() as usize)
            .collect();
        if full.contains(&of) {
            return Rejected(Rejection::PrefixFull);
        }
        self.admit(id, of, &full, State::Anonymous)
    }

    fn opened_by_proxy(&mut self, id: ConnId, proxy: IpAddr) -> Admission {
        self.admit(id, Prefix::of_host(proxy), &[], State::Unidentified)
    }

    fn identified(&mut self, id: ConnId, of: Prefix) -> Option<Admission> {
        let at = self.all.iter().position(|entry| entry.0 == id)?;
        self.all.remove(at);
        Some(self.opened(id, of))
    }

    fn admit(&mut self, id: ConnId, of: Prefix, full: &[Prefix], state: State) -> Admission {
        let AdmissionConfig { connections_max, anonymous_max, .. } = self.config;
        let is_full =
            self.all.len() >= connections_max || self.anonymous_of(None).len() >= anonymous_max;
        self.all.push((id, of, state));
        if !is_full && full.is_empty() {
            return Admitted;
        }
        match self.oldest_of_most(full.first().copied()) {
            Some(oldest) if oldest != id => {
                self.closed(oldest);
                Instead(oldest)
            }
            _ => {
                self.closed(id);
                match full.is_empty() {
                    true => Rejected(Rejection::ServerFull),
                    false => Rejected(Rejection::PrefixFull),
                }
            }
        }
    }

    fn becomes(&mut self, id: ConnId, before: State, after: State) {
        let at = self.all.iter().position(|entry| entry.0 == id && entry.2 == before);
        if let Some(at) = at {
            let (id, prefix, _) = self.all.remove(at);
            self.all.push((id, prefix, after));
        }
    }

    fn closed(&mut self, id: ConnId) {
        self.all.retain(|entry| entry.0 != id);
    }
}

/// Number of test prefixes: addresses, and networks that share a /56, a /48 or neither.
const PLACES: u8 = 10;

fn place(number: u8) -> Prefix {
    match number {
        0..4 => prefix(number),
        _ => network([0, 1, 2, 0x100, 0x101, 0x1_0000][usize::from(number) - 4]),
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        maxima in (1usize..16, 1usize..8, 1usize..14),
        steps in prop::collection::vec((0u8..12, 0u32..40, 0..PLACES), 1..300),
    ) {
        let (connections_max, per_prefix_max, anonymous_max) = maxima;
        let config = AdmissionConfig { connections_max, per_prefix_max, anonymous_max };
        let mut control = AdmissionControl::new(config);
        let mut model = Model { config, all: Vec::new() };
        let mut opened = 0;
        for (what, back, number) in steps {
            let id = conn(opened - back.min(opened));
            match what {
                0..4 => {
                    let id = conn(opened);
                    opened += 1;
                    let expected = model.opened(id, place(number));
                    prop_assert_eq!(control.opened(id, place(number)), expected);
                }
                4 | 5 => {
                    control.logged_in(id);
                    model.becomes(id, State::Anonymous, State::LoggedIn);
                }
                6 => {
                    control.logged_out(id);
                    model.becomes(id, State::LoggedIn, State::Anonymous);
                }
                7 => {
                    control.closed(id);
                    model.closed(id);
                }
                8 | 9 => {
                    let id = conn(opened);
                    opened += 1;
                    let proxy = proxy(number);
                    let expected = model.opened_by_proxy(id, proxy);
                    prop_assert_eq!(control.opened_by_proxy(id, proxy), expected);
                }
                _ => {
                    // A connection whose client is known has no other header.
                    let is_known = |entry: &(ConnId, Prefix, State)| {
                        entry.0 == id && entry.2 != State::Unidentified
                    };
                    if !model.all.iter().any(is_known) {
                        let expected = model.identified(id, place(number));
                        prop_assert_eq!(control.identified(id, place(number)), expected);
                    }
                }
            }
            prop_assert!(control.len() <= connections_max);
            prop_assert_eq!(control.len(), model.all.len());
            prop_assert_eq!(control.anonymous, model.anonymous_of(None).len());
            let proxies = (0..PLACES).map(|number| Prefix::of_host(proxy(number)));
            for prefix in (0..PLACES).flat_map(|number| place(number).and_wider()).chain(proxies) {
                prop_assert_eq!(control.of(prefix), model.of(prefix));
                let anonymous = control.prefixes.get(&prefix).map_or(0, |it| it.anonymous.len());
                prop_assert_eq!(anonymous, model.anonymous_of(Some(prefix)).len());
            }
            prop_assert!(control.prefixes.values().all(Members::is_used));
            let ranked = control.prefixes.values().map(|members| members.ranking.len());
            let anonymous = control.prefixes.values().filter(|it| !it.anonymous.is_empty());
            prop_assert_eq!(control.ranking.len() + ranked.sum::<usize>(), anonymous.count());
        }
    }
}

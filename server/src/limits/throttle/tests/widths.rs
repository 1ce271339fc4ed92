//! Prefixes of IPv6 count for every width of network.

use super::*;

/// The /64 prefix whose bits after `2001:db8` are `bits`.
pub(super) fn network(bits: u32) -> Prefix {
    IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) + (u128::from(bits) << 64))).into()
}

#[test]
fn a_whole_network_guesses_little_more_than_one_address() {
    // One guess from each /64 of a network of 56 bits, and of one of 48 bits.
    for (networks, free) in [(1 << 8, 20), (1 << 16, 50)] {
        let mut throttle = throttle();
        let allowed = (0..networks).filter(|number| {
            let who = name(&format!("name{number}"));
            fail(&mut throttle, START, network(*number), &who).is_ok()
        });
        assert_eq!(allowed.count(), free);
        let refused = throttle.login_attempt(START, network(networks - 1), &name("tony"), Password);
        assert_eq!(refused, Err(Wait(seconds(1))));
        // The next network of that width is another customer's.
        assert_eq!(fail(&mut throttle, START, network(networks), &name("tony")), Ok(()));
    }
    // All day, trying again as soon as any network may.
    let mut throttle = throttle();
    let (mut now, mut count) = (START, 0);
    while now < START + DAY {
        match fail(&mut throttle, now, network(count % (1 << 16)), &name("tony")) {
            Ok(()) => count += 1,
            Err(Wait(wait)) => now += wait,
        }
    }
    assert!((100..180).contains(&count), "{count}");
}

#[test]
fn a_narrow_network_does_not_make_its_neighbours_wait() {
    for (width, beside, failed_logins) in [(1, 1, 1), (1, 1, 5), (256, 256, 1), (256, 256, 10)] {
        let mut throttle = Throttle::new(ThrottleConfig { failed_logins, ..CONFIG });
        for second in 0..30 * 60 {
            let now = START + seconds(second);
            let turn = (0..width).map(|number| network((number + second as u32) % width));
            let guesses = |from| fail(&mut throttle, now, from, &name("tony"));
            let _ = turn.map(guesses).take_while(Result::is_ok).count();
            assert_eq!(tried(&mut throttle, now, network(beside), &name("steve")), Ok(()));
        }
    }
}

#[test]
fn a_refund_reaches_every_width() {
    let mut throttle = throttle();
    for number in 0..1_000 {
        prove(&mut throttle, START, network(number), &name(&format!("name{number}")));
        assert_eq!(tried(&mut throttle, START, network(number), &name("tony")), Ok(()));
        throttle.registration(START, network(number)).unwrap();
        throttle.registration_unanswered(START, network(number));
    }
    assert_eq!((throttle.prefixes.len(), throttle.registrations.len()), (0, 0));
    throttle.login_attempt(START, network(1), &name("tony"), Password).unwrap();
    throttle.login_abandoned(START, network(1), &name("tony"), Password);
    assert_eq!(throttle.prefixes.len(), 3);
}

#[test]
fn registrations_of_a_whole_network_are_counted_together() {
    for (networks, most) in [(1, 10), (1 << 8, 20), (1 << 16, 40)] {
        let mut throttle = throttle();
        let allowed = (0..1_000 * 1_000)
            .step_by(997)
            .filter(|number| throttle.registration(START, network(number % networks)).is_ok());
        assert_eq!(allowed.count(), most);
        assert_eq!(throttle.registration(START, network(networks)), Ok(()));
    }
}

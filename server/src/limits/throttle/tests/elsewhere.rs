//! Failures at other servers on the same store.

use super::{SecretKind::AppPassword, *};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn failed(who: &Username, secret: SecretKind, scope: FailureScope) -> LoginNews {
    LoginNews::Failed(FailedLogin { address: ADDRESS, username: who.clone(), secret, scope })
}

/// Hears of as many failures as are free.
fn hear_failures(throttle: &mut Throttle, who: &Username, secret: SecretKind, scope: FailureScope) {
    for _ in 0..CONFIG.failed_logins {
        throttle.hear(START, &failed(who, secret, scope));
    }
}

#[test]
fn a_guesser_gets_no_more_guesses_from_three_servers_than_from_one() {
    let tony = name("tony");
    let mut servers = [(); 3].map(|()| throttle());
    let mut guesses = 0;
    for now in (0..DAY.as_secs()).map(|now| START + seconds(now)) {
        // Whenever a guess is allowed at a server, unless another has just failed there.
        let server = usize::try_from(now.as_secs() % 3).unwrap();
        if servers[server].login_attempt(now, ADDRESS.into(), &tony, Password).is_err() {
            continue;
        }
        guesses += 1;
        let scope = servers[server].login_failed(now, ADDRESS.into(), &tony, Password).unwrap();
        for other in servers.iter_mut().enumerate().filter(|(index, _)| *index != server) {
            other.1.hear(now, &failed(&tony, Password, scope));
        }
    }
    let one_server = {
        let mut throttle = throttle();
        let times = (0..DAY.as_secs()).map(|now| START + seconds(now));
        times.filter(|now| fail(&mut throttle, *now, ADDRESS.into(), &tony).is_ok()).count()
    };
    assert!((1..=one_server).contains(&guesses), "{guesses} and {one_server}");
}

#[test]
fn failures_elsewhere_make_an_address_wait_for_every_account_and_no_other_address() {
    let (mut throttle, tony, pepper) = (throttle(), name("tony"), name("pepper"));
    hear_failures(&mut throttle, &tony, Password, FailureScope::PrefixAndPair);
    for who in [&tony, &pepper] {
        let refused = throttle.login_attempt(START, ADDRESS.into(), who, Password);
        assert_eq!(refused, Err(Wait(seconds(1))));
    }
    assert_eq!(throttle.login_attempt(START, prefix(2), &tony, Password), Ok(()));
}

#[test]
fn failures_elsewhere_leave_the_attempts_that_are_under_way_here() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    assert_eq!(throttle.login_attempt(START, ADDRESS.into(), &tony, Password), Ok(()));
    throttle.hear(START, &failed(&tony, Password, FailureScope::PrefixAndPair));
    let pair = throttle.pairs.peek(&(ADDRESS.into(), tony.clone(), Password)).unwrap();
    assert_eq!((pair.unsettled(START), pair.count(START)), (1, 2));
}

#[test]
fn an_address_that_is_proven_at_either_server_waits_for_the_account_alone() {
    for is_proven_here in [false, true] {
        let (mut throttle, tony, pepper) = (throttle(), name("tony"), name("pepper"));
        let scope = match is_proven_here {
            true => {
                prove(&mut throttle, START, ADDRESS.into(), &tony);
                FailureScope::PrefixAndPair
            }
            false => FailureScope::Pair,
        };
        hear_failures(&mut throttle, &tony, Password, scope);
        let refused = throttle.login_attempt(START, ADDRESS.into(), &tony, Password);
        assert_eq!(refused, Err(Wait(seconds(1))));
        assert_eq!(throttle.login_attempt(START, ADDRESS.into(), &pepper, Password), Ok(()));
    }
}

#[test]
fn failures_with_an_app_password_elsewhere_have_a_tally_of_their_own() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    hear_failures(&mut throttle, &tony, AppPassword, FailureScope::Pair);
    let refused = throttle.login_attempt(START, ADDRESS.into(), &tony, AppPassword);
    assert_eq!(refused, Err(Wait(seconds(1))));
    assert_eq!(throttle.login_attempt(START, ADDRESS.into(), &tony, Password), Ok(()));
}

#[test]
fn an_unblock_elsewhere_unblocks_here_too() {
    let tony = name("tony");
    let unblocked =
        [LoginNews::AddressUnblocked(ADDRESS), LoginNews::AccountUnblocked(tony.clone())];
    for (news, scope) in
        unblocked.into_iter().zip([FailureScope::PrefixAndPair, FailureScope::Pair])
    {
        let mut throttle = throttle();
        hear_failures(&mut throttle, &tony, Password, scope);
        throttle.hear(START, &news);
        assert_eq!(throttle.login_attempt(START, ADDRESS.into(), &tony, Password), Ok(()));
    }
}

#[test]
fn a_server_without_a_throttle_counts_nothing_and_tells_nothing() {
    let mut throttle = Throttle::new(ThrottleConfig { failed_logins: 0, ..CONFIG });
    let tony = name("tony");
    hear_failures(&mut throttle, &tony, Password, FailureScope::PrefixAndPair);
    assert_eq!(throttle.pairs.len() + throttle.prefixes.len() + throttle.usernames.len(), 0);
    assert_eq!(throttle.login_failed(START, ADDRESS.into(), &tony, Password), None);
}

//! Failures with an app password and with the account's password count apart for one address and
//! account, and together for the address.

use super::{SecretKind::AppPassword, *};

/// A mail program tries an app password that was revoked, whenever it may, for a day.
fn try_for_a_day(throttle: &mut Throttle, from: Prefix, who: &Username) -> u32 {
    let (mut now, mut tries) = (START, 0);
    while now < START + DAY {
        match throttle.login_attempt(now, from, who, AppPassword) {
            Ok(()) => {
                throttle.login_failed(now, from, who, AppPassword);
                tries += 1;
            }
            Err(Wait(wait)) => now += wait,
        }
    }
    tries
}

#[test]
fn a_revoked_app_password_makes_its_program_wait_and_not_its_owner_s_client() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    prove(&mut throttle, START, prefix(1), &tony);
    let tries = try_for_a_day(&mut throttle, prefix(1), &tony);
    assert!((50..200).contains(&tries), "{tries}");
    let now = START + DAY;
    assert_eq!(throttle.login_attempt(now, prefix(1), &tony, Password), Ok(()));
    throttle.login_failed(now, prefix(1), &tony, Password);
    assert_eq!(throttle.login_attempt(now, prefix(1), &tony, Password), Ok(()));
    throttle.login_succeeded(now, prefix(1), &tony, Password);
}

#[test]
fn guesses_of_both_kinds_count_together_for_an_address() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    for guess in 0..CONFIG.failed_logins {
        let secret = if guess % 2 == 0 { Password } else { AppPassword };
        assert_eq!(throttle.login_attempt(START, prefix(1), &tony, secret), Ok(()));
        throttle.login_failed(START, prefix(1), &tony, secret);
    }
    for secret in [Password, AppPassword] {
        let refused = throttle.login_attempt(START, prefix(1), &tony, secret);
        assert_eq!(refused, Err(Wait(seconds(1))), "{secret:?}");
        assert_eq!(throttle.login_attempt(START, prefix(2), &tony, secret), Ok(()));
    }
}

#[test]
fn an_address_that_becomes_proven_is_given_back_the_charges_of_both_kinds() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    for secret in [Password, AppPassword, AppPassword] {
        throttle.login_attempt(START, prefix(1), &tony, secret).unwrap();
    }
    throttle.login_succeeded(START, prefix(1), &tony, Password);
    assert_eq!(throttle.prefixes.peek(&prefix(1)).map_or(0, |tally| tally.count(START)), 0);
    throttle.login_failed(START, prefix(1), &tony, AppPassword);
    throttle.login_unanswered(START, prefix(1), &tony, AppPassword);
    assert_eq!(throttle.prefixes.len(), 0);
}

#[test]
fn the_operator_ends_the_waits_of_both_kinds() {
    let (mut throttle, tony) = (throttle(), name("tony"));
    for secret in [Password, AppPassword] {
        throttle.login_attempt(START, prefix(1), &tony, secret).unwrap();
        throttle.login_failed(START, prefix(1), &tony, secret);
    }
    assert_eq!(throttle.pairs.len(), 2);
    throttle.unblock_username(&tony);
    assert_eq!(throttle.pairs.len(), 0);
}

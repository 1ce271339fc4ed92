use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use proptest::prelude::*;

use super::{SecretKind::Password, bucket::HOUR, table::ENTRIES_MAX, tally::WAIT_MAX, *};

mod app_passwords;
mod elsewhere;
mod lists;
mod widths;

const CONFIG: ThrottleConfig =
    ThrottleConfig { registrations_per_hour: 10, mails_per_hour: 60, failed_logins: 5 };

const START: Duration = Duration::from_secs(100);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn throttle() -> Throttle {
    Throttle::new(CONFIG)
}

fn prefix(number: u32) -> Prefix {
    IpAddr::from(Ipv4Addr::from_bits(0x7f00_0000 + number)).into()
}

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Makes an attempt that fails if it is allowed. Returns the wait otherwise.
fn fail(throttle: &mut Throttle, now: Duration, from: Prefix, who: &Username) -> Result<(), Wait> {
    throttle.login_attempt(now, from, who, Password)?;
    throttle.login_failed(now, from, who, Password);
    Ok(())
}

/// Makes one wrong guess at an account from each of fifty prefixes, numbered from 1000. Prefixes
/// that must wait are skipped.
fn guess_from_elsewhere(throttle: &mut Throttle, now: Duration, who: &Username) {
    for number in 1_000..1_050 {
        let _ = fail(throttle, now, prefix(number), who);
    }
}

/// Proves a prefix for an account by a login.
fn prove(throttle: &mut Throttle, now: Duration, from: Prefix, who: &Username) {
    assert_eq!(throttle.login_attempt(now, from, who, Password), Ok(()));
    throttle.login_succeeded(now, from, who, Password);
}

/// Charges a mail to one recipient.
fn mail(throttle: &mut Throttle, now: Duration, account: AccountId) -> Result<(), Wait> {
    throttle.mail(now, account, 1).map(|_| ())
}

/// Makes an attempt whose charge is refunded if it is allowed. Returns the wait otherwise.
fn tried(throttle: &mut Throttle, now: Duration, from: Prefix, who: &Username) -> Result<(), Wait> {
    throttle.login_attempt(now, from, who, Password)?;
    throttle.login_unanswered(now, from, who, Password);
    Ok(())
}

#[test]
fn a_wait_is_shown_in_whole_seconds_and_never_as_none() {
    for (nanos, shown) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
        assert_eq!(Wait(Duration::from_nanos(nanos)).seconds(), shown);
    }
    assert_eq!(Wait(Duration::MAX).seconds(), u32::MAX);
}

#[test]
fn after_the_free_failures_each_further_one_doubles_the_wait() {
    let mut throttle = throttle();
    let mut now = START;
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, now, prefix(1), &name("tony")), Ok(()));
    }
    for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
        // Another username makes no difference, and asking too early costs nothing.
        for who in ["tony", "steve"] {
            let refused = throttle.login_attempt(now, prefix(1), &name(who), Password);
            assert_eq!(refused, Err(Wait(seconds(expected))));
        }
        let early = now + seconds(expected) - Duration::from_nanos(1);
        let refused = throttle.login_attempt(early, prefix(1), &name("peter"), Password);
        assert_eq!(refused, Err(Wait(Duration::from_nanos(1))));
        now += seconds(expected);
        assert_eq!(fail(&mut throttle, now, prefix(1), &name("steve")), Ok(()));
    }
    assert_eq!(throttle.login_attempt(now, prefix(2), &name("tony"), Password), Ok(()));
}

#[test]
fn failures_are_forgotten_one_a_minute() {
    let mut throttle = throttle();
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(1), &name("tony")).unwrap();
    }
    let now = START + seconds(1) + 3 * MINUTE;
    for _ in 0..3 {
        assert_eq!(fail(&mut throttle, now, prefix(1), &name("tony")), Ok(()));
    }
    assert!(fail(&mut throttle, now, prefix(1), &name("tony")).is_err());
}

#[test]
fn a_guesser_gets_a_hundred_tries_a_day_by_haste_and_one_a_minute_by_patience() {
    for (pause, tries) in [(Duration::ZERO, 100..=120), (MINUTE, 1_430..=1_450)] {
        let mut throttle = throttle();
        let (mut now, mut count) = (START, 0);
        while now < START + DAY && count < 10_000 {
            match fail(&mut throttle, now, prefix(1), &name("tony")) {
                Ok(()) => {
                    count += 1;
                    now += pause;
                }
                Err(Wait(wait)) => now += wait,
            }
        }
        assert!(tries.contains(&count), "{count} after pauses of {pause:?}");
    }
}

#[test]
fn parallel_attempts_have_no_more_than_the_free_number() {
    let mut throttle = throttle();
    let names: Vec<Username> = (0..100).map(|number| name(&format!("name{number}"))).collect();
    let allowed: Vec<&Username> = names
        .iter()
        .filter(|who| throttle.login_attempt(START, prefix(1), who, Password).is_ok())
        .collect();
    assert_eq!(allowed.len(), 5);
    for who in allowed {
        throttle.login_failed(START, prefix(1), who, Password);
    }
    assert_eq!(tried(&mut throttle, START, prefix(1), &name("tony")), Err(Wait(seconds(1))));
    // While no attempt has a result, one more is allowed after each wait, not one more each second.
    let mut unsettled = self::throttle();
    let allowed = (0..64)
        .filter(|second| {
            unsettled
                .login_attempt(START + seconds(*second), prefix(1), &name("tony"), Password)
                .is_ok()
        })
        .count();
    let at_once = (0..5).filter(|_| {
        self::throttle().login_attempt(START, prefix(1), &name("tony"), Password).is_ok()
    });
    assert_eq!((allowed, at_once.count()), (10, 5));
}

#[test]
fn a_success_takes_back_its_own_charge_and_no_failure() {
    let mut throttle = throttle();
    for _ in 0..4 {
        fail(&mut throttle, START, prefix(1), &name("tony")).unwrap();
    }
    // A guesser has an account of their own.
    for _ in 0..10 {
        prove(&mut throttle, START, prefix(1), &name("steve"));
    }
    assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    prove(&mut throttle, START, prefix(1), &name("steve"));
    let refused = fail(&mut throttle, START, prefix(1), &name("tony"));
    assert_eq!(refused, Err(Wait(seconds(1))));
}

#[test]
fn an_unanswered_attempt_costs_nothing() {
    let mut throttle = throttle();
    for _ in 0..100 {
        assert_eq!(throttle.login_attempt(START, prefix(1), &name("tony"), Password), Ok(()));
        throttle.login_unanswered(START, prefix(1), &name("tony"), Password);
    }
    assert_eq!(throttle.prefixes.len() + throttle.pairs.len() + throttle.usernames.len(), 0);
    for _ in 0..5 {
        assert_eq!(throttle.login_attempt(START, prefix(1), &name("tony"), Password), Ok(()));
    }
    throttle.login_unanswered(START, prefix(1), &name("tony"), Password);
    assert_eq!(throttle.login_attempt(START, prefix(1), &name("tony"), Password), Ok(()));
    assert_eq!(
        throttle.login_attempt(START, prefix(1), &name("tony"), Password),
        Err(Wait(seconds(1)))
    );
}

#[test]
fn an_account_that_is_guessed_at_has_one_free_failure_a_prefix() {
    let mut throttle = throttle();
    for number in 1_000..1_019 {
        fail(&mut throttle, START, prefix(number), &name("tony")).unwrap();
    }
    // Twenty are not many yet, twenty-one are.
    assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    assert!(fail(&mut throttle, START, prefix(1), &name("tony")).is_err());
    assert_eq!(fail(&mut throttle, START, prefix(2), &name("tony")), Ok(()));
    let mut now = START;
    for expected in [1, 2, 4, 8] {
        let refused = fail(&mut throttle, now, prefix(2), &name("tony"));
        assert_eq!(refused, Err(Wait(seconds(expected))));
        // The prefix waits for this account only, as long as it has free failures for other
        // accounts.
        assert_eq!(tried(&mut throttle, now, prefix(2), &name("steve")), Ok(()));
        now += seconds(expected);
        assert_eq!(fail(&mut throttle, now, prefix(2), &name("tony")), Ok(()));
    }
}

#[test]
fn parallel_attempts_from_many_prefixes_count_as_guesses() {
    let mut throttle = throttle();
    for number in 1_000..1_021 {
        throttle.login_attempt(START, prefix(number), &name("tony"), Password).unwrap();
    }
    assert_eq!(throttle.login_attempt(START, prefix(1), &name("tony"), Password), Ok(()));
    let refused = throttle.login_attempt(START, prefix(1), &name("tony"), Password);
    assert_eq!(refused, Err(Wait(seconds(1))));
    // The guesses turn out to be the owner's devices.
    for number in 1_000..1_021 {
        throttle.login_succeeded(START, prefix(number), &name("tony"), Password);
    }
    assert_eq!(throttle.login_attempt(START, prefix(1), &name("tony"), Password), Ok(()));
}

#[test]
fn a_proven_prefix_shares_no_wait_with_guessers() {
    let mut throttle = throttle();
    prove(&mut throttle, START, prefix(1), &name("tony"));
    guess_from_elsewhere(&mut throttle, START, &name("tony"));
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(1), &name("steve")).unwrap();
    }
    assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    let refused = fail(&mut throttle, START, prefix(1), &name("tony"));
    assert_eq!(refused, Err(Wait(seconds(1))));
}

#[test]
fn an_account_is_as_before_an_hour_after_the_last_guess() {
    let mut throttle = throttle();
    for _ in 0..10 {
        for number in 1_000..1_050 {
            throttle.login_failed(START, prefix(number), &name("tony"), Password);
        }
    }
    let free_after = |minutes: u32| {
        let (mut throttle, now) = (throttle.clone(), START + minutes * MINUTE);
        (0..9).filter(|_| fail(&mut throttle, now, prefix(1), &name("tony")).is_ok()).count()
    };
    assert_eq!((free_after(0), free_after(59)), (1, 1));
    assert_eq!(free_after(65), 5);
}

#[test]
fn the_owner_gets_in_at_once_whatever_others_do() {
    let mut throttle = throttle();
    let (mut now, mut failures) = (START, 0);
    while failures < 5_000 {
        for number in 1_000..1_050 {
            match fail(&mut throttle, now, prefix(number), &name("tony")) {
                Ok(()) => failures += 1,
                Err(Wait(wait)) => assert!(wait <= WAIT_MAX),
            }
        }
        now += MINUTE;
        assert_eq!(tried(&mut throttle, now, prefix(51), &name("tony")), Ok(()));
    }
    assert!(fail(&mut throttle, now - MINUTE, prefix(1_000), &name("tony")).is_err());
    assert_eq!(throttle.login_attempt(now, prefix(51), &name("tony"), Password), Ok(()));
    throttle.login_succeeded(now, prefix(51), &name("tony"), Password);
}

#[test]
fn neighbours_do_not_make_the_owner_wait_where_the_account_was_used_before() {
    let mut throttle = throttle();
    prove(&mut throttle, START, prefix(1), &name("pepper"));
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(1), &name("bruce")).unwrap();
    }
    assert!(fail(&mut throttle, START, prefix(1), &name("tony")).is_err());
    // The owner's pair has a tally of its own, with as many free failures.
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, START, prefix(1), &name("pepper")), Ok(()));
    }
    let refused = fail(&mut throttle, START, prefix(1), &name("pepper"));
    assert_eq!(refused, Err(Wait(seconds(1))));
    // Those failures are not the neighbours'.
    let now = START + seconds(1);
    assert_eq!(fail(&mut throttle, now, prefix(1), &name("bruce")), Ok(()));
    // From another prefix the account has no such tally.
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(2), &name("bruce")).unwrap();
    }
    assert!(fail(&mut throttle, START, prefix(2), &name("pepper")).is_err());
}

#[test]
fn a_registration_proves_its_prefix_as_a_login_does() {
    let mut throttle = throttle();
    assert_eq!(throttle.registration(START, prefix(1)), Ok(()));
    // Somebody tries the password before the account is there.
    throttle.login_attempt(START, prefix(1), &name("pepper"), Password).unwrap();
    throttle.registered(START, prefix(1), &name("pepper"));
    throttle.login_failed(START, prefix(1), &name("pepper"), Password);
    assert_eq!(throttle.prefixes.len(), 0);
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(1), &name("bruce")).unwrap();
    }
    assert!(fail(&mut throttle, START, prefix(1), &name("tony")).is_err());
    for _ in 0..4 {
        assert_eq!(fail(&mut throttle, START, prefix(1), &name("pepper")), Ok(()));
    }
    assert!(fail(&mut throttle, START, prefix(1), &name("pepper")).is_err());
    // A registration that made no account proves nothing.
    throttle.registration(START, prefix(1)).unwrap();
    throttle.registration_failed(START, prefix(1));
    assert!(!throttle.is_proven(prefix(1), &name("tony")));
}

#[test]
fn attempts_under_way_at_the_first_success_are_settled_once() {
    let mut throttle = throttle();
    for _ in 0..3 {
        throttle.login_attempt(START, prefix(1), &name("tony"), Password).unwrap();
    }
    throttle.login_succeeded(START, prefix(1), &name("tony"), Password);
    throttle.login_succeeded(START, prefix(1), &name("tony"), Password);
    throttle.login_failed(START, prefix(1), &name("tony"), Password);
    // No failure is charged to the prefix.
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, START, prefix(1), &name("steve")), Ok(()));
    }
    assert!(fail(&mut throttle, START, prefix(1), &name("steve")).is_err());
    // The pair has the one failure.
    for _ in 0..4 {
        assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    }
    assert!(fail(&mut throttle, START, prefix(1), &name("tony")).is_err());
}

#[test]
fn an_account_has_eight_proven_prefixes_the_latest() {
    let mut throttle = throttle();
    for number in 1..=8 {
        prove(&mut throttle, START, prefix(number), &name("tony"));
    }
    prove(&mut throttle, START, prefix(5), &name("tony"));
    prove(&mut throttle, START, prefix(9), &name("tony"));
    prove(&mut throttle, START, prefix(2), &name("tony"));
    prove(&mut throttle, START, prefix(10), &name("tony"));
    let proven: Vec<u32> =
        (1..=10).filter(|number| throttle.is_proven(prefix(*number), &name("tony"))).collect();
    assert_eq!(proven, [2, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn without_a_limit_nobody_waits_and_nothing_is_kept() {
    let config = ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 0 };
    let mut throttle = Throttle::new(config);
    for _ in 0..1_000 {
        assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
        prove(&mut throttle, START, prefix(1), &name("tony"));
        assert_eq!(throttle.registration(START, prefix(1)), Ok(()));
        assert_eq!(mail(&mut throttle, START, AccountId(1)), Ok(()));
    }
    assert_eq!(kept(&throttle), [0; 6]);
}

#[test]
fn one_free_failure_is_the_least() {
    let mut throttle = Throttle::new(ThrottleConfig { failed_logins: 1, ..CONFIG });
    assert_eq!(fail(&mut throttle, START, prefix(1), &name("tony")), Ok(()));
    let refused = fail(&mut throttle, START, prefix(1), &name("tony"));
    assert_eq!(refused, Err(Wait(seconds(1))));
}

#[test]
fn registrations_are_counted_for_each_prefix() {
    let mut throttle = throttle();
    for number in [1, 2] {
        for _ in 0..10 {
            assert_eq!(throttle.registration(START, prefix(number)), Ok(()));
        }
        for _ in 0..3 {
            let refused = throttle.registration(START, prefix(number));
            assert_eq!(refused, Err(Wait(6 * MINUTE)));
        }
    }
    let now = START + 6 * MINUTE;
    assert_eq!(throttle.registration(now, prefix(1)), Ok(()));
    assert_eq!(throttle.registration(now, prefix(1)), Err(Wait(6 * MINUTE)));
}

#[test]
fn finds_are_counted_for_each_account_and_refilled_one_in_six_seconds() {
    let mut throttle = throttle();
    let (tony, pepper) = (AccountId(1), AccountId(2));
    for _ in 0..60 {
        assert_eq!(throttle.find(START, tony), Ok(()));
    }
    assert_eq!(throttle.find(START, tony), Err(Wait(seconds(6))));
    assert_eq!(throttle.find(START, pepper), Ok(()));
    throttle.find_unanswered(START, tony);
    assert_eq!(throttle.find(START, tony), Ok(()));
    // In an hour, 600 are refilled, and never more than 60 are kept.
    let mut found = 0;
    for second in 1..=3600 {
        found += u32::from(throttle.find(START + seconds(second), tony).is_ok());
    }
    assert_eq!(found, 600);
    let later = START + DAY;
    assert_eq!((0..1000).filter(|_| throttle.find(later, tony).is_ok()).count(), 60);
    throttle.find_unanswered(later, AccountId(3));
}

#[test]
fn mails_are_counted_for_each_account() {
    let mut throttle = throttle();
    for account in [1, 2].map(AccountId) {
        for _ in 0..60 {
            assert_eq!(mail(&mut throttle, START, account), Ok(()));
        }
        assert_eq!(mail(&mut throttle, START, account), Err(Wait(MINUTE)));
    }
    let sent =
        (0..1_000).filter(|_| mail(&mut throttle, START + HOUR / 2, AccountId(1)).is_ok()).count();
    assert_eq!(sent, 30);
}

fn kept(throttle: &Throttle) -> [usize; 6] {
    let Throttle { prefixes, pairs, usernames, proven, registrations, mails, .. } = throttle;
    let names = [usernames.len(), proven.len()];
    [prefixes.len(), pairs.len(), names[0], names[1], registrations.len(), mails.len()]
}

#[test]
fn tables_stay_within_their_bound_and_owners_get_in() {
    let mut throttle = throttle();
    let owner = name("tony");
    for number in 0..100_000u32 {
        let from = Prefix::from(IpAddr::from(Ipv6Addr::from_bits(
            (0x2001_0db8 << 96) + (u128::from(number) << 80),
        )));
        let who = name(&format!("name{number}"));
        assert_eq!(fail(&mut throttle, START, from, &who), Ok(()));
        throttle.login_attempt(START, from, &who, Password).unwrap();
        throttle.login_succeeded(START, from, &who, Password);
        throttle.registration(START, from).unwrap();
        throttle.mail(START, AccountId(number.into()), 1).unwrap();
        if number % 1_000 == 0 {
            assert!(kept(&throttle).into_iter().all(|kept| kept <= ENTRIES_MAX));
            assert_eq!(tried(&mut throttle, START, prefix(1), &owner), Ok(()));
        }
    }
    assert!(kept(&throttle).into_iter().all(|kept| kept > ENTRIES_MAX / 2 && kept <= ENTRIES_MAX));
}

#[test]
fn refused_attempts_displace_nothing() {
    let mut throttle = throttle();
    for _ in 0..5 {
        fail(&mut throttle, START, prefix(1), &name("tony")).unwrap();
    }
    let before = kept(&throttle);
    for number in 0..1_000 {
        let who = name(&format!("name{number}"));
        assert!(throttle.login_attempt(START, prefix(1), &who, Password).is_err());
    }
    assert_eq!(kept(&throttle), before);
}

#[test]
fn moments_equal_or_far_apart_do_no_harm() {
    let mut throttle = throttle();
    for now in [Duration::ZERO, Duration::ZERO, START, START, 1_000 * DAY, Duration::MAX / 2] {
        for number in [1, 2] {
            let who = name("tony");
            let failed = (0..20).filter(|_| fail(&mut throttle, now, prefix(number), &who).is_ok());
            assert!(failed.count() <= 5);
            throttle.login_failed(now, prefix(number), &who, Password);
            throttle.login_unanswered(now, prefix(number), &who, Password);
        }
        let registered = (0..20).filter(|_| throttle.registration(now, prefix(1)).is_ok()).count();
        assert!(registered <= 10);
    }
    // At the largest uptime a wait has no end that could be represented, so nothing waits.
    for _ in 0..20 {
        throttle.login_failed(Duration::MAX, prefix(1), &name("tony"), Password);
        assert_eq!(throttle.registration(Duration::MAX, prefix(2)), Ok(()));
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Attempt,
    Succeeded,
    Failed,
    Unanswered,
    Guessed,
    Registration,
    Mail,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Attempt),
        1 => Just(Step::Succeeded),
        6 => Just(Step::Failed),
        1 => Just(Step::Unanswered),
        1 => Just(Step::Guessed),
        2 => Just(Step::Registration),
        2 => Just(Step::Mail),
        3 => (0u64..3_000).prop_map(Step::Pass),
        1 => (0u64..2_000_000).prop_map(Step::Pass),
    ]
}

/// Checks that an attempt after exactly the wait is allowed, and that the wait is within its
/// bounds.
fn check_honest(
    tried: Result<(), Wait>,
    most: Duration,
    again: impl FnOnce(Duration) -> Result<(), Wait>,
) -> Result<(), TestCaseError> {
    if let Err(Wait(wait)) = tried {
        prop_assert!(!wait.is_zero() && wait <= most, "{:?}", wait);
        prop_assert_eq!(again(wait), Ok(()));
        prop_assert_eq!(
            Wait(wait).seconds(),
            u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn waits_are_honest(
        failed_logins in 1u32..7,
        per_hour in 1u32..9,
        steps in prop::collection::vec((step(), 0u32..3, 0usize..3), 1..200),
    ) {
        let config = ThrottleConfig {
            registrations_per_hour: per_hour,
            mails_per_hour: per_hour,
            failed_logins,
        };
        let mut throttle = Throttle::new(config);
        let names = ["tony", "steve", "peter"].map(name);
        let mut under_way = HashMap::<(Prefix, usize), u32>::new();
        let mut now = START;
        for (step, number, index) in steps {
            // Two prefixes in one network of 56 bits, and one beside it.
            let from = widths::network([0, 1, 1 << 8][number as usize]);
            let (who, account) = (&names[index], AccountId(number.into()));
            let under_way = under_way.entry((from, index)).or_default();
            match step {
                Step::Attempt => {
                    let tried = throttle.login_attempt(now, from, who, Password);
                    *under_way += u32::from(tried.is_ok());
                    check_honest(tried, WAIT_MAX, |wait| throttle.clone().login_attempt(now + wait, from, who, Password))?;
                }
                Step::Succeeded | Step::Failed | Step::Unanswered if *under_way == 0 => {}
                Step::Succeeded => {
                    *under_way -= 1;
                    throttle.login_succeeded(now, from, who, Password);
                }
                Step::Failed => {
                    *under_way -= 1;
                    throttle.login_failed(now, from, who, Password);
                }
                Step::Unanswered => {
                    *under_way -= 1;
                    throttle.login_unanswered(now, from, who, Password);
                }
                Step::Guessed => guess_from_elsewhere(&mut throttle, now, who),
                Step::Registration => {
                    let tried = throttle.registration(now, from);
                    check_honest(tried, HOUR, |wait| throttle.clone().registration(now + wait, from))?;
                }
                Step::Mail => {
                    let tried = mail(&mut throttle, now, account);
                    check_honest(tried, HOUR, |wait| mail(&mut throttle.clone(), now + wait, account))?;
                }
                Step::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
            }
        }
    }

    /// Prefixes are independent: the owner's first attempt from a prefix that is new to the server
    /// is always allowed, whatever other prefixes did.
    #[test]
    fn a_new_prefix_is_always_let_through(
        tries in prop::collection::vec((0u32..40, 0usize..3, 0u64..5_000), 1..500),
    ) {
        let names = ["tony", "steve", "peter"].map(name);
        let mut throttle = throttle();
        let mut now = START;
        for (number, index, pause) in tries {
            now += Duration::from_millis(pause);
            let _ = fail(&mut throttle, now, prefix(number), &names[index]);
            prop_assert_eq!(tried(&mut throttle, now, prefix(99), &names[0]), Ok(()));
        }
    }
}

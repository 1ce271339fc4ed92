//! Mails to lists, whose members are counted after the mail, and requests about lists.

use correio_proto::limits::MEMBERS_MAX;

use super::*;

const TONY: AccountId = AccountId(1);

fn of(mails_per_hour: u32) -> Throttle {
    Throttle::new(ThrottleConfig { mails_per_hour, ..CONFIG })
}

#[test]
fn of_the_mails_of_an_account_on_their_way_one_may_go_to_lists() {
    let mut throttle = of(1000);
    assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Allowed));
    for _ in 0..10 {
        assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Held));
    }
    assert_eq!(throttle.mail(START, AccountId(2), 1), Ok(ToLists::Allowed), "another account's");
    // The end of a mail that could not go to lists makes no room.
    throttle.mail_counted(TONY, ToLists::Held);
    throttle.mail_not_counted(START, TONY, 1, ToLists::Held);
    assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Held));
    throttle.mail_counted(TONY, ToLists::Allowed);
    assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Allowed));
    throttle.mail_not_counted(START, TONY, 1, ToLists::Allowed);
    assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Allowed));
}

/// An account with one mail on its way after the other is never held, however large its lists are.
#[test]
fn mails_one_after_the_other_may_all_go_to_lists() {
    let mut throttle = of(1000);
    for _ in 0..900 {
        assert_eq!(throttle.mail(START, TONY, 1), Ok(ToLists::Allowed));
        throttle.mail_counted(TONY, ToLists::Allowed);
    }
    throttle.mail_reached(START, TONY, MEMBERS_MAX);
    assert!(matches!(throttle.mail(START, TONY, 1), Err(Wait(wait)) if wait > seconds(3000)));
}

#[test]
fn an_account_that_could_pay_for_the_largest_lists_sends_to_several_at_once() {
    for (mails_per_hour, at_once) in [(MEMBERS_MAX, 1), (3 * MEMBERS_MAX + 10, 3), (0, 10)] {
        let mut throttle = of(mails_per_hour);
        let allowed = (0..10).map(|_| throttle.mail(START, TONY, 1).unwrap());
        let allowed = allowed.filter(|to_lists| *to_lists == ToLists::Allowed).count();
        assert_eq!(allowed, at_once, "{mails_per_hour}");
    }
}

#[test]
fn an_account_without_mails_on_their_way_takes_no_room() {
    let mut throttle = of(1000);
    for number in 0..100 {
        let to_lists = throttle.mail(START, AccountId(number), 1).unwrap();
        assert_eq!(throttle.mails.len(), 1);
        throttle.mail_not_counted(START, AccountId(number), 1, to_lists);
        assert_eq!(throttle.mails.len(), 0);
    }
}

#[test]
fn requests_about_lists_are_counted_for_each_account_and_refilled_one_in_three_seconds() {
    let (mut throttle, pepper) = (throttle(), AccountId(2));
    for _ in 0..240 {
        assert_eq!(throttle.list(START, TONY), Ok(()));
    }
    assert_eq!(throttle.list(START, TONY), Err(Wait(seconds(3))));
    assert_eq!(throttle.list(START, pepper), Ok(()));
    throttle.list_unanswered(START, TONY);
    assert_eq!(throttle.list(START, TONY), Ok(()));
    assert_eq!(throttle.list(START, TONY), Err(Wait(seconds(3))));
    assert_eq!(throttle.list(START + seconds(3), TONY), Ok(()));
}

//! The contract of all stores about retention, also with a crash before every job.

use correio_proto::mail::{Mail, Timestamp};
use correio_server::{
    day::DAY,
    ids::AccountId,
    store::{
        Quota, StoreDone, StoreJob,
        admin::{
            AccountState, AdminDone, AdminJob, DisabledMail, Retention, SentWarning, WarningAbout,
        },
    },
};

use super::{
    admin::{admin, disable, make, name, show},
    support::{Harness, find, is_sent, send_at},
};

contract! {
    old_mails_are_deleted_after_a_warning_and_seven_whole_days,
    mails_that_nobody_was_warned_of_stay,
    a_warning_is_not_about_mails_that_come_after_it,
    a_shorter_bound_deletes_nothing_that_was_not_warned_of,
    unused_accounts_are_deleted_after_a_warning_and_the_postmaster_stays,
    a_login_and_an_open_session_take_the_warning_back,
    a_login_while_the_clock_is_behind_keeps_the_account,
    a_clock_that_jumps_ahead_deletes_nothing_before_seven_days_have_passed,
    a_clock_that_goes_to_and_fro_between_two_days_counts_each_once,
    a_mail_that_came_while_the_clock_was_behind_is_as_old_as_those_before_it,
    a_warning_is_not_about_a_mail_of_a_clock_that_was_set_back_after_it,
    an_account_that_was_disabled_is_warned_anew,
    without_a_bound_the_warnings_of_its_kind_are_taken_back,
    disabled_accounts_keep_all,
    without_bounds_nothing_is_warned_of_and_nothing_is_deleted,
    without_bounds_all_warnings_are_taken_back,
    a_step_deletes_no_more_than_it_may_and_the_next_goes_on,
}

/// What a run of retention has done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    mails: u32,
    accounts: Vec<String>,
    warned: Vec<(String, WarningAbout)>,
    steps: usize,
}

/// Bounds in days before the present.
#[derive(Clone, Copy, Default)]
struct Keep {
    mails: Option<u64>,
    accounts: Option<u64>,
}

const MAILS: Keep = Keep { mails: Some(30), accounts: None };
const ACCOUNTS: Keep = Keep { mails: None, accounts: Some(30) };

/// Runs retention on a day, until it is done.
fn run_with(harness: &mut Harness, day: u64, keep: Keep, in_use: &[AccountId]) -> Run {
    let now = day * DAY + DAY / 2;
    let before = |days: Option<u64>| days.map(|days| Timestamp(now.saturating_sub(days * DAY)));
    let (mut done, mut after) = (Run::default(), None);
    loop {
        let retention = Retention {
            after,
            now: Timestamp(now),
            mails_before: before(keep.mails),
            accounts_before: before(keep.accounts),
            warning_days: 7,
            in_use: in_use.into(),
        };
        match admin(harness, AdminJob::Retain(retention)) {
            AdminDone::Retained { mails, accounts, warned, next } => {
                done.mails += mails;
                done.steps += 1;
                done.accounts.extend(accounts.iter().map(|(_, username)| username.to_string()));
                let pair = |it: &SentWarning| (it.username.to_string(), it.about);
                done.warned.extend(warned.iter().map(pair));
                after = next;
            }
            other => panic!("a step of retention was expected, not {other:?}"),
        }
        if after.is_none() {
            return done;
        }
    }
}

fn run(harness: &mut Harness, day: u64, keep: Keep) -> Run {
    Run { steps: 0, ..run_with(harness, day, keep, &[]) }
}

fn warned(username: &str, about: WarningAbout) -> Run {
    Run { warned: vec![(username.to_owned(), about)], ..Run::default() }
}

/// Runs retention on days on which it has nothing to do.
fn idle(harness: &mut Harness, days: std::ops::Range<u64>, keep: Keep) {
    for day in days {
        assert_eq!(run(harness, day, keep), Run::default(), "day {day}");
    }
}

/// Sends a mail of an account to itself on a day.
fn mail(harness: &mut Harness, account: AccountId, number: u64, to: &str, day: u64) {
    assert!(is_sent(&harness.run(send_at(day * DAY, account, number, to, "text"))));
}

fn old_mails_are_deleted_after_a_warning_and_seven_whole_days(harness: &mut Harness) {
    let tony = harness.account("tony");
    for (number, day) in [(1, 100), (2, 101), (3, 120)] {
        mail(harness, tony, number, "tony", day);
    }
    idle(harness, 118..122, MAILS);
    let expected = warned("tony", WarningAbout::Mails(1));
    assert_eq!(run(harness, 122, MAILS), expected, "the first will be due in eight days");
    let warning = harness.fetch(tony).remove(3);
    assert_eq!(warning.from.as_str(), "postmaster");
    assert_eq!(warning.to.to_string(), "tony");
    assert_eq!(run(harness, 122, MAILS), Run::default(), "the same day again");
    idle(harness, 123..130, MAILS);
    // The second was not warned of, and is now.
    let expected = Run { mails: 1, ..warned("tony", WarningAbout::Mails(1)) };
    assert_eq!(run(harness, 130, MAILS), expected);
    idle(harness, 131..138, MAILS);
    assert_eq!(run(harness, 138, MAILS), Run { mails: 1, ..Run::default() });
    assert_eq!(harness.fetch(tony).len(), 3, "the third, and two warnings");
}

fn mails_that_nobody_was_warned_of_stay(harness: &mut Harness) {
    let tony = harness.account("tony");
    mail(harness, tony, 1, "tony", 100);
    assert_eq!(run(harness, 500, MAILS), warned("tony", WarningAbout::Mails(1)));
    // Those who take their mails in time lose nothing, and a mail of the postmaster alone is
    // warned of by none.
    let first = harness.fetch(tony).remove(0).reference();
    assert_eq!(harness.confirm(tony, vec![first]), 1);
    idle(harness, 501..550, MAILS);
    mail(harness, tony, 2, "tony", 535);
    idle(harness, 550..557, MAILS);
    assert_eq!(run(harness, 557, MAILS), warned("tony", WarningAbout::Mails(1)));
    idle(harness, 558..565, MAILS);
    assert_eq!(run(harness, 565, MAILS), Run { mails: 2, ..Run::default() });
}

fn a_warning_is_not_about_mails_that_come_after_it(harness: &mut Harness) {
    let short = Keep { mails: Some(2), accounts: None };
    let tony = harness.account("tony");
    mail(harness, tony, 1, "tony", 100);
    assert_eq!(run(harness, 101, short), warned("tony", WarningAbout::Mails(1)));
    mail(harness, tony, 2, "tony", 102);
    idle(harness, 102..109, short);
    let expected = Run { mails: 1, ..warned("tony", WarningAbout::Mails(1)) };
    assert_eq!(run(harness, 109, short), expected);
}

fn a_shorter_bound_deletes_nothing_that_was_not_warned_of(harness: &mut Harness) {
    let tony = harness.account("tony");
    mail(harness, tony, 1, "tony", 100);
    mail(harness, tony, 2, "tony", 110);
    assert_eq!(run(harness, 122, MAILS), warned("tony", WarningAbout::Mails(1)));
    idle(harness, 123..130, MAILS);
    let shorter = Keep { mails: Some(5), accounts: None };
    let expected = Run { mails: 1, ..warned("tony", WarningAbout::Mails(1)) };
    assert_eq!(run(harness, 130, shorter), expected);
}

fn used_on(harness: &mut Harness, account: AccountId, day: u64) {
    let used = harness.run(StoreJob::SetUsed { account, now: Timestamp(day * DAY) });
    assert_eq!(used, StoreDone::Changed);
}

fn unused_accounts_are_deleted_after_a_warning_and_the_postmaster_stays(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    used_on(harness, pepper, 100);
    mail(harness, pepper, 1, "pepper,tony", 100);
    // Nobody knows when Tony was here: it counts from now.
    idle(harness, 110..122, ACCOUNTS);
    assert_eq!(show(harness, "tony").used_at, Some(Timestamp(110 * DAY)));
    assert_eq!(run(harness, 122, ACCOUNTS), warned("pepper", WarningAbout::Account));
    assert_eq!(harness.fetch(pepper).len(), 2);
    idle(harness, 123..130, ACCOUNTS);
    let expected = Run { accounts: vec!["pepper".into()], ..Run::default() };
    assert_eq!(run(harness, 130, ACCOUNTS), expected);
    assert_eq!(harness.run(find("pepper")), StoreDone::Account(None));
    assert_eq!(run(harness, 132, ACCOUNTS), warned("tony", WarningAbout::Account));
    idle(harness, 133..140, ACCOUNTS);
    let expected = Run { accounts: vec!["tony".into()], ..Run::default() };
    assert_eq!(run(harness, 140, ACCOUNTS), expected);
    assert_eq!(harness.run(send_at(1, tony, 9, "tony", "x")), StoreDone::NoAccount);
    idle(harness, 1000..1020, ACCOUNTS);
    show(harness, "postmaster");
    // Accounts that the operator has made count from then.
    assert_eq!(make(harness, &["bruce"]), AdminDone::Created);
    assert_eq!(run(harness, 1020, ACCOUNTS), warned("bruce", WarningAbout::Account));
}

fn a_login_and_an_open_session_take_the_warning_back(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    used_on(harness, tony, 100);
    used_on(harness, pepper, 100);
    let both = run(harness, 123, ACCOUNTS);
    assert_eq!(both.warned.len(), 2);
    used_on(harness, tony, 125);
    idle(harness, 124..131, ACCOUNTS);
    let done = run_with(harness, 131, ACCOUNTS, &[pepper]);
    assert_eq!(Run { steps: 0, ..done }, Run::default());
    assert_eq!(show(harness, "pepper").used_at, Some(Timestamp(131 * DAY)));
    assert_eq!(run(harness, 148, ACCOUNTS), warned("tony", WarningAbout::Account), "anew");
}

fn a_clock_that_jumps_ahead_deletes_nothing_before_seven_days_have_passed(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 100);
    mail(harness, tony, 1, "tony", 100);
    let both = Keep { mails: Some(30), accounts: Some(30) };
    let warnings = run(harness, 123, both).warned.len();
    assert_eq!(warnings, 2);
    // A year ahead is one day, and back is none.
    for day in [488, 124, 490] {
        assert_eq!(run(harness, day, both), Run::default(), "day {day}");
    }
    idle(harness, 491..496, both);
    assert_eq!(run(harness, 496, both).accounts, ["tony"]);
}

fn a_clock_that_goes_to_and_fro_between_two_days_counts_each_once(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 50);
    mail(harness, tony, 1, "tony", 50);
    let both = Keep { mails: Some(30), accounts: Some(30) };
    assert_eq!(run(harness, 100, both).warned.len(), 2);
    for _ in 0..20 {
        idle(harness, 200..201, both);
        idle(harness, 100..101, both);
    }
    idle(harness, 201..207, both);
    assert_eq!(run(harness, 207, both).accounts, ["tony"]);
}

fn a_login_while_the_clock_is_behind_keeps_the_account(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 100);
    used_on(harness, tony, 1);
    // An account that is in use while the clock is behind.
    assert_eq!(run_with(harness, 2, ACCOUNTS, &[tony]).warned, []);
    assert_eq!(show(harness, "tony").used_at, Some(Timestamp(100 * DAY)));
    idle(harness, 110..122, ACCOUNTS);
    assert_eq!(run(harness, 122, ACCOUNTS), warned("tony", WarningAbout::Account));
}

fn a_mail_that_came_while_the_clock_was_behind_is_as_old_as_those_before_it(harness: &mut Harness) {
    let tony = harness.account("tony");
    for (number, day) in [(1, 100), (2, 1)] {
        mail(harness, tony, number, "tony", day);
    }
    idle(harness, 110..122, MAILS);
    assert_eq!(run(harness, 122, MAILS), warned("tony", WarningAbout::Mails(2)));
    idle(harness, 123..130, MAILS);
    assert_eq!(run(harness, 130, MAILS), Run { mails: 2, ..Run::default() });
}

fn a_warning_is_not_about_a_mail_of_a_clock_that_was_set_back_after_it(harness: &mut Harness) {
    let tony = harness.account("tony");
    mail(harness, tony, 1, "tony", 100);
    assert_eq!(run(harness, 122, MAILS), warned("tony", WarningAbout::Mails(1)));
    // Tony takes all that is there, the warning included.
    let mails = harness.fetch(tony).iter().map(Mail::reference).collect();
    assert_eq!(harness.confirm(tony, mails), 2);
    mail(harness, tony, 2, "tony", 1);
    idle(harness, 123..130, MAILS);
    assert_eq!(run(harness, 130, MAILS), warned("tony", WarningAbout::Mails(1)));
    idle(harness, 131..138, MAILS);
    assert_eq!(run(harness, 138, MAILS), Run { mails: 1, ..Run::default() });
}

fn an_account_that_was_disabled_is_warned_anew(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 100);
    mail(harness, tony, 1, "tony", 100);
    let both = Keep { mails: Some(30), accounts: Some(30) };
    assert_eq!(run(harness, 150, both).warned.len(), 2);
    disable(harness, "tony", DisabledMail::Kept);
    idle(harness, 151..200, both);
    let enable = AdminJob::SetState { username: name("tony"), state: AccountState::Enabled };
    assert_eq!(admin(harness, enable), AdminDone::Changed(Some(tony)));
    assert_eq!(run(harness, 200, both).warned.len(), 2);
    idle(harness, 201..208, both);
    assert_eq!(run(harness, 208, both).accounts, ["tony"]);
}

fn without_a_bound_the_warnings_of_its_kind_are_taken_back(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 100);
    mail(harness, tony, 1, "tony", 100);
    let both = Keep { mails: Some(30), accounts: Some(30) };
    assert_eq!(run(harness, 150, both).warned.len(), 2);
    assert_eq!(run(harness, 160, MAILS), Run::default());
    idle(harness, 161..166, MAILS);
    // The account alone is warned of anew.
    assert_eq!(run(harness, 166, both), warned("tony", WarningAbout::Account));
    assert_eq!(run(harness, 167, ACCOUNTS), Run::default());
    assert_eq!(run(harness, 168, both).warned, [("tony".to_owned(), WarningAbout::Mails(1))]);
    idle(harness, 169..173, both);
    assert_eq!(run(harness, 173, both), Run::default());
    assert_eq!(run(harness, 174, both).accounts, ["tony"]);
}

fn disabled_accounts_keep_all(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    for (account, username) in [(tony, "tony"), (pepper, "pepper")] {
        used_on(harness, account, 100);
        mail(harness, account, 1, username, 100);
    }
    disable(harness, "tony", DisabledMail::Kept);
    disable(harness, "pepper", DisabledMail::Refused);
    idle(harness, 500..520, Keep { mails: Some(30), accounts: Some(30) });
    assert_eq!((harness.fetch(tony).len(), harness.fetch(pepper).len()), (1, 1));
}

fn without_bounds_nothing_is_warned_of_and_nothing_is_deleted(harness: &mut Harness) {
    let tony = harness.account("tony");
    mail(harness, tony, 1, "tony", 100);
    idle(harness, 500..520, Keep::default());
    assert_eq!(show(harness, "tony").used_at, None);
    assert_eq!(harness.fetch(tony).len(), 1);
}

fn without_bounds_all_warnings_are_taken_back(harness: &mut Harness) {
    let tony = harness.account("tony");
    used_on(harness, tony, 100);
    mail(harness, tony, 1, "tony", 100);
    let both = Keep { mails: Some(30), accounts: Some(30) };
    assert_eq!(run(harness, 150, both).warned.len(), 2);
    idle(harness, 151..158, both);
    // A clock that is ahead meanwhile pauses nothing.
    idle(harness, 900..901, Keep::default());
    assert_eq!(run(harness, 600, both).warned.len(), 2);
    idle(harness, 601..608, both);
    assert_eq!(run(harness, 608, both).accounts, ["tony"]);
}

fn a_step_deletes_no_more_than_it_may_and_the_next_goes_on(harness: &mut Harness) {
    let tony = harness.account("tony");
    let quota = Some(Quota { mails: 1000, bytes: 1 << 20 });
    admin(harness, AdminJob::SetQuota { username: name("tony"), quota });
    let sends = (0..450).map(|number| send_at(100 * DAY, tony, number, "tony", "text")).collect();
    assert!(harness.run_together(sends).iter().all(is_sent));
    used_on(harness, tony, 100);
    let both = Keep { mails: Some(30), accounts: Some(300) };
    let warnings = run(harness, 200, both);
    assert_eq!(warnings, warned("tony", WarningAbout::Mails(450)));
    idle(harness, 201..208, both);
    let done = run_with(harness, 208, both, &[]);
    assert_eq!(done.mails, 450);
    assert_eq!(harness.fetch(tony).len(), 1);
    // Mails of an account that is deleted go before it, and are counted with them or not.
    let sends = (500..950).map(|number| send_at(100 * DAY, tony, number, "tony", "t")).collect();
    assert!(harness.run_together(sends).iter().all(is_sent));
    assert_eq!(run(harness, 400, ACCOUNTS), warned("tony", WarningAbout::Account));
    idle(harness, 401..408, ACCOUNTS);
    assert_eq!(run(harness, 408, ACCOUNTS).accounts, ["tony"]);
    assert_eq!(harness.run(find("tony")), StoreDone::Account(None));
}

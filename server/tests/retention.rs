//! Tests of retention as the server runs it, in memory and with the test's own clock.

use std::time::Duration;

use correio_proto::message::{ErrorCode, Notice};
use correio_server::{limits::retention::RetentionPolicy, session::SessionConfig};
use correio_testing::{
    request::{login, mail},
    world::{World, session_config},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server whose clients may be silent for years.
fn world(policy: RetentionPolicy) -> World {
    let years = 1000 * DAY;
    let session = SessionConfig { idle_timeout: years, ..session_config() };
    let mut world = World::with(session, 100);
    world.server = world.server.retaining(policy);
    world
}

#[test]
fn an_old_mail_is_deleted_a_week_after_its_recipient_was_told_of_the_warning() {
    let mut world = world(RetentionPolicy { mail_days: Some(30), account_days: None });
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "s"));
    pepper.receive();
    pepper.notices.clear();
    world.pass(21 * DAY);
    pepper.receive();
    assert!(pepper.notices.is_empty());
    world.pass(2 * DAY);
    pepper.receive();
    let is_warning = |notice: &Notice| matches!(notice, Notice::NewMail(mail) if mail.from.as_str() == "postmaster");
    assert!(matches!(&pepper.notices[..], [notice] if is_warning(notice)), "{:?}", pepper.notices);
    world.pass(6 * DAY);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 2);
    world.pass(2 * DAY);
    let mails = pepper.fetch(&mut world).mails;
    assert_eq!(mails.iter().map(|mail| mail.from.as_str()).collect::<Vec<_>>(), ["postmaster"]);
}

#[test]
fn an_account_that_nobody_uses_is_deleted_and_one_with_an_open_session_is_not() {
    let mut world = world(RetentionPolicy { mail_days: None, account_days: Some(30) });
    let (tony, mut pepper) = world.tony_and_pepper();
    let mut tony = tony;
    tony.hang_up(&mut world);
    world.pass(28 * DAY);
    let mut client = world.log_in("pepper");
    assert_eq!(client.fetch(&mut world).mails.len(), 0, "nobody warned her");
    world.pass(10 * DAY);
    assert_eq!(client.ask_refused(&mut world, mail(1, "tony", "s")), ErrorCode::UnknownRecipient);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 0);
    let mut client = world.connect_and_greet();
    assert_eq!(client.ask_refused(&mut world, login("tony", 1)), ErrorCode::BadCredentials);
}

#[test]
fn a_login_after_the_warning_keeps_the_account() {
    let mut world = world(RetentionPolicy { mail_days: None, account_days: Some(30) });
    world.register("tony", "Tony Stark");
    world.pass(25 * DAY);
    let mut tony = world.log_in("tony");
    let mails = tony.fetch(&mut world).mails;
    assert_eq!(mails.iter().map(|mail| mail.from.as_str()).collect::<Vec<_>>(), ["postmaster"]);
    tony.hang_up(&mut world);
    world.pass(20 * DAY);
    world.log_in("tony");
}

#[test]
fn without_the_settings_everything_is_kept() {
    let mut world = world(RetentionPolicy::default());
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "pepper", "s"));
    world.pass(300 * DAY);
    assert_eq!(pepper.fetch(&mut world).mails.len(), 1);
    assert_eq!(tony.fetch(&mut world).mails.len(), 0);
}

//! Tests of answers and readiness that come late, twice or without cause, and of clocks that jump.
//! In memory.

use std::time::Duration;

use correio_proto::{
    mail::{Mail, MailRef, Seq, Timestamp},
    message::{Confirm, ErrorCode, Fetch, Reply, Request},
};
use correio_server::{
    auth::hashing::HashDone,
    engine::connection::Readiness,
    ids::{ConnId, Ticket},
};
use correio_testing::{
    request::{id, login, mail},
    world::World,
};

#[test]
fn an_answer_to_the_login_before_reaches_nobody() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    world.register("pepper", "Pepper Potts");
    let mut client = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("tony", 1));
    world.settle();
    let (first, _) = world.hashing.borrow().jobs[0].clone();
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    client.receive();
    assert!(matches!(client.replies.pop_front(), Some((_, Reply::LoggedIn(_)))));
    assert_eq!(client.ask(&mut world, Request::Logout {}), Reply::LoggedOut {});

    // Somebody else types a wrong password on the same connection; the answer to the first login
    // comes once more, before, meanwhile and after.
    let late = |world: &mut World| {
        world.hashing.borrow_mut().done.push((first, HashDone::Verified(true)));
        world.server.process(world.now).unwrap();
    };
    late(&mut world);
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("pepper", 9));
    world.settle();
    late(&mut world);
    client.receive();
    assert!(client.replies.is_empty(), "{:?}", client.replies);
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    late(&mut world);
    client.receive();
    let (_, reply) = client.replies.pop_front().unwrap();
    assert!(matches!(reply, Reply::Error(error) if error.code == ErrorCode::BadCredentials));
    let fetch = Request::Fetch(Fetch::default());
    assert_eq!(client.ask_refused(&mut world, fetch), ErrorCode::NotAuthenticated);
}

#[test]
fn a_worker_that_failed_is_told_of_and_the_next_login_works() {
    let mut world = World::new();
    world.register("tony", "Tony Stark");
    let mut client = world.connect_and_greet();
    world.hashing.borrow_mut().is_held = true;
    client.begin(&mut world, login("tony", 1));
    world.settle();
    let (ticket, _) = world.hashing.borrow_mut().jobs.pop_front().unwrap();
    world.hashing.borrow_mut().done.push((ticket, HashDone::Failed));
    world.hashing.borrow_mut().is_held = false;
    world.settle();
    client.receive();
    let (_, reply) = client.replies.pop_front().unwrap();
    assert!(matches!(reply, Reply::Error(error) if error.code == ErrorCode::Unavailable));
    assert!(matches!(client.ask(&mut world, login("tony", 1)), Reply::LoggedIn(_)));
}

#[test]
fn readiness_without_a_reason_and_of_the_dead_changes_nothing() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let everything = Readiness { readable: true, writable: true, ended: false };
    let gone = pepper.id;
    pepper.hang_up(&mut world);
    let mut newcomer = world.connect_and_greet();
    assert_eq!(newcomer.id.index, gone.index, "the slot is used again");
    let nowhere = ConnId { index: 12_345, generation: 0 };
    for id in [tony.id, newcomer.id, gone, nowhere, ConnId { index: u32::MAX, ..gone }] {
        for _ in 0..3 {
            world.server.note(id, everything);
        }
        // The end of a former connection ends no other connection.
        if id != tony.id && id != newcomer.id {
            world.server.note(id, Readiness { ended: true, ..everything });
            world.server.abort(id);
        }
        world.settle();
    }
    tony.receive();
    newcomer.receive();
    assert_eq!((tony.replies.len(), newcomer.replies.len()), (0, 0));
    assert_eq!(world.server.len(), 2);
    assert!(!world.server.has_ready(), "nothing spins");
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
    assert_eq!(newcomer.ask(&mut world, Request::Ping {}), Reply::Pong {});
    // An answer for a slot that was never used, or for the former connection of a slot.
    for connection in [nowhere, gone] {
        let ticket = Ticket { connection, serial: 1 };
        world.hashing.borrow_mut().done.push((ticket, HashDone::Verified(true)));
    }
    world.settle();
    newcomer.receive();
    assert!(newcomer.replies.is_empty());
}

#[test]
fn a_clock_that_jumps_moves_no_deadline_and_no_order() {
    const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let start = world.now.wall.0;
    for (number, wall) in [start, start + 10 * YEAR, start - 10 * YEAR, 0].into_iter().enumerate() {
        world.now.wall = Timestamp(wall);
        let sent = tony.ask(&mut world, mail(number as u64, "pepper", "x"));
        assert_eq!(sent, Reply::Sent { sent_at: Timestamp(wall) });
        world.settle();
        assert_eq!(world.server.len(), 2, "nobody is closed by a clock that was set");
    }
    let mails = pepper.fetch(&mut world).mails;
    assert!(mails.iter().map(|mail| mail.id).eq((0..4).map(id)), "the order is that of arrival");
    // The deadlines have not moved.
    world.pass(Duration::from_secs(299));
    assert_eq!(world.server.len(), 2);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.server.len(), 0);
}

#[test]
fn two_devices_delete_only_what_each_confirmed() {
    let mut world = World::new();
    let (mut tony, mut phone) = world.tony_and_pepper();
    let mut laptop = world.log_in("pepper");
    for number in 0..4 {
        tony.ask(&mut world, mail(number, "pepper", "x"));
    }
    // Both devices have fetched all mails; each saves some of them, and some are saved by both.
    let on_phone = phone.fetch(&mut world).mails;
    let on_laptop = laptop.fetch(&mut world).mails;
    assert_eq!((on_phone.len(), &on_phone), (4, &on_laptop));
    tony.ask(&mut world, mail(4, "pepper", "later"));
    let confirm = |mails: &[Mail]| {
        Request::Confirm(Confirm { mails: mails.iter().map(Mail::reference).collect() })
    };
    let deleted = phone.ask(&mut world, confirm(&on_phone[..2]));
    assert_eq!(deleted, Reply::Confirmed { deleted: 2 });
    let deleted = laptop.ask(&mut world, confirm(&on_laptop[1..3]));
    assert_eq!(deleted, Reply::Confirmed { deleted: 1 });
    let left = |page: &[Mail]| page.iter().map(|mail| mail.id).collect::<Vec<_>>();
    assert_eq!(left(&phone.fetch(&mut world).mails), [id(3), id(4)]);
    assert_eq!(left(&laptop.fetch(&mut world).mails), [id(3), id(4)]);
}

#[test]
fn another_s_mail_is_answered_as_one_that_does_not_exist() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    for number in 0..3 {
        tony.ask(&mut world, mail(number, "pepper", "x"));
    }
    let mails = pepper.fetch(&mut world).mails;
    let nothing = MailRef { seq: Seq(1_000_000), id: id(99) };
    // The same request as far as its bytes go: answers differ in nothing but their number.
    let mut answer = |mail: MailRef| {
        let mut thief = world.log_in("tony");
        thief.begin(&mut world, Request::Confirm(Confirm { mails: vec![mail] }));
        world.settle();
        let confirmed = thief.take_bytes();
        for after in [mail.seq, Seq(mail.seq.0.saturating_sub(1))] {
            thief.begin(&mut world, Request::Fetch(Fetch { after, ..Fetch::default() }));
        }
        world.settle();
        (confirmed, thief.take_bytes())
    };
    let expected = answer(nothing);
    assert!(!expected.0.is_empty() && !expected.1.is_empty());
    for theirs in &mails {
        assert_eq!(answer(theirs.reference()), expected);
    }
    assert_eq!(pepper.fetch(&mut world).mails, mails, "and nothing is gone");
}

//! Tests of large contents: upload, sending, reading, and what clients do wrong with them.

use std::{ops::Range, thread, time::Duration};

use correio_proto::{
    capability::CONTENTS,
    limits::{CONTENT_DEFAULT_MAX, PIECE_MAX, PIECE_MIN},
    mail::{Content, Mail, MailRef, Piece, Seq},
    message::{Confirm, ErrorCode, Reply, Request, Upload},
};
use correio_server::{
    engine::ServerLimits,
    limits::throttle::ThrottleConfig,
    session::SessionConfig,
    store::{
        UploadLimits,
        kind::StoreConfig,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    client::Client,
    request::{content, hello, id, large_mail, mail, read, upload},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

use crate::daemon::{Daemon, login};

const PIECE: u64 = PIECE_MAX as u64;

/// Two pieces and a half.
const SIZE: u64 = 2 * PIECE + PIECE / 2;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The parts in which a content of this size is uploaded from `staged` on.
fn parts(staged: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    (staged..size).step_by(PIECE_MAX).map(move |start| start..(start + PIECE).min(size))
}

fn uploaded(staged: u64) -> Reply {
    Reply::Uploaded { staged }
}

/// Uploads a content as a client does that has lost count: it asks how far the upload is first.
fn upload_all(world: &mut World, client: &mut PipeClient, number: u64, size: u64) {
    let Reply::Uploaded { staged } = client.ask(world, upload(number, size, 0..0)) else {
        panic!("it is said how far the upload is");
    };
    for part in parts(staged, size) {
        assert_eq!(client.ask(world, upload(number, size, part.clone())), uploaded(part.end));
    }
}

/// Uploads a content and sends it.
fn send_large(world: &mut World, client: &mut PipeClient, number: u64, to: &str, size: u64) {
    upload_all(world, client, number, size);
    let reply = client.ask(world, large_mail(number, to, size));
    assert!(matches!(reply, Reply::Sent { .. }), "{reply:?}");
}

/// The only mail of a mailbox.
fn only_mail(world: &mut World, client: &mut PipeClient) -> Mail {
    let [mail] = client.fetch(world).mails.try_into().unwrap();
    mail
}

fn piece(world: &mut World, client: &mut PipeClient, mail: MailRef, offset: u64) -> Piece {
    match client.ask(world, read(mail, offset)) {
        Reply::Piece { bytes } => bytes,
        other => panic!("a piece was expected, not {other:?}"),
    }
}

fn read_all(world: &mut World, client: &mut PipeClient, mail: MailRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let piece = piece(world, client, mail, bytes.len() as u64);
        if piece.as_bytes().is_empty() {
            return bytes;
        }
        bytes.extend_from_slice(piece.as_bytes());
    }
}

/// The `staged` of the error `incomplete` that answers this request.
fn missing_after(world: &mut World, client: &mut PipeClient, request: Request) -> u64 {
    match client.ask(world, request) {
        Reply::Error(error) if error.code == ErrorCode::Incomplete => error.staged.unwrap(),
        other => panic!("the error incomplete was expected, not {other:?}"),
    }
}

#[test]
fn the_greeting_states_the_capability_and_its_limits() {
    let mut world = World::new();
    let Reply::Hello(welcome) = world.connect().ask(&mut world, hello()) else {
        panic!("it is greeted");
    };
    assert!(welcome.capabilities.contains(CONTENTS));
    assert_eq!(welcome.limits.content, CONTENT_DEFAULT_MAX);
    assert_eq!(u64::from(welcome.limits.piece), PIECE);
}

#[test]
fn a_large_content_reaches_each_recipient_in_pieces() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    send_large(&mut world, &mut tony, 1, "tony,pepper", SIZE);
    let mail = only_mail(&mut world, &mut pepper);
    let Content::Large(large) = mail.content else { panic!("{mail:?}") };
    assert_eq!((large.size.get(), large.sha256.0), (SIZE, [7; 32]));
    let reference = mail.reference();
    assert_eq!(piece(&mut world, &mut pepper, reference, 0).as_bytes().len(), PIECE_MAX);
    assert_eq!(piece(&mut world, &mut pepper, reference, SIZE - 3).as_bytes().len(), 3);
    assert_eq!(piece(&mut world, &mut pepper, reference, u64::MAX).as_bytes(), b"");
    assert!(read_all(&mut world, &mut pepper, reference) == content(1, 0..SIZE));

    // The content stays until the last recipient has confirmed it.
    let confirm = Request::Confirm(Confirm { mails: vec![reference] });
    assert_eq!(pepper.ask(&mut world, confirm), Reply::Confirmed { deleted: 1 });
    let reference = only_mail(&mut world, &mut tony).reference();
    assert!(read_all(&mut world, &mut tony, reference) == content(1, 0..SIZE));
}

#[test]
fn a_page_has_large_mails_for_clients_that_never_used_the_capability() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    send_large(&mut world, &mut tony, 1, "pepper", SIZE);
    assert!(matches!(tony.ask(&mut world, mail(2, "pepper", "x")), Reply::Sent { .. }));
    let mails = pepper.fetch(&mut world).mails;
    let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [id(1), id(2)]);
}

#[test]
fn an_upload_goes_on_over_another_connection() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    tony.ask(&mut world, upload(1, SIZE, 0..PIECE));
    // The answer to the second piece is lost.
    tony.begin(&mut world, upload(1, SIZE, PIECE..2 * PIECE));
    world.settle();
    tony.hang_up(&mut world);
    let mut tony = world.log_in("tony");
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..0)), uploaded(2 * PIECE));
    // Pieces that are there already change nothing, whatever is in them.
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..PIECE)), uploaded(2 * PIECE));
    let other = Request::Upload(Upload {
        id: id(1),
        size: SIZE.try_into().unwrap(),
        offset: 0,
        bytes: [0xff; 1000][..].try_into().unwrap(),
    });
    assert_eq!(tony.ask(&mut world, other), uploaded(2 * PIECE));
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, SIZE - PIECE..SIZE)), uploaded(SIZE));
    send_large(&mut world, &mut tony, 1, "pepper", SIZE);
    let reference = only_mail(&mut world, &mut pepper).reference();
    assert!(read_all(&mut world, &mut pepper, reference) == content(1, 0..SIZE));
}

#[test]
fn a_piece_at_a_wrong_offset_is_told_where_to_go_on() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    assert_eq!(missing_after(&mut world, &mut tony, upload(1, SIZE, 5..9)), 0);
    tony.ask(&mut world, upload(1, SIZE, 0..5));
    assert_eq!(missing_after(&mut world, &mut tony, upload(1, SIZE, 6..9)), 5);
    assert_eq!(missing_after(&mut world, &mut tony, upload(1, SIZE, SIZE..SIZE)), 5);
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 5..9)), uploaded(9));
}

#[test]
fn a_content_that_is_not_as_announced_is_a_conflict() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    tony.ask(&mut world, upload(1, 100, 0..50));
    for wrong in [
        upload(1, 101, 50..60),
        upload(1, 99, 0..10),
        upload(1, 100, 50..101),
        upload(1, 100, 101..101),
        upload(2, 100, 0..101),
        large_mail(1, "tony", 99),
    ] {
        // The mail's upload is there, with another size.
        assert_eq!(tony.ask_refused(&mut world, wrong), ErrorCode::Conflict);
    }
    upload_all(&mut world, &mut tony, 1, 100);
    assert!(matches!(tony.ask(&mut world, large_mail(1, "tony", 100)), Reply::Sent { .. }));
}

#[test]
fn a_content_above_the_limit_is_refused_before_its_first_piece() {
    let session = SessionConfig { content_max: 1000, ..session_config() };
    let mut world = World::with(session, 10);
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    assert_eq!(tony.ask_refused(&mut world, upload(1, 1001, 0..10)), ErrorCode::TooLarge);
    assert_eq!(tony.ask_refused(&mut world, large_mail(1, "tony", 1001)), ErrorCode::TooLarge);
    send_large(&mut world, &mut tony, 1, "tony", 1000);
}

#[test]
fn a_piece_before_the_content_s_end_is_worth_its_sync() {
    const MIN: u64 = PIECE_MIN as u64;
    let session = SessionConfig { piece_min: PIECE_MIN, ..session_config() };
    let mut world = World::with(session, 10);
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    let size = 2 * MIN + 1;
    for short in [0..1, 0..MIN - 1, 5..MIN] {
        let short = upload(1, size, short);
        assert_eq!(tony.ask_refused(&mut world, short), ErrorCode::Invalid);
    }
    assert_eq!(tony.ask(&mut world, upload(1, size, 0..0)), uploaded(0));
    assert_eq!(tony.ask(&mut world, upload(1, size, 0..MIN)), uploaded(MIN));
    assert_eq!(tony.ask(&mut world, upload(1, size, MIN..2 * MIN)), uploaded(2 * MIN));
    assert_eq!(tony.ask(&mut world, upload(1, size, 2 * MIN..size)), uploaded(size));
    // A small content is one piece.
    assert_eq!(tony.ask(&mut world, upload(2, 1, 0..1)), uploaded(1));
}

#[test]
fn a_frame_has_room_for_a_piece_and_little_more() {
    let session = SessionConfig { body_max: 1000, ..session_config() };
    let mut world = World::with(session, 10);
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..PIECE)), uploaded(PIECE));
    // A length of the header, above the limit.
    let over = u32::try_from(PIECE + 8192 + 1).unwrap();
    tony.write(&mut world, &over.to_be_bytes());
    world.settle();
    tony.receive();
    let (number, Reply::Error(error)) = tony.replies.pop_front().unwrap() else {
        panic!("an error was expected");
    };
    assert_eq!((number, error.code), (0, ErrorCode::TooLarge));
    assert!(tony.is_closed());
}

#[test]
fn a_mail_needs_its_whole_upload_and_is_not_charged_before() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 1, failed_logins: 0 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let limits = ServerLimits { throttle, ..limits_of(10) };
    let mut world = World::limited(limits, session_config(), Box::new(store));
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    for staged in [0, 10, SIZE - 1] {
        for part in parts(0, staged) {
            tony.ask(&mut world, upload(1, SIZE, part));
        }
        let missing = missing_after(&mut world, &mut tony, large_mail(1, "tony", SIZE));
        assert_eq!(missing, staged);
    }
    send_large(&mut world, &mut tony, 1, "tony", SIZE);
    upload_all(&mut world, &mut tony, 2, SIZE);
    let second = large_mail(2, "tony", SIZE);
    assert_eq!(tony.ask_refused(&mut world, second), ErrorCode::RateLimited);
}

#[test]
fn a_lost_answer_costs_no_second_upload_and_makes_no_second_mail() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    upload_all(&mut world, &mut tony, 1, SIZE);
    let first = tony.ask(&mut world, large_mail(1, "pepper", SIZE));
    assert!(matches!(first, Reply::Sent { .. }), "{first:?}");
    world.pass(Duration::from_secs(10));
    assert_eq!(tony.ask(&mut world, large_mail(1, "pepper", SIZE)), first);
    // Who has lost count is told that all is there.
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..0)), uploaded(SIZE));
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..PIECE)), uploaded(SIZE));
    assert_eq!(tony.ask(&mut world, large_mail(1, "pepper", SIZE)), first);
    let other = large_mail(1, "tony", SIZE);
    assert_eq!(tony.ask_refused(&mut world, other), ErrorCode::Conflict);
    only_mail(&mut world, &mut pepper);
}

#[test]
fn a_refused_mail_leaves_its_upload_for_another_try() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    upload_all(&mut world, &mut tony, 1, SIZE);
    let unknown = large_mail(1, "pepper,nobody", SIZE);
    assert_eq!(tony.ask_refused(&mut world, unknown), ErrorCode::UnknownRecipient);
    assert!(pepper.fetch(&mut world).mails.is_empty());
    assert!(matches!(tony.ask(&mut world, large_mail(1, "pepper", SIZE)), Reply::Sent { .. }));
}

#[test]
fn another_account_s_upload_and_content_are_as_if_they_did_not_exist() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    upload_all(&mut world, &mut tony, 1, SIZE);
    assert_eq!(pepper.ask(&mut world, upload(1, SIZE, 0..0)), uploaded(0));
    let theirs = large_mail(1, "pepper", SIZE);
    assert_eq!(missing_after(&mut world, &mut pepper, theirs), 0);
    assert_eq!(pepper.ask(&mut world, upload(1, 10, 0..10)), uploaded(10));
    assert!(matches!(tony.ask(&mut world, large_mail(1, "tony", SIZE)), Reply::Sent { .. }));
    let reference = only_mail(&mut world, &mut tony).reference();
    let mut answer = |mail| pepper.ask(&mut world, read(mail, 0));
    let theirs = answer(reference);
    assert!(matches!(&theirs, Reply::Error(error) if error.code == ErrorCode::NoSuchMail));
    assert_eq!(theirs, answer(MailRef { seq: Seq(99), id: id(99) }));
}

#[test]
fn a_mail_with_a_body_has_no_pieces() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    tony.ask(&mut world, mail(1, "tony", "x"));
    let reference = only_mail(&mut world, &mut tony).reference();
    assert_eq!(tony.ask_refused(&mut world, read(reference, 0)), ErrorCode::NoSuchMail);
}

#[test]
fn a_piece_of_a_mail_that_was_confirmed_meanwhile_is_gone() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    send_large(&mut world, &mut tony, 1, "tony", SIZE);
    let reference = only_mail(&mut world, &mut tony).reference();
    assert_eq!(piece(&mut world, &mut tony, reference, 0).as_bytes().len(), PIECE_MAX);
    let mut phone = world.log_in("tony");
    let confirm = Request::Confirm(Confirm { mails: vec![reference] });
    assert_eq!(phone.ask(&mut world, confirm), Reply::Confirmed { deleted: 1 });
    let next = read(reference, PIECE);
    assert_eq!(tony.ask_refused(&mut world, next), ErrorCode::NoSuchMail);
}

#[test]
fn an_upload_is_forgotten_a_day_after_its_last_piece() {
    let mut world = World::new();
    let (tony, mut pepper) = world.tony_and_pepper();
    drop(tony);
    let mut tony = world.log_in("tony");
    tony.ask(&mut world, upload(1, SIZE, 0..10));
    world.pass(23 * HOUR);
    let mut tony = world.log_in("tony");
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 10..20)), uploaded(20));
    world.pass(23 * HOUR);
    let mut tony = world.log_in("tony");
    assert_eq!(tony.ask(&mut world, upload(1, SIZE, 0..0)), uploaded(20));
    // The empty piece is none: it keeps nothing.
    world.pass(3 * HOUR);
    let mut tony = world.log_in("tony");
    assert_eq!(missing_after(&mut world, &mut tony, upload(1, SIZE, 20..30)), 0);
    assert_eq!(missing_after(&mut world, &mut tony, large_mail(1, "pepper", SIZE)), 0);
    send_large(&mut world, &mut tony, 1, "pepper", SIZE);
    pepper.hang_up(&mut world);
    let mut pepper = world.log_in("pepper");
    let reference = only_mail(&mut world, &mut pepper).reference();
    assert!(read_all(&mut world, &mut pepper, reference) == content(1, 0..SIZE));
}

#[test]
fn uploads_that_were_interrupted_make_room_a_minute_later() {
    let uploads = UploadLimits { uploads: 2, account_bytes: 1000, bytes: 1500, content: 500 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits { uploads, ..MemoryLimits::default() });
    let mut world = World::with_store(session_config(), 10, Box::new(store));
    let (mut tony, _pepper) = world.tony_and_pepper();
    for number in [1, 2] {
        assert_eq!(tony.ask(&mut world, upload(number, 500, 0..10)), uploaded(10));
    }
    let Reply::Error(error) = tony.ask(&mut world, upload(3, 500, 0..10)) else {
        panic!("both go on");
    };
    let seconds = error.retry_after.unwrap();
    world.pass(Duration::from_secs(u64::from(seconds) + 1));
    let mut tony = world.log_in("tony");
    send_large(&mut world, &mut tony, 3, "tony", 500);
    // The client of the displaced upload begins again, and so does its mail.
    assert_eq!(missing_after(&mut world, &mut tony, upload(1, 500, 10..20)), 0);
    assert_eq!(tony.ask(&mut world, upload(2, 500, 10..20)), uploaded(20));
    send_large(&mut world, &mut tony, 1, "tony", 500);
}

#[test]
fn uploads_for_which_there_is_no_room_are_told_when_to_come_back() {
    let uploads = UploadLimits { uploads: 2, account_bytes: 1000, bytes: 1500, content: 500 };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits { uploads, ..MemoryLimits::default() });
    let mut world = World::with_store(session_config(), 10, Box::new(store));
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let full = |world: &mut World, client: &mut PipeClient, request| {
        let Reply::Error(error) = client.ask(world, request) else { panic!("it is full") };
        assert_eq!((error.code, error.retry_after), (ErrorCode::Busy, Some(60)));
    };
    tony.ask(&mut world, upload(1, 500, 0..1));
    full(&mut world, &mut tony, upload(2, 501, 0..1));
    tony.ask(&mut world, upload(2, 400, 0..1));
    full(&mut world, &mut tony, upload(3, 10, 0..1));
    full(&mut world, &mut pepper, upload(1, 601, 0..1));
    assert_eq!(pepper.ask(&mut world, upload(1, 600, 0..1)), uploaded(1));
    // An upload that was started goes on, and its mail makes room.
    send_large(&mut world, &mut tony, 2, "tony", 400);
    assert_eq!(tony.ask(&mut world, upload(3, 10, 0..1)), uploaded(1));
}

#[test]
fn who_takes_no_pieces_is_not_listened_to_and_holds_one() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    send_large(&mut world, &mut tony, 1, "pepper", SIZE);
    let reference = only_mail(&mut world, &mut pepper).reference();
    pepper.set_window(&mut world, 0);
    for _ in 0..1000 {
        pepper.begin(&mut world, read(reference, 0));
    }
    world.settle();
    assert_eq!(pepper.unread(), 0);
    assert!(pepper.unwritten() > 10_000, "{}", pepper.unwritten());
    let held: usize = world.server.held().map(|(_, held)| held.output).sum();
    assert!((PIECE_MAX..PIECE_MAX + 1000).contains(&held), "{held}");
    assert_eq!(tony.ask(&mut world, Request::Ping {}), Reply::Pong {});
}

#[test]
fn pieces_that_nobody_takes_share_the_budget_of_replies() {
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let limits = ServerLimits { output_max: PIECE_MAX + 1000, ..limits_of(100) };
    let mut world = World::limited(limits, session_config(), Box::new(store));
    world.register("tony", "Tony Stark");
    let mut tony = world.log_in("tony");
    send_large(&mut world, &mut tony, 1, "tony", SIZE);
    let reference = only_mail(&mut world, &mut tony).reference();
    let mut deaf: Vec<_> = (0..2).map(|_| world.log_in("tony")).collect();
    for reader in &mut deaf {
        reader.set_window(&mut world, 100);
        reader.begin(&mut world, read(reference, 0));
        world.settle();
    }
    assert_eq!(world.server.len(), 2, "the second has no room");
    assert!(read_all(&mut world, &mut tony, reference) == content(1, 0..SIZE));
}

#[test]
fn pieces_that_never_end_share_the_budget_of_frames() {
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let limits = ServerLimits { input_max: 300 << 10, ..limits_of(100) };
    let mut world = World::limited(limits, session_config(), Box::new(store));
    world.register("tony", "Tony Stark");
    let mut frame = Vec::new();
    let message =
        correio_proto::message::ClientMessage { number: 1, request: upload(1, SIZE, 0..PIECE) };
    correio_proto::frame::encode(&message, &mut frame).unwrap();
    let mut senders: Vec<_> = (0..2).map(|_| world.log_in("tony")).collect();
    for sender in &mut senders {
        sender.write(&mut world, &frame[..frame.len() - 1]);
        world.settle();
        sender.receive();
    }
    assert!(!senders[0].is_closed() && senders[1].is_closed());
    let (number, Reply::Error(error)) = senders[1].replies.pop_front().unwrap() else {
        panic!("an error was expected");
    };
    assert_eq!((number, error.code, error.retry_after), (0, ErrorCode::Busy, Some(10)));
    senders[0].write(&mut world, &frame[frame.len() - 1..]);
    world.settle();
    senders[0].receive();
    assert_eq!(senders[0].replies.pop_front(), Some((1, uploaded(PIECE))));
}

#[test]
fn a_flood_of_pieces_leaves_time_for_the_others() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let size = 40 * PIECE;
    for part in parts(0, size) {
        tony.begin(&mut world, upload(1, size, part));
    }
    world.server.process(world.now).unwrap();
    world.server.process(world.now).unwrap();
    tony.receive();
    assert!(tony.replies.len() < 10, "{} pieces were taken at once", tony.replies.len());
    world.settle();
    tony.receive();
    assert_eq!(tony.replies.pop_back().map(|(_, reply)| reply), Some(uploaded(size)));
    tony.replies.clear();

    assert!(matches!(tony.ask(&mut world, large_mail(1, "tony", size)), Reply::Sent { .. }));
    let reference = only_mail(&mut world, &mut tony).reference();
    for _ in 0..100 {
        tony.begin(&mut world, read(reference, 0));
    }
    pepper.begin(&mut world, Request::Ping {});
    world.server.process(world.now).unwrap();
    world.server.process(world.now).unwrap();
    pepper.receive();
    assert_eq!(pepper.replies.len(), 1);
    tony.receive();
    assert!(tony.replies.len() < 10, "{} pieces were given at once", tony.replies.len());
    world.settle();
    tony.receive();
    assert_eq!(tony.replies.len(), 100);
}

/// Uploads over a socket, piece by piece of this length, whatever another session does meanwhile.
fn upload_beside_others(client: &mut Client, number: u64, size: u64, length: u64) {
    let mut staged = 0;
    while staged < size {
        let part = staged..(staged + length).min(size);
        match client.ask(upload(number, size, part.clone())) {
            Reply::Uploaded { staged: now } if now >= part.end => staged = now,
            other => panic!("{part:?}: {other:?}"),
        }
    }
}

/// Reads a content of this size over a socket.
fn read_over(client: &mut Client, mail: MailRef, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        match client.ask(read(mail, bytes.len() as u64)) {
            Reply::Piece { bytes: piece } => bytes.extend_from_slice(piece.as_bytes()),
            other => panic!("a piece was expected, not {other:?}"),
        }
    }
    bytes
}

#[test]
fn two_sessions_that_upload_the_same_content_at_once_make_one_mail() {
    for store in StoreConfig::LOCAL {
        let directory = tempfile::tempdir().unwrap();
        upload_at_once(&Daemon::start(directory.path(), &["--store", store.kind().name()]));
    }
}

fn upload_at_once(daemon: &Daemon) {
    const SIZE: u64 = 3 << 20;
    let mut laptop = daemon.session("tony");
    let mut phone = daemon.client();
    assert!(matches!(phone.ask(login("tony")), Reply::LoggedIn(_)));
    let sent: Vec<Reply> = thread::scope(|scope| {
        let both = [(&mut laptop, PIECE), (&mut phone, 100_000)];
        let running = both.map(|(client, length)| {
            scope.spawn(move || {
                upload_beside_others(client, 1, SIZE, length);
                client.ask(large_mail(1, "tony", SIZE))
            })
        });
        running.into_iter().map(|session| session.join().unwrap()).collect()
    });
    assert!(matches!(sent[0], Reply::Sent { .. }), "{sent:?}");
    assert_eq!(sent[0], sent[1]);
    let [mail] = laptop.fetch().mails.try_into().unwrap();
    let bytes = read_over(&mut laptop, mail.reference(), SIZE);
    assert!(bytes == content(1, 0..SIZE));
}

#[test]
fn an_upload_outlasts_a_restart_and_so_does_its_mail() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    assert_eq!(tony.ask(upload(1, SIZE, 0..PIECE)), uploaded(PIECE));
    let log_in = |daemon: &Daemon| {
        let mut tony = daemon.client();
        assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
        tony
    };
    // Killed: what was answered is durable.
    drop(daemon);
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = log_in(&daemon);
    assert_eq!(tony.ask(upload(1, SIZE, 0..0)), uploaded(PIECE));
    for part in parts(PIECE, SIZE) {
        tony.ask(upload(1, SIZE, part));
    }
    assert!(matches!(tony.ask(large_mail(1, "tony", SIZE)), Reply::Sent { .. }));
    drop(daemon);
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = log_in(&daemon);
    let [mail] = tony.fetch().mails.try_into().unwrap();
    assert!(read_over(&mut tony, mail.reference(), SIZE) == content(1, 0..SIZE));
}

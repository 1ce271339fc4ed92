//! Tests of lists as clients see them: requests, refusals, notices, and what a mail to a list
//! counts for.

use std::time::Duration;

use correio_proto::{
    capability::LISTS,
    mail::{FullName, Username},
    message::{
        ErrorCode, ErrorReply, ListChange, ListRequest, Notice, Reply, Request, Role, SendPolicy,
    },
};
use correio_server::{
    engine::ServerLimits,
    limits::throttle::ThrottleConfig,
    session::{ListCreation, SessionConfig},
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    request::{hello, mail, register},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

fn change(list: &str, change: ListChange) -> Request {
    Request::List(ListRequest::Change { name: list.parse().unwrap(), change })
}

fn create(list: &str, senders: SendPolicy) -> Request {
    let title: FullName = "Turma de Redes".parse().unwrap();
    change(list, ListChange::Create { title, senders })
}

fn add(list: &str, members: &str) -> Request {
    let (members, role) = (members.parse().unwrap(), Role::Member {});
    change(list, ListChange::Add { members, role })
}

fn members(list: &str) -> Request {
    Request::List(ListRequest::Members { name: list.parse().unwrap(), after: None })
}

fn refused(reply: Reply) -> ErrorReply {
    match reply {
        Reply::Error(error) => error,
        other => panic!("an error was expected, not {other:?}"),
    }
}

/// Tony's list `turma`, with Pepper.
fn turma(world: &mut World) -> (PipeClient, PipeClient) {
    let (mut tony, pepper) = world.tony_and_pepper();
    for request in [create("turma", SendPolicy::Members {}), add("turma", "pepper")] {
        assert_eq!(tony.ask(world, request), Reply::ListChanged {});
    }
    (tony, pepper)
}

#[test]
fn a_mail_to_a_list_is_told_to_its_members_and_shows_the_list() {
    let mut world = World::new();
    let (mut tony, mut pepper) = turma(&mut world);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "Aula")), Reply::Sent { .. }));
    world.settle();
    for client in [&mut tony, &mut pepper] {
        client.receive();
        assert!(matches!(client.notices[..], [Notice::NewMail(_)]), "{:?}", client.notices);
        let page = client.fetch(&mut world);
        assert_eq!((page.mails.len(), page.mails[0].to.to_string()), (1, "turma".to_owned()));
    }
}

#[test]
fn the_server_names_the_capability_and_shows_lists_and_members() {
    let mut world = World::new();
    let Reply::Hello(welcome) = world.connect().ask(&mut world, hello()) else {
        panic!("a greeting was expected");
    };
    assert!(welcome.capabilities.contains(LISTS));
    let (mut tony, mut pepper) = turma(&mut world);
    let Reply::Members(page) = tony.ask(&mut world, members("turma")) else {
        panic!("members were expected");
    };
    let names: Vec<_> = page.members.iter().map(|member| member.username.as_str()).collect();
    assert_eq!((names, page.more), (vec!["pepper", "tony"], false));
    let Reply::Lists { lists } = pepper.ask(&mut world, Request::List(ListRequest::Mine {})) else {
        panic!("lists were expected");
    };
    let names: Vec<_> = lists.iter().map(|list| list.name.as_str()).collect();
    assert_eq!(names, ["everybody", "turma"]);
}

/// Each refusal has its code, and a text that says why.
#[test]
fn refusals_about_lists_say_why() {
    let mut world = World::new();
    let (mut tony, mut pepper) = turma(&mut world);
    world.register("steve", "Steve Rogers");
    let mut steve = world.log_in("steve");
    let leave = |who: &str| ListChange::Remove { members: who.parse().unwrap() };
    let cases = [
        (0_usize, add("turma", "turma"), ErrorCode::UnknownRecipient, "no member of a list"),
        (0, add("nada", "pepper"), ErrorCode::NoSuchList, "no such list"),
        (0, change("turma", leave("tony")), ErrorCode::NotAllowed, "no owner"),
        (1, add("turma", "steve"), ErrorCode::NotAllowed, "only an owner"),
        (1, create("turma", SendPolicy::Members {}), ErrorCode::UsernameTaken, "taken"),
        (2, add("turma", "steve"), ErrorCode::NoSuchList, "no such list"),
        (2, members("turma"), ErrorCode::NoSuchList, "no such list"),
        (2, members("everybody"), ErrorCode::NotAllowed, "only an owner"),
        (2, mail(1, "turma,tony", "x"), ErrorCode::MayNotSend, "nobody got the mail"),
        (2, mail(1, "everybody", "x"), ErrorCode::MayNotSend, "nobody got the mail"),
    ];
    let clients = [&mut tony, &mut pepper, &mut steve];
    for (client, request, code, text) in cases {
        let error = refused(clients[client].ask(&mut world, request.clone()));
        assert_eq!(error.code, code, "{request:?}");
        assert!(error.text.contains(text), "{request:?}: {}", error.text);
    }
    let error = refused(steve.ask(&mut world, mail(1, "turma,tony", "x")));
    assert_eq!(error.recipients, ["turma".parse::<Username>().unwrap()]);
    assert_eq!(tony.fetch(&mut world).mails, []);
    let mut other = world.connect_and_greet();
    let taken = other.ask_refused(&mut world, register("turma", "Turma", 3));
    assert_eq!(taken, ErrorCode::UsernameTaken);
}

#[test]
fn a_server_may_let_nobody_make_lists_and_those_that_exist_go_on() {
    let mut world =
        World::with(SessionConfig { lists: ListCreation::Off, ..session_config() }, 100);
    let (mut tony, _) = world.tony_and_pepper();
    let error = refused(tony.ask(&mut world, create("turma", SendPolicy::Members {})));
    assert_eq!(error.code, ErrorCode::NotAllowed);
    assert!(error.text.contains("nobody make lists"), "{}", error.text);
    // Other requests are answered by the store.
    assert_eq!(tony.ask_refused(&mut world, add("turma", "pepper")), ErrorCode::NoSuchList);
    let mine = tony.ask(&mut world, Request::List(ListRequest::Mine {}));
    assert!(matches!(mine, Reply::Lists { .. }), "{mine:?}");
}

/// A list is deleted while a mail to it is on its way: whichever comes first, the mail reaches all
/// members or nobody.
#[test]
fn a_list_that_is_deleted_while_a_mail_is_sent_gets_it_whole_or_not_at_all() {
    for is_deleted_first in [true, false] {
        let mut world = World::new();
        let (mut tony, mut pepper) = turma(&mut world);
        let delete = change("turma", ListChange::Delete {});
        match is_deleted_first {
            true => {
                tony.begin(&mut world, delete);
                pepper.begin(&mut world, mail(1, "turma,pepper", "x"));
            }
            false => {
                pepper.begin(&mut world, mail(1, "turma,pepper", "x"));
                tony.begin(&mut world, delete);
            }
        }
        world.settle();
        pepper.receive();
        tony.receive();
        tony.replies.clear();
        let (_, reply) = pepper.replies.pop_back().unwrap();
        let expected = match reply {
            Reply::Sent { .. } => 1,
            Reply::Error(error) => {
                assert_eq!(error.code, ErrorCode::UnknownRecipient);
                assert_eq!(error.recipients, ["turma".parse::<Username>().unwrap()]);
                0
            }
            other => panic!("{other:?}"),
        };
        for client in [&mut tony, &mut pepper] {
            assert_eq!(client.fetch(&mut world).mails.len(), expected);
        }
    }
}

/// A server with this many mails in an hour for each account, and a list of Tony's with 20 members.
fn throttled(mails_per_hour: u32) -> (World, PipeClient) {
    let throttle = ThrottleConfig { mails_per_hour, ..limits_of(100).throttle };
    let limits = ServerLimits { throttle, ..limits_of(100) };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut world = World::limited(limits, session_config(), Box::new(store));
    let (mut tony, _) = turma(&mut world);
    let names: Vec<_> = (0..18).map(|number| format!("user{number}")).collect();
    for name in &names {
        world.register(name, "Peter Parker");
    }
    assert_eq!(tony.ask(&mut world, add("turma", &names.join(","))), Reply::ListChanged {});
    (world, tony)
}

#[test]
fn a_mail_to_a_list_counts_for_each_member() {
    let (mut world, mut tony) = throttled(30);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    // Ten are left of thirty, and a refused or repeated mail takes none of them.
    tony.ask_refused(&mut world, mail(2, "turma,nobody", "x"));
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    for number in 3..13 {
        let sent = tony.ask(&mut world, mail(number, "pepper", "x"));
        assert!(matches!(sent, Reply::Sent { .. }), "{number}: {sent:?}");
    }
    let error = refused(tony.ask(&mut world, mail(13, "pepper", "x")));
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(120)));
}

/// A list with more members than an account may reach in an hour can be used, at the price of an
/// hour.
#[test]
fn a_list_above_the_hour_s_number_can_be_used_and_costs_an_hour() {
    let (mut world, mut tony) = throttled(6);
    assert!(matches!(tony.ask(&mut world, mail(1, "turma", "x")), Reply::Sent { .. }));
    let error = refused(tony.ask(&mut world, mail(2, "pepper", "x")));
    assert_eq!(error.code, ErrorCode::RateLimited);
    let wait = error.retry_after.unwrap();
    assert!((600..=3600 + 600).contains(&wait), "{wait}");
    world.pass(Duration::from_secs(wait.into()));
    let mut tony = world.log_in("tony");
    assert!(matches!(tony.ask(&mut world, mail(2, "pepper", "x")), Reply::Sent { .. }));
}

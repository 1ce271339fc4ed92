//! Tests of `correio find`: people in the server's directory.

use correio_client::{
    Cancel, ConnectOptions, NewAccount, RequestError, Service, Trust, new_mail_id,
};
use correio_proto::message::ErrorCode;
use correio_testing::served::RunningServer;
use serde_json::json;

use crate::support::{Setup, finish, password};

const PEOPLE: &[(&str, &str)] =
    &[("tony", "Tony Stark"), ("pepper", "Virgínia Potts"), ("loki", "Tony <tony>\u{202e}")];

#[test]
fn people_are_found_by_a_part_of_a_name_and_shown_harmlessly() {
    let setup = Setup::of(PEOPLE);
    let find = |text: &str| {
        let done = setup.run("tony", &["find", text], "");
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{text}");
        done.out
    };
    assert_eq!(find("VIRGINIA"), "Virgínia Potts <pepper>\n");
    assert_eq!(find("to"), "Tony Stark <tony>\n\"Tony <tony>\\u{202e}\" <loki>\n");
    assert_eq!(find("-"), "O catálogo não encontra ninguém com esse texto.\n");
    let english = setup.run("tony", &["--lang", "en", "find", "banner"], "");
    assert_eq!(english.out, "The directory finds nobody by this text.\n");
}

#[test]
fn somebody_with_the_name_of_a_person_of_the_address_book_is_marked() {
    let setup = Setup::of(&[
        ("tony", "Tony Stark"),
        ("pepper", "Pepper Potts"),
        ("loki", "P\u{435}pper Potts"),
    ]);
    setup.deliver("pepper", "tony", &[("Oi", "x")]);
    setup.deliver("loki", "tony", &[("Oi", "x"), ("De novo", "x")]);
    setup.received();
    assert_eq!(setup.run("tony", &["nickname", "chefe", "pepper"], "").status, 0);
    let found = setup.run("tony", &["find", "potts"], "").out;
    assert_eq!(found, "P\u{435}pper Potts <loki> (desconhecido)\nPepper Potts <pepper>\n");
}

#[test]
fn the_answer_as_json_has_the_names_and_whether_there_are_more() {
    let setup = Setup::of(PEOPLE);
    let found = setup.run("pepper", &["--json", "find", "stark"], "").json();
    let tony = json!({ "username": "tony", "full_name": "Tony Stark" });
    assert_eq!(found, json!({ "people": [tony], "more": false }));
    let nobody = setup.run("pepper", &["--json", "find", "banner"], "").json();
    assert_eq!(nobody, json!({ "people": [], "more": false }));
}

#[test]
fn a_text_that_no_name_has_is_refused_before_anything_is_sent() {
    let mut setup = Setup::of(&[]);
    setup.stop();
    for text in ["", " ", "a\nb", &"x".repeat(101)] {
        let done = setup.run("tony", &["--json", "find", text], "");
        assert_eq!(done.status, 65, "{text:?}: {done:?}");
        assert_eq!(done.json()["error"]["code"], "invalid", "{text:?}");
    }
}

#[test]
fn too_many_calls_are_told_to_come_back() {
    let setup = Setup::of(PEOPLE);
    let (service, cancel) = (setup.connect(), Cancel::new());
    service.login(&"tony".parse().unwrap(), &password(), &cancel).unwrap();
    let query = "pepper".parse().unwrap();
    let refused = (0..200).find_map(|_| service.find(&query, &cancel).err());
    let Some(RequestError::Refused(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.code, ErrorCode::RateLimited);
    let done = setup.run("tony", &["--json", "find", "pepper"], "");
    assert_eq!((done.status, &done.json()["error"]["code"]), (75, &json!("rate_limited")));
}

#[test]
fn a_server_without_a_directory_is_said_to_have_none() {
    let running = RunningServer::without_directory();
    let setup = Setup::of(&[]);
    let options = ConnectOptions { trust: Trust::Plaintext, ..ConnectOptions::default() };
    let cancel = Cancel::new();
    let server = running.address.to_string();
    let service = Service::connect(&server.parse().unwrap(), &options, &cancel).unwrap();
    let registration = NewAccount {
        id: new_mail_id(),
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        password: password(),
        invite: None,
    };
    service.register(&registration, &cancel).unwrap();
    service.login(&registration.username, &password(), &cancel).unwrap();
    let refused = service.find(&"tony".parse().unwrap(), &cancel);
    let Err(RequestError::Refused(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.code, ErrorCode::NotAllowed);

    let account = ["--plaintext", "--server", &server, "--user", "tony", "--password-stdin"];
    for (lang, says) in [("pt", "não mostra catálogo"), ("en", "shows no directory")] {
        let find = [&account[..], &["--lang", lang, "find", "tony"]].concat();
        let done = finish(setup.program(&find), "jarvis-is-here\n");
        assert_eq!(done.status, 77, "{done:?}");
        assert!(done.err.contains(says), "{done:?}");
    }
    let json = [&account[..], &["--json", "find", "tony"]].concat();
    let done = finish(setup.program(&json), "jarvis-is-here\n");
    assert_eq!(done.json()["error"]["code"], "no_directory");
}

//! Tests of `correio status`, and of the warning that a mailbox is nearly full.

use correio_testing::admin_jobs::set_quota;
use serde_json::json;

use crate::support::{
    PASSWORD, Setup, finish, older_server,
    screen::{HOME, Start, has_terminal},
};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

const WARNING: &str = "The mailbox on the server is";

#[test]
fn a_status_shows_the_server_the_account_and_the_mail_here_and_there() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    setup.received();
    setup.run("tony", &["read", "1"], "");
    setup.run("tony", &["send", "--to", "pepper", "--subject", "Oi", "--body", "x"], "");
    setup.deliver("pepper", "tony", &[("Três", "abc")]);
    let status = setup.run("tony", &["--json", "status"], "").json();
    assert_eq!(status["server"], setup.address.to_string());
    assert_eq!((&status["username"], &status["waiting"]), (&json!("tony"), &json!(1)));
    assert_eq!(status["local"], json!({ "received": 2, "unread": 1, "sent": 1, "drafts": 0 }));
    let usage = &status["usage"];
    assert_eq!((&usage["mails"], &usage["mails_max"]), (&json!(1), &json!(10_000)));
    assert_eq!((&usage["percent"], &usage["nearly_full"]), (&json!(0), &json!(false)));
    let fingerprint = setup.fingerprint().to_string();
    assert_eq!(status["trust"], json!({ "by": "fingerprint", "fingerprint": fingerprint }));
    assert!(status["capabilities"].as_array().unwrap().contains(&json!("recover")), "{status}");
    for (lang, lines) in [
        (
            "en",
            [
                "Account: Tony Stark <tony>; e-mails waiting: 1",
                "Mailbox on the server: 1 of 10000 e-mails, 8 bytes of 1024 MiB (0 %)",
                "Registration: open",
            ],
        ),
        (
            "pt",
            [
                "Conta: Tony Stark <tony>; e-mails esperando: 1",
                "Caixa de correio no servidor: 1 de 10000 e-mails, 8 bytes de 1024 MiB (0 %)",
                "Cadastro: aberto",
            ],
        ),
    ] {
        let shown = setup.run("tony", &["--lang", lang, "status"], "").out;
        let has = |line: &&str| shown.lines().any(|shown| shown == *line);
        assert!(lines.iter().all(has) && shown.contains(&fingerprint), "{shown}");
        assert!(!shown.contains(WARNING), "{shown}");
    }
}

#[test]
fn a_mailbox_that_is_nearly_full_is_told_by_the_status_and_by_the_menus() {
    let mut setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("1", "x"); 8]);
    setup.operate(set_quota("tony", 10, 1 << 20));
    let warned = |setup: &Setup| {
        let status = setup.run("tony", &["--json", "status"], "").json();
        let shown = setup.run("tony", &["--lang", "en", "status"], "").out;
        assert_eq!(status["usage"]["nearly_full"], shown.contains(WARNING), "{status} {shown}");
        status["usage"]["percent"].as_u64().unwrap()
    };
    assert_eq!(warned(&setup), 80);
    setup.deliver("pepper", "tony", &[("9", "x")]);
    assert_eq!(warned(&setup), 90);
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).size(40, 80).home();
    screen.sees("9 e-mails are waiting on the server.");
    screen.sees("The mailbox on the server is 90 % full: receive its e-mails");
    screen.press("9");
    screen.sees("At the login: 9 of 10 e-mails, 18 bytes of 1 MiB (90 %)");
    screen.menu("0) Back");
    screen.press("0");
    screen.menu(HOME);
    screen.cancel();
    // Received mail is no longer in it.
    setup.received();
    assert_eq!(warned(&setup), 0);
    let screen = Start::of(&setup).size(40, 80).home();
    assert!(!screen.text().contains(WARNING), "{}", screen.text());
}

#[test]
fn a_server_that_states_no_usage_has_a_status_without_it() {
    let (server, setup) = (older_server::start().to_string(), Setup::of(&[]));
    let arguments = ["--plaintext", "--lang", "en", "--server", &server, "--user", "tony"];
    let status = |more: &[&str]| {
        let mut command = setup.program(&[&arguments[..], more].concat());
        command.env("CORREIO_PASSWORD", PASSWORD);
        finish(command, "")
    };
    let answer = status(&["--json", "status"]).json();
    assert_eq!((&answer["usage"], &answer["capabilities"]), (&json!(null), &json!([])));
    assert_eq!((&answer["waiting"], &answer["registration"]), (&json!(2), &json!("closed")));
    assert_eq!(answer["trust"], json!({ "by": "plaintext", "fingerprint": null }));
    let shown = status(&["status"]);
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(!shown.out.contains("capabilities") && !shown.out.contains(" of "), "{shown:?}");
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).run(&["--plaintext", "--server", &server]);
    screen.menu("0) Quit");
    screen.log_in();
    screen.press("9");
    screen.menu("0) Back");
    assert_eq!(screen.count("At the login"), 0, "{}", screen.text());
}

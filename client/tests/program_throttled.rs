//! Tests of logins that the server refuses because too many others have failed: the program says
//! what happened, for how long it lasts, and what to do.

use std::fs;

use correio_testing::{admin_jobs::code, served::RunningServer};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Done, finish, program};

/// Texts of the refusal in a language: what happened, how long it lasts, what to do.
const SAID: [(&str, [&str; 3]); 2] = [
    (
        "en",
        [
            "too many logins from this network address have failed",
            "Try again in ",
            "or ask the server's operator to end the wait (correiod unblock)",
        ],
    ),
    (
        "pt",
        [
            "muitos acessos a partir deste endereço de rede falharam",
            "Tente de novo em ",
            "ou peça ao operador do servidor que encerre a espera (correiod unblock)",
        ],
    ),
];

/// Texts of the refusal of a code of the operator in a language.
const CODES: [(&str, [&str; 3]); 2] = [
    (
        "en",
        [
            "too many logins or codes from this network address have failed",
            "even with the right code",
            "or ask the server's operator to end the wait (correiod unblock)",
        ],
    ),
    (
        "pt",
        [
            "muitos acessos ou códigos a partir deste endereço de rede falharam",
            "mesmo com o código certo",
            "ou peça ao operador do servidor que encerre a espera (correiod unblock)",
        ],
    ),
];

/// Runs a program with a wrong password until its login is refused because of those before it: it
/// ends with the status of `rate_limited` and says this. A short wait may be over before the next
/// attempt, which then fails and begins a longer one.
fn refused(said: &str, run: impl Fn() -> Done) -> Done {
    let is_refused =
        |done: &Done| done.status == 75 && (done.err.contains(said) || done.out.contains(said));
    (0..40).map(|_| run()).find(is_refused).expect("the server refuses further logins")
}

fn assert_said(text: &str, parts: [&str; 3]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_command_whose_login_must_wait_says_why_how_long_and_what_to_do() {
    let (server, data) = (RunningServer::with_failed_logins(3), TempDir::new().unwrap());
    let address = server.address.to_string();
    let run = |arguments: &[&str]| {
        let mut command = program(data.path());
        command.args(["--plaintext", "--server", &address, "--user", "tony"]);
        command.args(arguments).env("CORREIO_PASSWORD", "not-the-password");
        finish(command, "")
    };
    for ((lang, parts), (_, of_codes)) in SAID.into_iter().zip(CODES) {
        for command in [&["status"][..], &["receive"], &["list", "mine"]] {
            let done = refused(parts[0], || run(&[&["--lang", lang], command].concat()));
            assert_said(&done.err, parts);
        }
        let file = data.path().join("code");
        fs::write(&file, code(7).to_string()).unwrap();
        let recover = ["--lang", lang, "recover", "tony", "--code-file", file.to_str().unwrap()];
        assert_said(&refused(of_codes[0], || run(&recover)).err, of_codes);
        let answer = refused(parts[0], || run(&["--lang", lang, "--json", "status"])).json();
        assert_eq!(answer["error"]["code"], json!("rate_limited"));
        assert!(answer["error"]["retry_after"].as_u64().unwrap() > 0, "{answer}");
        assert_said(answer["error"]["text"].as_str().unwrap(), parts);
    }
}

#[test]
fn the_menus_say_the_same_of_a_login_that_must_wait() {
    let (server, data) = (RunningServer::with_failed_logins(3), TempDir::new().unwrap());
    let address = server.address.to_string();
    for (lang, parts) in SAID {
        let menus = || {
            let mut command = program(data.path());
            command.args(["--plaintext", "--lang", lang, "--server", &address]);
            finish(command, "3\ntony\nnot-the-password\n")
        };
        assert_said(&refused(parts[0], menus).out, parts);
    }
}

//! Tests of passwords that are set by a code of the operator, and of accounts that are disabled.

use std::{fs, sync::Arc};

use correio_client::{Cancel, ErrorCode, Password, RecoveryCode};
use correio_proto::mail::Timestamp;
use correio_testing::admin_jobs::{code, create, disable, set_code};
use serde_json::json;

use crate::support::{
    Done, PASSWORD, Setup,
    background::Background,
    finish, older_server, password,
    screen::{ENTER, FIRST, HOME, Start, has_terminal},
};

const TONY: &[(&str, &str)] = &[("tony", "Tony Stark")];

/// A password that nobody had before.
const NEW: &str = "uma-senha-nova";

/// No code expires before this time.
const NEVER: Timestamp = Timestamp(1 << 50);

/// The choice that is in the first menu after a wrong password alone.
const FORGOTTEN: &str = "4) Set a Forgotten Password by a Code";

/// A server with Tony's account, and the code of a byte for it.
fn with_code(byte: u8) -> Setup {
    let mut setup = Setup::of(TONY);
    setup.operate(set_code("tony", byte, NEVER));
    setup
}

fn typed(byte: u8) -> String {
    code(byte).to_string()
}

/// Runs a command of Tony's with a password in the environment.
fn run(setup: &Setup, password: &str, arguments: &[&str], input: &str) -> Done {
    let address = setup.address.to_string();
    let mut command = setup.program(&["--json", "--lang", "en", "--server", &address]);
    command.args(arguments).env("CORREIO_PASSWORD", password);
    finish(command, input)
}

#[test]
fn a_code_sets_a_new_password_without_a_terminal() {
    let mut setup = with_code(5);
    let file = setup.data.path().join("code");
    fs::write(&file, format!("{}\n", typed(5).to_lowercase())).unwrap();
    let path = file.to_str().unwrap();
    let done = run(&setup, NEW, &["recover", "tony", "--code-file", path], "");
    let expected = json!({ "username": "tony", "app_passwords_revoked": 0 });
    assert_eq!((done.status, done.json()), (0, expected), "{done:?}");
    assert_eq!(run(&setup, PASSWORD, &["--user", "tony", "receive"], "").status, 77);
    assert_eq!(run(&setup, NEW, &["--user", "tony", "receive"], "").status, 0);
    // Once more: the code is used.
    let again = run(&setup, PASSWORD, &["recover", "tony", "--code-file", path], "");
    assert_eq!((again.status, &again.json()["error"]["code"]), (77, &json!("bad_credentials")));
    let said = again.json()["error"]["text"].as_str().unwrap().to_owned();
    assert!(said.contains("a code that is wrong, expired or used"), "{said}");
    // Both secrets on standard input, and the username from the options.
    setup.operate(set_code("tony", 6, NEVER));
    let arguments = ["--user", "tony", "--password-stdin", "recover", "--code-file", "-"];
    let done = run(&setup, "", &arguments, &format!("{}\n{PASSWORD}\n", typed(6)));
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{done:?}");
    assert_eq!(run(&setup, PASSWORD, &["--user", "tony", "receive"], "").status, 0);
}

#[test]
fn a_new_password_says_how_many_app_passwords_it_has_revoked() {
    let mut setup = Setup::of(TONY);
    for (count, said) in [
        (0, ""),
        (1, "1 app password was revoked: the mail program that used it needs a new one.\n"),
        (2, "2 app passwords were revoked: the mail programs that used them need new ones.\n"),
    ] {
        // The code revokes those that were made before it.
        setup.operate(set_code("tony", 5, NEVER));
        for number in 0..count {
            let label = format!("phone {number}");
            let create = ["--user", "tony", "app-password", "create", "--label", &label];
            assert_eq!(run(&setup, PASSWORD, &create, "").status, 0);
        }
        let address = setup.address.to_string();
        let mut command = setup.program(&["--lang", "en", "--server", &address]);
        command.args(["recover", "tony", "--code-file", "-"]).env("CORREIO_PASSWORD", PASSWORD);
        let done = finish(command, &typed(5));
        assert_eq!((done.status, done.err.as_str()), (0, ""));
        assert_eq!(done.out.split_once('\n').unwrap().1, said);
    }
}

#[test]
fn without_a_code_or_with_a_text_that_is_none_nothing_is_sent() {
    let setup = with_code(5);
    let missing = setup.data.path().join("missing");
    let missing = missing.to_str().unwrap();
    let long = "A".repeat(5000);
    for (arguments, input, status, code) in [
        (&["recover", "tony"][..], "", 78, "no_code"),
        (&["recover", "tony", "--code-file", missing], "", 74, "code"),
        (&["recover", "tony", "--code-file", "/"], "", 74, "code"),
        (&["recover", "tony", "--code-file", "-"], "", 65, "invalid"),
        (&["recover", "tony", "--code-file", "-"], "ABCD-EFGH\n", 65, "invalid"),
        (&["recover", "tony", "--code-file", "-"], &long, 65, "invalid"),
        (&["recover", "Tony Stark", "--code-file", "-"], "", 65, "invalid"),
        (&["recover", "--code-file", "-"], "", 78, "no_user"),
    ] {
        let done = run(&setup, NEW, arguments, input);
        let answered = (done.status, &done.json()["error"]["code"]);
        assert_eq!(answered, (status, &json!(code)), "{arguments:?}: {done:?}");
    }
    // A password that is too short is refused here; the code is still good.
    let short = run(&setup, "curta", &["recover", "tony", "--code-file", "-"], &typed(5));
    assert_eq!(short.status, 65, "{short:?}");
    let done = run(&setup, NEW, &["recover", "tony", "--code-file", "-"], &typed(5));
    assert_eq!(done.status, 0, "{done:?}");
}

#[test]
fn a_server_that_does_not_offer_it_is_said_not_to() {
    let server = older_server::start().to_string();
    let setup = Setup::of(&[]);
    for lang in ["en", "pt"] {
        let mut command = setup.program(&["--json", "--plaintext", "--lang", lang]);
        command.args(["--server", &server, "recover", "tony", "--code-file", "-"]);
        command.env("CORREIO_PASSWORD", NEW);
        let done = finish(command, &typed(5));
        assert_eq!((done.status, &done.json()["error"]["code"]), (77, &json!("no_recovery")));
        let said = done.json()["error"]["text"].as_str().unwrap().to_owned();
        assert!(said.contains("sets no passwords") || said.contains("não define senhas"), "{said}");
    }
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).run(&["--plaintext", "--server", &server]);
    screen.menu(FIRST);
    screen.press("3");
    screen.answer("Username", "pepper");
    screen.answer("Password", PASSWORD);
    screen.sees("Login failed: unknown username or wrong password");
    screen.menu(FIRST);
    assert_eq!(screen.count("4) "), 0, "{}", screen.text());
    assert_eq!(screen.count("Forgotten?"), 0, "{}", screen.text());
}

#[test]
fn the_library_sets_a_password_by_a_code_and_a_used_code_is_refused() {
    let setup = with_code(5);
    let (service, cancel) = (setup.connect(), Cancel::new());
    let tony = "tony".parse().unwrap();
    let new: Arc<Password> = Arc::new(NEW.parse().unwrap());
    let code: RecoveryCode = code(5);
    let revoked = service.recover(&tony, &code, &new, &cancel).unwrap();
    assert_eq!(revoked, Some(0), "there were no app passwords");
    assert_eq!(service.username(), None, "it does not log in");
    let again = service.recover(&tony, &code, &password(), &cancel).unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::BadCredentials));
    let logged_in = service.login(&tony, &new, &cancel).unwrap();
    assert_eq!(logged_in.usage.map(|usage| usage.mails), Some(0));
    let refused = service.recover(&tony, &code, &new, &cancel).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::NotAllowed), "log out first");
}

/// All steps of a person with a forgotten password.
#[test]
fn a_forgotten_password_is_set_in_the_menus_and_logs_in() {
    if !has_terminal() {
        return;
    }
    let setup = with_code(5);
    let mut screen = Start::of(&setup).size(40, 80).menus();
    assert_eq!(screen.count("4) "), 0, "no choice before a password was refused");
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", NEW);
    screen.sees("Login failed: unknown username or wrong password");
    screen.sees("Forgotten? The operator of this server can give you a code");
    screen.sees(FORGOTTEN);
    screen.menu(FIRST);
    screen.current("3) Open My E-mail");
    screen.press("4");
    screen.asks("Username: tony");
    screen.press(ENTER);
    // A slip of the finger, and then another code than the right one.
    screen.answer("Code of the operator: ", "ABCD");
    screen.sees("a code has four groups of four letters and digits");
    screen.press("\x15");
    screen.answer("Code of the operator: ", &typed(6));
    screen.answer("New password (at least 8 characters)", NEW);
    screen.answer("The password again", NEW);
    screen.sees("The password was not set: unknown username, or a code that is wrong");
    screen.sees(FORGOTTEN);
    screen.menu(FIRST);
    screen.forget();
    screen.press("4");
    screen.asks("Username: tony");
    screen.press(ENTER);
    screen.answer("Code of the operator: ", &typed(5).to_lowercase());
    screen.answer("New password (at least 8 characters)", NEW);
    screen.answer("The password again", "outra-senha-nova");
    screen.sees("The passwords are not the same.");
    screen.answer("New password (at least 8 characters)", NEW);
    screen.answer("The password again", NEW);
    screen.sees("The password of tony is set.");
    screen.sees("Welcome Tony Stark");
    screen.menu(HOME);
    assert!(!screen.text().contains(NEW), "{}", screen.text());
    screen.press("6");
    screen.sees("Goodbye, Tony Stark.");
    screen.menu(FIRST);
    screen.forget();
    screen.press("0");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_code_and_a_new_password_are_asked_for_on_a_terminal() {
    if !has_terminal() {
        return;
    }
    let mut setup = Setup::of(&[]);
    setup.operate(create("tony", "Tony Stark", 5, NEVER));
    let address = setup.address.to_string();
    let mut screen = Start::of(&setup).run(&["--server", &address, "recover", "tony"]);
    screen.answer("Code of the operator: ", &typed(5));
    screen.answer_hidden("New password", NEW);
    screen.answer_hidden("The password again", NEW);
    let (status, text) = screen.end();
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("The password of tony is set."), "{text}");
    assert!(!text.contains(NEW), "{text}");
    assert_eq!(run(&setup, NEW, &["--user", "tony", "receive"], "").status, 0);
}

#[test]
fn a_disabled_account_is_told_by_commands_and_menus_and_offers_no_code() {
    let mut setup = Setup::of(TONY);
    setup.operate(disable("tony"));
    let done = run(&setup, PASSWORD, &["--user", "tony", "status"], "");
    assert_eq!((done.status, &done.json()["error"]["code"]), (77, &json!("disabled")), "{done:?}");
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).menus();
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", PASSWORD);
    screen.sees("Login failed: the operator of this server has disabled this account");
    screen.menu(FIRST);
    assert_eq!(screen.count("4) "), 0, "{}", screen.text());
}

#[test]
fn a_watch_whose_account_is_disabled_ends_with_the_status_of_a_refused_login() {
    let mut setup = Setup::of(TONY);
    let address = setup.address.to_string();
    let mut command = setup.program(&["--server", &address, "--user", "tony", "watch"]);
    command.env("CORREIO_PASSWORD", PASSWORD);
    let watching = Background::start(command);
    setup.deliver("tony", "tony", &[("Um", "x")]);
    assert_eq!(watching.line(), "[1] Tony Stark: Um");
    setup.operate(disable("tony"));
    let ended = watching.end();
    assert_eq!(ended.status, Some(77), "{ended:?}");
    assert!(ended.err[0].starts_with("correio: "), "{ended:?}");
}

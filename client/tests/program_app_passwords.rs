//! Tests of `correio app-password`, and of the screen of app passwords.

use correio_proto::app_password::AppPassword;
use serde_json::json;

use crate::support::{
    PASSWORD, Setup, finish, older_server,
    screen::{FIRST, HOME, Start, has_terminal},
};

const TONY: &[(&str, &str)] = &[("tony", "Tony Stark")];

fn run(setup: &Setup, arguments: &[&str]) -> String {
    let done = setup.run("tony", &[&["--lang", "en", "app-password"], arguments].concat(), "");
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{arguments:?}");
    done.out
}

/// The app password at the end of a line.
fn shown(line: &str) -> AppPassword {
    line.trim_end().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_app_password_is_shown_once_with_what_to_do_with_it_and_listed_until_it_is_revoked() {
    let setup = Setup::of(TONY);
    assert_eq!(run(&setup, &["list"]), "There are no app passwords.\n");
    let made = run(&setup, &["create", "--label", "telefone da Tia"]);
    let (first, rest) = made.split_once('\n').unwrap();
    assert!(first.starts_with("App password for telefone da Tia: "), "{made}");
    let password = shown(first).to_string();
    assert_eq!(
        rest,
        "In the mail program, log in as tony and type the app password in place of the password. \
         The app password is not shown again.\n"
    );
    run(&setup, &["create", "--label", "laptop"]);
    let listed = run(&setup, &["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("telefone da Tia (number 1): made 20"), "{listed}");
    assert!(lines[0].ends_with("; never used") && lines.len() == 2, "{listed}");
    assert!(!listed.contains(&password), "{listed}");
    let revoked = run(&setup, &["revoke", "telefone da Tia"]);
    assert!(revoked.starts_with("App password telefone da Tia revoked."), "{revoked}");
    run(&setup, &["revoke", "2"]);
    assert_eq!(run(&setup, &["list"]), "There are no app passwords.\n");
}

#[test]
fn refusals_have_their_status_and_name_the_reason() {
    let setup = Setup::of(TONY);
    run(&setup, &["create", "--label", "phone"]);
    let long = "x".repeat(41);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["create", "--label", "phone"], 65, "label_taken"),
        (&["create", "--label", " "], 65, "invalid"),
        (&["create", "--label", &long], 65, "invalid"),
        (&["create", "--label", "a\u{1b}b"], 65, "invalid"),
        (&["revoke", "Phone"], 65, "no_such_app_password"),
        (&["revoke", "99"], 65, "no_such_app_password"),
    ];
    for (arguments, status, code) in cases {
        let done = setup.run("tony", &[&["--json", "app-password"], *arguments].concat(), "");
        assert_eq!(done.status, *status, "{arguments:?}: {done:?}");
        assert_eq!(done.json()["error"]["code"], *code, "{arguments:?}");
    }
    for number in 1..20 {
        run(&setup, &["create", "--label", &format!("phone {number}")]);
    }
    let arguments = ["--json", "app-password", "create", "--label", "one more"];
    let done = setup.run("tony", &arguments, "");
    assert_eq!((done.status, &done.json()["error"]["code"]), (65, &json!("app_passwords_full")));
    for arguments in [&["app-password"][..], &["app-password", "create"], &["app-password", "x"]] {
        assert_eq!(setup.run("tony", arguments, "").status, 64, "{arguments:?}");
    }
}

#[test]
fn a_server_of_an_older_version_is_said_not_to_have_them() {
    let (server, setup) = (older_server::start().to_string(), Setup::of(&[]));
    let arguments = ["--plaintext", "--json", "--server", &server, "--user", "tony"];
    let mut command = setup.program(&[&arguments[..], &["app-password", "list"]].concat());
    command.env("CORREIO_PASSWORD", PASSWORD);
    let done = finish(command, "");
    assert_eq!((done.status, &done.json()["error"]["code"]), (77, &json!("no_app_passwords")));
}

#[test]
fn an_app_password_in_place_of_the_password_is_refused_with_a_hint() {
    let setup = Setup::of(TONY);
    let made = run(&setup, &["create", "--label", "phone"]);
    let app_password = shown(made.lines().next().unwrap()).to_string();
    let address = setup.address.to_string();
    let status = |password: &str| {
        let mut command = setup.program(&["--lang", "en", "--server", &address]);
        command.args(["--user", "tony", "status"]).env("CORREIO_PASSWORD", password);
        finish(command, "")
    };
    let hint = "this looks like an app password, which is for other mail programs only";
    let refused = status(&app_password);
    assert_eq!(refused.status, 77);
    assert!(refused.err.contains(&format!("wrong password; {hint}")), "{}", refused.err);
    let other = status("not-the-password");
    assert_eq!(other.status, 77);
    assert!(!other.err.contains(hint), "{}", other.err);
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).size(40, 120).run(&["--server", &address]);
    screen.menu(FIRST);
    screen.press("3");
    screen.answer("Username", "tony");
    screen.answer("Password", &app_password);
    screen.sees("wrong password; this looks like an app password");
    screen.cancel();
}

#[test]
fn app_passwords_are_made_shown_and_revoked_in_the_menus() {
    let setup = Setup::of(TONY);
    if !has_terminal() {
        return;
    }
    let mut screen = Start::of(&setup).size(40, 100).home();
    screen.press("9");
    screen.menu("0) Back");
    screen.press("4");
    screen.sees("There are no app passwords.");
    screen.menu("0) Back");
    screen.press("1");
    screen.answer("Label of the app password (for example: phone)", "phone");
    screen.sees("App password for phone: ");
    screen.sees("log in as tony");
    screen.sees("phone (number 1): made ");
    screen.menu("0) Back");
    screen.press("1");
    screen.answer("Label of the app password (for example: phone)", "laptop");
    screen.sees("laptop (number 2): made ");
    screen.menu("0) Back");
    screen.press("2");
    screen.answer("App password to revoke (label or number)", "phone");
    screen.sees("App password phone revoked.");
    screen.menu("0) Back");
    screen.press("0");
    screen.menu(HOME);
    screen.press("9");
    screen.menu("0) Back");
    screen.press("2");
    screen.answer("Present password", PASSWORD);
    screen.answer("New password (at least 8 characters)", PASSWORD);
    screen.answer("The password again", PASSWORD);
    screen.sees("1 app password was revoked");
    screen.menu(HOME);
    screen.cancel();
}

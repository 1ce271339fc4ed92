//! `correio register` on a terminal.

use crate::support::{
    PASSWORD, Setup,
    screen::{Screen, Start, has_terminal},
};

/// Runs the command up to the question for the password.
fn registering(setup: &Setup, lang: &str) -> Screen {
    let address = setup.address.to_string();
    let register = ["--server", &address, "--user", "tony", "register", "--name", "Tony Stark"];
    Start::of(setup).lang(lang).run(&register)
}

#[test]
fn a_new_password_is_checked_at_once_and_asked_again_in_the_language() {
    const PT: [&str; 5] = [
        "Senha (mínimo de 8 caracteres)",
        "a senha precisa ter no mínimo 8 caracteres",
        "Repita a senha",
        "As senhas não são iguais.",
        "Conta tony cadastrada.",
    ];
    const EN: [&str; 5] = [
        "Password (at least 8 characters)",
        "the password needs at least 8 characters",
        "The password again",
        "The passwords are not the same.",
        "Account tony registered.",
    ];
    if !has_terminal() {
        return;
    }
    for (lang, [question, short, again, differ, done]) in [("pt", PT), ("en", EN)] {
        let setup = Setup::of(&[]);
        let mut screen = registering(&setup, lang);
        screen.answer_hidden(question, "curta");
        screen.sees(short);
        assert!(!screen.text().contains(again), "{}", screen.text());
        screen.answer_hidden(question, PASSWORD);
        screen.answer_hidden(again, "another password");
        screen.sees(differ);
        screen.answer_hidden(question, PASSWORD);
        screen.answer_hidden(again, PASSWORD);
        let (status, text) = screen.end();
        assert!(status == 0 && text.contains(done), "{status} {text}");
        assert!(!text.contains("error:") && !text.contains(PASSWORD), "{text}");
        assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    }
}

#[test]
fn an_empty_password_ends_the_registration() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(&[]);
    let mut screen = registering(&setup, "en");
    screen.answer_hidden("Password (at least 8 characters)", "");
    screen.sees("the password must not be empty");
    assert_eq!(screen.end().0, 65);
    let mut screen = registering(&setup, "en");
    screen.answer_hidden("Password (at least 8 characters)", PASSWORD);
    screen.answer_hidden("The password again", "");
    screen.sees("The passwords are not the same.");
    screen.answer_hidden("Password (at least 8 characters)", "");
    screen.sees("the password must not be empty");
    assert_eq!(screen.end().0, 65);
}

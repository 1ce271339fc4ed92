//! Tests of the commands about lists: what they do on a server, print, and answer in JSON.

use serde_json::{Value, json};

use crate::support::{Setup, finish};

const CLASS: &[(&str, &str)] =
    &[("tony", "Tony Stark"), ("pepper", "Pepper Potts"), ("peter", "Peter Parker")];

fn run(setup: &Setup, user: &str, arguments: &[&str]) -> String {
    let done = setup.run(user, arguments, "");
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{arguments:?}");
    done.out
}

fn json_of(setup: &Setup, user: &str, arguments: &[&str]) -> Value {
    setup.run(user, &[&["--json"], arguments].concat(), "").json()
}

#[test]
fn a_list_goes_from_command_to_command() {
    let setup = Setup::of(CLASS);
    let create = ["list", "create", "turma", "--title", "Turma de Redes"];
    assert_eq!(run(&setup, "tony", &create), "Lista turma criada.\n");
    assert_eq!(run(&setup, "tony", &create), "Lista turma criada.\n", "as after a lost answer");
    run(&setup, "tony", &["list", "add", "turma", "pepper", "peter"]);
    run(&setup, "tony", &["list", "add", "turma", "pepper", "--owner"]);
    assert_eq!(
        run(&setup, "peter", &["list", "members", "turma"]),
        "turma: Turma de Redes (membros: 3; a conta é membro; membros podem enviar)\n\
         pepper: Pepper Potts (dono)\npeter: Peter Parker\ntony: Tony Stark (dono)\n"
    );

    let send = ["send", "--to", "turma,pepper", "--subject", "Aula", "--body", "Amanhã."];
    run(&setup, "peter", &send);
    let received = run(&setup, "pepper", &["receive"]);
    assert_eq!(received, "01 e-mail recebido:\n[1] Peter Parker: Aula\n", "once");
    let mail = finish(setup.program(&["--json", "read", "1"]), "").json();
    assert_eq!(mail["to"], json!(["turma", "pepper"]));

    run(&setup, "pepper", &["list", "set", "turma", "--senders", "owners"]);
    let mine = run(&setup, "peter", &["list", "mine"]);
    assert_eq!(
        mine.lines().last().unwrap(),
        "turma: Turma de Redes (membros: 3; a conta é membro; donos podem enviar)"
    );
    run(&setup, "peter", &["list", "remove", "turma", "peter"]);
    assert_eq!(run(&setup, "tony", &["list", "delete", "turma"]), "Lista turma apagada.\n");
}

#[test]
fn a_list_that_is_to_be_set_needs_a_title_or_senders() {
    let setup = Setup::of(&[]);
    let done = setup.run("tony", &["list", "set", "turma"], "");
    let said = "correio: diga o que mudar: --title, --senders ou os dois\n";
    assert_eq!((done.status, done.err.as_str()), (64, said));
}

#[test]
fn the_answers_in_json_have_the_documented_fields() {
    let setup = Setup::of(CLASS);
    let create = ["list", "create", "turma", "--title", "Turma", "--senders", "everybody"];
    assert_eq!(json_of(&setup, "tony", &create), json!({ "list": "turma" }));
    let list = json!({
        "name": "turma", "title": "Turma", "senders": "everybody", "members": 1, "role": "owner",
    });
    let members = json_of(&setup, "tony", &["list", "members", "turma"]);
    let tony = json!({ "username": "tony", "full_name": "Tony Stark", "role": "owner" });
    assert_eq!(members, json!({ "list": list, "members": [tony], "more": false }));
    let mine = json_of(&setup, "tony", &["list", "mine"]);
    assert_eq!(mine["lists"][1], list);
    assert_eq!(mine["lists"][0]["name"], "everybody");
    let other = json_of(&setup, "peter", &["list", "members", "turma"]);
    assert_eq!(other["list"]["role"], Value::Null);
}

#[test]
fn refusals_have_their_status_and_name_the_reason() {
    let setup = Setup::of(CLASS);
    run(&setup, "tony", &["list", "create", "turma", "--title", "Turma"]);
    let send = ["send", "--to", "turma", "--subject", "Oi", "--body", "x"];
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("tony", &["list", "add", "turma", "turma"], 65, "unknown_recipient"),
        ("tony", &["list", "add", "nada", "pepper"], 65, "no_such_list"),
        ("tony", &["list", "remove", "turma", "tony"], 77, "not_allowed"),
        ("tony", &["list", "create", "pepper", "--title", "x"], 65, "username_taken"),
        ("tony", &["list", "create", "a b", "--title", "x"], 65, "invalid"),
        ("tony", &["list", "create", "x", "--title", "a\u{1b}b"], 65, "invalid"),
        ("pepper", &["list", "members", "turma"], 65, "no_such_list"),
        ("pepper", &send, 77, "may_not_send"),
    ];
    for (user, arguments, status, code) in cases {
        let done = setup.run(user, &[&["--json"], *arguments].concat(), "");
        assert_eq!(done.status, *status, "{arguments:?}: {done:?}");
        assert_eq!(done.json()["error"]["code"], *code, "{arguments:?}");
    }
    let done = setup.run("tony", &["--lang", "en", "list", "add", "turma", "turma"], "");
    assert!(done.err.contains("no account: turma") && done.err.contains("in a list"), "{done:?}");
    let untitled = ["--lang", "en", "list", "create", "x", "--title", ""];
    let done = setup.run("tony", &untitled, "");
    assert!(done.err.contains("the title must not be empty"), "{done:?}");
    let done = setup.run("pepper", &send, "");
    assert!(done.err.contains("não aceita e-mail desta conta: turma"), "{done:?}");
    // The server's own text is in English.
    run(&setup, "tony", &["list", "add", "turma", "pepper"]);
    for (lang, said) in [
        ("pt", "correio: só um dono pode apagar uma lista, e a lista de todas as contas fica\n"),
        ("en", "correio: only an owner may delete a list, and the list of all accounts stays\n"),
    ] {
        let done = setup.run("pepper", &["--lang", lang, "list", "delete", "turma"], "");
        assert_eq!((done.status, done.err.as_str()), (77, said));
    }
    for (change, said) in [
        ("remove", "correio: ninguém foi removido. Só um dono pode"),
        ("add", "correio: só um dono pode"),
    ] {
        let done = setup.run("pepper", &["list", change, "turma", "peter"], "");
        assert!(done.status == 77 && done.err.starts_with(said), "{done:?}");
    }
    // A command line that lacks something is refused before anything is asked.
    for arguments in [
        &["list", "create", "turma"][..],
        &["list", "add", "turma"],
        &["list", "set", "turma"],
        &["list", "nada"],
    ] {
        assert_eq!(setup.run("tony", arguments, "").status, 64, "{arguments:?}");
    }
}

#[test]
fn each_command_has_its_help_in_both_languages() {
    let setup = Setup::of(&[]);
    for command in ["create", "members", "add", "remove", "set", "delete", "mine"] {
        for (lang, usage) in [("pt", "Uso: correio list"), ("en", "Usage: correio list")] {
            let help = ["--lang", lang, "list", command, "--help"];
            let done = finish(setup.program(&help), "");
            assert_eq!(done.status, 0, "{done:?}");
            assert!(done.out.contains(&format!("{usage} {command}")), "{}", done.out);
        }
    }
}

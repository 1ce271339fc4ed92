//! What a user does after reading a mail, on a terminal: answer, forward, save, delete, mark.

use std::fs;

use tempfile::TempDir;

use crate::support::{
    PASSWORD, Setup, finish,
    screen::{CTRL_D, ENTER, ESCAPE, HOME, Screen, Start, draft_bodies, has_terminal},
};

const THREE: &[(&str, &str)] =
    &[("tony", "Tony Stark"), ("pepper", "Pepper Potts"), ("peter", "Peter Parker")];

const CTRL_T: &str = "\x14";

/// The texts of one language.
struct Words {
    lang: &'static str,
    home: &'static str,
    keys: &'static str,
    back: &'static str,
    to: &'static str,
    subject: &'static str,
    hint: &'static str,
    file: &'static str,
    attached: &'static str,
    removed: &'static str,
    sent: &'static str,
    wrote: &'static str,
    attachment: &'static str,
    directory: &'static str,
    saved: &'static str,
    important: &'static str,
    sure: &'static str,
    yes: &'static str,
    deleted: &'static str,
    first: &'static str,
    which: &'static str,
}

const EN: Words = Words {
    lang: "en",
    home: HOME,
    keys: "r answer, a answer all, f forward",
    back: "Enter goes back to the list --",
    to: "commas): ",
    subject: "Subject: ",
    hint: "(Ctrl-D ends it, too; Ctrl-X opens true, Ctrl-T attaches a file)",
    file: "-1 removes the first): ",
    attached: "Attached [1]: nota.txt (5 bytes)",
    removed: "Removed [1]: nota.txt (5 bytes)",
    sent: "E-mail sent",
    wrote: "Pepper Potts <pepper> wrote:",
    attachment: "Attachment [1]: nota.txt (text/plain, 5 bytes)",
    directory: "Directory: ",
    saved: "Saved: ",
    important: "The e-mail is marked as important.",
    sure: "Delete this e-mail on this computer? (y/n): ",
    yes: "y",
    deleted: "E-mail deleted on this computer.",
    first: "This is the first e-mail of the list.",
    which: "(0 goes back)",
};

const PT: Words = Words {
    lang: "pt",
    home: "9) Minha conta",
    keys: "r responde, a responde a todos, f encaminha",
    back: "Enter volta à lista --",
    to: "vírgula): ",
    subject: "Assunto: ",
    hint: "(Ctrl-D também termina; Ctrl-X abre true, Ctrl-T anexa um arquivo)",
    file: "-1 retira o primeiro): ",
    attached: "Anexado [1]: nota.txt (5 bytes)",
    removed: "Retirado [1]: nota.txt (5 bytes)",
    sent: "E-mail enviado com sucesso",
    wrote: "Pepper Potts <pepper> escreveu:",
    attachment: "Anexo [1]: nota.txt (text/plain, 5 bytes)",
    directory: "Diretório: ",
    saved: "Salvo: ",
    important: "O e-mail está marcado como importante.",
    sure: "Apagar este e-mail neste computador? (s/n): ",
    yes: "s",
    deleted: "E-mail apagado neste computador.",
    first: "Este é o primeiro e-mail da lista.",
    which: "(0 volta)",
};

/// Opens the menus, logs in and receives.
fn inbox(setup: &Setup, words: &Words) -> Screen {
    let address = setup.address.to_string();
    let mut screen = Start::of(setup).lang(words.lang).run(&["--server", &address]);
    screen.sees("3) ");
    screen.press("3");
    screen.asks(": ");
    screen.press("tony\r");
    screen.asks(": ");
    screen.press(PASSWORD);
    screen.press(ENTER);
    screen.menu(words.home);
    screen.press("5");
    screen
}

/// Answers a question that offers its answer.
fn accept(screen: &mut Screen, question: &str) {
    screen.asks(question);
    screen.press(ENTER);
}

fn type_after(screen: &mut Screen, text: &str) {
    screen.press(text);
    screen.sees(text);
    screen.press(CTRL_D);
}

fn evening(words: &Words) {
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony,peter", &[("Jantar", "Às oito?")]);
    let files = TempDir::new().unwrap();
    let file = files.path().join("nota.txt");
    fs::write(&file, "nove\n").unwrap();
    let mut screen = inbox(&setup, words);
    screen.answer(words.which, "1");
    screen.sees("Às oito?");
    screen.sees(words.keys);
    screen.sees(words.back);
    // Answer all, with an attachment.
    screen.press("a");
    accept(&mut screen, &format!("{}pepper, peter", words.to));
    accept(&mut screen, &format!("{}Re: Jantar", words.subject));
    screen.sees(words.hint);
    screen.sees(words.wrote);
    screen.sees("> Às oito?");
    screen.press(CTRL_T);
    screen.answer(words.file, file.to_str().unwrap());
    screen.sees(words.attached);
    // The file is taken away, and attached again.
    screen.forget();
    screen.press(CTRL_T);
    screen.answer(words.file, "-1");
    screen.sees(words.removed);
    screen.sees("> Às oito?");
    screen.press(CTRL_T);
    screen.answer(words.file, file.to_str().unwrap());
    screen.sees(words.attached);
    screen.sees("> Às oito?");
    type_after(&mut screen, "Combinado.");
    screen.sees(words.sent);
    screen.sees(words.back);
    // Forward.
    screen.forget();
    screen.press("f");
    screen.answer(words.to, "peter");
    accept(&mut screen, &format!("{}Enc: Jantar", words.subject));
    screen.sees("Pepper Potts <pepper>");
    type_after(&mut screen, "Veja isto.");
    screen.sees(words.sent);
    // Important, and the neighbours that are not there.
    screen.sees(words.back);
    screen.forget();
    screen.press("i");
    screen.sees(words.important);
    screen.sees(words.back);
    screen.forget();
    screen.press("p");
    screen.sees(words.first);
    screen.sees(words.back);
    screen.forget();
    screen.press("v");
    screen.sees("X-Correio-Body-Length: 9");
    screen.sees(words.back);
    // Delete, which asks.
    screen.forget();
    screen.press("d");
    screen.answer(words.sure, "");
    screen.sees(words.back);
    screen.press("d");
    screen.answer(words.sure, words.yes);
    screen.sees(words.deleted);
    screen.menu(words.home);
    // The answer is among the sent mails; its attachment is saved from there.
    screen.press("1");
    screen.answer(words.which, "1");
    screen.sees(words.attachment);
    screen.sees(words.back);
    screen.forget();
    screen.press("n");
    screen.sees("Enc: Jantar");
    screen.sees("Veja isto.");
    screen.sees(words.back);
    screen.forget();
    screen.press("p");
    screen.sees(words.attachment);
    screen.sees(words.back);
    let to = TempDir::new().unwrap();
    screen.press("s");
    screen.answer(words.directory, to.path().to_str().unwrap());
    screen.sees(words.saved);
    assert_eq!(fs::read(to.path().join("nota.txt")).unwrap(), b"nove\n");
    screen.sees(words.back);
    screen.press(ENTER);
    screen.asks(words.which);
    screen.press(ESCAPE);
    screen.menu(words.home);
    screen.cancel();
    for user in ["pepper", "peter"] {
        let received = setup.run(user, &["--json", "receive"], "").json();
        let mail = received["mails"].as_array().unwrap();
        let mail = mail.iter().find(|mail| mail["subject"] == "Re: Jantar").unwrap();
        assert!(mail["body"].as_str().unwrap().ends_with("> Às oito?\n\nCombinado.\n"), "{mail}");
        assert_eq!(mail["attachments"][0]["size"], 5);
    }
}

#[test]
fn an_evening_of_answers_in_portuguese() {
    if has_terminal() {
        evening(&PT);
    }
}

#[test]
fn an_evening_of_answers_in_english() {
    if has_terminal() {
        evening(&EN);
    }
}

#[test]
fn a_typed_dot_above_a_forwarded_mail_ends_the_text_and_is_not_sent() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Jantar", "Às oito?")]);
    let mut screen = inbox(&setup, &EN);
    screen.answer(EN.which, "1");
    screen.sees(EN.back);
    screen.press("f");
    screen.answer(EN.to, "peter");
    accept(&mut screen, "Subject: Enc: Jantar");
    screen.sees("Às oito?");
    screen.press("Veja isto.");
    screen.asks("Veja isto.");
    screen.press(ENTER);
    screen.until("the next line", |screen| {
        let (row, column) = screen.cursor_position();
        let above = row.checked_sub(1).and_then(|row| screen.rows(0, 80).nth(row.into()));
        column == 0 && above.is_some_and(|above| above.starts_with("Veja isto."))
    });
    screen.press(".");
    screen.asks(".");
    screen.press(ENTER);
    screen.sees(EN.sent);
    screen.sees(EN.back);
    screen.cancel();
    let received = setup.run("peter", &["--json", "receive"], "").json();
    let body = received["mails"][0]["body"].as_str().unwrap();
    assert!(body.starts_with("Veja isto.\n\n"), "{body:?}");
    assert!(body.ends_with("Às oito?") && !body.contains("\n.\n"), "{body:?}");
}

#[test]
fn an_answer_that_is_left_is_a_draft_with_its_thread_and_its_files() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Jantar", "Às oito?")]);
    let file = setup.data.path().join("nota.txt");
    fs::write(&file, "nove\n").unwrap();
    let mut screen = inbox(&setup, &EN);
    screen.answer(EN.which, "1");
    screen.sees(EN.back);
    screen.press("r");
    accept(&mut screen, "pepper");
    accept(&mut screen, "Re: Jantar");
    screen.sees("> Às oito?");
    screen.press(CTRL_T);
    screen.answer(EN.file, "/nada");
    screen.sees("/nada cannot be attached");
    screen.press("\x15");
    screen.answer(EN.file, file.to_str().unwrap());
    screen.sees(EN.attached);
    screen.press("Sim");
    screen.sees("Sim");
    // The terminal is closed.
    assert_eq!(screen.hang_up(), 129);
    assert!(draft_bodies(&setup)[0].ends_with("\nSim"));
    // The file changes: the draft stays, and the error names it.
    fs::write(&file, "outra\n").unwrap();
    let menus = |choices: &str| {
        let lines = format!("3\ntony\n{PASSWORD}\n{choices}6\n0\n");
        let address = setup.address.to_string();
        finish(setup.program(&["--server", &address, "--lang", "en"]), &lines).out
    };
    let out = menus("8\n1\n1\n0\n");
    assert!(out.contains("nota.txt was changed since it was attached"), "{out}");
    assert!(out.contains("pepper: Re: Jantar (1 attachment)"), "{out}");
    assert_eq!(draft_bodies(&setup).len(), 1);
    fs::remove_file(&file).unwrap();
    let out = menus("8\n1\n1\n0\n");
    assert!(out.contains("nota.txt cannot be attached"), "{out}");
    assert_eq!(draft_bodies(&setup).len(), 1);
}

#[test]
fn tab_completes_the_path_of_a_file_and_lists_names_harmless() {
    const KEYS: &str = "Tab and the arrows choose";
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Jantar", "Às oito?")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let folder = setup.data.path().join("anexos");
    fs::create_dir(&folder).unwrap();
    for name in ["nota, 1.txt", "nota, 2\u{1b}[2J.txt", "outra.txt"] {
        fs::write(folder.join(name), "nove\n").unwrap();
    }
    let address = setup.address.to_string();
    let start = Start::of(&setup).set("CORREIO_PASSWORD", PASSWORD);
    let mut screen = start.run(&["--server", &address, "--user", "tony", "reply", "1"]);
    screen.sees("> Às oito?");
    screen.press(CTRL_T);
    screen.asks(EN.file);
    let typed = setup.data.path().join("anex");
    screen.press(typed.to_str().unwrap());
    screen.sees("/anex");
    screen.press_until("\t", "/anexos/");
    // The names have no beginning in common: they are listed.
    screen.press_until("\t", "outra.txt");
    // The first Tab inserts what both names begin with, the next one lists them.
    screen.press("n");
    screen.sees_no(KEYS);
    screen.press_until("\t", KEYS);
    screen.sees("nota, 1.txt");
    screen.press("x");
    screen.sees_no(KEYS);
    screen.press_until("\t", "No file has this name.");
    screen.press("\x7f");
    screen.sees_no("No file has this name.");
    screen.press("1");
    screen.press_until("\t", "1.txt");
    screen.press(ENTER);
    screen.sees("Attached [1]: nota, 1.txt (5 bytes)");
    type_after(&mut screen, "Sim.");
    screen.sees(EN.sent);
    assert_eq!(screen.end().0, 0);
}

#[test]
fn lines_that_are_no_terminal_keep_their_dialogue_and_may_name_a_letter() {
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Jantar", "Às oito?"), ("Dois", "x")]);
    let address = setup.address.to_string();
    let run = |choices: &str| {
        let lines = format!("3\ntony\n{PASSWORD}\n{choices}0\n6\n0\n");
        finish(setup.program(&["--server", &address, "--lang", "en"]), &lines).out
    };
    let out = run("5\n1\n2\n");
    assert!(!out.contains("answer all"), "{out}");
    let out = run("7\nr 1\n\n\nSim\n.\nd 2\ny\n");
    assert!(out.contains("To (several, separated by commas) [pepper]: "), "{out}");
    assert!(out.contains("E-mail sent\n"), "{out}");
    assert!(out.contains("E-mail deleted on this computer."), "{out}");
    let received = setup.run("pepper", &["--json", "receive"], "").json();
    let body = received["mails"][0]["body"].as_str().unwrap();
    assert!(body.ends_with("> Às oito?\n\nSim\n"), "{body:?}");
}

#[test]
fn a_command_that_answers_shows_the_quotation_and_takes_the_text_after_it() {
    if !has_terminal() {
        return;
    }
    let setup = Setup::of(THREE);
    setup.deliver("pepper", "tony", &[("Jantar", "Às oito?")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    let file = setup.data.path().join("nota.txt");
    fs::write(&file, "nove\n").unwrap();
    let address = setup.address.to_string();
    let start = Start::of(&setup).set("CORREIO_PASSWORD", PASSWORD);
    let mut screen = start.run(&["--server", &address, "--user", "tony", "reply", "1"]);
    screen.sees("> Às oito?");
    screen.press(CTRL_T);
    screen.answer(EN.file, file.to_str().unwrap());
    screen.sees(EN.attached);
    screen.sees("> Às oito?");
    type_after(&mut screen, "Sim.");
    screen.sees(EN.sent);
    assert_eq!(screen.end().0, 0);
    let received = setup.run("pepper", &["--json", "receive"], "").json();
    let mail = &received["mails"][0];
    assert!(mail["body"].as_str().unwrap().ends_with("> Às oito?\n\nSim.\n"), "{mail}");
    assert_eq!(mail["attachments"][0]["name"], "nota.txt");
}

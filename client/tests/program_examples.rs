//! Types the examples of the documentation one after another: they do what they show.

use std::{fs, path::Path, process::Command};

use crate::support::{Done, PASSWORD, Setup, finish, terminal::Terminal};

/// The lines of the block of indented commands whose first line begins with `first`.
fn block(text: &str, first: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.trim_start().starts_with(first));
    let block: Vec<_> =
        lines.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned()).collect();
    assert!(block.len() > 5, "the block is found: {block:?}");
    block
}

/// Types the lines into a shell that stops at the first failing line.
fn typed(setup: &Setup, lines: &[String]) -> Done {
    let mut path =
        Path::new(env!("CARGO_BIN_EXE_correio")).parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut shell = Command::new("setsid");
    shell
        .args(["sh", "-e", "-c", &lines.join("\n")])
        .env("PATH", path)
        .env("CORREIO_CLIENT_DATA_DIR", setup.data.path())
        .env("CORREIO_FINGERPRINT", setup.fingerprint().to_string())
        .env("CORREIO_PASSWORD", PASSWORD)
        .env("CORREIO_LANG", "en");
    let done = finish(shell, "");
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{done:?}");
    assert!(done.out.contains("E-mail sent"), "{done:?}");
    assert!(done.out.contains("01 e-mail received"), "{done:?}");
    assert!(done.out.ends_with("Até já\n\n") || done.out.ends_with("Até já\n"), "{done:?}");
    done
}

#[test]
fn the_commands_of_the_readme() {
    let setup = Setup::unknown(&[]);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let mut lines = block(&fs::read_to_string(readme).unwrap(), "export PATH=");
    // The program of this test is the one that is found.
    let release = lines.remove(0);
    assert!(release.contains("target/release"), "{release}");
    for line in &mut lines {
        *line = line.replace("127.0.0.1:8888", &setup.address.to_string());
    }
    typed(&setup, &lines);
}

#[test]
fn the_examples_of_the_help() {
    let setup = Setup::unknown(&[]);
    let help = finish(setup.program(&["--help"]), "").out;
    let mut lines = block(&help, "export CORREIO_SERVER=mail.example");
    for line in &mut lines {
        // The note after the first command is not for the shell.
        *line = line.split("  ").next().unwrap().to_owned();
        let address = setup.address.to_string();
        *line = line.replace("mail.example:8888", &address).replace("mail.example", &address);
    }
    typed(&setup, &lines);
}

#[test]
fn a_piped_body_leaves_the_terminal_for_the_questions() {
    let setup = Setup::unknown(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let send = ["--lang", "en", "--server", &address, "--user", "tony"];
    let send = [&send[..], &["send", "--to", "tony", "--subject", "Oi"]].concat();
    let mut terminal = Terminal::start_piped(&setup, "Até já\n", &send);
    terminal.expect(&setup.fingerprint().to_string());
    terminal.answer("do you trust this server? (y/n): ", "y");
    terminal.expect("Password: ");
    terminal.press(&format!("{PASSWORD}\n"));
    let written = terminal.expect("E-mail sent");
    assert!(!written.contains(PASSWORD), "{written:?}");
    assert_eq!(terminal.end().1, 0);
    let received = setup.received();
    assert_eq!(received["mails"][0]["body"], "Até já\n");
    // Ctrl-C at the question leaves, and the terminal shows again what is typed.
    let mut terminal = Terminal::start_piped(&setup, "Até já\n", &send);
    terminal.expect("Password: ");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().1, 130);
}

#[test]
fn without_a_terminal_it_says_where_the_password_comes_from() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let done = finish(setup.program(&["--server", &address, "--user", "tony", "receive"]), "x\n");
    assert_eq!(done.status, 78);
    assert!(done.err.contains("CORREIO_PASSWORD"), "{done:?}");
}

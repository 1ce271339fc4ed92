//! Tests of the configuration file, and of passwords from other programs.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::json;

use crate::support::{Done, PASSWORD, Setup, finish, terminal::Terminal};

const TONY: &[(&str, &str)] = &[("tony", "Tony Stark")];

/// A setup whose programs have a configuration file.
struct Configured {
    setup: Setup,
    home: PathBuf,
}

impl Configured {
    fn of(text: &str) -> Self {
        let setup = Setup::of(TONY);
        let home = setup.data.path().join("config");
        let configured = Self { setup, home };
        fs::create_dir_all(configured.file().parent().unwrap()).unwrap();
        fs::write(configured.file(), text).unwrap();
        fs::set_permissions(configured.file(), fs::Permissions::from_mode(0o600)).unwrap();
        configured
    }

    /// With the server, the user and a password command.
    fn whole(password_command: &str) -> Self {
        let configured = Self::of("");
        let server = configured.setup.address;
        let text = format!(
            "server = '{server}'\nuser = 'tony'\npassword_command = \"\"\"{password_command}\"\"\"\n"
        );
        fs::write(configured.file(), text).unwrap();
        configured
    }

    fn file(&self) -> PathBuf {
        self.home.join("correio/config.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.setup.program(arguments);
        command.env("XDG_CONFIG_HOME", &self.home);
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments), "")
    }
}

#[test]
fn a_file_replaces_options() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    let done = configured.run(&["--lang", "en", "receive"]);
    assert_eq!((done.status, done.out.as_str()), (0, "00 e-mails received\n"), "{done:?}");
    assert_eq!(done.err, "");
}

#[test]
fn an_option_comes_before_the_environment_and_that_before_the_file() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    fs::write(configured.file(), "server = 'file.example'\nlanguage = 'en'\n").unwrap();
    let refused = |command: Command| finish(command, "").json()["error"]["text"].clone();
    // The names end in a domain that never exists.
    let said = refused(configured.command(&["--json", "ping"])).to_string();
    assert!(said.contains("the name file.example was not found"), "{said}");
    let mut with_variable = configured.command(&["--json", "ping"]);
    with_variable.env("CORREIO_SERVER", "variable.example").env("CORREIO_LANG", "pt");
    let said = refused(with_variable).to_string();
    assert!(said.contains("o nome variable.example não foi encontrado"), "{said}");
    let mut with_option =
        configured.command(&["--json", "--lang", "en", "--server", "option.example", "ping"]);
    with_option.env("CORREIO_SERVER", "variable.example").env("CORREIO_LANG", "pt");
    let said = refused(with_option).to_string();
    assert!(said.contains("the name option.example was not found"), "{said}");
}

#[test]
fn a_wrong_file_is_named_with_its_line_and_can_be_mended() {
    let configured = Configured::of("# meu\nusre = 'tony'\n");
    let done = configured.run(&["--json", "list"]);
    assert_eq!(done.status, 78);
    assert_eq!(done.json()["error"]["code"], "config");
    let said = done.json()["error"]["text"].as_str().unwrap().to_owned();
    let place = format!("{}, linha 2: ", configured.file().display());
    assert!(said.starts_with(&place) && said.contains("usre"), "{said}");
    // The help, and the commands about the file, do without it.
    assert_eq!(configured.run(&["--help"]).status, 0);
    let path = configured.run(&["config", "path"]);
    assert_eq!((path.status, path.out.trim_end()), (0, configured.file().to_str().unwrap()));
    let set = configured.run(&["config", "set", "user", "tony"]);
    assert_eq!((set.status, set.err.contains("linha 2")), (78, true), "{set:?}");
    assert_eq!(fs::read_to_string(configured.file()).unwrap(), "# meu\nusre = 'tony'\n");
    // The menus do not start, either.
    assert_eq!(configured.run(&[]).status, 78);
}

#[test]
fn a_pipe_or_a_device_in_place_of_the_file_is_refused_at_once() {
    let configured = Configured::of("");
    for make in [
        |file: &Path| mkfifoat(CWD, file, Mode::RUSR | Mode::WUSR).unwrap(),
        |file: &Path| symlink("/dev/zero", file).unwrap(),
    ] {
        fs::remove_file(configured.file()).unwrap();
        make(&configured.file());
        let done = configured.run(&["--lang", "en", "list"]);
        let said =
            format!("correio: {}: the configuration file is not", configured.file().display());
        assert_eq!((done.status, done.err.starts_with(&said)), (78, true), "{done:?}");
        assert_eq!(configured.run(&["config", "set", "user", "tony"]).status, 78);
    }
}

#[test]
fn a_file_that_others_may_write_is_refused_if_it_names_a_command() {
    let configured = Configured::whole("touch \"$HOME/ran\"; echo x");
    fs::set_permissions(configured.file(), fs::Permissions::from_mode(0o666)).unwrap();
    let mut command = configured.command(&["receive"]);
    command.env("HOME", configured.setup.data.path());
    let done = finish(command, "");
    assert_eq!((done.status, done.err.contains("chmod go-w")), (78, true), "{done:?}");
    assert!(!configured.setup.data.path().join("ran").exists());
}

#[test]
fn defaults_are_set_listed_and_removed() {
    let configured = Configured::of("# meu\n");
    fs::remove_file(configured.file()).unwrap();
    let done = configured.run(&["config"]);
    assert_eq!((done.status, done.out.contains("Nada está configurado")), (0, true), "{done:?}");
    assert_eq!(configured.run(&["config", "set", "user", "tony"]).out, "user configurado.\n");
    assert_eq!(configured.run(&["config", "set", "signature", "Tony\n-- fim"]).status, 0);
    assert_eq!(configured.run(&["config", "get", "signature"]).out, "Tony\n-- fim\n");
    let list = configured.run(&["--json", "config", "list"]).json();
    assert_eq!(list["defaults"], json!({ "user": "tony", "signature": "Tony\n-- fim" }));
    assert_eq!(configured.run(&["config"]).out, "user = \"tony\"\nsignature = \"Tony\\n-- fim\"\n");
    assert_eq!(configured.run(&["config", "unset", "signature"]).status, 0);
    assert_eq!(configured.run(&["config", "get", "signature"]).status, 65);
    for (arguments, status) in [
        (&["config", "set", "user", "to ny"][..], 65),
        (&["config", "set", "language", "fr"], 65),
        (&["config", "set", "colour", "x"], 64),
        (&["config", "get"], 64),
    ] {
        assert_eq!(configured.run(arguments).status, status, "{arguments:?}");
    }
    let mode = fs::metadata(configured.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_password_comes_from_another_program() {
    let setup = Setup::of(TONY);
    let address = setup.address.to_string();
    let account = ["--json", "--server", &address, "--user", "tony"];
    let with = |command: &str, set: &[(&str, &str)]| {
        let option = ["--password-command", command, "receive"];
        let mut program = setup.program(&[&account[..], &option].concat());
        program.envs(set.iter().copied());
        finish(program, "")
    };
    let command = format!(
        "test \"$CORREIO_USER $CORREIO_SERVER\" = 'tony {address}' && \
                           printf '{PASSWORD}\\nnotes\\n'"
    );
    assert_eq!(with(&command, &[]).status, 0);
    // An option comes before the environment.
    assert_eq!(with(&command, &[("CORREIO_PASSWORD", "wrong-password")]).status, 0);
    assert_eq!(with("echo wrong-password", &[("CORREIO_PASSWORD", PASSWORD)]).status, 77);
    let mut program = setup.program(&[&account[..], &["receive"]].concat());
    program.env("CORREIO_PASSWORD_COMMAND", &command);
    assert_eq!(finish(program, "").status, 0);
    // A password in the environment comes before a command in it.
    let mut program = setup.program(&[&account[..], &["receive"]].concat());
    program.env("CORREIO_PASSWORD_COMMAND", "false").env("CORREIO_PASSWORD", PASSWORD);
    assert_eq!(finish(program, "").status, 0);
}

#[test]
fn a_password_command_that_fails_is_a_clear_error_without_its_text() {
    let setup = Setup::of(TONY);
    let address = setup.address.to_string();
    for command in ["exit 3; segredo", "true; : segredo", "/nowhere/segredo"] {
        let account = ["--json", "--server", &address, "--user", "tony"];
        let option = ["--password-command", command, "receive"];
        let done = finish(setup.program(&[&account[..], &option].concat()), "");
        assert_eq!((done.status, &done.json()["error"]["code"]), (78, &json!("password_command")));
        assert!(!done.out.contains("segredo"), "{done:?}");
    }
    // The menus ask for the password.
    let done = finish(setup.program(&["--password-command", "echo x"]), "");
    assert_eq!(done.status, 64);
}

/// A program that stands in for a keyring's.
#[test]
fn a_keyring_s_program_gives_the_password() {
    let configured =
        Configured::whole("secret-tool lookup service correio user \\\"$CORREIO_USER\\\"");
    let programs = configured.setup.data.path().join("bin");
    fs::create_dir(&programs).unwrap();
    let program = programs.join("secret-tool");
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = 'lookup service correio user tony' ] && printf %s '{PASSWORD}'\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = configured.command(&["receive"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", programs.display()));
    let done = finish(command, "");
    assert_eq!(done.status, 0, "{done:?}");
}

/// The body of the only mail that the user has.
fn body(setup: &Setup) -> String {
    setup.received()["mails"][0]["body"].as_str().unwrap().to_owned()
}

#[test]
fn a_signature_is_put_under_a_mail_that_asks_for_it() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    let send = |more: &[&str]| {
        let send = ["send", "--to", "tony", "--subject", "Oi"];
        configured.run(&[&send[..], more].concat())
    };
    assert_eq!(send(&["--body", "Olá", "--signature"]).status, 78, "there is none");
    assert_eq!(configured.run(&["config", "set", "signature", "Tony"]).status, 0);
    assert_eq!(send(&["--body", "Olá"]).status, 0);
    assert_eq!(body(&configured.setup), "Olá");
    assert_eq!(send(&["--body", "Olá", "--signature"]).status, 0);
    assert_eq!(body(&configured.setup), "Olá\n\n-- \nTony\n");
    let file = configured.setup.data.path().join("corpo.txt");
    fs::write(&file, "De um arquivo.\n").unwrap();
    assert_eq!(send(&["--body-file", file.to_str().unwrap(), "--signature"]).status, 0);
    assert_eq!(body(&configured.setup), "De um arquivo.\n\n-- \nTony\n");
}

#[test]
fn a_mail_of_the_menus_has_the_signature() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    assert_eq!(configured.run(&["config", "set", "signature", "Tony"]).status, 0);
    let script = format!("3\ntony\n{PASSWORD}\n4\ntony\nOi\nOlá\n.\n6\n0\n");
    let done = finish(configured.command(&[]), &script);
    assert!(done.out.contains("E-mail enviado com sucesso"), "{done:?}");
    assert_eq!(body(&configured.setup), "Olá\n\n-- \nTony\n");
}

#[test]
fn an_answer_and_a_forwarded_mail_are_signed_once() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    assert_eq!(configured.run(&["config", "set", "signature", "Tony"]).status, 0);
    configured.setup.deliver("tony", "tony", &[("Oi", "Às oito?")]);
    let signed_once = |begins: &str, ends: &str| {
        let body = body(&configured.setup);
        assert!(body.starts_with(begins) && body.ends_with(ends), "{body:?}");
        assert_eq!(body.matches("-- \nTony").count(), 1, "{body:?}");
    };
    // In the menus, an answer whose signature was typed already, and a forwarded mail.
    let script = format!("3\ntony\n{PASSWORD}\n5\nr 1\n\n\nSim.\n\n-- \nTony\n.\n0\n6\n0\n");
    let done = finish(configured.command(&[]), &script);
    assert!(done.out.contains("E-mail enviado com sucesso"), "{done:?}");
    signed_once("Em ", "> Às oito?\n\nSim.\n\n-- \nTony\n");
    let script = format!("3\ntony\n{PASSWORD}\n7\nf 1\ntony\n\nVeja.\n.\n0\n6\n0\n");
    let done = finish(configured.command(&[]), &script);
    assert!(done.out.contains("E-mail enviado com sucesso"), "{done:?}");
    signed_once("Veja.\n\n--", "\nÀs oito?\n\n-- \nTony\n");
    // The commands sign if they are told to.
    assert_eq!(configured.run(&["reply", "1", "--body", "Sim.", "--signature"]).status, 0);
    signed_once("Em ", "> Às oito?\n\nSim.\n\n-- \nTony\n");
    let forward = ["forward", "1", "--to", "tony", "--body", "Veja."];
    assert_eq!(configured.run(&[&forward[..], &["--signature"]].concat()).status, 0);
    signed_once("Veja.\n\n--", "\nÀs oito?\n\n-- \nTony\n");
    assert_eq!(configured.run(&forward).status, 0);
    assert!(!body(&configured.setup).contains("-- \nTony"), "it was not asked for");
}

/// The variable may be there for other commands of correio.
#[test]
fn a_password_command_does_not_get_the_password() {
    let configured = Configured::of("");
    let print = "printf %s \"$CORREIO_PASSWORD$CORREIO_INVITE\"";
    let done = configured.setup.run("tony", &["--password-command", print, "receive"], "");
    assert_eq!(done.status, 78, "it printed nothing: {done:?}");
}

/// The command line of an editor that writes a text.
fn editor(text: &str) -> String {
    format!("f() {{ printf {text} >\"$1\"; }}; f")
}

#[test]
fn the_editor_of_the_file_comes_before_that_of_all_programs() {
    let configured = Configured::whole(&format!("echo {PASSWORD}"));
    let from_file = editor("do-arquivo");
    assert_eq!(configured.run(&["config", "set", "editor", &from_file]).status, 0);
    let (of_all, of_variable) = (editor("de-todos"), editor("da-variavel"));
    let home = configured.home.to_str().unwrap();
    let all = [("EDITOR", of_all.as_str()), ("XDG_CONFIG_HOME", home)];
    let variable = [&all[..], &[("CORREIO_EDITOR", of_variable.as_str())]].concat();
    for (set, written) in [(&all[..], "do-arquivo"), (&variable, "da-variavel")] {
        let send = ["send", "--to", "tony", "--subject", "Oi"];
        let mut terminal = Terminal::start_with(&configured.setup, set, &send);
        terminal.expect("um editor, Ctrl-T");
        terminal.press("\x18");
        terminal.expect(written);
        terminal.press("\x04");
        assert_eq!(terminal.end().1, 0);
        assert_eq!(body(&configured.setup), written);
    }
}

#[test]
fn a_configuration_in_a_place_that_cannot_be_read_is_named() {
    let configured = Configured::of("");
    fs::remove_file(configured.file()).unwrap();
    fs::create_dir(configured.file()).unwrap();
    let done = configured.run(&["list"]);
    assert_eq!(done.status, 78, "{done:?}");
    assert!(done.err.contains("config.toml"), "{done:?}");
}

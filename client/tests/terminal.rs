//! The menus on a real pseudo-terminal, in both languages.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

mod common;

use std::{fs::File, net::TcpListener, path::Path, process::Command};

use rexpect::session::{PtySession, spawn_command};
use rustix::{
    pty::ptsname,
    termios::{Termios, tcgetattr},
};
use tempfile::TempDir;

use self::common::Running;

const PATIENCE_MS: u64 = 30_000;
const PASSWORD: &str = "jarvis-is-here";
const CTRL_C: &str = "\u{3}";
/// Empties the line that is being typed.
const CTRL_U: &str = "\u{15}";
const ESCAPE: &str = "\u{1b}";

/// The program on a terminal of its own.
struct Terminal {
    session: PtySession,
    /// The program's own end: held open, since a terminal that nobody has open forgets its modes.
    held: Option<File>,
    found: Termios,
    left: Option<Termios>,
}

impl Terminal {
    fn open(data: &Path, arguments: &[&str]) -> Self {
        // The modes are noted between what rexpect does to them and what the program does.
        let script = r#"stty sane; echo ready; read -r _; exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command
            .env_clear()
            .env("TERM", "xterm-256color")
            .env("PATH", "/usr/bin:/bin");
        command.args(["-c", script, env!("CARGO_BIN_EXE_correio"), "--data-dir"]);
        command.arg(data).args(arguments);
        let mut session = spawn_command(command, Some(PATIENCE_MS)).unwrap();
        session.exp_string("ready").unwrap();
        let name = ptsname(session.process().get_file_handle().unwrap(), Vec::new()).unwrap();
        let held = File::open(name.to_str().unwrap()).unwrap();
        let found = tcgetattr(&held).unwrap();
        session.send_line("").unwrap();
        Self {
            session,
            held: Some(held),
            found,
            left: None,
        }
    }

    fn see(&mut self, text: &str) -> String {
        // rexpect takes every byte for a character.
        let bytes: String = text.bytes().map(char::from).collect();
        match self.session.exp_string(&bytes) {
            Ok(before) => text_of(&before),
            Err(error) => panic!("{text:?} was not seen: {error}"),
        }
    }

    fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// Answers a question, over what stands there already.
    fn answer(&mut self, question: &str, text: &str) {
        self.see(question);
        self.press(&format!("{CTRL_U}{text}\r"));
    }

    fn answer_password(&mut self, question: &str, password: &str) {
        self.see(question);
        self.press(&format!("{password}\r"));
    }

    /// Waits for the end, checks the status and returns everything that was written until then.
    fn end(&mut self, status: i32) -> String {
        // rexpect does not name the type of this outside itself.
        let ended = format!("{:?}", self.session.process().wait().unwrap());
        let held = self.held.take().unwrap();
        self.left = Some(tcgetattr(&held).unwrap());
        drop(held);
        let rest = self.session.exp_eof().unwrap();
        let expected = format!(", {status})");
        assert!(
            ended.starts_with("Exited") && ended.ends_with(&expected),
            "{ended}: {rest}"
        );
        rest
    }
}

/// What the bytes stand for that rexpect took for characters.
fn text_of(bytes: &str) -> String {
    let bytes: Vec<u8> = bytes
        .chars()
        .filter_map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Compares the modes of a terminal before and after.
fn assert_as_it_was(terminal: &Terminal, place: &str) {
    let modes = |modes: &Termios| {
        (
            modes.local_modes,
            modes.input_modes,
            modes.output_modes,
            modes.control_modes,
        )
    };
    let left = terminal.left.as_ref().unwrap();
    assert_eq!(modes(left), modes(&terminal.found), "{place}");
}

/// A server, and where it and the client keep their files.
struct House {
    running: Running,
    _server_data: TempDir,
    data: TempDir,
}

impl House {
    fn new() -> Self {
        let server_data = TempDir::new().unwrap();
        let running = Running::start(server_data.path(), 0);
        Self {
            running,
            _server_data: server_data,
            data: TempDir::new().unwrap(),
        }
    }

    fn address(&self) -> String {
        self.running.address.to_string()
    }

    /// Runs a command of the program that must succeed.
    fn run(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_correio"));
        command
            .args(["--server", &self.address(), "--data-dir"])
            .arg(self.data.path());
        let output = command
            .args(arguments)
            .env("CORREIO_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn terminal(&self, lang: &str) -> Terminal {
        Terminal::open(
            self.data.path(),
            &["--lang", lang, "--server", &self.address()],
        )
    }
}

/// What is read and typed on the way through all of the screens, in one language.
struct Words {
    lang: &'static str,
    title: &'static str,
    quit: &'static str,
    unavailable: &'static str,
    address: &'static str,
    port: &'static str,
    no_service: &'static str,
    service: &'static str,
    full_name: &'static str,
    username: &'static str,
    password: &'static str,
    again: &'static str,
    registered: &'static str,
    taken: &'static str,
    failed: &'static str,
    welcome: &'static str,
    to: &'static str,
    subject: &'static str,
    body: &'static str,
    unknown: &'static str,
    kept: &'static str,
    sent: &'static str,
    received: &'static str,
    which: &'static str,
    from: &'static str,
    goodbye: &'static str,
}

const PT: Words = Words {
    lang: "pt",
    title: "Cliente E-mail Service BSI Online",
    quit: "0) Sair",
    unavailable: "aponte um servidor primeiro",
    address: "Endereço do servidor",
    port: "Porta",
    no_service: "Serviço Indisponível: ",
    service: "Serviço Disponível",
    full_name: "Nome completo",
    username: "Nome de usuário",
    password: "Senha",
    again: "Repita a senha",
    registered: "Conta tony cadastrada.",
    taken: "O nome de usuário tony já existe",
    failed: "Falha no acesso: ",
    welcome: "Seja Bem Vindo Tony Stark",
    to: "Destinatário",
    subject: "Assunto",
    body: "Corpo",
    unknown: "Destinatário Inexistente",
    kept: "rascunho",
    sent: "E-mail enviado com sucesso",
    received: "01 e-mails recebidos:",
    which: "Qual e-mail deseja ler:",
    from: "De: Tony Stark <tony>",
    goodbye: "Até logo, Tony Stark.",
};

const EN: Words = Words {
    lang: "en",
    title: "E-mail Service BSI Online Client",
    quit: "0) Quit",
    unavailable: "choose a server first",
    address: "Server address",
    port: "Port",
    no_service: "Service Unavailable: ",
    service: "Service Available",
    full_name: "Full name",
    username: "Username",
    password: "Password",
    again: "again",
    registered: "Account tony registered.",
    taken: "The username tony is taken",
    failed: "Login failed: ",
    welcome: "Welcome Tony Stark",
    to: "To",
    subject: "Subject",
    body: "Body",
    unknown: "No Such Recipient",
    kept: "draft",
    sent: "E-mail sent",
    received: "01 e-mails received:",
    which: "Which e-mail to read:",
    from: "From: Tony Stark <tony>",
    goodbye: "Goodbye, Tony Stark.",
};

#[test]
fn through_all_screens_in_portuguese() {
    through_all_screens(&PT);
}

#[test]
fn through_all_screens_in_english() {
    through_all_screens(&EN);
}

fn through_all_screens(words: &Words) {
    let house = House::new();
    let mut terminal = Terminal::open(house.data.path(), &["--lang", words.lang]);
    point_at_servers(&mut terminal, words, house.running.address.port());
    register(&mut terminal, words);
    log_in(&mut terminal, words);
    send(&mut terminal, words);
    receive(&mut terminal, words);
    terminal.press("6");
    terminal.see(words.goodbye);
    // Still connected: the choice behind the login can be chosen at once.
    terminal.see(words.quit);
    terminal.press("3");
    terminal.see(words.username);
    terminal.press(ESCAPE);
    terminal.see(words.quit);
    terminal.press("0");
    terminal.end(0);
    assert_as_it_was(&terminal, "after the last screen");
}

fn point_at_servers(terminal: &mut Terminal, words: &Words, port: u16) {
    terminal.see(words.title);
    terminal.see(words.quit);
    terminal.press("2");
    terminal.see(words.unavailable);
    // A port on which nobody listens.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    terminal.press("1");
    terminal.answer(words.address, "127.0.0.1");
    terminal.answer(words.port, &free.to_string());
    terminal.see(words.no_service);
    terminal.see(words.quit);
    terminal.press("1");
    terminal.answer(words.address, "127.0.0.1");
    terminal.answer(words.port, &port.to_string());
    terminal.see(words.service);
    terminal.see("correiod ");
    terminal.see(words.quit);
}

fn register(terminal: &mut Terminal, words: &Words) {
    for username in ["tony", "pepper"] {
        terminal.press("2");
        terminal.answer(words.full_name, "Tony Stark");
        terminal.answer(words.username, "tony");
        terminal.answer_password(words.password, PASSWORD);
        terminal.answer_password(words.again, PASSWORD);
        if username == "tony" {
            terminal.see(words.registered);
        } else {
            // Only the username is asked for again.
            terminal.see(words.taken);
            terminal.answer(words.username, username);
            terminal.see(username);
        }
        terminal.see(words.quit);
    }
}

fn log_in(terminal: &mut Terminal, words: &Words) {
    terminal.press("3");
    terminal.answer(words.username, "tony");
    terminal.answer_password(words.password, "wrong-password");
    terminal.see(words.failed);
    terminal.see(words.quit);
    // With the arrow keys this time: down to the third choice.
    terminal.press("\u{1b}[B\u{1b}[B\r");
    terminal.answer(words.username, "tony");
    terminal.answer_password(words.password, PASSWORD);
    terminal.see(words.welcome);
    terminal.see("6) ");
}

fn send(terminal: &mut Terminal, words: &Words) {
    for (to, outcome) in [("nobody", words.unknown), ("tony", words.sent)] {
        terminal.press("4");
        terminal.answer(words.to, to);
        terminal.answer(words.subject, "Elevador");
        terminal.see(words.body);
        terminal.press("Parou de novo.\r..\rSem pressa.\r.\r");
        terminal.see(outcome);
        if to == "nobody" {
            terminal.see(words.kept);
        }
        terminal.see("6) ");
    }
}

fn receive(terminal: &mut Terminal, words: &Words) {
    terminal.press("5");
    terminal.see(words.received);
    terminal.see("[1] Tony Stark: Elevador");
    terminal.answer(words.which, "1");
    terminal.see(words.from);
    terminal.see("Parou de novo.\r\n.\r\nSem pressa.");
    terminal.answer(words.which, "0");
    terminal.see("6) ");
}

/// Goes to a question and presses Ctrl-C there.
fn interrupt_at(house: &House, way: &[(&str, &str)], question: &str) {
    let mut terminal = house.terminal("pt");
    for (text, keys) in way {
        terminal.see(text);
        terminal.press(keys);
    }
    terminal.see(question);
    terminal.press(CTRL_C);
    let rest = terminal.end(130);
    assert!(
        rest.contains("\u{1b}[?25h"),
        "the cursor is shown again: {question}, {rest:?}"
    );
    assert_as_it_was(&terminal, question);
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let house = House::new();
    house.run(&["--user", "tony", "register", "--name", "Tony Stark"]);
    let password = format!("{PASSWORD}\r");
    let menu = "0) Sair";
    let log_in = [
        (menu, "3"),
        ("Nome de usuário", "tony\r"),
        ("Senha", password.as_str()),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        log_in
            .iter()
            .copied()
            .chain(more.iter().copied())
            .collect::<Vec<_>>()
    };
    interrupt_at(&house, &[], menu);
    interrupt_at(&house, &[(menu, "1")], "Endereço do servidor");
    interrupt_at(&house, &[(menu, "2")], "Nome completo");
    let register = [
        (menu, "2"),
        ("Nome completo", "Pepper Potts\r"),
        ("usuário", "pepper\r"),
    ];
    interrupt_at(&house, &register, "Senha");
    interrupt_at(&house, &log_in[..2], "Senha");
    interrupt_at(&house, &with(&[]), "6) Logout");
    interrupt_at(&house, &with(&[("6) Logout", "4")]), "Destinatário");
    let to_body = [
        ("6) Logout", "4"),
        ("Destinatário", "tony\r"),
        ("Assunto", "Elevador\r"),
    ];
    interrupt_at(&house, &with(&to_body), "Corpo");
    house.run(&[
        "--user",
        "tony",
        "send",
        "--to",
        "tony",
        "--subject",
        "Elevador",
        "--body",
        "Parou.",
    ]);
    interrupt_at(
        &house,
        &with(&[("6) Logout", "5")]),
        "Qual e-mail deseja ler",
    );
}

#[test]
fn what_others_write_is_shown_and_not_obeyed() {
    let house = House::new();
    house.run(&["--user", "tony", "register", "--name", "Tony \u{202e}Stark"]);
    let body = "\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}Parou.";
    let subject = "Elevador\u{2066}";
    house.run(&[
        "--user",
        "tony",
        "send",
        "--to",
        "tony",
        "--subject",
        subject,
        "--body",
        body,
    ]);
    let mut terminal = house.terminal("pt");
    terminal.see("0) Sair");
    terminal.press("3");
    terminal.answer("Nome de usuário", "tony");
    terminal.answer_password("Senha", PASSWORD);
    terminal.see("Seja Bem Vindo Tony \\u{202e}Stark");
    terminal.see("6) Logout");
    terminal.press("5");
    terminal.see("[1] Tony \\u{202e}Stark: Elevador\\u{2066}");
    terminal.answer("Qual e-mail deseja ler", "1");
    let seen = terminal.see("Parou.");
    assert!(
        seen.ends_with("\\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{202e}"),
        "{seen:?}"
    );
    assert!(
        !seen.contains('\u{202e}') && !seen.contains("\u{1b}[2J"),
        "{seen:?}"
    );
}

#[test]
fn a_small_terminal_is_enough() {
    use rustix::termios::{Winsize, tcsetwinsize};
    let house = House::new();
    let mut terminal = house.terminal("pt");
    let size = Winsize {
        ws_row: 2,
        ws_col: 10,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal.session.process().get_file_handle().unwrap(), size).unwrap();
    terminal.see("Cliente");
    terminal.press("0");
    terminal.end(0);
}

//! The menus on a real pseudo-terminal, in both languages.

use correio_client::Trust;
use correio_testing::port::free_address;

use crate::support::{PASSWORD, Setup, terminal::Terminal};

const SHOW_CURSOR: &str = "\u{1b}[?25h";
/// The sequence that ends the drawing of a question.
const DRAWN: &str = SHOW_CURSOR;
/// The output after a question that was answered.
const LEFT_AS_ANSWERED: &str = "\r\n\u{1b}[?25h";
const DOWN: &str = "\u{1b}[B";
const UP: &str = "\u{1b}[A";
const LEFT: &str = "\u{1b}[D";
const ESCAPE: &str = "\u{1b}";

/// The texts of one language that the story needs.
struct Words {
    lang: &'static str,
    title: &'static str,
    quit: &'static str,
    address: &'static str,
    port: &'static str,
    trust: &'static str,
    yes: &'static str,
    available: &'static str,
    unavailable: &'static str,
    full_name: &'static str,
    username: &'static str,
    password: &'static str,
    password_of: &'static str,
    again: &'static str,
    taken: &'static str,
    registered: &'static str,
    login_failed: &'static str,
    welcome: &'static str,
    account: &'static str,
    to: &'static str,
    subject: &'static str,
    body: &'static str,
    sent: &'static str,
    unknown: &'static str,
    receiving: &'static str,
    received: &'static str,
    which: &'static str,
    back: &'static str,
    from: &'static str,
    goodbye: &'static str,
}

const PT: Words = Words {
    lang: "pt",
    title: "Cliente E-mail Service BSI Online\r\n",
    quit: "0) Sair",
    address: "Endereço do servidor: ",
    port: "Porta: ",
    trust: "É a mesma, e você confia neste servidor? (s/n): ",
    yes: "s",
    available: "Serviço Disponível\r\n",
    unavailable: "Serviço Indisponível: a conexão foi recusada",
    full_name: "Nome completo: ",
    username: "Nome de usuário",
    password: "Senha",
    password_of: "Senha de tony",
    again: "Repita a senha: ",
    taken: "já existe; escolha outro.",
    registered: "Conta tony cadastrada.",
    login_failed: "Falha no acesso: usuário desconhecido ou senha errada",
    welcome: "Seja Bem Vindo Tony Stark\r\n",
    account: "9) Minha conta",
    to: "Destinatário (vários, separados por vírgula): ",
    subject: "Assunto: ",
    body: "Corpo (",
    sent: "E-mail enviado com sucesso\r\n",
    unknown: "Destinatário Inexistente\r\n",
    receiving: "Recebendo E-mails…",
    received: "01 e-mail recebido:\r\n[1] Tony Stark: Jantar\r\n",
    which: "Qual e-mail deseja ler:",
    back: "Enter volta à lista",
    from: "De: Tony Stark <tony>\r\n",
    goodbye: "Até logo, Tony Stark.",
};

const EN: Words = Words {
    lang: "en",
    title: "E-mail Service BSI Online Client\r\n",
    quit: "0) Quit",
    address: "Server address: ",
    port: "Port: ",
    trust: "Is it the same, and do you trust this server? (y/n): ",
    yes: "y",
    available: "Service Available\r\n",
    unavailable: "Service Unavailable: the connection was refused",
    full_name: "Full name: ",
    username: "Username",
    password: "Password",
    password_of: "Password of tony",
    again: "The password again: ",
    taken: "is taken; choose another.",
    registered: "Account tony registered.",
    login_failed: "Login failed: unknown username or wrong password",
    welcome: "Welcome Tony Stark\r\n",
    account: "9) My account",
    to: "To (several, separated by commas): ",
    subject: "Subject: ",
    body: "Body (",
    sent: "E-mail sent",
    unknown: "No Such Recipient",
    receiving: "Receiving E-mails…",
    received: "01 e-mail received:\r\n[1] Tony Stark: Jantar\r\n",
    which: "Which e-mail to read:",
    back: "Enter goes back to the list",
    from: "From: Tony Stark <tony>\r\n",
    goodbye: "Goodbye, Tony Stark.",
};

/// Everything that a new user does on a first evening.
fn story(words: &Words) {
    let setup = Setup::unknown(&[("pepper", "Pepper Potts")]);
    let mut terminal = Terminal::start(&setup, &["--lang", words.lang]);
    point_at(&mut terminal, words, &setup);
    register(&mut terminal, words);
    log_in(&mut terminal, words);
    send(&mut terminal, words);
    receive(&mut terminal, words);
    terminal.expect(words.account);
    terminal.press("6");
    terminal.expect(words.goodbye);
    terminal.expect(words.quit);
    terminal.press(DOWN);
    terminal.expect(&format!("> {}", words.quit));
    terminal.press("\r");
    assert_eq!(terminal.end().1, 0);
}

fn point_at(terminal: &mut Terminal, words: &Words, setup: &Setup) {
    terminal.expect(words.title);
    terminal.expect(words.quit);
    // Not to be chosen yet.
    terminal.press("3");
    terminal.expect(words.quit);
    terminal.press("1");
    terminal.answer(words.address, "127.0.0.1");
    terminal.answer(words.port, &free_address().port().to_string());
    terminal.expect(words.unavailable);
    terminal.expect(words.quit);
    terminal.press("\r");
    terminal.answer(words.address, "127.0.0.1");
    terminal.answer(words.port, &setup.address.port().to_string());
    terminal.expect(&setup.fingerprint().to_string());
    terminal.answer(words.trust, words.yes);
    terminal.expect(words.available);
    terminal.expect(words.quit);
    let known = setup.known().trust(&setup.server()).unwrap();
    assert_eq!(known, Trust::Fingerprint(setup.fingerprint()));
}

fn register(terminal: &mut Terminal, words: &Words) {
    // Enter after a number belongs to it.
    terminal.press("2\r");
    terminal.answer(words.full_name, "Tony Stark");
    terminal.answer(words.username, "pepper");
    terminal.answer(words.password, PASSWORD);
    terminal.answer(words.again, PASSWORD);
    terminal.expect(words.taken);
    // The typed username is offered; typing replaces it.
    terminal.expect("pepper");
    terminal.press("tony\r");
    terminal.expect(words.registered);
    terminal.expect(words.quit);
}

fn log_in(terminal: &mut Terminal, words: &Words) {
    // After an account comes the login.
    terminal.press(UP);
    terminal.expect("> 2) ");
    terminal.press(DOWN);
    terminal.expect("> 3) ");
    terminal.press("\r");
    terminal.answer(words.username, "tony");
    terminal.answer(words.password, "not-the-password");
    let written = terminal.expect(words.login_failed);
    assert!(!written.contains("not-the"), "{written:?}");
    // The username stays, and only the password is asked.
    terminal.expect("> 3) ");
    terminal.press("\r");
    terminal.answer(words.password_of, PASSWORD);
    terminal.expect(words.welcome);
    terminal.expect(words.account);
}

fn send(terminal: &mut Terminal, words: &Words) {
    terminal.press("4");
    terminal.answer(words.to, "happy");
    terminal.answer(words.subject, "Oi");
    write_body(terminal, words.body, &["Happy?"]);
    terminal.expect(words.unknown);
    terminal.expect(words.account);
    terminal.press("4");
    terminal.answer(words.to, "tony");
    terminal.answer(words.subject, &format!("Jntar{LEFT}{LEFT}{LEFT}{LEFT}a"));
    write_body(terminal, words.body, &["Às oito?", "", "...", "Tony"]);
    terminal.expect(words.sent);
    terminal.expect(words.account);
}

/// Types lines one after the other, each once the one before is on the screen, as a user does, and
/// the dot that ends them.
fn write_body(terminal: &mut Terminal, question: &str, lines: &[&str]) {
    terminal.expect(question);
    terminal.expect(DRAWN);
    let mut shown = String::new();
    for line in lines {
        if !line.is_empty() {
            terminal.press(line);
            terminal.expect(&format!("{shown}{line}"));
            terminal.expect(DRAWN);
        }
        // A line of dots loses one.
        let is_dots = !line.is_empty() && line.bytes().all(|byte| byte == b'.');
        shown.push_str(if is_dots { &line[1..] } else { line });
        shown.push_str("\r\n");
        terminal.press("\r");
        terminal.expect(&shown);
        terminal.expect(DRAWN);
    }
    terminal.press(".\r");
}

fn receive(terminal: &mut Terminal, words: &Words) {
    terminal.press("5");
    terminal.expect(words.receiving);
    terminal.expect(words.received);
    terminal.answer(words.which, "1");
    terminal.expect(words.from);
    terminal.expect("\r\n\r\nÀs oito?\r\n\r\n..\r\nTony\r\n");
    // The mail stays until a key is pressed.
    terminal.expect(words.back);
    terminal.press("\r");
    terminal.expect("[1] Tony Stark: Jantar\r\n");
    terminal.expect(words.which);
    terminal.press(ESCAPE);
}

#[test]
fn a_first_evening_in_portuguese() {
    story(&PT);
}

#[test]
fn a_first_evening_in_english() {
    story(&EN);
}

/// Goes to each prompt in turn, presses a key there, and looks at the end.
fn at_each_prompt(setup: &Setup, press: &str, check: impl Fn(&str, &str, i32)) {
    let address = setup.address.to_string();
    let ways: &[(&str, &[(&str, &str)])] = &[
        ("0) Sair", &[]),
        ("Endereço do servidor: ", &[("0) Sair", "1")]),
        ("Porta: ", &[("0) Sair", "1"), ("servidor: ", "localhost\r")]),
        ("Nome completo: ", &[("0) Sair", "2")]),
        ("Nome de usuário", &[("0) Sair", "3")]),
        ("Senha: ", &[("0) Sair", "3"), ("usuário: ", "tony\r")]),
        ("9) Minha conta", &LOGIN),
        ("Destinatário", &[LOGIN[0], LOGIN[1], LOGIN[2], HOME_SEND]),
        (
            "Corpo (",
            &[
                LOGIN[0],
                LOGIN[1],
                LOGIN[2],
                HOME_SEND,
                ("vírgula): ", "tony\r"),
                ("Assunto: ", "Oi\r"),
            ],
        ),
        ("deseja ler:", &[LOGIN[0], LOGIN[1], LOGIN[2], ("conta", "7")]),
    ];
    for (prompt, way) in ways {
        let mut terminal = Terminal::start(setup, &["--server", &address]);
        for (question, keys) in *way {
            terminal.expect(question);
            terminal.press(keys);
        }
        terminal.expect(prompt);
        terminal.press(press);
        let (written, status) = terminal.end();
        check(prompt, &written, status);
    }
}

const LOGIN: [(&str, &str); 3] =
    [("0) Sair", "3"), ("usuário: ", "tony\r"), ("Senha: ", "jarvis-is-here\r")];
const HOME_SEND: (&str, &str) = ("9) Minha conta", "4");

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", &[("Oi", "Olá")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    at_each_prompt(&setup, "\u{3}", |prompt, written, status| {
        assert_eq!(status, 130, "{prompt}");
        assert!(written.contains(SHOW_CURSOR), "{prompt}: {written:?}");
    });
}

#[test]
fn ctrl_d_leaves() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    setup.deliver("tony", "tony", &[("Oi", "Olá")]);
    assert_eq!(setup.run("tony", &["receive"], "").status, 0);
    at_each_prompt(&setup, "\u{4}", |prompt, _, status| {
        assert_eq!(status, 0, "{prompt}");
    });
}

#[test]
fn ctrl_c_while_waiting_cancels() {
    // A server that accepts connections and never sends a byte.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::of(&[]);
    let mut terminal = Terminal::start(&setup, &[]);
    terminal.expect("0) Sair");
    terminal.press("1");
    terminal.answer("servidor: ", "127.0.0.1");
    terminal.answer("Porta: ", &silent.local_addr().unwrap().port().to_string());
    terminal.expect("Conectando");
    let connection = silent.accept().unwrap();
    terminal.press("\u{3}");
    terminal.expect("Serviço Indisponível: cancelado");
    terminal.expect("0) Sair");
    terminal.press("0");
    assert_eq!(terminal.end().1, 0);
    drop(connection);
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let setup = Setup::of(&[("tony", "Tony Stark"), ("loki", "Loki\u{202e}yek")]);
    let subject = "limpo\u{200b}\u{2066}";
    let body = "um\u{1b}[2J\u{7}dois\r\ntrês\r\t\u{9b}31m\u{e0041}\n";
    setup.deliver("loki", "tony", &[(subject, body)]);
    let address = setup.address.to_string();
    let mut terminal = Terminal::start(&setup, &["--server", &address]);
    for (question, keys) in LOGIN {
        terminal.expect(question);
        terminal.press(keys);
    }
    terminal.expect("9) Minha conta");
    terminal.press("5");
    terminal.expect("[1] Loki\\u{202e}yek: limpo\\u{200b}\\u{2066}\r\n");
    terminal.answer("deseja ler:", "1");
    terminal.expect("De: Loki\\u{202e}yek <loki>\r\n");
    terminal.expect("um\\u{1b}[2J\\u{7}dois\r\ntrês\\u{d}");
    terminal.expect("\\u{9b}31m\\u{e0041}\r\n");
    terminal.expect(PT.back);
    terminal.press("q");
    // New mail is reported in the open menu, in the same way.
    terminal.expect("deseja ler:");
    terminal.press(ESCAPE);
    terminal.expect("9) Minha conta");
    setup.deliver("loki", "tony", &[("aqui\u{202e}", "x")]);
    terminal.expect("Novo e-mail de Loki\\u{202e}yek: aqui\\u{202e}");
    terminal.press("6");
    terminal.expect("0) Sair");
    terminal.press("0");
    assert_eq!(terminal.end().1, 0);
}

#[test]
fn small_terminals_will_do() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let body: String = (1..=8).map(|line| format!("linha {line}\n")).collect();
    setup.deliver("tony", "tony", &[(&"assunto ".repeat(20), &body)]);
    let address = setup.address.to_string();
    for size in [(2, 40), (1, 1), (3, 10)] {
        let mut terminal = Terminal::start_sized(&setup, size, &["--server", &address]);
        // Only what fits is drawn; the keys are the same.
        terminal.expect("BSI");
        terminal.expect("\n");
        terminal.press("3");
        terminal.expect(DRAWN);
        terminal.press("tony\r");
        terminal.expect(LEFT_AS_ANSWERED);
        terminal.expect(DRAWN);
        terminal.press("jarvis-is-here\r");
        terminal.expect("Stark");
        terminal.press("7");
        // The menu again, after the message that there is no mail.
        terminal.expect("Stark");
        terminal.press("6");
        terminal.expect("logo");
        terminal.press("\u{4}");
        assert_eq!(terminal.end().1, 0, "{size:?}");
    }
}

#[test]
fn an_editor_writes_the_body() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let mut terminal = Terminal::start_with(
        &setup,
        &[("EDITOR", "sed -i -e s/Jarvis/Friday/")],
        &["--server", &address],
    );
    for (question, keys) in LOGIN {
        terminal.expect(question);
        terminal.press(keys);
    }
    terminal.expect(HOME_SEND.0);
    terminal.press(HOME_SEND.1);
    terminal.answer("vírgula): ", "tony");
    terminal.answer("Assunto: ", "Oi");
    terminal.expect("Ctrl-X abre sed -i -e s/Jarvis/Friday/");
    terminal.press("Olá, Jarvis\u{18}");
    terminal.expect("Olá, Friday");
    terminal.press("\r");
    terminal.expect("Olá, Friday\r\n");
    terminal.expect(DRAWN);
    terminal.press(".\r");
    terminal.expect("E-mail enviado com sucesso");
    // Ctrl-C in the middle of a mail keeps it.
    terminal.expect(HOME_SEND.0);
    terminal.press(HOME_SEND.1);
    terminal.answer("vírgula): ", "tony");
    terminal.answer("Assunto: ", "Depois");
    terminal.expect("Ctrl-X");
    terminal.press("Um.");
    terminal.expect("Um.");
    terminal.press("\r");
    terminal.expect("Um.\r\n");
    terminal.press("Dois");
    terminal.expect("Dois");
    terminal.press("\u{3}");
    terminal.expect("guardado como rascunho");
    assert_eq!(terminal.end().1, 130);
}

#[test]
fn a_command_asks_before_it_trusts() {
    let setup = Setup::unknown(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let arguments = ["--lang", "en", "--server", &address, "--user", "tony", "receive"];
    for (answer, asked, status) in [("n\n", "correio trust", 77), ("y\n", EN.password, 130)] {
        let mut terminal = Terminal::start(&setup, &arguments);
        terminal.expect(&setup.fingerprint().to_string());
        terminal.answer(EN.trust, answer);
        // The password only after the server is known, and Ctrl-C leaves there.
        terminal.expect(asked);
        if status == 130 {
            terminal.press("\u{3}");
        }
        assert_eq!(terminal.end().1, status);
    }
}

#[test]
fn a_signal_ends_it_and_leaves_the_terminal_as_it_was() {
    let setup = Setup::of(&[]);
    let mut terminal = Terminal::start(&setup, &[]);
    terminal.expect("0) Sair");
    terminal.terminate();
    let (written, status) = terminal.end();
    assert_eq!(status, 143);
    assert!(written.contains(SHOW_CURSOR));
}

#[test]
fn an_enter_after_a_number_chooses_nothing() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let mut terminal = Terminal::start(&setup, &["--server", &address]);
    for (question, keys) in LOGIN {
        terminal.expect(question);
        terminal.press(keys);
    }
    terminal.expect(HOME_SEND.0);
    terminal.press(HOME_SEND.1);
    terminal.answer("vírgula): ", "ninguem");
    terminal.answer("Assunto: ", "Oi");
    write_body(&mut terminal, "Corpo (", &["Olá"]);
    terminal.expect("Destinatário Inexistente");
    terminal.expect(HOME_SEND.0);
    // In the list of drafts, and in what can be done with one, Enter alone would choose the first.
    terminal.press("8");
    terminal.expect("0) Voltar");
    terminal.press("\r1");
    terminal.expect("2) Alterar");
    terminal.expect("0) Voltar");
    terminal.press("\r0");
    let written = terminal.expect(HOME_SEND.0);
    assert!(!written.contains("Inexistente"), "nothing was sent: {written:?}");
    // Only the first Enter belongs to the number.
    terminal.press("8");
    terminal.expect("0) Voltar");
    terminal.press("\r\r");
    terminal.expect("2) Alterar");
    terminal.press(ESCAPE);
    terminal.expect(HOME_SEND.0);
    terminal.press("6");
    terminal.expect("0) Sair");
    terminal.press("0");
    assert_eq!(terminal.end().1, 0);
}

#[test]
fn a_server_that_stops_is_told_and_a_mail_that_was_cancelled_is_open() {
    let mut setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let mut terminal = Terminal::start(&setup, &["--server", &address]);
    for (question, keys) in LOGIN {
        terminal.expect(question);
        terminal.press(keys);
    }
    terminal.expect(HOME_SEND.0);
    setup.stop();
    terminal.expect("O servidor avisou que vai parar");
    terminal.press(HOME_SEND.1);
    terminal.answer("vírgula): ", "tony");
    terminal.answer("Assunto: ", "Oi");
    write_body(&mut terminal, "Corpo (", &["Olá"]);
    terminal.expect("Ctrl-C cancela.");
    terminal.press("\u{3}");
    let written = terminal.expect("O envio foi cancelado; o e-mail pode ter chegado");
    assert!(!written.contains("Falha"), "{written:?}");
    terminal.expect("guardado como rascunho");
    terminal.expect("8) Rascunhos (1)");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().1, 130);
}

#[test]
fn ctrl_z_does_nothing_where_no_shell_could_let_it_go_on() {
    let setup = Setup::of(&[]);
    // The shell that starts it here has no job control.
    let mut terminal = Terminal::start(&setup, &[]);
    terminal.expect("0) Sair");
    terminal.press("\u{1a}");
    terminal.press(UP);
    terminal.expect("> 0) Sair");
    terminal.press("\r");
    assert_eq!(terminal.end().1, 0);
}

//! Tests of the menus as plain lines, as a script uses them.

use correio_testing::port::free_address;

use crate::support::{Done, PASSWORD, Setup, finish};

/// Runs the menus with these lines as input.
fn menus(setup: &Setup, arguments: &[&str], lines: &[&str]) -> Done {
    let mut input = lines.join("\n");
    input.push('\n');
    let done = finish(setup.program(arguments), &input);
    assert!(!done.out.contains('\u{1b}'), "no escape codes: {done:?}");
    done
}

/// Asserts that texts stand in another, in this order.
fn assert_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part);
        let at =
            at.unwrap_or_else(|| panic!("{part:?} is not in what follows:\n{rest}\nin\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_first_screen() {
    let setup = Setup::of(&[]);
    let done = menus(&setup, &[], &["2", "7", "0"]);
    assert_eq!(done.status, 0);
    let screen = "\
Cliente E-mail Service BSI Online
  1) Apontar Servidor
  2) Cadastrar Conta (aponte um servidor primeiro)
  3) Acessar E-mail (aponte um servidor primeiro)
  0) Sair
";
    assert_order(
        &done.out,
        &[screen, "indisponível: aponte um servidor primeiro", "Não há a opção 7."],
    );
}

#[test]
fn the_end_of_the_input_ends_the_menus_anywhere() {
    let setup = Setup::of(&[]);
    let address = setup.address.to_string();
    for lines in [&[][..], &["1"], &["2", "Tony"], &["3", "tony"]] {
        let done = menus(&setup, &["--server", &address], lines);
        assert_eq!(done.status, 0, "{lines:?}");
    }
}

#[test]
fn servers_that_are_none() {
    let setup = Setup::of(&[]);
    let free = free_address().port().to_string();
    let typed = ["1", "127.0.0.1", &free, "1", "", "", "1", "a..b", "nome.invalid", "", "0"];
    let done = menus(&setup, &[], &typed);
    // No server has answered, and nothing else can have been done.
    assert_eq!(done.status, 69);
    assert_order(
        &done.out,
        &[
            "Serviço Indisponível: a conexão foi recusada",
            // The typed address is offered again.
            "Endereço do servidor [127.0.0.1]: ",
            &format!("Porta [{free}]: "),
            "Serviço Indisponível: a conexão foi recusada",
            "a..b não é um nome nem um endereço IP",
            "Serviço Indisponível: o nome nome.invalid não foi encontrado",
        ],
    );
    assert!(!done.out.contains("Serviço Disponível"));
}

#[test]
fn a_server_is_remembered() {
    let setup = Setup::of(&[]);
    let port = setup.address.port().to_string();
    let done = menus(&setup, &[], &["1", "127.0.0.1", &port, "0"]);
    assert_order(&done.out, &["Serviço Disponível\n", " ms\n"]);
    let done = menus(&setup, &["--lang", "en"], &["1", "", "", "0"]);
    let asked = format!("Port [{port}]: ");
    assert_order(&done.out, &["Server address [127.0.0.1]: ", &asked, "Service Available"]);
}

#[test]
fn from_the_account_to_the_mail() {
    let setup = Setup::of(&[("pepper", "Pepper Potts")]);
    let address = setup.address.to_string();
    let done = menus(
        &setup,
        &["--server", &address],
        &[
            "2",
            "Tony Stark",
            "tony stark",
            "pepper",
            "curta",
            PASSWORD,
            "diferente",
            PASSWORD,
            PASSWORD,
            "tony",
            "3",
            "tony",
            PASSWORD,
            "4",
            "pepper, tony",
            "Olá",
            "Primeira linha",
            "..",
            "",
            "Última",
            ".",
            "4",
            "ninguem",
            "Oi",
            "texto",
            ".",
            "5",
            "1",
            "9",
            "0",
            "5",
            "6",
            "0",
        ],
    );
    assert_eq!(done.status, 0);
    let home = "\
Seja Bem Vindo Tony Stark
  4) Enviar E-mail
  5) Receber E-mails
  6) Logout
";
    assert_order(
        &done.out,
        &[
            "Serviço Disponível\n",
            "o nome de usuário não pode conter ' '",
            "a senha precisa ter no mínimo 8 caracteres",
            "As senhas não são iguais.",
            "O nome de usuário pepper já existe; escolha outro.",
            "Conta tony cadastrada.",
            "Cliente E-mail Service BSI Online",
            home,
            "E-mail enviado com sucesso\n",
            "Destinatário Inexistente\n",
            "guardado como rascunho",
            "8) Rascunhos (1)",
            "Recebendo E-mails…\n01 e-mail recebido:\n[1] Tony Stark: Olá\nQual e-mail deseja ler:",
            "De: Tony Stark <tony>\nPara: pepper, tony\nData: ",
            "Assunto: Olá\n",
            "\n\nPrimeira linha\n.\n\nÚltima\n",
            "[1] Tony Stark: Olá\n",
            "Não há a opção 9.",
            "Recebendo E-mails…\n00 e-mails recebidos\n",
            "Até logo, Tony Stark.",
            "Cliente E-mail Service BSI Online",
        ],
    );
    assert_eq!(done.err, "");
}

#[test]
fn a_draft_is_sent_in_the_end() {
    let people = [("tony", "Tony Stark"), ("pepper", "Pepper Potts")];
    let setup = Setup::of(&people);
    let address = setup.address.to_string();
    let login = ["3", "tony", PASSWORD];
    let lines = ["4", "peper", "Jantar", "Às oito?", ".", "6", "0"];
    let done = menus(&setup, &["--server", &address], &[&login[..], &lines].concat());
    assert_order(&done.out, &["Destinatário Inexistente", "rascunho"]);
    // Enter alone goes on with the draft; only the recipient is typed again.
    let lines = ["4", "", "pepper", "", ".", "8", "6", "0"];
    let done = menus(&setup, &["--server", &address], &[&login[..], &lines].concat());
    assert_order(
        &done.out,
        &[
            "Há um rascunho para peper: \"Jantar\".",
            "E-mail enviado com sucesso",
            "Rascunhos (0)",
            "Não há rascunhos.",
        ],
    );
    let received = setup.run("pepper", &["--json", "receive"], "").json();
    assert_eq!(received["mails"][0]["body"], "Às oito?");
}

#[test]
fn a_mail_that_is_cut_off_is_kept_and_not_sent() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let lines = ["3", "tony", PASSWORD, "4", "tony", "Metade", "do corpo"];
    let done = menus(&setup, &["--server", &address], &lines);
    assert_eq!(done.status, 0);
    assert_order(&done.out, &["guardado como rascunho", "Até logo"]);
    let received = setup.received();
    assert_eq!(received["mails"].as_array().unwrap().len(), 0);
}

#[test]
fn the_account_is_changed_and_deleted() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let done = menus(
        &setup,
        &["--server", &address, "--lang", "en"],
        &[
            "3",
            "tony",
            PASSWORD,
            "9",
            "1",
            "Anthony Stark",
            "9",
            "2",
            PASSWORD,
            "another-password",
            "another-password",
            "9",
            "3",
            "y",
            PASSWORD,
            "9",
            "3",
            "y",
            "another-password",
            "3",
            "tony",
            "another-password",
            "0",
        ],
    );
    assert_order(
        &done.out,
        &[
            "Welcome Tony Stark",
            "Changed.",
            "Welcome Anthony Stark",
            "Changed.",
            "The change failed: ",
            "Account tony deleted.",
            "E-mail Service BSI Online Client",
            "Login failed: unknown username or wrong password",
        ],
    );
    // A script ends where its login fails.
    assert_eq!(done.status, 77);
}

#[test]
fn a_script_ends_where_its_login_fails() {
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let lines = ["3", "tony", "errada", "3", "tony", PASSWORD, "9", "3", "s", PASSWORD, "0"];
    let done = menus(&setup, &["--server", &address], &lines);
    assert_eq!(done.status, 77);
    assert_order(&done.out, &["Falha no acesso: usuário desconhecido ou senha errada"]);
    assert!(!done.out.contains("Seja Bem Vindo"), "no later line was used: {done:?}");
    assert_eq!(
        menus(&setup, &["--server", &address], &["3", "tony", PASSWORD, "6", "0"]).status,
        0
    );
}

#[test]
fn a_line_that_is_not_utf8_ends_a_script_and_is_not_sent() {
    use std::{io::Write, process::Stdio};
    let setup = Setup::of(&[("tony", "Tony Stark")]);
    let address = setup.address.to_string();
    let mut program = setup.program(&["--server", &address]);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = format!("3\ntony\n{PASSWORD}\n4\ntony\nOi\nUm.\n").into_bytes();
    lines.extend_from_slice(b"n\xe3o\n.\n6\n0\n");
    child.stdin.take().unwrap().write_all(&lines).unwrap();
    let done = child.wait_with_output().unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(65), "{out}");
    assert_order(&out, &["não é UTF-8", "guardado como rascunho"]);
    assert!(!out.contains("enviado com sucesso"), "{out}");
}

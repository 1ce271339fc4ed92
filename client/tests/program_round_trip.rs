//! Mail between the menus of `correio` and ordinary mail programs, in both directions: texts, file
//! names and files are compared with what was sent, and a hidden recipient stays hidden.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Output},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use correio_client::Mailbox;
use correio_testing::skip::{skipped, works};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    PASSWORD, Setup,
    screen::{CTRL_D, ENTER, HOME, Screen, Start, has_terminal},
};

const PEOPLE: &[(&str, &str)] = &[
    ("tony", "Tony Stark"),
    ("pepper", "Pepper Potts"),
    ("peter", "Peter Parker"),
    ("bruce", "Bruce Banner"),
];

const CTRL_T: &str = "\x14";
const SUBJECT: &str = "Café às oito ☕";
const LINES: [&str; 2] = ["Olá, Pepper! 🚀", "Ação, coração e pão."];
const FILE: &str = "relatório ação.bin";

/// Receives all mails of a mailbox with POP3, and prints them as JSON.
const RECEIVE: &str = "\
import base64, email, email.policy, json, poplib, sys
port, user, password = sys.argv[1:]
box = poplib.POP3('127.0.0.1', int(port))
box.user(user)
box.pass_(password)
mails = []
for number in range(1, box.stat()[0] + 1):
    raw = b'\\r\\n'.join(box.retr(number)[1]) + b'\\r\\n'
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    files = [[part.get_filename(), base64.b64encode(part.get_payload(decode=True)).decode()]
             for part in mail.iter_attachments()]
    mails.append({'from': mail['From'], 'to': mail['To'], 'subject': mail['Subject'],
                  'text': mail.get_body(('plain',)).get_content().replace('\\r\\n', '\\n'),
                  'files': files})
box.quit()
print(json.dumps(mails))
";

/// Sends a message with SMTP, writes its bytes to a file first, and names a hidden recipient.
const SEND: &str = "\
import email.policy, smtplib, sys
from email.message import EmailMessage
port, password, subject, text, path, name, sent = sys.argv[1:]
mail = EmailMessage(policy=email.policy.SMTP.clone(cte_type='8bit'))
mail['From'] = 'Tony Stark <tony@localhost>'
mail['To'] = 'pepper@localhost, turma@localhost'
mail['Bcc'] = 'bruce@localhost'
mail['Subject'] = subject
mail['Date'] = 'Thu, 01 Jan 2026 12:00:00 -0300'
mail['Message-ID'] = '<round.trip@client.test>'
mail.set_content(text)
with open(path, 'rb') as file:
    mail.add_attachment(file.read(), maintype='application', subtype='octet-stream', filename=name)
raw = mail.as_bytes()
with open(sent, 'wb') as file:
    file.write(raw)
with smtplib.SMTP('127.0.0.1', int(port)) as server:
    server.login('tony', password)
    server.sendmail('tony@localhost', ['pepper@localhost', 'turma@localhost', 'bruce@localhost'],
                    raw, ['BODY=8BITMIME'])
";

/// A server with people and the list `turma` of Tony and Peter; `None` where a tool is missing.
fn setup() -> Option<Setup> {
    if !has_terminal() {
        return None;
    }
    if !works("python3", &["-c", "import poplib, smtplib"]) {
        skipped("there is no python3 here");
        return None;
    }
    let setup = Setup::of(PEOPLE);
    for arguments in
        [&["list", "create", "turma", "--title", "Turma"][..], &["list", "add", "turma", "peter"]]
    {
        assert_eq!(setup.run("tony", arguments, "").status, 0);
    }
    Some(setup)
}

fn app_password(setup: &Setup, user: &str) -> String {
    let made = setup.run(user, &["--json", "app-password", "create", "--label", "python"], "");
    made.json()["password"].as_str().expect("an app password").to_owned()
}

fn python(script: &str, arguments: &[&str]) -> Output {
    let output = Command::new("python3").arg("-c").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What a mail program receives from the mailbox of a user.
fn received(setup: &Setup, user: &str) -> Vec<Value> {
    let (_, pop3) = setup.programs();
    let output = python(RECEIVE, &[&pop3.port().to_string(), user, &app_password(setup, user)]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Bytes of every value, with each pair of neighbours that a change of line ends would touch.
fn file_bytes() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..70_000_u32).map(|at| (at * 11 % 256) as u8).collect();
    bytes.extend(b"\r\n.\r\n\n.\n\r\r\n\0From \xff");
    bytes
}

fn log_in(screen: &mut Screen, user: &str) {
    screen.press("3");
    screen.answer("Username", user);
    screen.answer("Password", PASSWORD);
    screen.menu(HOME);
}

/// Sends the text and the file from the menus.
fn send_from_menus(setup: &Setup, file: &Path) {
    let mut screen = Start::of(setup).size(40, 120).home();
    screen.write_to("pepper, turma", SUBJECT);
    screen.press(CTRL_T);
    screen.answer("-1 removes the first): ", file.to_str().unwrap());
    screen.sees("Attached [1]: ");
    screen.press(LINES[0]);
    screen.sees("Olá, Pepper!");
    screen.press(ENTER);
    screen.press(LINES[1]);
    screen.sees(LINES[1]);
    screen.press(CTRL_D);
    screen.sees("E-mail sent");
    screen.menu(HOME);
    screen.cancel();
}

#[test]
fn a_mail_of_the_menus_reaches_a_program_with_its_text_and_its_file() {
    let Some(setup) = setup() else { return };
    let files = TempDir::new().unwrap();
    let (file, bytes) = (files.path().join(FILE), file_bytes());
    fs::write(&file, &bytes).unwrap();
    send_from_menus(&setup, &file);
    for user in ["pepper", "peter"] {
        let mails = received(&setup, user);
        let [mail] = mails.as_slice() else { panic!("one mail was expected: {mails:?}") };
        assert_eq!(mail["from"], "Tony Stark <tony@localhost>");
        // The client knows the server by its address alone, and writes the recipients with it.
        assert_eq!(mail["to"], "pepper@[127.0.0.1], turma@[127.0.0.1]");
        assert_eq!(mail["subject"], SUBJECT);
        assert_eq!(mail["text"], LINES.join("\n") + "\n");
        assert_eq!(mail["files"].as_array().map(Vec::len), Some(1));
        assert_eq!(mail["files"][0][0], FILE);
        assert!(mail["files"][0][1] == STANDARD.encode(&bytes), "the file is as it was");
    }
    assert_eq!(received(&setup, "bruce"), [] as [Value; 0]);
}

#[test]
fn a_text_of_the_menus_reaches_a_program_as_it_was_typed() {
    let Some(setup) = setup() else { return };
    let mut screen = Start::of(&setup).home();
    screen.write_to("turma", SUBJECT);
    screen.press(LINES[0]);
    screen.sees("Olá, Pepper!");
    screen.press(ENTER);
    screen.press(LINES[1]);
    screen.sees(LINES[1]);
    screen.send_mail();
    screen.cancel();
    let mails = received(&setup, "peter");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["subject"], SUBJECT);
    assert_eq!(mails[0]["text"], LINES.join("\n") + "\n");
    assert_eq!(mails[0]["files"], json!([]));
}

/// The one file of a mailbox on this computer.
fn saved(setup: &Setup, user: &str) -> String {
    let server = format!("{}_{}", setup.address.ip(), setup.address.port());
    let maildir = setup.data.path().join("mail").join(server).join(user);
    let folders = ["new", "cur"].map(|folder| fs::read_dir(maildir.join(folder)).unwrap());
    let files: Vec<_> = folders.into_iter().flatten().collect();
    let [Ok(file)] = files.as_slice() else { panic!("files of {user}: {files:?}") };
    fs::read_to_string(file.path()).unwrap()
}

/// The message of the one mail in a mailbox on this computer.
fn message(setup: &Setup, user: &str) -> Vec<u8> {
    let mailbox = Mailbox::open(setup.data.path(), &setup.server(), &user.parse().unwrap());
    let listed = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!((listed.mails.len(), listed.skipped.len()), (1, 0));
    let mut bytes = Vec::new();
    mailbox.content(&listed.mails[0]).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Receives in the menus, reads the mail, and saves its file into a directory.
fn receive_in_menus(setup: &Setup, user: &str, into: &Path) {
    let mut screen = Start::of(setup).size(40, 120).menus();
    log_in(&mut screen, user);
    screen.press("5");
    screen.answer("(0 goes back)", "1");
    screen.sees(&format!("Subject: {SUBJECT}"));
    screen.sees("Olá, Pepper!");
    screen.sees(LINES[1]);
    screen.sees("Attachment [1]: ");
    screen.sees("Enter goes back to the list --");
    screen.press("s");
    screen.answer("Directory: ", into.to_str().unwrap());
    screen.sees("Saved: ");
    screen.cancel();
}

#[test]
fn a_mail_of_a_program_is_saved_by_correio_to_the_byte_and_hides_its_hidden_recipient() {
    let Some(setup) = setup() else { return };
    let files = TempDir::new().unwrap();
    let (file, bytes) = (files.path().join("file"), file_bytes());
    fs::write(&file, &bytes).unwrap();
    let (submission, _) = setup.programs();
    let sent = files.path().join("sent.eml");
    let (port, password) = (submission.port().to_string(), app_password(&setup, "tony"));
    let text = LINES.join("\n") + "\n.\n..\n";
    let [file, at] = [&file, &sent].map(|path| path.to_str().unwrap());
    python(SEND, &[&port, &password, SUBJECT, &text, file, FILE, at]);

    let sent = fs::read(&sent).unwrap();
    let hidden: &[u8] = b"Bcc: bruce@localhost\r\n";
    let begin = sent.windows(hidden.len()).position(|bytes| bytes == hidden).unwrap();
    let expected = [&sent[..begin], &sent[begin + hidden.len()..]].concat();
    let into = files.path().join("saved");
    fs::create_dir(&into).unwrap();
    receive_in_menus(&setup, "pepper", &into);
    assert!(fs::read(into.join(FILE)).unwrap() == bytes, "the file is as it was");
    for user in ["peter", "bruce"] {
        assert_eq!(setup.run(user, &["receive"], "").status, 0);
    }
    for (user, to) in [
        ("pepper", json!(["pepper", "turma"])),
        ("peter", json!(["pepper", "turma"])),
        ("bruce", json!(["pepper", "turma", "bruce"])),
    ] {
        assert!(message(&setup, user) == expected, "the message of {user} is as it was sent");
        let shown = saved(&setup, user).contains("bruce");
        assert_eq!(shown, user == "bruce", "the hidden recipient, to {user}");
        let read = setup.run(user, &["--json", "read", "1"], "").json();
        assert_eq!(read["to"], to, "as {user} sees it");
        assert_eq!(read["body"], text, "as {user} reads it");
    }
}

//! The commands with which each mail program sends.

use std::process::Command;

use super::{
    house::{DOMAIN, House, Person},
    program::{Letter, NULLMAILER, Tls, curl, s_nail},
};

/// A message without an attachment, as a program that writes no message itself is given it.
fn message(letter: Letter<'_>) -> String {
    format!(
        "From: {}\r\nTo: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
        Person::Tony.address(),
        Person::Pepper.address(),
        letter.subject,
        letter.text.replace('\n', "\r\n"),
    )
}

pub fn curl_send(house: &House, letter: Letter<'_>, tls: Tls) -> Option<Command> {
    let mut curl = curl(house, Person::Tony, letter.password);
    if let Some(attachment) = letter.attachment {
        let text = letter.text.replace('\n', "\r\n");
        curl.args(["-F", &format!("={text};type=text/plain;encoder=quoted-printable")]);
        curl.args(["-F", &format!("=@{attachment};encoder=base64")]);
        for field in [
            format!("From: {}", Person::Tony.address()),
            format!("To: {}", Person::Pepper.address()),
            format!("Subject: {}", letter.subject),
        ] {
            curl.args(["-H", &field]);
        }
    } else {
        curl.arg("-T").arg(house.write("letter.eml", message(letter)));
    }
    curl.args(["--mail-from", &Person::Tony.address()]);
    curl.args(["--mail-rcpt", &Person::Pepper.address()]);
    curl.arg(match tls {
        Tls::Implicit => format!("smtps://{DOMAIN}:{}", house.ports.submissions),
        Tls::Start => format!("smtp://{DOMAIN}:{}", house.ports.submission),
    });
    Some(curl)
}

pub fn swaks(house: &House, letter: Letter<'_>, tls: Tls, mechanism: &str) -> Command {
    let mut swaks = Command::new("swaks");
    let port = match tls {
        Tls::Implicit => house.ports.submissions,
        Tls::Start => house.ports.submission,
    };
    swaks.args(["--server", &format!("{DOMAIN}:{port}"), "--auth", mechanism]);
    swaks.arg(if tls == Tls::Implicit { "--tls-on-connect" } else { "--tls" });
    swaks.arg("--tls-verify").arg("--tls-ca-path").arg(house.certificate());
    swaks.args(["--auth-user", &Person::Tony.address(), "--auth-password", letter.password]);
    swaks.args(["--from", &Person::Tony.address(), "--to", &Person::Pepper.address()]);
    swaks.args(["--header", &format!("Subject: {}", letter.subject), "--body", letter.text]);
    swaks.args(["--add-header", "Content-Type: text/plain; charset=utf-8"]);
    if let Some(attachment) = letter.attachment {
        swaks.args(["--attach-type", "application/octet-stream"]);
        swaks.args(["--attach", &format!("@{attachment}")]);
    }
    swaks
}

pub fn msmtp(house: &House, letter: Letter<'_>) -> Option<Command> {
    if letter.attachment.is_some() {
        return None;
    }
    let settings = format!(
        "account default\nhost {DOMAIN}\nport {}\ntls on\ntls_starttls on\ntls_trust_file {}\n\
         auth plain\nuser {}\npassword {}\nfrom {}\n",
        house.ports.submission,
        house.certificate().display(),
        Person::Tony.username(),
        letter.password,
        Person::Tony.address(),
    );
    let settings = house.write("msmtprc", settings);
    let text = house.write("letter.eml", message(letter).replace("\r\n", "\n"));
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec msmtp -C \"$1\" \"$2\" < \"$3\"", "sh"]);
    shell.arg(settings).arg(Person::Pepper.address()).arg(text);
    Some(shell)
}

pub fn mutt(house: &House, letter: Letter<'_>) -> Command {
    let settings = format!(
        "set from={}\nset realname='Tony Stark'\nset smtp_url=smtps://{}@{DOMAIN}:{}\n\
         set smtp_pass='{}'\nset certificate_file={}\nset copy=no\n\
         set ssl_verify_host=yes\nset send_charset=utf-8\n",
        Person::Tony.address(),
        Person::Tony.username(),
        house.ports.submissions,
        letter.password,
        house.certificate().display(),
    );
    let settings = house.write("muttrc", settings);
    let text = house.write("text", letter.text);
    let mut shell = Command::new("sh");
    shell.args(["-c", "text=$1; shift; exec mutt \"$@\" < \"$text\"", "sh"]).arg(text);
    shell.arg("-n").arg("-F").arg(settings).args(["-s", letter.subject]);
    if let Some(attachment) = letter.attachment {
        shell.args(["-a", attachment]);
    }
    shell.args(["--", &Person::Pepper.address()]);
    shell
}

pub fn s_nail_send(house: &House, letter: Letter<'_>) -> Command {
    let mut s_nail = s_nail(house);
    let url = format!(
        "mta=submissions://{}:{}@{DOMAIN}:{}",
        Person::Tony.username(),
        letter.password,
        house.ports.submissions
    );
    s_nail.args(["-S", &url, "-S", "smtp-auth=login", "-S", "sendwait"]);
    s_nail.args(["-S", &format!("from={}", Person::Tony.address()), "-s", letter.subject]);
    if let Some(attachment) = letter.attachment {
        s_nail.args(["-a", attachment]);
    }
    s_nail.arg("-q").arg(house.write("text", letter.text)).arg(Person::Pepper.address());
    s_nail
}

pub fn git_send_email(house: &House, letter: Letter<'_>) -> Option<Command> {
    if letter.attachment.is_some() {
        return None;
    }
    let patch = house.write("0001-letter.patch", message(letter).replace("\r\n", "\n"));
    let mut git = Command::new("git");
    git.args(["send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--no-validate"]);
    git.args(["--smtp-server", DOMAIN, "--smtp-encryption", "tls", "--smtp-server-port"]);
    git.arg(house.ports.submission.to_string());
    git.arg("--smtp-ssl-cert-path").arg(house.certificate());
    git.args(["--smtp-user", Person::Tony.username(), "--smtp-pass", letter.password]);
    git.args(["--from", &Person::Tony.address(), "--to", &Person::Pepper.address()]);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Tony Stark");
        git.env(format!("GIT_{role}_EMAIL"), Person::Tony.address());
    }
    git.arg("--8bit-encoding=UTF-8").arg(patch);
    Some(git)
}

pub fn smtplib(house: &House, letter: Letter<'_>) -> Command {
    const SCRIPT: &str = "\
import smtplib, ssl, sys
from email.message import EmailMessage
host, port, certificate, password, subject, text, attachment = sys.argv[1:]
message = EmailMessage()
message['From'], message['To'] = 'tony@' + host, 'pepper@' + host
message['Subject'] = subject
message.set_content(text)
if attachment:
    with open(attachment, 'rb') as file:
        message.add_attachment(file.read(), maintype='application', subtype='octet-stream', filename=attachment)
with smtplib.SMTP(host, int(port)) as server:
    server.starttls(context=ssl.create_default_context(cafile=certificate))
    server.login('tony', password)
    server.send_message(message)
";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, DOMAIN, &house.ports.submission.to_string()]);
    python.arg(house.certificate()).args([letter.password, letter.subject, letter.text]);
    python.arg(letter.attachment.unwrap_or_default());
    python
}

pub fn nodemailer(house: &House, letter: Letter<'_>) -> Command {
    const SCRIPT: &str = "\
const [host, port, certificate, pass, subject, text, attachment] = process.argv.slice(1);
const transport = require('nodemailer').createTransport({
  host, port: Number(port), secure: true, auth: { user: 'tony', pass },
  tls: { ca: require('fs').readFileSync(certificate) },
});
transport.sendMail({
  from: `tony@${host}`, to: `pepper@${host}`, subject, text,
  attachments: attachment ? [{ path: attachment }] : [],
}).catch((error) => { console.error(error.message); process.exitCode = 1; });
";
    let mut node = Command::new("node");
    node.args(["-e", SCRIPT, DOMAIN, &house.ports.submissions.to_string()]);
    node.arg(house.certificate()).args([letter.password, letter.subject, letter.text]);
    node.arg(letter.attachment.unwrap_or_default());
    node
}

pub fn nullmailer(house: &House, letter: Letter<'_>) -> Option<Command> {
    if letter.attachment.is_some() {
        return None;
    }
    let (from, to) = (Person::Tony.address(), Person::Pepper.address());
    let mail = format!("{from}\n{to}\n\n{}", message(letter).replace("\r\n", "\n"));
    let mail = house.write("queued", mail);
    let mut shell = Command::new("sh");
    shell.args(["-c", "mail=$1; shift; exec \"$@\" 3< \"$mail\"", "sh"]).arg(mail);
    shell.args([NULLMAILER, "--host", DOMAIN, "--starttls", "--user", Person::Tony.username()]);
    shell.args(["--pass", letter.password, "--port", &house.ports.submission.to_string()]);
    shell.arg("--x509cafile").arg(house.certificate()).env("HELOHOST", "client.test");
    Some(shell)
}

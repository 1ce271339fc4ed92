//! Mail programs, and the commands with which each sends and receives.

use std::{path::PathBuf, process::Command};

use correio_testing::skip::works;

use super::house::{DOMAIN, House, Person};

/// A mail program that may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Curl,
    CurlStartTls,
    Fetchmail,
    Getmail,
    GitSendEmail,
    Mpop,
    Msmtp,
    Mutt,
    Nodemailer,
    Nullmailer,
    PythonPoplib,
    PythonSmtplib,
    SNail,
    SwaksLogin,
    SwaksPlain,
}

/// The program with which nullmailer, which stands in for sendmail, hands a mail on.
const NULLMAILER: &str = "/usr/lib/nullmailer/smtp";

/// A mail for a program to send, from Tony to Pepper.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    /// A file in the test's directory.
    pub attachment: Option<&'a str>,
    pub password: &'a str,
}

/// What a program does with the mails that it has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    Delete,
}

/// A command that receives Pepper's mails, and where it puts them.
pub struct Receiving {
    pub command: Command,
    pub into: Into,
}

/// Where a program puts what it receives.
pub enum Into {
    Output,
    File(PathBuf),
    Maildir(PathBuf),
}

impl Program {
    /// Whether the program is installed.
    pub fn works(self) -> bool {
        match self {
            Self::Curl | Self::CurlStartTls => works("curl", &["--version"]),
            Self::Fetchmail => works("fetchmail", &["--version"]),
            Self::Getmail => works("getmail", &["--version"]),
            Self::GitSendEmail => works("git", &["send-email", "--dump-aliases"]),
            Self::Mpop => works("mpop", &["--version"]),
            Self::Msmtp => works("msmtp", &["--version"]),
            Self::Mutt => works("mutt", &["-v"]),
            Self::Nodemailer => works("node", &["-e", "require('nodemailer')"]),
            Self::Nullmailer => works(NULLMAILER, &["--help"]),
            Self::PythonPoplib | Self::PythonSmtplib => works("python3", &["-c", "import ssl"]),
            Self::SNail => works("s-nail", &["--version"]),
            Self::SwaksLogin | Self::SwaksPlain => {
                works("swaks", &["--version"]) && works("perl", &["-MNet::SSLeay", "-e1"])
            }
        }
    }

    /// A command that sends a mail; `None` of a program that sends none, or none of this kind.
    pub fn send(self, house: &House, letter: Letter<'_>) -> Option<Command> {
        let sent = match self {
            Self::Curl => curl_send(house, letter, Tls::Implicit)?,
            Self::CurlStartTls => curl_send(house, letter, Tls::Start)?,
            Self::GitSendEmail => git_send_email(house, letter)?,
            Self::Msmtp => msmtp(house, letter)?,
            Self::Mutt => mutt(house, letter),
            Self::Nodemailer => nodemailer(house, letter),
            Self::Nullmailer => nullmailer(house, letter)?,
            Self::PythonSmtplib => smtplib(house, letter),
            Self::SNail => s_nail_send(house, letter),
            Self::SwaksLogin => swaks(house, letter, Tls::Implicit, "LOGIN"),
            Self::SwaksPlain => swaks(house, letter, Tls::Start, "PLAIN"),
            Self::Fetchmail | Self::Getmail | Self::Mpop | Self::PythonPoplib => return None,
        };
        Some(sent)
    }

    /// A command that receives Pepper's mails; `None` of a program that receives none.
    pub fn receive(self, house: &House, password: &str, then: Then) -> Option<Receiving> {
        let receiving = match self {
            Self::Curl => curl_receive(house, password, then, Tls::Implicit),
            Self::CurlStartTls => curl_receive(house, password, then, Tls::Start),
            Self::Fetchmail => fetchmail(house, password, then),
            Self::Getmail => getmail(house, password, then),
            Self::Mpop => mpop(house, password, then),
            Self::PythonPoplib => poplib(house, password, then),
            Self::SNail => s_nail_receive(house, password, then),
            Self::GitSendEmail
            | Self::Msmtp
            | Self::Mutt
            | Self::Nodemailer
            | Self::Nullmailer
            | Self::PythonSmtplib
            | Self::SwaksLogin
            | Self::SwaksPlain => return None,
        };
        Some(receiving)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Implicit,
    Start,
}

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

fn curl(house: &House, person: Person, password: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-q", "-sS", "--ssl-reqd", "--cacert"]).arg(house.certificate());
    curl.args(["--user", &format!("{}:{password}", person.username())]);
    curl
}

fn curl_send(house: &House, letter: Letter<'_>, tls: Tls) -> Option<Command> {
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

fn curl_receive(house: &House, password: &str, then: Then, tls: Tls) -> Receiving {
    let url = match tls {
        Tls::Implicit => format!("pop3s://{DOMAIN}:{}/1", house.ports.pop3s),
        Tls::Start => format!("pop3://{DOMAIN}:{}/1", house.ports.pop3),
    };
    let mut command = curl(house, Person::Pepper, password);
    command.arg(&url);
    if then == Then::Delete {
        // Two transfers over one session: RETR, and DELE, which has no body.
        command.args(["--next", "-q", "-sS", "--ssl-reqd", "--cacert"]).arg(house.certificate());
        command.args(["--user", &format!("{}:{password}", Person::Pepper.username())]);
        command.args(["-X", "DELE", "-I", &url]);
    }
    Receiving { command, into: Into::Output }
}

fn swaks(house: &House, letter: Letter<'_>, tls: Tls, mechanism: &str) -> Command {
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

fn msmtp(house: &House, letter: Letter<'_>) -> Option<Command> {
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

fn mutt(house: &House, letter: Letter<'_>) -> Command {
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

fn s_nail(house: &House) -> Command {
    let mut s_nail = Command::new("s-nail");
    s_nail.args(["-n", "-S", "v15-compat", "-S", "ttycharset=utf-8"]);
    s_nail.args(["-S", &format!("tls-ca-file={}", house.certificate().display())]);
    s_nail.args(["-S", "tls-verify=strict", "-S", "tls-ca-no-defaults"]);
    s_nail
}

fn s_nail_send(house: &House, letter: Letter<'_>) -> Command {
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

fn s_nail_receive(house: &House, password: &str, then: Then) -> Receiving {
    let mut command = s_nail(house);
    command.args(["-S", "pop3-auth=plain", "-S", "pop3-bulk-load", "-Rf"]);
    if then == Then::Delete {
        command = s_nail(house);
        command.args(["-S", "pop3-bulk-load", "-f"]);
    }
    let url =
        format!("pop3s://{}:{password}@{DOMAIN}:{}", Person::Pepper.username(), house.ports.pop3s);
    let last = if then == Then::Delete { "delete 1" } else { "exit" };
    command.args(["-Y", "type 1", "-Y", last, "-Y", "quit"]).arg(url);
    Receiving { command, into: Into::Output }
}

fn git_send_email(house: &House, letter: Letter<'_>) -> Option<Command> {
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

fn smtplib(house: &House, letter: Letter<'_>) -> Command {
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

fn poplib(house: &House, password: &str, then: Then) -> Receiving {
    const SCRIPT: &str = "\
import poplib, ssl, sys
host, port, certificate, password, then = sys.argv[1:]
box = poplib.POP3(host, int(port))
box.stls(context=ssl.create_default_context(cafile=certificate))
box.user('pepper')
box.pass_(password)
count, octets = box.stat()
sizes = [int(line.split()[1]) for line in box.list()[1]]
assert sum(sizes) == octets and len(box.uidl()[1]) == count
for number in range(1, count + 1):
    response, lines, size = box.retr(number)
    assert sum(len(line) + 2 for line in lines) == sizes[number - 1], (size, sizes)
    sys.stdout.buffer.write(b'\\n'.join(lines) + b'\\n')
    if then == 'Delete':
        box.dele(number)
box.quit()
";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, DOMAIN, &house.ports.pop3.to_string()]);
    command.arg(house.certificate()).args([password, &format!("{then:?}")]);
    Receiving { command, into: Into::Output }
}

fn nodemailer(house: &House, letter: Letter<'_>) -> Command {
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

fn nullmailer(house: &House, letter: Letter<'_>) -> Option<Command> {
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

fn fetchmail(house: &House, password: &str, then: Then) -> Receiving {
    let into = house.path("fetched");
    let settings = format!(
        "poll {DOMAIN} protocol pop3 port {} uidl\n  user pepper password \"{password}\"\n  \
         ssl sslcertck sslcertfile {} sslproto TLS1.2+\n  mda \"cat >> {}\" {}\n",
        house.ports.pop3s,
        house.certificate().display(),
        into.display(),
        if then == Then::Delete { "fetchall nokeep" } else { "fetchall keep" },
    );
    let settings = house.write("fetchmailrc", settings);
    let mut command = Command::new("fetchmail");
    command.arg("--fetchmailrc").arg(settings).args(["--nodetach", "--nosyslog", "--idfile"]);
    command.arg(house.path("fetchids")).arg("--pidfile").arg(house.path("fetchmail.pid"));
    Receiving { command, into: Into::File(into) }
}

fn maildir(house: &House, name: &str) -> PathBuf {
    let path = house.path(name);
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(path.join(part)).unwrap();
    }
    path
}

fn getmail(house: &House, password: &str, then: Then) -> Receiving {
    let into = house.path("got");
    let settings = format!(
        "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = {DOMAIN}\nport = {}\n\
         username = pepper\npassword = {password}\nca_certs = {}\n\
         [destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n\
         arguments = ('-c', 'cat >> {}')\n[options]\ndelete = {}\nread_all = true\n",
        house.ports.pop3s,
        house.certificate().display(),
        into.display(),
        if then == Then::Delete { "true" } else { "false" },
    );
    let settings = house.write("getmailrc", settings);
    let mut command = Command::new("getmail");
    command.arg("--rcfile").arg(settings).arg("--getmaildir").arg(house.path("."));
    Receiving { command, into: Into::File(into) }
}

fn mpop(house: &House, password: &str, then: Then) -> Receiving {
    let into = maildir(house, "mpop-mails");
    let settings = format!(
        "account default\nhost {DOMAIN}\nport {}\ntls on\ntls_starttls on\ntls_trust_file {}\n\
         user pepper\npassword {password}\ndelivery maildir {}\nuidls_file {}\n{}",
        house.ports.pop3,
        house.certificate().display(),
        into.display(),
        house.path("mpop-uidls").display(),
        if then == Then::Delete { "keep off\n" } else { "keep on\n" },
    );
    let settings = house.write("mpoprc", settings);
    let mut command = Command::new("mpop");
    command.arg("-C").arg(settings);
    Receiving { command, into: Into::Maildir(into) }
}

//! The command lines with which each mail program sends.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    command_line::CommandLine,
    house::{DOMAIN, House, Person},
    program::{Letter, NULLMAILER, Tls, curl, s_nail},
};

/// A message, as a program that writes no message itself is given it.
fn message(house: &House, letter: Letter<'_>) -> String {
    let (from, to) = (Person::Tony.address(), Person::Pepper.address());
    let head =
        format!("From: {from}\r\nTo: {to}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n", letter.subject);
    let text = format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
        letter.text.replace('\n', "\r\n")
    );
    let Some(attachment) = letter.attachment else { return head + &text };
    let bytes = STANDARD.encode(fs::read(house.path(attachment)).unwrap_or_default());
    let mut lines = String::new();
    for (at, letter) in bytes.chars().enumerate() {
        if at > 0 && at % 76 == 0 {
            lines.push_str("\r\n");
        }
        lines.push(letter);
    }
    format!(
        "{head}Content-Type: multipart/mixed; boundary=\"=_part\"\r\n\r\n--=_part\r\n{text}\r\n\
         --=_part\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"{attachment}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{lines}\r\n--=_part--\r\n"
    )
}

/// [`message`] in a file with the line ends of this machine.
fn message_file(house: &House, letter: Letter<'_>) -> std::path::PathBuf {
    house.write("letter.eml", message(house, letter).replace("\r\n", "\n"))
}

pub fn curl_send(house: &House, letter: Letter<'_>, tls: Tls) -> CommandLine {
    let mut curl = curl(house, Person::Tony, letter.password);
    if let Some(attachment) = letter.attachment {
        let text = letter.text.replace('\n', "\r\n");
        curl = curl
            .args(["-F", &format!("={text};type=text/plain;encoder=quoted-printable")])
            .args(["-F", &format!("=@{attachment};encoder=base64")]);
        for field in [
            format!("From: {}", Person::Tony.address()),
            format!("To: {}", Person::Pepper.address()),
            format!("Subject: {}", letter.subject),
        ] {
            curl = curl.args(["-H", &field]);
        }
    } else {
        curl = curl.arg("-T").arg(house.write("letter.eml", message(house, letter)));
    }
    curl.args(["--mail-from", &Person::Tony.address()])
        .args(["--mail-rcpt", &Person::Pepper.address()])
        .arg(match tls {
            Tls::Implicit => format!("smtps://{DOMAIN}:{}", house.ports.submissions),
            Tls::Start => format!("smtp://{DOMAIN}:{}", house.ports.submission),
        })
}

pub fn swaks(house: &House, letter: Letter<'_>, tls: Tls, mechanism: &str) -> CommandLine {
    let port = match tls {
        Tls::Implicit => house.ports.submissions,
        Tls::Start => house.ports.submission,
    };
    let swaks = CommandLine::new("swaks")
        .args(["--server", &format!("{DOMAIN}:{port}"), "--auth", mechanism])
        .arg(if tls == Tls::Implicit { "--tls-on-connect" } else { "--tls" })
        .args(["--tls-verify", "--tls-ca-path"])
        .arg(house.certificate())
        .args(["--auth-user", &Person::Tony.address(), "--auth-password", letter.password])
        .args(["--from", &Person::Tony.address(), "--to", &Person::Pepper.address()])
        .args(["--header", &format!("Subject: {}", letter.subject)]);
    if let Some(attachment) = letter.attachment {
        swaks
            .args(["--attach-type", "text/plain; charset=utf-8", "--attach-body", letter.text])
            .args(["--attach-type", "application/octet-stream"])
            .args(["--attach", &format!("@{attachment}")])
    } else {
        swaks
            .args(["--body", letter.text])
            .args(["--add-header", "Content-Type: text/plain; charset=utf-8"])
    }
}

pub fn msmtp(house: &House, letter: Letter<'_>) -> CommandLine {
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
    CommandLine::new("msmtp")
        .arg("-C")
        .arg(&settings)
        .arg(Person::Pepper.address())
        .reading(message_file(house, letter))
        .with(settings)
}

/// Mutt or NeoMutt.
pub fn mutt(house: &House, letter: Letter<'_>, program: &str) -> CommandLine {
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
    let mut mutt = CommandLine::new(program).args(["-n", "-F"]).arg(&settings);
    mutt = mutt.args(["-s", letter.subject]);
    if let Some(attachment) = letter.attachment {
        mutt = mutt.args(["-a", attachment]);
    }
    let text = house.write("text", letter.text);
    mutt.args(["--", &Person::Pepper.address()]).reading(text).with(settings)
}

pub fn s_nail_send(house: &House, letter: Letter<'_>) -> CommandLine {
    let url = format!(
        "mta=submissions://{}:{}@{DOMAIN}:{}",
        Person::Tony.username(),
        letter.password,
        house.ports.submissions
    );
    let mut s_nail = s_nail(house)
        .args(["-S", &url, "-S", "smtp-auth=login", "-S", "sendwait", "-S", "DEAD=/dev/null"])
        .args(["-S", &format!("from={}", Person::Tony.address()), "-s", letter.subject]);
    if let Some(attachment) = letter.attachment {
        s_nail = s_nail.args(["-a", attachment]);
    }
    s_nail.arg("-q").arg(house.write("text", letter.text)).arg(Person::Pepper.address())
}

pub fn git_send_email(house: &House, letter: Letter<'_>) -> CommandLine {
    let message = message(house, letter).replace("\r\n", "\n");
    let mut git = CommandLine::new("git")
        .args(["send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--no-validate"])
        .args(["--smtp-server", DOMAIN, "--smtp-encryption", "tls", "--smtp-server-port"])
        .arg(house.ports.submission.to_string())
        .arg("--smtp-ssl-cert-path")
        .arg(house.certificate())
        .args(["--smtp-user", Person::Tony.username(), "--smtp-pass", letter.password])
        .args(["--from", &Person::Tony.address(), "--to", &Person::Pepper.address()])
        .arg("--8bit-encoding=UTF-8")
        .arg(house.write("0001-letter.patch", message));
    for role in ["AUTHOR", "COMMITTER"] {
        git = git
            .env(&format!("GIT_{role}_NAME"), "Tony Stark")
            .env(&format!("GIT_{role}_EMAIL"), Person::Tony.address());
    }
    git
}

pub fn smtplib(house: &House, letter: Letter<'_>) -> CommandLine {
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
        message.add_attachment(file.read(), maintype='application', subtype='octet-stream',
                               filename=attachment)
with smtplib.SMTP(host, int(port)) as server:
    server.starttls(context=ssl.create_default_context(cafile=certificate))
    server.login('tony', password)
    server.send_message(message)
";
    let script = house.write("send.py", SCRIPT);
    CommandLine::new("python3")
        .arg(&script)
        .args([DOMAIN, &house.ports.submission.to_string()])
        .arg(house.certificate())
        .args([letter.password, letter.subject, letter.text])
        .arg(letter.attachment.unwrap_or_default())
        .with(script)
}

pub fn net_smtp(house: &House, letter: Letter<'_>) -> CommandLine {
    const SCRIPT: &str = "\
use strict; use warnings; use Net::SMTP;
my ($host, $port, $certificate, $password) = @ARGV;
my $smtp = Net::SMTP->new($host, Port => $port) or die \"not connected: $@\";
$smtp->starttls(SSL_ca_file => $certificate) or die 'no TLS: ', $smtp->message;
$smtp->auth('tony', $password) or die 'not logged in: ', $smtp->message;
$smtp->mail(\"tony\\@$host\") && $smtp->to(\"pepper\\@$host\") && $smtp->data([<STDIN>])
    or die 'not sent: ', $smtp->message;
$smtp->quit;
";
    let script = house.write("send.pl", SCRIPT);
    CommandLine::new("perl")
        .arg(&script)
        .args([DOMAIN, &house.ports.submission.to_string()])
        .arg(house.certificate())
        .arg(letter.password)
        .reading(message_file(house, letter))
        .with(script)
}

pub fn nodemailer(house: &House, letter: Letter<'_>) -> CommandLine {
    const SCRIPT: &str = "\
const [host, port, certificate, pass, subject, text, attachment] = process.argv.slice(2);
const transport = require('nodemailer').createTransport({
  host, port: Number(port), secure: true, auth: { user: 'tony', pass },
  tls: { ca: require('fs').readFileSync(certificate) },
});
transport.sendMail({
  from: `tony@${host}`, to: `pepper@${host}`, subject, text,
  attachments: attachment ? [{ path: attachment }] : [],
}).catch((error) => { console.error(error.message); process.exitCode = 1; });
";
    let script = house.write("send.js", SCRIPT);
    CommandLine::new("node")
        .arg(&script)
        .args([DOMAIN, &house.ports.submissions.to_string()])
        .arg(house.certificate())
        .args([letter.password, letter.subject, letter.text])
        .arg(letter.attachment.unwrap_or_default())
        .with(script)
}

pub fn nullmailer(house: &House, letter: Letter<'_>) -> CommandLine {
    let (from, to) = (Person::Tony.address(), Person::Pepper.address());
    let mail = message(house, letter).replace("\r\n", "\n");
    let mail = house.write("queued", format!("{from}\n{to}\n\n{mail}"));
    CommandLine::new("sh")
        .args(["-c", "mail=$1; shift; exec \"$@\" 3< \"$mail\"", "sh"])
        .arg(mail)
        .args([NULLMAILER, "--host", DOMAIN, "--starttls", "--user", Person::Tony.username()])
        .args(["--pass", letter.password, "--port", &house.ports.submission.to_string()])
        .arg("--x509cafile")
        .arg(house.certificate())
        .env("HELOHOST", "client.test")
}

/// The DragonFly Mail Agent, which reads its settings at one place, is no root, and leaves a bounce
/// in its queue.
pub fn dma(house: &House, letter: Letter<'_>) -> CommandLine {
    const SCRIPT: &str = "\
mount --bind \"$1\" /etc/dma
unshare --map-user=1000 --map-group=1000 /usr/sbin/dma -D -i -f \"$2\" \"$3\"
status=$?
cat \"$1\"/M* 2>/dev/null
exit $status
";
    let directory = house.path("dma");
    fs::create_dir_all(&directory).unwrap();
    let settings = format!(
        "SMARTHOST {DOMAIN}\nPORT {}\nMAILNAME client.test\nSECURETRANSFER\nSTARTTLS\n\
         AUTHPATH /etc/dma/auth.conf\nSPOOLDIR /etc/dma\n",
        house.ports.submission
    );
    let settings = house.write("dma/dma.conf", settings);
    let password = format!("{}|{DOMAIN}:{}\n", Person::Tony.username(), letter.password);
    let password = house.write("dma/auth.conf", password);
    let script = house.write("dma.sh", SCRIPT);
    CommandLine::new("sh")
        .arg(&script)
        .arg(directory)
        .args([Person::Tony.address(), Person::Pepper.address()])
        .reading(message_file(house, letter))
        .with(script)
        .with(settings)
        .with(password)
}

/// sSMTP, which keeps what it could not send in the home of its user, whatever `HOME` says.
pub fn ssmtp(house: &House, letter: Letter<'_>) -> CommandLine {
    let settings = format!(
        "mailhub={DOMAIN}:{}\nUseTLS=YES\nTLS_CA_File={}\nAuthUser={}\nAuthPass={}\n\
         FromLineOverride=YES\nhostname=client.test\n",
        house.ports.submissions,
        house.certificate().display(),
        Person::Tony.username(),
        letter.password,
    );
    let settings = house.write("ssmtp.conf", settings);
    CommandLine::new("sh")
        .args(["-c", "mount --bind . /root && exec ssmtp \"$@\"", "sh", "-C"])
        .arg(&settings)
        .args(["-f", &Person::Tony.address(), &Person::Pepper.address()])
        .reading(message_file(house, letter))
        .with(settings)
}

pub fn mailutils_send(house: &House, letter: Letter<'_>) -> CommandLine {
    let (user, password) = (Person::Tony.username(), letter.password);
    let port = house.ports.submission;
    let mut mail = CommandLine::new("mail.mailutils")
        .arg(format!("--set=tls.ssl-ca-file={}", house.certificate().display()))
        .args([
            "-E",
            "unset dot",
            "-E",
            &format!("set sendmail=\"smtp://{user}:{password}@{DOMAIN}:{port}\""),
        ])
        .args(["-r", &Person::Tony.address()])
        .args(["-a", &format!("From: {}", Person::Tony.address())])
        .args(["-s", letter.subject]);
    if let Some(attachment) = letter.attachment {
        mail = mail.arg("--content-type=application/octet-stream");
        mail = mail.arg(format!("--attach={attachment}"));
    }
    mail.args(["--content-type=text/plain; charset=utf-8", &Person::Pepper.address()])
        .reading(house.write("text", letter.text))
}

//! The command lines with which each mail program receives.

use std::path::{Path, PathBuf};

use super::{
    command_line::CommandLine,
    house::{DOMAIN, House, Person},
    program::{Into, Receiving, Then, Tls, curl, s_nail},
};

pub fn curl_receive(house: &House, password: &str, then: Then, tls: Tls) -> Receiving {
    let url = match tls {
        Tls::Implicit => format!("pop3s://{DOMAIN}:{}/1", house.ports.pop3s),
        Tls::Start => format!("pop3://{DOMAIN}:{}/1", house.ports.pop3),
    };
    let mut line = curl(house, Person::Pepper, password).arg(&url);
    if then == Then::Delete {
        // Two transfers over one session: RETR, and DELE, which has no body.
        line = line
            .args(["--next", "-q", "-sS", "--ssl-reqd", "--cacert"])
            .arg(house.certificate())
            .args(["--user", &format!("{}:{password}", Person::Pepper.username())])
            .args(["-X", "DELE", "-I", &url]);
    }
    Receiving { line, into: Into::Output }
}

pub fn s_nail_receive(house: &House, password: &str, then: Then) -> Receiving {
    let line = s_nail(house).args(["-S", "pop3-auth=plain", "-S", "pop3-bulk-load"]);
    let url =
        format!("pop3s://{}:{password}@{DOMAIN}:{}", Person::Pepper.username(), house.ports.pop3s);
    let (open, last) = match then {
        Then::Keep => ("-Rf", "exit"),
        Then::Delete => ("-f", "delete 1"),
    };
    let line = line.args([open, "-Y", "type 1", "-Y", last, "-Y", "quit"]).arg(url);
    Receiving { line, into: Into::Output }
}

pub fn poplib(house: &House, password: &str, then: Then) -> Receiving {
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
    let script = house.write("receive.py", SCRIPT);
    let line = CommandLine::new("python3")
        .arg(&script)
        .args([DOMAIN, &house.ports.pop3.to_string()])
        .arg(house.certificate())
        .args([password, &format!("{then:?}")])
        .with(script);
    Receiving { line, into: Into::Output }
}

pub fn net_pop3(house: &House, password: &str, then: Then) -> Receiving {
    const SCRIPT: &str = "\
use strict; use warnings; use Net::POP3;
my ($host, $port, $certificate, $password, $then) = @ARGV;
my $box = Net::POP3->new($host, Port => $port, SSL => 1, SSL_ca_file => $certificate)
    or die \"not connected: $@\";
defined $box->login('pepper', $password) or die 'not logged in: ', $box->message;
for my $number (sort { $a <=> $b } keys %{$box->list}) {
    print @{$box->get($number) or die 'not received: ', $box->message};
    $box->delete($number) if $then eq 'Delete';
}
$box->quit or die 'not deleted: ', $box->message;
";
    let script = house.write("receive.pl", SCRIPT);
    let line = CommandLine::new("perl")
        .arg(&script)
        .args([DOMAIN, &house.ports.pop3s.to_string()])
        .arg(house.certificate())
        .args([password, &format!("{then:?}")])
        .with(script);
    Receiving { line, into: Into::Output }
}

pub fn fetchmail(house: &House, password: &str, then: Then) -> Receiving {
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
    let line = CommandLine::new("fetchmail")
        .arg("--fetchmailrc")
        .arg(&settings)
        .args(["--nodetach", "--nosyslog", "--idfile"])
        .arg(house.path("fetchids"))
        .arg("--pidfile")
        .arg(house.path("fetchmail.pid"))
        .with(settings);
    Receiving { line, into: Into::File(into) }
}

fn maildir(house: &House, name: &str) -> PathBuf {
    let path = house.path(name);
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(path.join(part)).unwrap();
    }
    path
}

pub fn getmail(house: &House, password: &str, then: Then) -> Receiving {
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
    let line = CommandLine::new("getmail").arg("--rcfile").arg(&settings).arg("--getmaildir");
    Receiving { line: line.arg(house.path(".")).with(settings), into: Into::File(into) }
}

pub fn mpop(house: &House, password: &str, then: Then) -> Receiving {
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
    let line = CommandLine::new("mpop").arg("-C").arg(&settings).with(settings);
    Receiving { line, into: Into::Maildir(into) }
}

/// Mutt or NeoMutt, whose `G` (`fetch-mail`) receives into a mailbox on the disk. Both need a
/// terminal.
pub fn mutt_receive(house: &House, password: &str, then: Then, program: &str) -> Receiving {
    let into = house.write("mbox", "");
    let settings = format!(
        "set from={}\nset pop_host=pops://{}@{DOMAIN}:{}\nset pop_pass='{password}'\n\
         set pop_delete={}\nset pop_last=no\nset certificate_file={}\nset ssl_verify_host=yes\n\
         set spoolfile={into}\nset folder={}\nset mbox={into}\nset move=no\n\
         set quit=yes\n",
        Person::Pepper.address(),
        Person::Pepper.username(),
        house.ports.pop3s,
        if then == Then::Delete { "yes" } else { "no" },
        house.certificate().display(),
        into.parent().unwrap_or(Path::new("/")).display(),
        into = into.display(),
    );
    let settings = house.write("muttrc", settings);
    let typed = format!("{program} -n -F {} -e 'push <fetch-mail>'", settings.display());
    let line = CommandLine::new("script").args(["-qec", &typed, "/dev/null"]).with(settings);
    let line = line.env("TERM", "xterm").typing("q", &["Login failed", "messages read"]);
    Receiving { line, into: Into::File(into) }
}

pub fn mailutils_receive(house: &House, password: &str, then: Then) -> Receiving {
    let (user, port) = (Person::Pepper.username(), house.ports.pop3s);
    let last = if then == Then::Delete { "delete 1" } else { "exit" };
    let commands = house.write("commands", format!("type 1\n{last}\nquit\n"));
    let line = CommandLine::new("mail.mailutils")
        .arg(format!("--set=tls.ssl-ca-file={}", house.certificate().display()))
        .args(["-f", &format!("pops://{user}:{password}@{DOMAIN}:{port}")])
        .reading(commands.clone())
        .with(commands);
    Receiving { line, into: Into::Output }
}

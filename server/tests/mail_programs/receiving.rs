//! The commands with which each mail program receives.

use std::{path::PathBuf, process::Command};

use super::{
    house::{DOMAIN, House, Person},
    program::{Into, Receiving, Then, Tls, curl, s_nail},
};

pub fn curl_receive(house: &House, password: &str, then: Then, tls: Tls) -> Receiving {
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

pub fn s_nail_receive(house: &House, password: &str, then: Then) -> Receiving {
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
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, DOMAIN, &house.ports.pop3.to_string()]);
    command.arg(house.certificate()).args([password, &format!("{then:?}")]);
    Receiving { command, into: Into::Output }
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
    let mut command = Command::new("getmail");
    command.arg("--rcfile").arg(settings).arg("--getmaildir").arg(house.path("."));
    Receiving { command, into: Into::File(into) }
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
    let mut command = Command::new("mpop");
    command.arg("-C").arg(settings);
    Receiving { command, into: Into::Maildir(into) }
}

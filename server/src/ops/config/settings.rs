//! The list of settings: one row each, for the command line, the environment, the file, the
//! help texts and the table in OPERATING.md.

/// How a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value.
    One,
    /// Any number of values; the flag is repeated, in the environment they stand between commas.
    Many,
    /// Set or not, without a value.
    Switch,
}

/// One setting. Its flag is `--key`, its variable `CORREIO_KEY`, its key in the file `key`.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// Placeholder of the value in help texts.
    pub(super) value: &'static str,
    /// The default, as people read it.
    pub(super) default: &'static str,
    /// The allowed values, as people read them.
    pub(super) allowed: &'static str,
    pub(super) meaning: &'static str,
}

impl Setting {
    /// The setting's name in the environment.
    pub(super) fn variable(&self) -> String {
        format!("CORREIO_{}", self.key.replace('-', "_").to_ascii_uppercase())
    }
}

const fn one(
    key: &'static str,
    value: &'static str,
    default: &'static str,
    allowed: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { key, kind: Kind::One, value, default, allowed, meaning }
}

/// Addresses of a service for mail programs, and the port that it usually has.
macro_rules! addresses_of {
    ($key:literal, $port:literal, $meaning:literal) => {
        Setting {
            key: $key,
            kind: Kind::Many,
            value: "ADDR:PORT",
            default: "none",
            allowed: concat!(
                "an IP address and a port, such as 0.0.0.0:",
                $port,
                " or [::]:",
                $port,
                "; port 0 takes a free one"
            ),
            meaning: concat!($meaning, ", usually port ", $port, "; may be given several times"),
        }
    };
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        kind: Kind::Many,
        value: "ADDR:PORT",
        default: "0.0.0.0:8888 and [::]:8888",
        allowed: "an IP address and a port, such as 127.0.0.1:8888 or [::1]:8888; port 0 takes a free one",
        meaning: "Address to listen on; may be given several times",
    },
    Setting {
        key: "proxy-protocol",
        kind: Kind::Many,
        value: "FROM",
        default: "none",
        allowed: "an IP address or a network, such as 127.0.0.1, 10.0.0.0/8 or ::1",
        meaning: "Proxy that must name each client in a PROXY header of version 2; may be given several times",
    },
    addresses_of!(
        "submissions",
        "465",
        "Address for mail programs that send mail (SMTP submission) with TLS from the first byte"
    ),
    addresses_of!(
        "submission",
        "587",
        "Address for mail programs that send mail (SMTP submission) with STARTTLS"
    ),
    addresses_of!(
        "pop3s",
        "995",
        "Address for mail programs that receive mail (POP3) with TLS from the first byte"
    ),
    addresses_of!("pop3", "110", "Address for mail programs that receive mail (POP3) with STLS"),
    one(
        "mail-domain",
        "NAME",
        "none",
        "a domain such as mail.example.org: labels of ASCII letters, digits and hyphens, and not only a number",
        "Name after the @ of mail addresses in mail programs, which connect by it; needed for the addresses of mail programs",
    ),
    one(
        "data-dir",
        "DIR",
        "$STATE_DIRECTORY under systemd, /var/lib/correio for root, ~/.local/share/correio-server",
        "a directory that this user may write to",
        "Where accounts and mail are kept",
    ),
    one(
        "store",
        "STORE",
        "sqlite",
        "sqlite, memory or postgres",
        "The store of accounts and mail; with memory they are gone when the server stops; with postgres they are in a database that several servers may share",
    ),
    one(
        "database",
        "URL",
        "none",
        "an address such as postgres://correio@db1.example.org,db2.example.org/correio?passfile=/etc/correio/database-password",
        "The database of the store postgres; of several hosts, the one that takes changes is used",
    ),
    one(
        "database-sync",
        "WHERE",
        "primary",
        "primary or standby",
        "Where a change is durable before it is acknowledged: on the disk of the database's primary, or on a standby, too; with standby, mail is refused while the database waits for none",
    ),
    one(
        "node-name",
        "NAME",
        "the name of the machine and the number of the process",
        "1 to 64 printable characters of ASCII, without spaces",
        "The name of this server among those that share a database, which `correiod nodes` shows",
    ),
    one(
        "create-store",
        "WHEN",
        "auto",
        "auto, never or always",
        "Whether an empty store is made if there is none: auto makes one unless the directory has the keys of an earlier server; never is for a data directory on a volume that may not be mounted",
    ),
    Setting {
        key: "plaintext",
        kind: Kind::Switch,
        value: "",
        default: "off",
        allowed: "true or false",
        meaning: "Speak without TLS, for laboratories and for this machine alone; mail programs log in without it, too",
    },
    one(
        "tls-cert",
        "PEM",
        "the server's own certificate, made in the data directory at the first start",
        "a file in PEM, the server's certificate first; together with tls-key",
        "Certificate of a CA; read again on SIGHUP",
    ),
    one(
        "tls-key",
        "PEM",
        "the server's own key",
        "a file in PEM that others cannot read; together with tls-cert",
        "Key of that certificate",
    ),
    one(
        "registration",
        "WHO",
        "open",
        "open, invite or closed",
        "Who may register an account over the network: everybody, people with an invite (correiod invite), or nobody",
    ),
    one(
        "directory",
        "WHO",
        "members, or off where registration is open",
        "members or off",
        "Who may look people up by a part of their username or full name: everybody who is logged in, or nobody",
    ),
    one(
        "bcrypt-cost",
        "N",
        "10",
        "a whole number from 4 to 14; below 10 only for tests",
        "Cost of the server's own password hashes; each step doubles the time of a login",
    ),
    one(
        "hash-workers",
        "N",
        "the number of processors",
        "a whole number from 1 to 64",
        "Threads that hash passwords",
    ),
    one(
        "hash-queue",
        "N",
        "256",
        "a whole number from 1 to 100000",
        "Logins and registrations that may wait for a worker; the others are told to come back",
    ),
    one(
        "store-queue",
        "N",
        "16384",
        "a whole number from 1 to 1000000",
        "Jobs that may wait for the store; the others are told to come back",
    ),
    one(
        "max-connections",
        "N",
        "16384, or what the limit on open files leaves",
        "a whole number from 1 to 1000000",
        "Connections at a time",
    ),
    one(
        "max-anonymous",
        "N",
        "1024",
        "a whole number from 1 to 1000000",
        "Connections that are not logged in; a further connection displaces the oldest of the address with the most",
    ),
    one(
        "connections-per-address",
        "N",
        "256",
        "a whole number from 1 to 1000000",
        "Connections from one IPv4 address or one IPv6 network of 64 bits; twice as many from one of 56 bits, four times as many from one of 48",
    ),
    one(
        "failed-logins",
        "N",
        "10",
        "a whole number from 0 to 1000; 0 lets everybody guess",
        "Wrong passwords that an address has free before it must wait, twice as long each time",
    ),
    one(
        "registrations-per-hour",
        "N",
        "100",
        "a whole number from 0 to 1000000; 0 for no limit",
        "Accounts that one address may make, and as many registrations that make none",
    ),
    one(
        "mails-per-hour",
        "N",
        "1000",
        "a whole number from 0 to 1000000000; 0 for no limit",
        "Mails accepted from one account, each counted once for each of its recipients, members of lists among them",
    ),
    one(
        "lists",
        "WHO",
        "members, or off where registration is open",
        "members or off",
        "Who may make lists (a name that stands for members) over the network: every account, or nobody; lists that exist stay as they are",
    ),
    one(
        "input-bytes",
        "SIZE",
        "64 MiB",
        "a size from 64 KiB to 1 TiB, such as 16 MiB",
        "Memory for incomplete frames and for mails that mail programs send, of all connections together",
    ),
    one(
        "output-bytes",
        "SIZE",
        "128 MiB",
        "a size from 64 KiB to 1 TiB, such as 16 MiB",
        "Memory for replies that clients do not take and for mails that mail programs read, of all connections together",
    ),
    one(
        "mailbox-mails",
        "N",
        "10000",
        "a whole number from 1 to 4294967295",
        "Mails that one mailbox may hold",
    ),
    one(
        "mailbox-bytes",
        "SIZE",
        "256 MiB",
        "a size from 1 B to 1 TiB, such as 1048576, 64 KiB or 256 MiB",
        "Bytes of subjects and contents that one mailbox may hold",
    ),
    one(
        "body-bytes",
        "SIZE",
        "1 MiB",
        "a size from 1 B to 8 MiB, such as 1048576, 64 KiB or 1 MiB",
        "Longest text or RFC 5322 message of a mail that travels in one request",
    ),
    one(
        "mail-bytes",
        "SIZE",
        "25 MiB",
        "a size from 1 B to 64 MiB, such as 1048576, 64 KiB or 25 MiB",
        "Largest content of a mail, which travels in pieces if it is longer than a body",
    ),
    one(
        "upload-bytes",
        "SIZE",
        "1 GiB",
        "a size from 1 MiB to 1 TiB, such as 64 MiB or 1 GiB",
        "Bytes of uploaded contents whose mails are not sent yet, of all accounts together; each counts with its whole size while it goes on, and a minute later with what it has",
    ),
    one(
        "keep-days",
        "N",
        "none",
        "a whole number from 1 to 36500",
        "Days after which a mail that was not received is deleted; its recipient is warned by a mail a week before; without it, mails are kept",
    ),
    one(
        "keep-account-days",
        "N",
        "none",
        "a whole number from 30 to 36500",
        "Days without a login after which an account is deleted, with its mails; a mail warns a week before; without it, accounts are kept",
    ),
    one(
        "login-timeout",
        "SECONDS",
        "30",
        "a whole number from 1 to 3600",
        "How long a connection may take until it is logged in; mail programs have two minutes",
    ),
    one(
        "idle-timeout",
        "SECONDS",
        "300",
        "a whole number from 2 to 86400",
        "How long a logged-in connection may be silent, and any connection may leave replies unread; it is pinged at half of it; mail programs have the times of their protocols",
    ),
    one(
        "drain-timeout",
        "SECONDS",
        "8",
        "a whole number from 0 to 60",
        "How long connections may finish when the server stops",
    ),
    Setting {
        key: "metrics",
        kind: Kind::Many,
        value: "ADDR:PORT",
        default: "none",
        allowed: "an IP address and a port, such as 127.0.0.1:9088; port 0 takes a free one",
        meaning: "Address to show metrics and health checks on, over HTTP without TLS; may be given several times",
    },
    Setting {
        key: "metrics-host",
        kind: Kind::Many,
        value: "NAME",
        default: "none",
        allowed: "the name of a host, without a port",
        meaning: "Name by which the metrics may be asked for, besides IP addresses and localhost; may be given several times",
    },
    one(
        "log-level",
        "LEVEL",
        "info",
        "error, warn, info, debug or trace",
        "What is logged: everything from this level up",
    ),
    one(
        "log-format",
        "FORMAT",
        "text",
        "text or json",
        "The form of the log's lines: text for people and for fail2ban, or a JSON object each",
    ),
    one(
        "log-file",
        "FILE",
        "none",
        "a file that this user may write to",
        "File that the log goes to, besides standard error; opened anew on SIGHUP",
    ),
];

/// The settings as a table in Markdown, for OPERATING.md.
#[must_use]
pub fn markdown() -> String {
    let mut table = "| flag and key | variable | default | allowed | meaning |\n\
                     | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for setting in SETTINGS {
        let Setting { key, value, default, allowed, meaning, .. } = setting;
        let flag = format!("--{key} {value}");
        let row = format!(
            "| `{}` | `{}` | {default} | {allowed} | {meaning} |\n",
            flag.trim_end(),
            setting.variable()
        );
        table.push_str(&row);
    }
    table
}

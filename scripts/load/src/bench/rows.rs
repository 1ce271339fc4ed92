//! The rows of the benchmark's table: measurement, reference and target.

/// A row's target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// correio's figure divided by the reference's is at least this.
    RatioAtLeast(f64),
    /// correio's figure divided by the reference's is at most this.
    RatioAtMost(f64),
    /// correio's figure itself is at most this.
    AtMost(f64),
    /// No target; the figure is for comparison only.
    None,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, as `--only` takes it.
    pub name: &'static str,
    /// The measurement, as the table names it.
    pub what: &'static str,
    /// The reference, as the table names it.
    pub reference: &'static str,
    /// The unit of the figures.
    pub unit: &'static str,
    /// The target.
    pub target: Target,
}

const fn row(
    name: &'static str,
    what: &'static str,
    reference: &'static str,
    unit: &'static str,
    target: Target,
) -> Row {
    Row { name, what, reference, unit, target }
}

/// All rows, in the order of the table.
pub const ROWS: &[Row] = &[
    row(
        "send-echo",
        "send, memory store, plaintext, 50 clients, 512 B, 1 in flight",
        "bare echo of 512 B",
        "/s",
        Target::RatioAtLeast(0.8),
    ),
    row("send-redis", "the same", "Redis LPUSH, in memory", "/s", Target::RatioAtLeast(1.1)),
    row(
        "send-16",
        "the same, 16 in flight",
        "Redis LPUSH, 16 in flight",
        "/s",
        Target::RatioAtLeast(0.8),
    ),
    row(
        "send-tls",
        "the same over TLS, 1 in flight",
        "the same without TLS",
        "/s",
        Target::RatioAtLeast(0.75),
    ),
    row(
        "store-50",
        "send, SQLite, every reply after its sync, 50 clients",
        "durable echo of 512 B",
        "/s",
        Target::RatioAtLeast(0.9),
    ),
    row(
        "store-500",
        "the same, 500 clients",
        "durable echo, 500 clients",
        "/s",
        Target::RatioAtLeast(0.75),
    ),
    row(
        "stall-500",
        "p99 of the same, 500 clients",
        "p99 of the durable echo, 500 clients",
        "us",
        Target::RatioAtMost(2.0),
    ),
    row(
        "redis-50",
        "send, SQLite, every reply after its sync, 50 clients",
        "Redis LPUSH, appendfsync always",
        "/s",
        Target::RatioAtLeast(1.5),
    ),
    row("redis-500", "the same, 500 clients", "the same, 500 clients", "/s", Target::None),
    row(
        "receive",
        "receive and confirm, SQLite, pages of 100, one session",
        "Dovecot POP3, RETR and DELE, one session",
        "mails/s",
        Target::RatioAtLeast(25.0),
    ),
    row(
        "pop3",
        "RETR and DELE of 2,000 mails of 512 B, then QUIT, SQLite, plaintext, one session",
        "Dovecot POP3, the same client",
        "mails/s",
        Target::RatioAtLeast(4.0),
    ),
    row(
        "pop3-pipelined",
        "the same, up to 20 commands before their replies",
        "Dovecot POP3, the same client",
        "mails/s",
        Target::RatioAtLeast(4.0),
    ),
    row(
        "login",
        "logins at cost 10, all workers busy",
        "workers / time of one bcrypt",
        "/s",
        Target::RatioAtLeast(0.95),
    ),
    row(
        "resume",
        "logins with a resume ticket, TLS",
        "logins with the password at cost 10, TLS",
        "/s",
        Target::RatioAtLeast(10.0),
    ),
    row(
        "postgres",
        "send, PostgreSQL, 500 clients, 512 B, plaintext",
        "pgbench: the same rows in groups of 100, 4 connections",
        "/s",
        Target::RatioAtLeast(0.6),
    ),
    row("postgres-sqlite", "the same", "the same with SQLite", "/s", Target::None),
    row(
        "postgres-record",
        "bytes of an idempotency record in PostgreSQL, with its indexes",
        "on paper",
        "B",
        Target::None,
    ),
    row(
        "postgres-nodes",
        "the same, two nodes with 250 clients each",
        "one node with 500 clients",
        "/s",
        Target::None,
    ),
    row(
        "node-death",
        "5,000 sessions of a killed node are back at another, resume tickets, TLS",
        "the same with passwords at cost 10",
        "s",
        Target::RatioAtMost(0.1),
    ),
    row(
        "flood",
        "p99 of send while the bcrypt queue stays full, one worker",
        "p99 with one core busy with bcrypt elsewhere",
        "us",
        Target::RatioAtMost(2.0),
    ),
    row(
        "idle-plain",
        "memory of one idle connection, logged in, plaintext",
        "at most 1 KiB",
        "B",
        Target::AtMost(1024.0),
    ),
    row(
        "idle-tls",
        "memory of one idle connection, logged in, TLS",
        "at most 12 KiB",
        "B",
        Target::AtMost(12.0 * 1024.0),
    ),
    row(
        "idle-submission-plain",
        "memory of one idle SMTP session, logged in, plaintext",
        "none",
        "B",
        Target::None,
    ),
    row("idle-submission-tls", "the same, TLS", "none", "B", Target::None),
    row(
        "idle-pop3-plain",
        "memory of one idle POP3 session, logged in, plaintext",
        "none",
        "B",
        Target::None,
    ),
    row("idle-pop3-tls", "the same, TLS", "none", "B", Target::None),
    row(
        "paced-p99",
        "p99 of clients sending once a second each, SQLite, TLS",
        "at most 50 ms",
        "us",
        Target::AtMost(50_000.0),
    ),
    row(
        "paced-echo",
        "the same",
        "p99 of the durable echo, paced the same way, plaintext",
        "us",
        Target::RatioAtMost(3.0),
    ),
    row("paced-lost", "mails lost or refused meanwhile", "none", "mails", Target::AtMost(0.0)),
    row(
        "growth",
        "send, SQLite, 50 clients, to 100 accounts of a full store",
        "the same in an empty store",
        "/s",
        Target::RatioAtLeast(0.8),
    ),
    row(
        "spread",
        "the same, to any account of the full store",
        "to 100 accounts in an empty store",
        "/s",
        Target::None,
    ),
    row(
        "start",
        "start with the full store, until it listens",
        "at most 1 s",
        "s",
        Target::AtMost(1.0),
    ),
    row(
        "many-recipients",
        "bytes that the server writes for a mail of 1 MiB to 100 recipients",
        "bytes of the mail's content",
        "B",
        Target::None,
    ),
    row(
        "many-size",
        "growth of the data directory by this mail",
        "bytes of the mail's content",
        "B",
        Target::RatioAtMost(1.25),
    ),
    row(
        "give-back",
        "size of the data directory after 2 GiB of mail were received and confirmed",
        "its size before that",
        "B",
        Target::None,
    ),
    row(
        "give-back-time",
        "time from the last confirmation until the size fell no more",
        "none",
        "s",
        Target::None,
    ),
    row(
        "give-back-p99",
        "p99 of sends meanwhile, 50 clients, 20 mails a second each",
        "the same before",
        "us",
        Target::None,
    ),
    row(
        "postfix",
        "send, SQLite, 20 clients, 1 KiB",
        "Postfix, smtp-source, 20 sessions kept open, 1 KiB",
        "mails/s",
        Target::None,
    ),
    row(
        "submission",
        "SMTP submission, SQLite, plaintext, 20 sessions, 1 KiB, one command at a time",
        "Postfix, the same client",
        "mails/s",
        Target::RatioAtLeast(8.0),
    ),
    row(
        "submission-pipelined",
        "the same, the commands of a mail together",
        "Postfix, the same client",
        "mails/s",
        Target::RatioAtLeast(8.0),
    ),
];

/// The row of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

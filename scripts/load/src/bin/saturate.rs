//! Loads a server as fast as it answers, from one non-blocking thread, and prints the figures as
//! one line of JSON. Credentials are not stretched: the server's own bcrypt is measured, not the
//! clients'.

use std::{
    hint::black_box,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use correio_client::{Address, Trust};
use correio_load::{
    bench::{
        closed_loop::{self, ClosedLoopClient},
        frames::account,
        idle_programs::{self, Listeners},
        node_death::{self, Credentials, Sessions},
        open_loop, pop3,
        setup::{self, Endpoint, SetupScript},
        submission::{self, Login, Pipelining},
        tally::Tally,
        wire::Wire,
        work::{RecipientPool, Work},
    },
    new_id, process,
    programs::{ProgramProtocol, app_password},
};
use correio_proto::{fingerprint::Fingerprint, mail::Content, message::Send, tls::Security};
use serde_json::{Value, json};

/// Sessions of one account; a server allows a hundred.
const SESSIONS: usize = 50;

/// How long a server may settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// Load a server on this machine and print the figures as a line of JSON.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
    /// The server
    #[arg(long, global = true, default_value = "127.0.0.1:8888")]
    server: SocketAddr,
    /// The fingerprint of its certificate; without it, plaintext
    #[arg(long, global = true)]
    fingerprint: Option<Fingerprint>,
    /// The server's process, to read its memory and processor time
    #[arg(long, global = true)]
    pid: Option<u32>,
    /// Number of connections
    #[arg(long, global = true, default_value_t = 50)]
    connections: usize,
    /// Requests under way on each connection
    #[arg(long, global = true, default_value_t = 1)]
    depth: usize,
    /// Duration after the warm-up, in seconds
    #[arg(long, global = true, default_value_t = 3.0)]
    seconds: f64,
    /// Duration of the warm-up, in seconds
    #[arg(long, global = true, default_value_t = 0.5)]
    warm_up: f64,
    /// Bytes of a message or body
    #[arg(long, global = true, default_value_t = 512)]
    size: usize,
    /// Pause between the logins and the load, in seconds
    #[arg(long, global = true, default_value_t = 0.0)]
    delay: f64,
    /// Use existing accounts, named by this prefix and a number
    #[arg(long, global = true)]
    accounts: Option<String>,
    /// Send mails to this many existing accounts, instead of new ones
    #[arg(long, global = true)]
    to_existing: Option<usize>,
}

#[derive(Clone, Debug, Subcommand)]
enum Mode {
    /// Messages to an echo server
    Echo,
    /// Mails to accounts without a session
    Send {
        /// Number of mails of each connection; without it, as many as there is time for
        #[arg(long)]
        count: Option<u64>,
    },
    /// One mail to many recipients
    Mail {
        /// Number of recipients
        #[arg(long, default_value_t = 100)]
        recipients: usize,
    },
    /// Pages of 100 mails, fetched and confirmed, until the mailboxes are empty
    Receive,
    /// Logins
    Login,
    /// Logins with a resume ticket, which a server over TLS gives
    Resume,
    /// The death of the server, whose sessions log in at another server of the same store
    NodeDeath {
        /// The other server
        #[arg(long)]
        to: SocketAddr,
        /// What they log in with
        #[arg(long, value_enum, default_value_t = Credentials::Tickets)]
        with: Credentials,
    },
    /// Silent, logged-in connections, to measure the server's memory
    Idle,
    /// A mail from each connection at this interval, whether answers come or not
    Paced {
        /// The interval in milliseconds
        #[arg(long, default_value_t = 1000)]
        interval: u64,
    },
    /// A message from each connection to an echo server at this interval
    PacedEcho {
        /// The interval in milliseconds
        #[arg(long, default_value_t = 1000)]
        interval: u64,
    },
    /// Register the first account and nothing else
    Register,
    /// An account and a new app password of it
    AppPassword {
        /// The username
        #[arg(long, default_value = "tony")]
        username: String,
    },
    /// Silent, logged-in sessions of mail programs, to measure the server's memory
    IdlePrograms {
        /// Their protocol
        #[arg(long)]
        protocol: ProgramProtocol,
        /// The server's address for it
        #[arg(long)]
        at: SocketAddr,
        /// The fingerprint of the certificate for mail programs; without it, plaintext
        #[arg(long)]
        fingerprint_at: Option<Fingerprint>,
    },
    /// bcrypt on this machine, without a server
    Bcrypt {
        /// Number of threads
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Cost
        #[arg(long, default_value_t = 10)]
        cost: u32,
    },
    /// Every mail of a POP3 mailbox, retrieved and deleted
    Pop3 {
        /// The username
        #[arg(long, default_value = "tony")]
        username: String,
        /// The password; the reference takes any
        #[arg(long, default_value = "any")]
        password: String,
    },
    /// Mails by SMTP, to one recipient
    Submission {
        /// The sender's address
        #[arg(long)]
        from: String,
        /// The recipient's address
        #[arg(long)]
        to: String,
        /// The app password of the sender; without it, no login
        #[arg(long)]
        password: Option<String>,
        /// Send the commands of a mail together
        #[arg(long)]
        pipelining: bool,
    },
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.server.ip().is_loopback(), "only a server on this machine is loaded");
    let files = process::raise_file_limit();
    let most = usize::try_from(files)?.saturating_sub(50);
    ensure!(options.connections > 0 && options.depth > 0, "without a request nothing is measured");
    let times = [options.seconds, options.warm_up, options.delay];
    ensure!(times.iter().all(|time| (0.0..=86_400.0).contains(time)), "a time is out of range");
    ensure!(options.seconds > 0.0, "--seconds takes more than 0");
    ensure!(options.connections <= most, "the limit on open files allows {most} connections");
    let mut report = run(&options)?;
    if let Some(fields) = report.as_object_mut() {
        fields.insert("connections".to_owned(), options.connections.into());
        fields.insert("depth".to_owned(), options.depth.into());
        fields.insert("tls".to_owned(), options.fingerprint.is_some().into());
    }
    println!("{report}");
    Ok(())
}

fn run(options: &Options) -> Result<Value> {
    match &options.mode {
        Mode::Echo => echo(options),
        Mode::Send { count } => {
            let count = count.unwrap_or(u64::MAX);
            let work = |index, to| Work::send(to, options.size, index as u64, count);
            answered(closed(options, work)?)
        }
        Mode::Mail { recipients } => mail(options, *recipients),
        Mode::Receive => answered(closed(options, |_, _| Work::receive(100))?),
        Mode::Login => closed(options, |index, _| Work::login(&options.account(index))),
        Mode::Resume => closed(options, |index, _| Work::resume(&options.account(index))),
        Mode::NodeDeath { to, with } => {
            let pid = options.pid.context("--pid is needed: the server that is to die")?;
            let sessions = Sessions { count: options.connections, of_account: SESSIONS };
            let first = options.endpoint()?;
            let other = Endpoint { server: *to, security: first.security.clone() };
            node_death::run((&first, pid), &other, options.prefix(), sessions, *with)
        }
        Mode::Idle => idle(options),
        Mode::Paced { interval } => paced(options, Duration::from_millis(*interval)),
        Mode::PacedEcho { interval } => paced_echo(options, Duration::from_millis(*interval)),
        Mode::Register => {
            setup::register_accounts(&options.endpoint()?, "c", 1)?;
            Ok(json!({}))
        }
        Mode::Bcrypt { threads, cost } => bcrypt(options, *threads, *cost),
        Mode::AppPassword { username } => {
            let password = app_password(options.server, options.trust(), username)?;
            Ok(json!({ "username": username, "password": password }))
        }
        Mode::IdlePrograms { protocol, at, fingerprint_at } => {
            let pid = options.pid.context("--pid is needed, for the memory")?;
            let trust = fingerprint_at.map_or(Trust::Plaintext, Trust::Fingerprint);
            let own = (options.server, options.trust());
            let listeners = Listeners { own, programs: (*at, trust) };
            let sessions = (options.connections, SESSIONS);
            idle_programs::run(*protocol, listeners, pid, sessions, SETTLE)
        }
        Mode::Pop3 { username, password } => {
            pop3::run(options.server, username, password, options.depth)
        }
        Mode::Submission { from, to, password, pipelining } => {
            let username = from.split('@').next().unwrap_or_default().to_owned();
            let login = |password: &String| Login { username, password: password.clone() };
            let mail = submission::Mail {
                from: from.clone(),
                to: to.clone(),
                size: options.size,
                pipelining: if *pipelining { Pipelining::On } else { Pipelining::Off },
                login: password.as_ref().map(login),
            };
            answered(submission::run(
                options.server,
                options.connections,
                &mail,
                &mut options.tally(),
            )?)
        }
    }
}

impl Options {
    fn endpoint(&self) -> Result<Endpoint> {
        let address = Address::new(&self.server.ip().to_string(), self.server.port())?;
        Ok(Endpoint { server: self.server, security: self.trust().security(&address) })
    }

    fn trust(&self) -> Trust {
        self.fingerprint.map_or(Trust::Plaintext, Trust::Fingerprint)
    }

    fn prefix(&self) -> &str {
        self.accounts.as_deref().unwrap_or("c")
    }

    /// The account of a connection.
    fn account(&self, index: usize) -> String {
        match self.mode {
            Mode::Idle => account(self.prefix(), index / SESSIONS),
            _ => account(self.prefix(), index),
        }
    }

    fn tally(&self) -> Tally {
        let seconds = Duration::from_secs_f64;
        Tally::new(seconds(self.warm_up), seconds(self.seconds), self.pid)
    }

    /// Registers the missing accounts and logs every connection in.
    fn logged_in(&self) -> Result<(Vec<Wire>, RecipientPool)> {
        let endpoint = self.endpoint()?;
        if self.accounts.is_none() {
            let sessions = if matches!(self.mode, Mode::Idle) { SESSIONS } else { 1 };
            let accounts = self.connections.div_ceil(sessions);
            setup::register_accounts(&endpoint, self.prefix(), accounts)?;
        }
        let sends = matches!(self.mode, Mode::Send { .. } | Mode::Paced { .. });
        let to = match self.to_existing {
            Some(count) => RecipientPool { prefix: self.prefix().into(), count },
            None => RecipientPool { prefix: "r".into(), count: self.connections.min(100) },
        };
        if sends && self.to_existing.is_none() {
            setup::register_accounts(&endpoint, &to.prefix, to.count)?;
        }
        let script = |index| match self.mode {
            // The logins are the load itself.
            Mode::Login | Mode::Resume => SetupScript::greeting(),
            _ => SetupScript::logging_in(&self.account(index)),
        };
        let scripts = (0..self.connections).map(script).collect::<Result<_>>()?;
        let wires = setup::open(&endpoint, scripts)?;
        thread::sleep(Duration::from_secs_f64(self.delay));
        Ok((wires, to))
    }
}

fn echo(options: &Options) -> Result<Value> {
    let mut clients = Vec::new();
    for wire in echo_wires(options)? {
        clients.push(ClosedLoopClient::new(wire, Work::echo(options.size)?));
    }
    answered(closed_loop::run(clients, options.depth, &mut options.tally())?)
}

fn paced_echo(options: &Options, interval: Duration) -> Result<Value> {
    let mut clients = Vec::new();
    for wire in echo_wires(options)? {
        clients.push((wire, Work::echo(options.size)?));
    }
    answered(open_loop::run(clients, interval, &mut options.tally())?)
}

/// Connections to an echo server, which speaks plaintext only. Each has echoed a message.
fn echo_wires(options: &Options) -> Result<Vec<Wire>> {
    let endpoint = Endpoint { server: options.server, security: Security::Plaintext };
    let script = |_| SetupScript::echo(options.size);
    setup::open(&endpoint, (0..options.connections).map(script).collect::<Result<_>>()?)
}

/// Checks that every request was answered: a server that stopped on the way has no rate.
fn answered(report: Value) -> Result<Value> {
    let lost = report.get("lost").and_then(Value::as_u64).unwrap_or(0);
    ensure!(lost == 0, "{lost} requests were never answered");
    Ok(report)
}

fn closed(options: &Options, work: impl Fn(usize, RecipientPool) -> Result<Work>) -> Result<Value> {
    let (wires, to) = options.logged_in()?;
    let mut clients = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        let work = work(index, to.clone())?;
        clients.push(ClosedLoopClient::new(wire, work));
    }
    closed_loop::run(clients, options.depth, &mut options.tally())
}

fn paced(options: &Options, interval: Duration) -> Result<Value> {
    let (wires, to) = options.logged_in()?;
    let mut clients = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        clients.push((wire, Work::send(to.clone(), options.size, index as u64, u64::MAX)?));
    }
    open_loop::run(clients, interval, &mut options.tally())
}

fn mail(options: &Options, recipients: usize) -> Result<Value> {
    let endpoint = options.endpoint()?;
    setup::register_accounts(&endpoint, "c", 1)?;
    setup::register_accounts(&endpoint, "r", recipients)?;
    let to: Vec<String> = (0..recipients).map(|index| account("r", index)).collect();
    let (to, subject) = (to.join(",").parse()?, "Elevador".parse()?);
    let body = "x".repeat(options.size).parse()?;
    let mail = Send { id: new_id()?, to, subject, content: Content::Body(body) };
    setup::open(&endpoint, vec![SetupScript::sending(&account("c", 0), mail)?])?;
    Ok(json!({"recipients": recipients, "size": options.size}))
}

fn idle(options: &Options) -> Result<Value> {
    let pid = options.pid.context("--pid is needed, for the memory")?;
    let endpoint = options.endpoint()?;
    setup::register_accounts(&endpoint, options.prefix(), options.connections.div_ceil(SESSIONS))?;
    thread::sleep(SETTLE);
    let before = process::memory(pid)?;
    let started = Instant::now();
    let (wires, _) = options.logged_in()?;
    let seconds = started.elapsed().as_secs_f64();
    thread::sleep(SETTLE);
    let after = process::memory(pid)?;
    ensure!(after > before, "the server's memory did not grow: {before} B before, {after} B after");
    let bytes_each = after.saturating_sub(before) as f64 / wires.len().max(1) as f64;
    Ok(json!({
        "before": before,
        "after": after,
        "bytes_each": bytes_each,
        "logged_in_after_seconds": seconds,
    }))
}

fn bcrypt(options: &Options, threads: usize, cost: u32) -> Result<Value> {
    let until = Instant::now() + Duration::from_secs_f64(options.seconds);
    let started = Instant::now();
    let count = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while Instant::now() < until {
                    black_box(bcrypt::bcrypt(cost, [7; 16], black_box(&[1; 33])));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let count = count.into_inner();
    let per_second = count as f64 / seconds;
    Ok(json!({
        "threads": threads,
        "cost": cost,
        "operations": count,
        "seconds": seconds,
        "per_second": per_second,
        "milliseconds_each": threads as f64 * 1000.0 / per_second,
    }))
}

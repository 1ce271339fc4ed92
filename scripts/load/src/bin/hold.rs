//! Holds many logged-in connections open, and measures the server's memory for each and their
//! effect on the latency of others.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use correio_load::{
    hello, login, new_id,
    process::{memory, raise_file_limit},
    register,
};
use correio_proto::{
    mail::Mail,
    message::{Confirm, Fetch, Reply, Request, Send},
};
use correio_testing::client::Client;

/// Connections of one account: the most sessions that a server allows.
const SESSIONS: usize = 100;

/// Logins under way at a time; the server's hash queue must hold them.
const LOGINS: usize = 200;

/// Hold many connections open, all logged in, while two of them exchange mail.
#[derive(Debug, Parser)]
struct Options {
    /// The server, on this machine
    #[arg(long)]
    server: SocketAddr,
    /// The server's process, to read its memory
    #[arg(long)]
    pid: u32,
    /// Number of connections
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Number of mails sent, fetched and confirmed while the connections are held
    #[arg(long, default_value_t = 1_000)]
    mails: usize,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.server.ip().is_loopback(), "only a server on this machine is loaded");
    let files = raise_file_limit();
    let connections = options.connections;
    let most = usize::try_from(files)?.saturating_sub(50);
    ensure!(
        (1..=most).contains(&connections),
        "the limit on open files, {files}, allows 1 to {most} connections, not {connections}"
    );
    let mut tony = session(options.server, "tony")?;
    let mut pepper = session(options.server, "pepper")?;
    for number in 0..connections.div_ceil(SESSIONS) {
        registered(&mut Client::try_connect(options.server)?, &format!("holder{number}"))?;
    }
    let calm = exchange(&mut tony, &mut pepper, options.mails)?;
    let before = memory(options.pid)?;
    let started = Instant::now();
    let held = hold(options.server, connections)?;
    println!("{} connections logged in after {:.1?}", held.len(), started.elapsed());
    let after = memory(options.pid)?;
    if after > before {
        let each = (after - before) as f64 / held.len() as f64;
        println!("server memory: {before} B before, {after} B with them: {each:.0} B each");
    } else {
        println!(
            "server memory: {before} B before, {after} B with them: too few to tell what each costs"
        );
    }
    let crowded = exchange(&mut tony, &mut pepper, options.mails)?;
    println!("send, fetch and confirm of one mail, {} times:", options.mails);
    println!("  without the crowd: median {:.2?}, p99 {:.2?}", calm.0, calm.1);
    println!("  with the crowd:    median {:.2?}, p99 {:.2?}", crowded.0, crowded.1);
    for mut client in held {
        ensure!(
            client.try_ask(Request::Ping {})? == Reply::Pong {},
            "a connection does not answer"
        );
    }
    println!("all of them still answer");
    Ok(())
}

fn registered(client: &mut Client, username: &str) -> Result<()> {
    ensure!(matches!(client.try_ask(hello())?, Reply::Hello(_)), "no greeting");
    let reply = client.try_ask(register(username)?)?;
    ensure!(reply == Reply::Registered {}, "{username} was not registered: {reply:?}");
    Ok(())
}

fn session(server: SocketAddr, username: &str) -> Result<Client> {
    let mut client = Client::try_connect(server)?;
    registered(&mut client, username)?;
    let reply = client.try_ask(login(username)?)?;
    ensure!(matches!(reply, Reply::LoggedIn(_)), "{username} was not logged in: {reply:?}");
    Ok(client)
}

fn hold(server: SocketAddr, connections: usize) -> Result<Vec<Client>> {
    let mut held: Vec<Client> = Vec::with_capacity(connections);
    while held.len() < connections {
        let mut batch = Vec::new();
        for number in held.len()..(held.len() + LOGINS).min(connections) {
            let mut client = Client::try_connect(server)?;
            client.try_begin(hello())?;
            client.try_begin(login(&format!("holder{}", number / SESSIONS))?)?;
            batch.push(client);
        }
        for client in &mut batch {
            ensure!(matches!(client.try_reply()?, Reply::Hello(_)), "no greeting");
            match client.try_reply()? {
                Reply::LoggedIn(_) => {}
                reply => bail!("not logged in: {reply:?}"),
            }
        }
        held.append(&mut batch);
    }
    Ok(held)
}

/// Sends mails one by one, and fetches and confirms each. Returns median and p99 of the time.
fn exchange(from: &mut Client, to: &mut Client, mails: usize) -> Result<(Duration, Duration)> {
    let mut times = Vec::with_capacity(mails);
    for _ in 0..mails.max(1) {
        let started = Instant::now();
        let mail = Send {
            id: new_id()?,
            to: "pepper".parse()?,
            subject: "Elevador".parse()?,
            content: "x".repeat(512).parse()?,
        };
        let sent = from.try_ask(Request::Send(mail))?;
        ensure!(matches!(sent, Reply::Sent { .. }), "not sent: {sent:?}");
        let Reply::Page(page) = to.try_ask(Request::Fetch(Fetch::default()))? else {
            bail!("no page");
        };
        ensure!(page.mails.len() == 1, "{} mails instead of one", page.mails.len());
        let mails = page.mails.iter().map(Mail::reference).collect();
        let confirmed = to.try_ask(Request::Confirm(Confirm { mails }))?;
        ensure!(confirmed == Reply::Confirmed { deleted: 1 }, "not confirmed: {confirmed:?}");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Ok((at(50), at(99)))
}

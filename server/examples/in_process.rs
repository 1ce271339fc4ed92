//! A server on a thread of this process, with its mails in memory, that a client says hello to.
//!
//! `cargo run -p correio-server --example in_process`

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use correio_proto::{
    VERSION,
    channel::Channel,
    limits,
    message::{ClientMessage, Hello, Realm, Request, ServerMessage, Software},
    tls::Security,
};
use correio_server::{
    auth::{
        hashing::{Bcrypt, HashPool},
        invite::RegistrationRules,
        resume_ticket::TicketPolicy,
    },
    engine::{Server, ServerLimits},
    limits::{admission::AdmissionConfig, throttle::ThrottleConfig},
    protocol::Service,
    reactor::{LoopExit, ReactorBuilder, ReactorWaker, Socket},
    session::{DirectoryPolicy, ListCreation, SessionConfig},
    store::{
        Quota,
        memory::{MemoryLimits, MemoryStore},
    },
    waker::Wake,
};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let (started, server) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || serve(&started))?;
    let (address, waker) = server.recv()?;
    println!("{:?}", say_hello(address)?);
    waker.stop();
    thread.join().map_err(|_| "the server panicked")?
}

/// Serves until the waker stops the reactor.
fn serve(started: &mpsc::Sender<(SocketAddr, Arc<ReactorWaker>)>) -> Result<(), Failure> {
    let mut builder = ReactorBuilder::new()?;
    let address = builder.listen((Ipv4Addr::LOCALHOST, 0).into(), Service::CORREIO)?;
    let waker = builder.waker();
    let server = server(&(waker.clone() as Arc<dyn Wake>))?;
    let mut reactor = builder.build(server, Duration::from_secs(5));
    started.send((address, waker))?;
    // Reload is asked for by a signal, which this program does not take.
    while reactor.run()? == LoopExit::Reload {}
    reactor.close()?;
    Ok(())
}

fn server(wake: &Arc<dyn Wake>) -> Result<Server<Socket>, Failure> {
    let realm = Realm([1; 16]);
    let bcrypt = Bcrypt { cost: 10 };
    let limits = ServerLimits {
        admission: AdmissionConfig {
            connections_max: 100,
            per_prefix_max: 100,
            anonymous_max: 100,
        },
        throttle: ThrottleConfig {
            registrations_per_hour: 10,
            mails_per_hour: 100,
            failed_logins: 5,
        },
        input_max: 64 << 20,
        output_max: 64 << 20,
    };
    let config = SessionConfig {
        security: Security::Plaintext,
        realm,
        content_max: limits::CONTENT_DEFAULT_MAX,
        piece_min: limits::PIECE_MIN,
        body_max: limits::BODY_DEFAULT_MAX,
        registrations: RegistrationRules::Open,
        directory: DirectoryPolicy::Members,
        lists: ListCreation::Members,
        bcrypt,
        tickets: TicketPolicy::Off,
        login_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(150),
    };
    let quota = Quota { mails: 1000, bytes: 64 << 20 };
    let store = MemoryStore::new(realm, quota, MemoryLimits::default());
    let hasher = HashPool::start(1, 64, bcrypt, wake)?;
    Ok(Server::new(limits, config, Box::new(store), Box::new(hasher)))
}

/// Says hello and returns the reply.
fn say_hello(address: SocketAddr) -> Result<ServerMessage, Failure> {
    let mut socket = TcpStream::connect(address)?;
    let mut channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
    let hello = Hello { version: VERSION, software: Software::named("in_process") };
    channel.push(&ClientMessage { number: 1, request: Request::Hello(hello) })?;
    while channel.wants_write() {
        channel.write_to(&mut socket)?;
    }
    loop {
        if let Some(message) = channel.next_message()? {
            return Ok(message);
        }
        if channel.read_from(&mut socket)? == 0 {
            return Err("the server closed the connection".into());
        }
    }
}

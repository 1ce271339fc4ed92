//! A server of an older version, played by the test: it offers no optional part, and states no
//! usage.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

use correio_proto::{
    capability::Capabilities,
    channel::Channel,
    limits,
    message::{
        ClientMessage, ErrorCode, ErrorReply, Limits, LoggedIn, Login, Realm, RegistrationPolicy,
        Reply, Request, ServerMessage, Software, Welcome,
    },
};

/// The usernames that the server knows; every password is right.
const TONY: &str = "tony";

/// Starts a server without TLS on a thread that ends with this program, and returns its address.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            thread::spawn(move || serve(socket.unwrap()));
        }
    });
    address
}

fn serve(mut socket: TcpStream) {
    let mut channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
    loop {
        while let Some(ClientMessage { number, request }) = channel.next_message().unwrap() {
            let message = ServerMessage::Reply { number, reply: answer(request) };
            channel.push(&message).unwrap();
        }
        while channel.pending_output() > 0 {
            if channel.write_to(&mut socket).is_err() {
                return;
            }
        }
        if !matches!(channel.read_from(&mut socket), Ok(1..)) {
            return;
        }
    }
}

fn answer(request: Request) -> Reply {
    match request {
        Request::Hello(_) => Reply::Hello(welcome()),
        Request::Ping {} => Reply::Pong {},
        Request::Logout {} => Reply::LoggedOut {},
        Request::Login(Login { username, .. }) if username.as_str() == TONY => {
            let full_name = "Tony Stark".parse().unwrap();
            Reply::LoggedIn(LoggedIn { username, full_name, waiting: 2, usage: None })
        }
        Request::Login(_) => Reply::Error(ErrorReply::new(ErrorCode::BadCredentials, "no")),
        other => panic!("no older client sends this: {other:?}"),
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: correio_proto::VERSION,
        software: Software::named("correiod"),
        realm: Realm([1; 16]),
        limits: Limits {
            body: 1 << 20,
            recipients: 100,
            page: 200,
            content: 0,
            piece: 0,
            frame: 1 << 21,
        },
        registration: RegistrationPolicy::Closed {},
        capabilities: Capabilities::default(),
    }
}

//! The service on real sockets, against servers played by the test.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use correio_client::{
    Address, Cancel, ConnectError, ConnectOptions, RequestError, Service, State, Trust, new_mail_id,
};
use correio_proto::{
    capability::{Capabilities, Capability},
    channel::Channel,
    credential::Password,
    limits,
    mail::{Timestamp, Username},
    message::{
        ClientMessage, ErrorCode, ErrorReply, Limits, LoggedIn, NewMail, Notice, Realm,
        RegistrationPolicy, Reply, Request, Send, ServerMessage, Software, Welcome,
    },
    recovery::RecoveryCode,
    wrong_protocol::WrongProtocol,
};
use correio_testing::{skip, wait::eventually};

/// Longest wait for anything that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn options(deadline: Duration) -> ConnectOptions {
    ConnectOptions { deadline, request_deadline: PATIENCE, trust: Trust::Plaintext, known: None }
}

fn address_of(listener: &TcpListener) -> Address {
    listener.local_addr().unwrap().to_string().parse().unwrap()
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn connect(address: &Address, deadline: Duration) -> Result<Service, ConnectError> {
    Service::connect(address, &options(deadline), &Cancel::new())
}

/// A connection of a server played by the test.
struct ScriptedConnection {
    socket: TcpStream,
    channel: Channel,
}

impl ScriptedConnection {
    fn accept(listener: &TcpListener) -> Self {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, channel: Channel::plaintext(limits::REPLY_FRAME_MAX) }
    }

    /// Accepts and greets.
    fn greet(listener: &TcpListener) -> Self {
        let mut connection = Self::accept(listener);
        let hello = connection.hear();
        assert!(matches!(hello.request, Request::Hello(_)));
        connection.reply(hello.number, Reply::Hello(welcome()));
        connection
    }

    /// Accepts, greets and answers the ping that measures the round trip.
    fn meet(listener: &TcpListener) -> Self {
        let mut connection = Self::greet(listener);
        connection.pong();
        connection
    }

    /// As after a broken connection: greets and lets the session in again.
    fn resume(listener: &TcpListener) -> Self {
        let mut connection = Self::greet(listener);
        let login = connection.hear();
        assert!(matches!(login.request, Request::Login(_)), "{login:?}");
        connection.reply(login.number, logged_in());
        connection
    }

    fn hear(&mut self) -> ClientMessage {
        loop {
            if let Some(message) = self.channel.next_message().unwrap() {
                return message;
            }
            let count = self.channel.read_from(&mut self.socket).unwrap();
            assert_ne!(count, 0, "the client closed the connection");
        }
    }

    fn say(&mut self, message: &ServerMessage) {
        self.channel.push(message).unwrap();
        while self.channel.pending_output() > 0 {
            self.channel.write_to(&mut self.socket).unwrap();
        }
    }

    fn reply(&mut self, number: u32, reply: Reply) {
        self.say(&ServerMessage::Reply { number, reply });
    }

    fn pong(&mut self) {
        let ping = self.hear();
        assert_eq!(ping.request, Request::Ping {});
        self.reply(ping.number, Reply::Pong {});
    }

    /// Waits until the client has closed the connection.
    fn await_end(mut self) {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
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
        registration: RegistrationPolicy::Open {},
        capabilities: Capabilities::from([Capability::recover()]),
    }
}

fn tony() -> Username {
    "tony".parse().unwrap()
}

fn logged_in() -> Reply {
    Reply::LoggedIn(LoggedIn {
        username: tony(),
        full_name: "Tony Stark".parse().unwrap(),
        waiting: 0,
        usage: None,
    })
}

fn log_in(service: &Service) {
    let password = Arc::new(Password::new("jarvis-is-here").unwrap());
    let logged_in = service.login(&tony(), &password, &Cancel::new()).unwrap();
    assert_eq!(logged_in.full_name.as_str(), "Tony Stark");
}

fn mail() -> Send {
    Send {
        id: new_mail_id(),
        to: "pepper".parse().unwrap(),
        subject: "Jantar".parse().unwrap(),
        content: "Hoje?".parse().unwrap(),
    }
}

#[test]
fn a_server_answers() {
    let listener = listener();
    let address = address_of(&listener);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            connection.pong();
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        assert_eq!(service.address(), &address);
        assert_eq!(service.welcome(), welcome());
        assert_eq!(service.state(), State::Connected);
        assert!(service.round_trip() > Duration::ZERO);
        let took = service.ping(&Cancel::new()).unwrap();
        assert_eq!(service.round_trip(), took);
    });
}

#[test]
fn every_address_of_a_name_is_tried() {
    // The name has an IPv6 address, too, on most machines; nothing listens there.
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let address = Address::new("localhost", port).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| ScriptedConnection::meet(&listener).await_end());
        connect(&address, PATIENCE).unwrap();
    });
}

#[test]
fn a_name_that_does_not_exist() {
    let address = "servidor.invalid".parse().unwrap();
    let error = connect(&address, PATIENCE).unwrap_err();
    assert!(
        matches!(&error, ConnectError::NameNotFound { host, .. } if host == "servidor.invalid")
    );
    assert!(error.to_string().contains("servidor.invalid"));
}

#[test]
fn nothing_listens() {
    let address = address_of(&listener());
    let error = connect(&address, PATIENCE).unwrap_err();
    let ConnectError::Refused { tried } = &error else { panic!("{error:?}") };
    assert_eq!(tried[0].address.to_string(), address.to_string());
    assert!(error.to_string().contains(&address.to_string()));
}

#[test]
fn nobody_answers() {
    // The kernel accepts the connection; the greeting is never answered.
    let listener = listener();
    let address = address_of(&listener);
    let error = connect(&address, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { tried } if tried.len() == 1));
}

/// Connects to a peer that sends `bytes`, ends its side and waits until the client closes the
/// connection.
fn connect_to(bytes: &'static [u8]) -> ConnectError {
    let listener = listener();
    let address = address_of(&listener);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::accept(&listener);
            connection.socket.write_all(bytes).unwrap();
            connection.socket.shutdown(std::net::Shutdown::Write).unwrap();
            connection.await_end();
        });
        connect(&address, PATIENCE).unwrap_err()
    })
}

#[test]
fn other_servers_are_recognised() {
    for (bytes, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Some(WrongProtocol::Http)),
        (b"SSH-2.0-OpenSSH_9.7\r\n", Some(WrongProtocol::Text)),
        (&[0x15, 3, 1, 0, 2, 2, 0x46], Some(WrongProtocol::Tls)),
        (&[0, 0, 0, 1, 0xc0], None),
        (b"", None),
    ] {
        let error = connect_to(bytes);
        assert!(
            matches!(&error, ConnectError::NotCorreio { spoken, .. } if *spoken == expected),
            "{bytes:?}: {error:?}"
        );
    }
}

/// Connects to a server that answers the greeting with an error.
fn connect_refused(error: ErrorReply) -> ConnectError {
    let listener = listener();
    let address = address_of(&listener);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut connection = ScriptedConnection::accept(&listener);
            let number = connection.hear().number;
            connection.reply(number, Reply::Error(error));
            connection.await_end();
        });
        connect(&address, PATIENCE).unwrap_err()
    })
}

#[test]
fn a_server_of_another_version() {
    let mut error = ErrorReply::new(ErrorCode::Version, "speak another one");
    error.versions = vec![2, 3];
    let spoken = vec![2, 3];
    assert_eq!(connect_refused(error), ConnectError::OtherVersion { spoken });
}

#[test]
fn a_server_that_is_busy() {
    let mut error = ErrorReply::new(ErrorCode::Busy, "full");
    error.retry_after = Some(5);
    let retry_after = Some(Duration::from_secs(5));
    assert_eq!(connect_refused(error), ConnectError::Busy { retry_after });
}

#[test]
fn connecting_can_be_cancelled() {
    let listener = listener();
    let address = address_of(&listener);
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::accept(&listener);
            connection.hear();
            cancel.cancel();
            connection.await_end();
        });
        let error = Service::connect(&address, &options(PATIENCE), &cancel).unwrap_err();
        assert_eq!(error, ConnectError::Cancelled);
    });
    let error = Service::connect(&address, &options(PATIENCE), &cancel).unwrap_err();
    assert_eq!(error, ConnectError::Cancelled);
}

#[test]
fn a_request_can_be_cancelled_and_the_next_one_works() {
    let listener = listener();
    let address = address_of(&listener);
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            let unanswered = connection.hear().number;
            cancel.cancel();
            let next = connection.hear().number;
            connection.reply(unanswered, Reply::Pong {});
            connection.reply(next, Reply::Pong {});
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        assert_eq!(service.ping(&cancel), Err(RequestError::Cancelled));
        cancel.reset();
        service.ping(&cancel).unwrap();
    });
}

/// Where a connection is cut while a mail is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Before the server has read it.
    Before,
    /// After the server has read it, the answer being lost.
    Answer,
}

#[test]
fn a_mail_is_sent_again_with_the_same_id_after_a_break() {
    for cut in [Cut::Before, Cut::Answer] {
        let listener = listener();
        let address = address_of(&listener);
        let mail = mail();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = ScriptedConnection::meet(&listener);
                let login = connection.hear();
                connection.reply(login.number, logged_in());
                if cut == Cut::Answer {
                    assert_eq!(connection.hear().request, Request::Send(mail.clone()));
                }
                drop(connection);
                let mut connection = ScriptedConnection::resume(&listener);
                let again = connection.hear();
                assert_eq!(again.request, Request::Send(mail.clone()));
                let sent_at = Timestamp(7);
                connection.reply(again.number, Reply::Sent { sent_at });
                connection.await_end();
            });
            let service = connect(&address, PATIENCE).unwrap();
            log_in(&service);
            let sent_at = service.send(&mail, &Cancel::new()).unwrap();
            assert_eq!(sent_at, Timestamp(7), "{cut:?}");
            assert_eq!(service.username(), Some(tony()));
        });
    }
}

#[test]
fn a_session_that_is_refused_afterwards_is_told_with_the_next_request() {
    let listener = listener();
    let address = address_of(&listener);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            let login = connection.hear();
            connection.reply(login.number, logged_in());
            drop(connection);
            let mut connection = ScriptedConnection::greet(&listener);
            let login = connection.hear();
            let refusal = ErrorReply::new(ErrorCode::BadCredentials, "no");
            connection.reply(login.number, Reply::Error(refusal));
            connection.pong();
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        log_in(&service);
        let outcome = service.send(&mail(), &Cancel::new());
        assert_eq!(outcome, Err(RequestError::SessionEnded));
        let outcome = service.send(&mail(), &Cancel::new());
        assert_eq!(outcome, Err(RequestError::SessionEnded));
        assert_eq!(service.username(), None);
        service.ping(&Cancel::new()).unwrap();
    });
}

#[test]
fn notices_arrive_and_pings_are_answered_while_nothing_is_asked() {
    let listener = listener();
    let address = address_of(&listener);
    let new = NewMail {
        from: "steve".parse().unwrap(),
        from_name: "Steve Rogers".parse().unwrap(),
        subject: "AC/DC".parse().unwrap(),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            connection.say(&ServerMessage::Notice(Notice::Ping {}));
            connection.pong();
            connection.say(&ServerMessage::Notice(Notice::NewMail(new.clone())));
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        let mut notices = Vec::new();
        eventually(|| {
            notices.extend(service.take_notices());
            !notices.is_empty()
        });
        assert_eq!(notices, std::slice::from_ref(&new));
        assert_eq!(service.take_notices(), []);
    });
}

#[test]
fn a_server_that_is_gone_is_told_with_its_address() {
    let listener = listener();
    let address = address_of(&listener);
    let mut options = options(PATIENCE);
    options.request_deadline = Duration::from_millis(700);
    thread::scope(|scope| {
        scope.spawn(move || {
            let connection = ScriptedConnection::meet(&listener);
            drop(listener);
            drop(connection);
        });
        let service = Service::connect(&address, &options, &Cancel::new()).unwrap();
        eventually(|| service.state() == State::Reconnecting);
        let error = service.ping(&Cancel::new()).unwrap_err();
        assert!(
            matches!(&error, RequestError::Unreachable(ConnectError::Refused { .. })),
            "{error:?}"
        );
        assert!(error.to_string().contains(&address.to_string()));
    });
}

#[test]
fn dropping_the_service_closes_the_connection() {
    let listener = listener();
    let address = address_of(&listener);
    thread::scope(|scope| {
        let server = scope.spawn(|| ScriptedConnection::meet(&listener).await_end());
        drop(connect(&address, PATIENCE).unwrap());
        server.join().unwrap();
    });
}

#[test]
fn large_mails_and_small_writes() {
    let listener = listener();
    let address = address_of(&listener);
    let mut mail = mail();
    mail.content = "ação ".repeat(100_000).parse().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            let heard = connection.hear();
            assert_eq!(heard.request, Request::Send(mail.clone()));
            let message = ServerMessage::Reply {
                number: heard.number,
                reply: Reply::Sent { sent_at: Timestamp(1) },
            };
            connection.channel.push(&message).unwrap();
            while connection.channel.pending_output() > 0 {
                let mut one = OneByte(&connection.socket);
                connection.channel.write_to(&mut one).unwrap();
            }
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        assert_eq!(service.send(&mail, &Cancel::new()), Ok(Timestamp(1)));
    });
}

/// Writes a byte at a time.
struct OneByte<'a>(&'a TcpStream);

impl Write for OneByte<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes.get(..1).unwrap_or_default())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn an_ipv6_server_answers_where_the_machine_has_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return skip::skipped("this machine has no IPv6");
    };
    let address = address_of(&listener);
    let expected: SocketAddr = listener.local_addr().unwrap();
    assert_eq!(address.ip(), Some(expected.ip()));
    thread::scope(|scope| {
        scope.spawn(|| ScriptedConnection::meet(&listener).await_end());
        connect(&address, PATIENCE).unwrap();
    });
}

/// A code whose answer is lost with the connection: it is sent again and refused, and a login tells
/// whether it had set the password.
fn recovers(login: &(impl Fn() -> Reply + Sync)) -> Result<Option<u32>, RequestError> {
    let listener = listener();
    let address = address_of(&listener);
    let bad = || Reply::Error(ErrorReply::new(ErrorCode::BadCredentials, "a used code"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = ScriptedConnection::meet(&listener);
            assert!(matches!(connection.hear().request, Request::Recover(_)));
            drop(connection);
            let mut connection = ScriptedConnection::greet(&listener);
            let again = connection.hear();
            assert!(matches!(again.request, Request::Recover(_)), "{again:?}");
            connection.reply(again.number, bad());
            let asked = connection.hear();
            assert!(matches!(asked.request, Request::Login(_)), "{asked:?}");
            let reply = login();
            let is_in = matches!(reply, Reply::LoggedIn(_));
            connection.reply(asked.number, reply);
            if is_in {
                let left = connection.hear();
                assert_eq!(left.request, Request::Logout {});
                connection.reply(left.number, Reply::LoggedOut {});
            }
            connection.await_end();
        });
        let service = connect(&address, PATIENCE).unwrap();
        let password = Arc::new(Password::new("uma-senha-nova").unwrap());
        let code = RecoveryCode::from([5; 10]);
        let result = service.recover(&tony(), &code, &password, &Cancel::new());
        assert_eq!(service.username(), None);
        result
    })
}

#[test]
fn after_a_lost_answer_a_login_tells_whether_a_code_has_set_the_password() {
    let refusal = |code| Reply::Error(ErrorReply::new(code, "no"));
    // The number of app passwords was in the answer that is lost.
    assert_eq!(recovers(&logged_in).unwrap(), None);
    assert_eq!(recovers(&|| refusal(ErrorCode::Disabled)).unwrap(), None);
    let wrong = recovers(&|| refusal(ErrorCode::BadCredentials)).unwrap_err();
    assert_eq!(wrong.code(), Some(ErrorCode::BadCredentials));
}

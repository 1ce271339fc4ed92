//! Servers that speak just enough of the protocol to say what no real server says, or seldom.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use correio_server::store::postgres::{
    CommitError, ConnectError, Connection, DatabaseUrl, QueryError, Statement,
};

use super::soon;

static ONE: Statement = Statement { sql: "SELECT 1", params: &[] };

/// A message of a server.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

fn notice(tag: u8, severity: &str, sqlstate: &str) -> Vec<u8> {
    message(tag, format!("V{severity}\0C{sqlstate}\0Mso it is\0\0").as_bytes())
}

/// The answers to a statement that is prepared and run, with a command tag.
fn done(tag: &str) -> Vec<u8> {
    let complete = format!("{tag}\0");
    [
        message(b'1', &[]),
        message(b't', &[0, 0]),
        message(b'n', &[]),
        message(b'2', &[]),
        message(b'C', complete.as_bytes()),
    ]
    .concat()
}

/// What a server says of itself before it is ready.
fn welcome(version: &str, encoding: &str) -> Vec<u8> {
    [
        message(b'R', &0u32.to_be_bytes()),
        message(b'S', format!("server_version\0{version}\0").as_bytes()),
        message(b'S', format!("server_encoding\0{encoding}\0").as_bytes()),
        message(b'K', &[0; 8]),
        ready(b'I'),
    ]
    .concat()
}

/// The answer to the question after the welcome, with a clock that is this many seconds ahead.
fn state(ahead: i64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let clock = i64::try_from(now).unwrap() + ahead * 1000;
    let column = |kind: u32, size: u16| {
        let kind = [&0u32.to_be_bytes()[..], &0u16.to_be_bytes(), &kind.to_be_bytes()].concat();
        [b"c\0", &kind[..], &size.to_be_bytes(), &[0xff; 4], &1u16.to_be_bytes()].concat()
    };
    let row = [&[0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 8][..], &clock.to_be_bytes()].concat();
    [
        message(b'1', &[]),
        message(b't', &[0, 0]),
        message(b'T', &[&[0, 2][..], &column(16, 1), &column(20, 8)].concat()),
        message(b'2', &[]),
        message(b'D', &row),
        message(b'C', b"SELECT 1\0"),
        ready(b'I'),
    ]
    .concat()
}

/// Reads requests to the end of an exchange. Returns whether there was one.
fn read_exchange(stream: &mut TcpStream) -> bool {
    loop {
        let mut head = [0; 5];
        if stream.read_exact(&mut head).is_err() {
            return false;
        }
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        if stream.read_exact(&mut body).is_err() {
            return false;
        }
        if matches!(head[0], b'S' | b'Q' | b'p') {
            return true;
        }
    }
}

/// Starts a server for one connection that gives these answers, one to each exchange, the first to
/// the message that begins the connection. After the last it ends the connection.
fn scripted(answers: Vec<Vec<u8>>) -> (DatabaseUrl, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut first = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut first).unwrap();
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 && !read_exchange(&mut stream) {
                return;
            }
            // The client may have ended the connection already.
            if stream.write_all(answer).is_err() {
                return;
            }
        }
        // What comes still is read, so that no reset overtakes the answer.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    (format!("postgres://loki:geheim7@{address}/mail").parse().unwrap(), served)
}

/// A connection to a server that gives these answers after its welcome.
fn connected(answers: &[Vec<u8>]) -> Connection {
    let beginning = [welcome("15.4", "UTF8"), state(0)];
    let (url, _) = scripted(beginning.iter().chain(answers).cloned().collect());
    Connection::connect(&url, soon()).unwrap()
}

fn refused(answers: Vec<Vec<u8>>) -> ConnectError {
    let (url, served) = scripted(answers);
    let error = Connection::connect(&url, soon()).unwrap_err();
    served.join().unwrap();
    error
}

/// What a transaction without statements comes to if its exchange has this answer.
fn committed(answer: Vec<u8>) -> CommitError {
    connected(&[answer]).transaction().commit().unwrap_err()
}

#[test]
fn a_scripted_server_passes_for_a_real_one() {
    let answer = [done("BEGIN"), done("COMMIT"), ready(b'I')].concat();
    let _ = connected(&[answer]).transaction().commit().unwrap();
}

#[test]
fn a_commit_with_a_warning_is_not_acknowledged() {
    for severity in ["WARNING", "HINWEIS"] {
        let warning = notice(b'N', severity, "01000");
        let answer = [done("BEGIN"), warning, done("COMMIT"), ready(b'I')].concat();
        let error = committed(answer);
        assert!(matches!(error, CommitError::NotReplicated(_)), "{severity}: {error:?}");
    }
    let note = notice(b'N', "NOTICE", "00000");
    let answer = [done("BEGIN"), note, done("COMMIT"), ready(b'I')].concat();
    let _ = connected(&[answer]).transaction().commit().unwrap();
}

#[test]
fn a_commit_that_the_server_answers_by_rolling_back_changed_nothing() {
    let error = committed([done("BEGIN"), done("ROLLBACK"), ready(b'I')].concat());
    assert!(matches!(error, CommitError::Failed(_)), "{error:?}");
}

#[test]
fn a_commit_that_ends_with_the_connection_is_unknown() {
    for answer in [
        done("BEGIN"),
        [done("BEGIN"), done("COMMIT")].concat(),
        [done("BEGIN"), notice(b'E', "FATAL", "57P01")].concat(),
        [done("BEGIN"), notice(b'E', "FATAL", "40001")].concat(),
        [done("BEGIN"), message(b'?', &[])].concat(),
    ] {
        let error = committed(answer);
        assert!(matches!(error, CommitError::Unknown(_)), "{error:?}");
    }
}

#[test]
fn an_error_that_ends_the_connection_is_never_one_to_repeat_on_it() {
    let mut connection = connected(&[notice(b'E', "FATAL", "40001")]);
    let error = connection.query(&ONE, &[]).unwrap_err();
    assert!(matches!(error, QueryError::Reconnect(_)), "{error:?}");
    assert!(connection.is_broken());
}

#[test]
fn nonsense_of_a_server_is_fatal() {
    let copy = message(b'G', &[0, 0, 0]);
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        message(b'D', &[0, 1, 0, 0, 0, 0]),
        [done("SELECT 1"), done("SELECT 1")].concat(),
        ready(b'I'),
        [done("SELECT 1"), ready(b'?')].concat(),
        [message(b'1', &[]), message(b't', &[0, 0]), message(b'n', &[]), message(b'2', &[]), copy]
            .concat(),
        [notice(b'E', "ERROR", "42601"), notice(b'E', "ERROR", "42601")].concat(),
        message(b'E', b"\0"),
        // 81 MiB are announced.
        [&b"D"[..], &(81u32 << 20).to_be_bytes()].concat(),
    ] {
        let mut connection = connected(std::slice::from_ref(&answer));
        let error = connection.query(&ONE, &[]).unwrap_err();
        assert!(matches!(error, QueryError::Fatal(_)), "{answer:?}: {error:?}");
    }
}

#[test]
fn a_connection_with_more_notifications_than_are_taken_ends() {
    let one = message(b'A', b"\0\0\0\x01new_mail\0\0");
    let mut connection = connected(&[one.repeat(65_537)]);
    let error = connection.query(&ONE, &[]).unwrap_err();
    assert!(matches!(&error, QueryError::Reconnect(text) if text.contains("more")), "{error:?}");
}

#[test]
fn servers_that_a_store_cannot_use_are_refused() {
    let cases = [
        (vec![welcome("12.22", "UTF8")], "PostgreSQL 12.22; correio needs 13"),
        (vec![welcome("devel", "UTF8")], "needs 13"),
        (vec![welcome("15.4", "SQL_ASCII")], "has the encoding SQL_ASCII"),
        (vec![welcome("15.4", "UTF8"), state(60)], "s apart"),
        (vec![welcome("15.4", "UTF8"), state(-60)], "s apart"),
        (vec![message(b'R', &7u32.to_be_bytes())], "GSSAPI"),
        (vec![message(b'R', b"\0\0\0\x0aSCRAM-SHA-512\0\0")], "SCRAM-SHA-512"),
        (vec![message(b'R', &[0; 65 << 10])], "no PostgreSQL"),
        (vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], "no PostgreSQL"),
    ];
    for (answers, words) in cases {
        let error = refused(answers);
        assert!(error.to_string().contains(words) && !error.is_temporary(), "{error}");
    }
    for sqlstate in ["57P03", "53300"] {
        let error = refused(vec![notice(b'E', "FATAL", sqlstate)]);
        assert!(error.is_temporary(), "{error}");
    }
}

#[test]
fn a_server_that_skips_its_proof_of_the_password_is_refused() {
    let offer = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let error = refused(vec![offer, welcome("15.4", "UTF8")]);
    assert!(error.to_string().contains("does not prove"), "{error}");
}

#[test]
fn a_password_is_not_exposed_to_a_server_that_may_be_false() {
    for demand in [&3u32.to_be_bytes()[..], b"\0\0\0\x05salt"] {
        let (url, served) = scripted(vec![message(b'R', demand)]);
        // This leads to this machine, and is no address of it alone.
        let url = url.to_string().replace("127.0.0.1", "0.0.0.0").replace("loki@", "loki:geheim7@");
        let url: DatabaseUrl = format!("{url}?sslmode=disable").parse().unwrap();
        let error = Connection::connect(&url, soon()).unwrap_err();
        served.join().unwrap();
        assert!(error.to_string().contains("scram-sha-256"), "{error}");
    }
}

#[test]
fn tls_begins_only_after_a_plain_yes() {
    for (answer, words) in [
        (&b"N"[..], "speaks no TLS"),
        (b"E", "no PostgreSQL"),
        // Bytes that were slipped in before TLS.
        (b"S\0", "no PostgreSQL"),
        (b"S", "broke at its beginning"),
    ] {
        let (url, served) = scripted(vec![answer.to_vec()]);
        let url: DatabaseUrl = format!("{url}?sslmode=require").parse().unwrap();
        let error = Connection::connect(&url, soon()).unwrap_err();
        served.join().unwrap();
        assert!(error.to_string().contains(words), "{answer:?}: {error}");
    }
}

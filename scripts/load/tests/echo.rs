//! Tests of the program `echo`.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// Longest time without an answer.
const PATIENCE: Duration = Duration::from_secs(60);

struct Echo {
    process: Child,
    address: String,
}

impl Echo {
    fn start(append: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
        if let Some(path) = append {
            command.arg("--append").arg(path);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn message(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// Sends the bytes and returns as many that come back.
fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).unwrap();
    back
}

#[test]
fn messages_come_back_unchanged() {
    let echo = Echo::start(None);
    let mut stream = echo.connect();
    let bytes = [message("Tony"), message(""), message(&"x".repeat(16 * 1024))].concat();
    assert_eq!(exchange(&mut stream, &bytes), bytes);
}

#[test]
fn a_durable_echo_has_a_message_in_its_file_before_it_returns_it() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("appended");
    let echo = Echo::start(Some(&file));
    let (mut tony, mut pepper) = (echo.connect(), echo.connect());
    let mut expected = Vec::new();
    for round in 0..100 {
        for (stream, name) in [(&mut tony, "tony"), (&mut pepper, "pepper")] {
            let bytes = message(&format!("{name} {round}"));
            assert_eq!(exchange(stream, &bytes), bytes);
            expected.extend(bytes);
            assert_eq!(fs::read(&file).unwrap(), expected);
        }
    }
}

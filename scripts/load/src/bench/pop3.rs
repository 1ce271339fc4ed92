//! A POP3 session (RFC 1939) that retrieves and deletes every mail of a mailbox: the same client
//! for correio and for its reference.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

struct Session {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Session {
    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        let count = self.stream.read_until(b'\n', &mut self.line)?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }

    fn ok(&mut self) -> Result<()> {
        self.read_line()?;
        let text = String::from_utf8_lossy(&self.line);
        ensure!(text.starts_with("+OK"), "the server refuses: {}", text.trim());
        Ok(())
    }

    /// Retrieves and deletes so many mails, with up to `depth` commands before their replies.
    fn take_all(&mut self, mails: u64, depth: usize) -> Result<()> {
        let mut commands = (1..=mails).flat_map(|number| [("RETR", number), ("DELE", number)]);
        let mut replies = VecDeque::new();
        loop {
            // Commands are sent several at a time, as a program does that pipelines.
            if replies.len() <= depth / 2 {
                let mut text = String::new();
                while replies.len() < depth
                    && let Some((command, number)) = commands.next()
                {
                    text.push_str(&format!("{command} {number}\r\n"));
                    replies.push_back(command);
                }
                self.stream.get_mut().write_all(text.as_bytes())?;
            }
            let Some(command) = replies.pop_front() else {
                return Ok(());
            };
            self.ok()?;
            while command == "RETR" && self.line != b".\r\n" {
                self.read_line()?;
            }
        }
    }

    fn ask(&mut self, command: &str) -> Result<()> {
        self.stream.get_mut().write_all(command.as_bytes())?;
        self.ok()
    }
}

/// Retrieves and deletes every mail, with up to `depth` commands before their replies (RFC 2449,
/// PIPELINING), then ends the session, which completes the deletions.
///
/// # Errors
///
/// The server refuses a command, or the connection breaks.
pub fn run(server: SocketAddr, username: &str, password: &str, depth: usize) -> Result<Value> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut session = Session { stream: BufReader::new(stream), line: Vec::new() };
    session.ok()?;
    session.ask(&format!("USER {username}\r\n"))?;
    session.ask(&format!("PASS {password}\r\n"))?;
    session.ask("STAT\r\n")?;
    let text = String::from_utf8_lossy(&session.line).into_owned();
    let mails: u64 = text.split_whitespace().nth(1).unwrap_or("0").parse()?;
    ensure!(mails > 0, "the mailbox is empty");
    let started = Instant::now();
    session.take_all(mails, depth.max(1))?;
    session.ask("QUIT\r\n")?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({
        "mode": "pop3",
        "operations": mails,
        "seconds": seconds,
        "per_second": mails as f64 / seconds,
    }))
}

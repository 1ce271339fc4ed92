//! An echo server, the reference for the most that the machine can do: it returns length-prefixed
//! messages unchanged.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use anyhow::Result;
use clap::Parser;
use correio_load::{bench::wire::SCRATCH, process::raise_file_limit};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

const LISTENER: Token = Token(usize::MAX);

/// Largest message, in bytes.
const MESSAGE_MAX: usize = 16 * 1024;

/// Return messages unchanged; each follows its length in 4 bytes, most significant first.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen, on this machine
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// A connection and its unsent output.
struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let _ = raise_file_limit();
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(options.listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; SCRATCH];
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers)?;
            } else if let Some(slot) = peers.get_mut(event.token().0)
                && slot.as_mut().is_some_and(|peer| peer.serve(&mut scratch).is_err())
            {
                *slot = None;
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, peers: &mut Vec<Option<Peer>>) -> Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(peers.len()), interest)?;
                peers.push(Some(Peer { stream, input: vec![], output: vec![] }));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Peer {
    fn serve(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        self.flush()?;
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.input.extend_from_slice(scratch.get(..count).unwrap_or_default());
            self.answer()?;
            self.flush()?;
            if count < scratch.len() {
                return Ok(());
            }
        }
    }

    /// Returns all complete messages.
    fn answer(&mut self) -> io::Result<()> {
        let mut taken = 0;
        while let Some(rest) = self.input.get(taken..)
            && let Some(length) = rest.first_chunk::<4>()
        {
            let length = u32::from_be_bytes(*length) as usize;
            if length > MESSAGE_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Some(message) = rest.get(..4 + length) else {
                break;
            };
            self.output.extend_from_slice(message);
            taken += message.len();
        }
        self.input.drain(..taken);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

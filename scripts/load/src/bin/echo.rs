//! An echo server, the reference for the most that the machine can do: it returns length-prefixed
//! messages unchanged. With `--append` it is the durable echo, the reference for a store on disk:
//! the messages of one iteration of its loop are in a file, and synced, before the first of them is
//! returned.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
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
    /// Append the messages to this file, and sync it before they are returned
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
}

/// The file of a durable echo, and the batch that is not in it yet.
struct Journal {
    file: File,
    batch: Vec<u8>,
    /// Numbers of the peers whose messages are in the batch.
    peers: Vec<usize>,
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
    let mut journal = options.append.as_deref().map(Journal::open).transpose()?;
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
            } else {
                let number = event.token().0;
                close_on_error(&mut peers, number, |peer| {
                    peer.serve(number, &mut scratch, journal.as_mut())
                });
            }
        }
        if let Some(journal) = &mut journal {
            for number in journal.sync()? {
                close_on_error(&mut peers, number, Peer::flush);
            }
        }
    }
}

/// Runs an action on the peer with this number, if there is one. An error ends its connection.
fn close_on_error(
    peers: &mut [Option<Peer>],
    number: usize,
    action: impl FnOnce(&mut Peer) -> io::Result<()>,
) {
    if let Some(slot) = peers.get_mut(number)
        && slot.as_mut().is_some_and(|peer| action(peer).is_err())
    {
        *slot = None;
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

impl Journal {
    fn open(path: &Path) -> Result<Self> {
        let file = File::options().append(true).create(true).open(path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self { file, batch: Vec::new(), peers: Vec::new() })
    }

    /// Adds what a peer sent to the batch.
    fn push(&mut self, number: usize, bytes: &[u8]) {
        self.batch.extend_from_slice(bytes);
        if self.peers.last() != Some(&number) {
            self.peers.push(number);
        }
    }

    /// Appends the batch to the file and syncs it. Returns the peers that may be answered now.
    ///
    /// # Errors
    ///
    /// The disk refuses. Nothing may be answered then.
    fn sync(&mut self) -> io::Result<Vec<usize>> {
        if !self.batch.is_empty() {
            self.file.write_all(&self.batch)?;
            self.file.sync_data()?;
            self.batch.clear();
        }
        Ok(mem::take(&mut self.peers))
    }
}

impl Peer {
    /// Reads all that has arrived. A bare echo (no journal) answers at once; a durable echo adds it
    /// to the journal and leaves the answers in `output`.
    fn serve(
        &mut self,
        number: usize,
        scratch: &mut [u8],
        mut journal: Option<&mut Journal>,
    ) -> io::Result<()> {
        // Output of an earlier iteration, so that it is synced.
        self.flush()?;
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let bytes = scratch.get(..count).unwrap_or_default();
            self.input.extend_from_slice(bytes);
            self.answer()?;
            match &mut journal {
                None => self.flush()?,
                Some(journal) => journal.push(number, bytes),
            }
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

//! A proxy that loses one mail: it answers a `send` in the server's place and does not forward it.
//! A run with this proxy must fail, which shows that the ledger can be trusted.

use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use correio_proto::{
    channel::Channel,
    frame, limits,
    mail::Timestamp,
    message::{ClientMessage, Reply, Request, ServerMessage},
};

/// Starts the proxy on a free port of this machine; it runs until the program ends. It supports
/// plaintext and a few clients: each takes two threads.
///
/// # Errors
///
/// There is no free port.
pub fn lose_one(server: SocketAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("a port for the proxy")?;
    let address = listener.local_addr()?;
    let lost = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let lost = Arc::clone(&lost);
            thread::spawn(move || pass(client, server, &lost));
        }
    });
    Ok(address)
}

/// Forwards one connection until either side ends it.
fn pass(client: TcpStream, server: SocketAddr, lost: &AtomicBool) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let copied = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
        copied
    });
    let passed = requests(client, &server, lost);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    passed
}

fn requests(mut client: TcpStream, mut server: &TcpStream, lost: &AtomicBool) -> io::Result<()> {
    let mut channel = Channel::plaintext(limits::BODY_MAX + limits::FRAME_OVERHEAD_MAX);
    while channel.read_from(&mut client)? > 0 {
        while let Ok(Some(message)) = channel.next_message::<ClientMessage>() {
            let mut bytes = Vec::new();
            let is_mail = matches!(message.request, Request::Send(_));
            if is_mail && !lost.swap(true, Ordering::SeqCst) {
                let reply = Reply::Sent { sent_at: Timestamp(0) };
                let reply = ServerMessage::Reply { number: message.number, reply };
                frame::encode(&reply, &mut bytes).map_err(io::Error::other)?;
                client.write_all(&bytes)?;
                continue;
            }
            frame::encode(&message, &mut bytes).map_err(io::Error::other)?;
            server.write_all(&bytes)?;
        }
    }
    Ok(())
}

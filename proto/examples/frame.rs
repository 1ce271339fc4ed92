//! Encodes a request as a frame, and decodes it from two pieces, as they come from a socket.
//!
//! `cargo run -p correio-proto --example frame`

use std::error::Error;

use correio_proto::{
    channel::Channel,
    limits,
    message::{ClientMessage, Request},
};

fn main() -> Result<(), Box<dyn Error>> {
    let message = ClientMessage { number: 1, request: Request::Ping {} };
    let mut client = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    client.push(&message)?;
    let mut wire = Vec::new();
    client.write_to(&mut wire)?;
    println!("{wire:02x?}");

    let mut server = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    let (mut first, mut second) = wire.split_at(6);
    server.read_from(&mut first)?;
    // The frame is not complete yet.
    assert_eq!(server.next_message::<ClientMessage>()?, None);
    server.read_from(&mut second)?;
    assert_eq!(server.next_message()?, Some(message));
    Ok(())
}

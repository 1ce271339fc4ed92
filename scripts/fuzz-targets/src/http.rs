//! Target `http`: lengths of pieces, and a stream for the server's dialogue of HTTP.
//!
//! The answers must be the same whatever the pieces, and begin as answers of HTTP do. The stream
//! may be repeated, so that a short input can exceed the longest head.

use correio_testing::{http::HttpPipe, world::World};

use crate::{input::Input, pieces::Pieces};

/// Most repetitions of a stream.
const TIMES_MAX: usize = 20;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let times = 1 + input.below(TIMES_MAX);
    let stream = input.rest().repeat(times);
    let whole = feed(&mut Pieces::new([]), &stream);
    assert!(whole.0.is_empty() || whole.0.starts_with(b"HTTP/1.1 "));
    let mut pieces = Pieces::new(lengths.iter().copied());
    assert_eq!(feed(&mut pieces, &stream), whole, "in pieces of {lengths:?}");
    if stream.len() <= 512 {
        assert_eq!(feed(&mut Pieces::new([1]), &stream), whole, "byte by byte");
    }
}

/// Writes the stream in pieces. Returns what the server answered, and whether it closed.
fn feed(pieces: &mut Pieces, mut stream: &[u8]) -> (Vec<u8>, bool) {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(pieces.length(stream.len()));
        client.write(&mut world, piece);
        stream = rest;
    }
    (client.pipe.take_at_client(), client.pipe.is_closed_by_server())
}

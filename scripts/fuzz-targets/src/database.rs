//! Target `database`: which exchange, lengths of pieces, and the answers of a server to it.
//!
//! What the answers come to must be the same whatever the pieces, and nothing is allocated for a
//! length that is only claimed.

use correio_server::store::postgres::connection::replay::Replay;

use crate::{input::Input, pieces::Pieces};

/// Room that a buffer may have beyond twice its bytes.
const ROOM: usize = 1 << 16;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let is_batch = input.byte() & 1 == 1;
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let stream = input.rest();
    let whole = feed(is_batch, &mut Pieces::new([]), stream);
    let mut pieces = Pieces::new(lengths.iter().copied());
    assert_eq!(feed(is_batch, &mut pieces, stream), whole, "in pieces of {lengths:?}");
    if stream.len() <= 512 {
        assert_eq!(feed(is_batch, &mut Pieces::new([1]), stream), whole, "byte by byte");
    }
}

/// Gives the stream in pieces. Returns what the answers came to.
fn feed(is_batch: bool, pieces: &mut Pieces, mut stream: &[u8]) -> Result<String, String> {
    let mut replay = Replay::new(is_batch);
    let most = 2 * stream.len() + ROOM;
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(pieces.length(stream.len()));
        replay.take(piece).map_err(|error| error.to_string())?;
        assert!(replay.room() <= most, "room for bytes that did not arrive");
        stream = rest;
    }
    Ok(replay.outcome().to_owned())
}

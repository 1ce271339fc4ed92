//! Target `admin`: lengths of pieces, and a stream for the operator's dialogue.
//!
//! The replies must be the same whatever the pieces, apart from codes, which are random. Each is a
//! line of JSON that reads as a reply.

use correio_server::admin::reply::AdminReply;
use correio_testing::{admin::AdminPipe, world::World};

use crate::{input::Input, pieces::Pieces};

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let lengths: Vec<usize> = input.take(4).iter().map(|byte| usize::from(*byte)).collect();
    let stream = input.rest();
    let whole = feed(&mut Pieces::new([]), stream);
    let lines = stream.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(whole.len(), lines, "each line is answered");
    assert_eq!(feed(&mut Pieces::new(lengths.iter().copied()), stream), whole, "in {lengths:?}");
    if stream.len() <= 512 {
        assert_eq!(feed(&mut Pieces::new([1]), stream), whole, "byte by byte");
    }
}

/// Writes the stream in pieces to a server with two accounts, one of them logged in. Returns the
/// replies.
fn feed(pieces: &mut Pieces, mut stream: &[u8]) -> Vec<AdminReply> {
    let mut world = World::new();
    let _clients = world.tony_and_pepper();
    let operator = AdminPipe::connect(&mut world);
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(pieces.length(stream.len()));
        operator.write(&mut world, piece);
        stream = rest;
    }
    operator.replies().into_iter().map(without_codes).collect()
}

fn without_codes(reply: AdminReply) -> AdminReply {
    match reply {
        AdminReply::Codes { mut codes } => {
            codes.iter_mut().for_each(|code| code.code = [0; 10].into());
            AdminReply::Codes { codes }
        }
        other => other,
    }
}

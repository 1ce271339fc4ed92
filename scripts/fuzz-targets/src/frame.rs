//! Target `frame`: the largest length allowed, and a stream.

use correio_proto::frame::{FrameError, HEADER, value_length};

use crate::{input::Input, message};

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let limit = usize::from(input.number());
    let mut stream = input.rest();
    loop {
        let found = value_length(stream, limit);
        let Some(header) = stream.first_chunk::<HEADER>() else {
            assert_eq!(found, Ok(None));
            return;
        };
        let [a, b, c, d] = header.map(u64::from);
        let claimed = ((a * 256 + b) * 256 + c) * 256 + d;
        match found {
            Ok(None) => panic!("the length is there"),
            Ok(Some(length)) => {
                assert_eq!(length as u64, claimed);
                assert!((1..=limit).contains(&length));
                let Some(value) = stream.get(HEADER..HEADER + length) else {
                    return;
                };
                message::run(value);
                stream = &stream[HEADER + length..];
            }
            Err(FrameError::Empty) => return assert_eq!(claimed, 0),
            Err(FrameError::TooLarge { length, limit: stated }) => {
                assert_eq!((u64::from(length), stated), (claimed, limit));
                return assert!(claimed > limit as u64);
            }
        }
    }
}

//! The server's end of a connection.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
};

use correio_proto::{
    channel::Channel,
    frame, limits,
    message::{ClientMessage, Realm, Request, ServerMessage},
};

/// Both directions of the connection, and the requests that have arrived.
pub(super) struct Peer {
    pub(super) realm: Realm,
    pub(super) to_client: VecDeque<u8>,
    from_client: VecDeque<u8>,
    channel: Channel,
    /// Requests that the server may answer.
    pub(super) unanswered: VecDeque<ClientMessage>,
    heard: Vec<Request>,
    /// Whether any bytes were sent: they may have begun a frame that takes later answers in.
    is_garbled: bool,
    pub(super) is_closed: bool,
    /// Whether nothing can be written for now.
    pub(super) is_blocked: bool,
}

impl Peer {
    pub(super) fn new(realm: Realm) -> Self {
        Self {
            realm,
            to_client: VecDeque::new(),
            from_client: VecDeque::new(),
            channel: Channel::plaintext(limits::BODY_MAX),
            unanswered: VecDeque::new(),
            heard: Vec::new(),
            is_garbled: false,
            is_closed: false,
            is_blocked: false,
        }
    }

    pub(super) fn say(&mut self, message: &ServerMessage) {
        let mut bytes = Vec::new();
        frame::encode(message, &mut bytes).unwrap();
        self.to_client.extend(bytes);
    }

    /// Sends any bytes.
    pub(super) fn garble(&mut self, bytes: &[u8]) {
        self.to_client.extend(bytes);
        self.is_garbled |= !bytes.is_empty();
    }

    /// Whether a request has arrived whose answer the client may not have.
    pub(super) fn may_owe_answer(&self, request: &Request) -> bool {
        let is_unanswered = self.unanswered.iter().any(|message| message.request == *request);
        is_unanswered || self.is_garbled && self.has_heard(request)
    }

    pub(super) fn has_heard(&self, request: &Request) -> bool {
        self.heard.contains(request)
    }

    /// The messages that have arrived since the last call. Checks that the greeting is the first of
    /// a connection, and that the others are numbered in order.
    pub(super) fn heard(&mut self) -> Vec<ClientMessage> {
        let mut heard = Vec::new();
        loop {
            while let Some(message) = self.channel.next_message::<ClientMessage>().unwrap() {
                self.heard.push(message.request.clone());
                assert_eq!(message.number as usize, self.heard.len());
                let is_first = message.number == 1;
                assert_eq!(is_first, matches!(message.request, Request::Hello(_)));
                self.unanswered.push_back(message.clone());
                heard.push(message);
            }
            if self.from_client.is_empty() {
                return heard;
            }
            self.channel.read_from(&mut self.from_client).unwrap();
        }
    }
}

impl Read for Peer {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.to_client.read(room)? {
            0 if !self.is_closed && !room.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.from_client.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! A simulated connection: two flows of bytes, each of which splits, delays, stalls and ends; the
//! connection can be reset. It reports readiness to the server as an edge-triggered poll does.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    rc::Rc,
};

use correio_server::engine::connection::{Readiness, Transport};

use crate::{clock::Clock, rng::Rng};

/// How the network treats a link.
#[derive(Clone, Debug)]
pub(crate) struct LinkConditions {
    /// Longest delay of a piece, in ticks.
    pub(crate) delay_max: u64,
    /// Whether reads and writes are cut short.
    pub(crate) splits: bool,
    /// Most bytes in flight or unread before a writer must wait.
    pub(crate) capacity: usize,
}

/// A link, shared by both ends and the tap.
pub(crate) type LinkRef = Rc<RefCell<Link>>;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Link {
    clock: Clock,
    rng: Rng,
    conditions: LinkConditions,
    to_server: Flow,
    to_client: Flow,
    is_reset: bool,
    /// Readiness to report to the server at the next poll.
    edge: Readiness,
    /// Whether the client has something new to handle.
    pub(crate) client_edge: bool,
    /// Whether the server has dropped its end.
    pub(crate) server_gone: bool,
    pub(crate) client_gone: bool,
    /// Whether the server has shut down writing.
    server_shut: bool,
    /// Bytes that the server has read and written since the tap last took them.
    pub(crate) server_read: Vec<u8>,
    pub(crate) server_wrote: Vec<u8>,
    /// The server's calls since the reactor last counted them.
    pub(crate) calls: u32,
}

/// One direction of a link.
#[derive(Debug, Default)]
struct Flow {
    under_way: VecDeque<(u64, Piece)>,
    /// Bytes in flight.
    weight: usize,
    arrived: VecDeque<u8>,
    /// The end of the stream has arrived, after all bytes.
    ended: bool,
    /// The writer has ended the stream.
    closed: bool,
    /// A write was refused for lack of room.
    blocked: bool,
    /// Nothing arrives before this time.
    stalled_until: u64,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// The effect of a delivery on the receiving end.
#[derive(Clone, Copy, Debug, Default)]
struct Arrived {
    bytes: bool,
    end: bool,
}

impl Flow {
    fn next_arrival(&self) -> Option<u64> {
        let (at, _) = self.under_way.front()?;
        Some((*at).max(self.stalled_until)).filter(|at| *at < u64::MAX)
    }

    fn put(&mut self, piece: Piece, at: u64) {
        // No piece overtakes another.
        let at = self.under_way.back().map_or(at, |(last, _)| at.max(*last));
        if let Piece::Bytes(bytes) = &piece {
            self.weight += bytes.len();
        }
        self.under_way.push_back((at, piece));
    }

    fn deliver(&mut self, now: u64) -> Arrived {
        let mut arrived = Arrived::default();
        while self.next_arrival().is_some_and(|at| at <= now) {
            match self.under_way.pop_front() {
                Some((_, Piece::Bytes(bytes))) => {
                    self.weight -= bytes.len();
                    self.arrived.extend(bytes);
                    arrived.bytes = true;
                }
                Some((_, Piece::End)) => {
                    self.ended = true;
                    arrived.end = true;
                }
                None => {}
            }
        }
        arrived
    }

    fn room(&self, capacity: usize) -> usize {
        capacity.saturating_sub(self.weight + self.arrived.len())
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.arrived.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        self.arrived.read(room)
    }

    fn clear(&mut self) {
        *self = Self { closed: true, ..Self::default() };
    }
}

impl Link {
    pub(crate) fn new(clock: Clock, rng: Rng, conditions: LinkConditions) -> LinkRef {
        Rc::new(RefCell::new(Self {
            clock,
            rng,
            conditions,
            to_server: Flow::default(),
            to_client: Flow::default(),
            is_reset: false,
            edge: Readiness::default(),
            client_edge: false,
            server_gone: false,
            client_gone: false,
            server_shut: false,
            server_read: Vec::new(),
            server_wrote: Vec::new(),
            calls: 0,
        }))
    }

    /// Sets the link's conditions. Both ends are told to try again, since there may be room now.
    pub(crate) fn set_conditions(&mut self, conditions: &LinkConditions) {
        self.conditions = conditions.clone();
        self.edge.writable |= std::mem::take(&mut self.to_client.blocked);
        self.client_edge = true;
    }

    /// Time of the next arrival at either end.
    pub(crate) fn next_arrival(&self) -> Option<u64> {
        let arrivals = [self.to_server.next_arrival(), self.to_client.next_arrival()];
        arrivals.into_iter().flatten().min()
    }

    /// Delivers all pieces that are due.
    pub(crate) fn deliver(&mut self) {
        let now = self.clock.tick();
        let at_server = self.to_server.deliver(now);
        self.edge.readable |= at_server.bytes || at_server.end;
        self.edge.ended |= at_server.end;
        let at_client = self.to_client.deliver(now);
        self.client_edge |= at_client.bytes || at_client.end;
    }

    /// Takes the readiness to report to the server; it is reported once.
    pub(crate) fn take_edge(&mut self) -> Option<Readiness> {
        let edge = std::mem::take(&mut self.edge);
        (edge.readable || edge.writable || edge.ended).then_some(edge)
    }

    pub(crate) fn has_edge(&self) -> bool {
        self.edge.readable || self.edge.writable || self.edge.ended
    }

    /// Whether both ends were dropped.
    pub(crate) fn is_over(&self) -> bool {
        self.server_gone && self.client_gone
    }

    /// Whether the server waits until the client reads.
    pub(crate) fn is_output_blocked(&self) -> bool {
        self.to_client.blocked
    }

    /// Whether the server has shut down writing, or the link was reset.
    pub(crate) fn is_shut(&self) -> bool {
        self.server_shut || self.is_reset
    }

    /// Bytes that arrived at the server and were not read.
    pub(crate) fn unread(&self) -> usize {
        self.to_server.arrived.len()
    }

    /// Resets the connection at both ends; bytes in flight are lost.
    pub(crate) fn reset(&mut self) {
        self.is_reset = true;
        self.to_server.clear();
        self.to_client.clear();
        self.edge = Readiness { readable: true, writable: true, ended: true };
        self.client_edge = true;
    }

    /// Holds back all arrivals at both ends until `until`.
    pub(crate) fn stall(&mut self, until: u64) {
        self.to_server.stalled_until = self.to_server.stalled_until.max(until);
        self.to_client.stalled_until = self.to_client.stalled_until.max(until);
    }

    /// Closes the client's end as a kernel closes a dead program's socket: unread bytes cause a
    /// reset.
    pub(crate) fn close_client(&mut self) {
        if std::mem::replace(&mut self.client_gone, true) {
            return;
        }
        if self.to_client.arrived.is_empty() {
            self.end_to_server();
            // Later writes of the server are dropped, as by a kernel whose socket has no reader.
            self.to_client.clear();
            self.edge.writable = true;
        } else {
            self.reset();
        }
    }

    /// Ends the client's stream; the client goes on reading.
    pub(crate) fn end_to_server(&mut self) {
        if !std::mem::replace(&mut self.to_server.closed, true) {
            let at = self.arrival();
            self.to_server.put(Piece::End, at);
        }
    }

    fn end_to_client(&mut self) {
        if !std::mem::replace(&mut self.to_client.closed, true) {
            let at = self.arrival();
            self.to_client.put(Piece::End, at);
        }
    }

    fn arrival(&mut self) -> u64 {
        self.clock.tick() + self.rng.within(0..=self.conditions.delay_max)
    }

    /// How many of `most` bytes one call moves.
    fn part(&mut self, most: usize) -> usize {
        if !self.conditions.splits || most < 2 || self.rng.one_in(3) {
            return most;
        }
        1 + self.rng.below(most)
    }
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct ServerEnd(pub(crate) LinkRef);

impl Read for ServerEnd {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let link = &mut *self.0.borrow_mut();
        link.calls += 1;
        if link.is_reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if link.conditions.splits && link.rng.one_in(50) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = link.part(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let count = link.to_server.read(room)?;
        link.server_read.extend_from_slice(room.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for ServerEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let link = &mut *self.0.borrow_mut();
        link.calls += 1;
        if link.is_reset {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if link.client_gone {
            link.server_wrote.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let room = link.to_client.room(link.conditions.capacity).min(bytes.len());
        if room == 0 {
            link.to_client.blocked = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = link.part(room);
        let at = link.arrival();
        let piece = bytes.get(..count).unwrap_or_default().to_vec();
        link.server_wrote.extend_from_slice(&piece);
        link.to_client.put(Piece::Bytes(piece), at);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for ServerEnd {
    fn shutdown_write(&mut self) {
        let link = &mut *self.0.borrow_mut();
        link.server_shut = true;
        link.end_to_client();
    }

    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        let link = self.0.borrow();
        count < room && link.to_server.arrived.is_empty()
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let link = &mut *self.0.borrow_mut();
        link.server_gone = true;
        // Closing a socket with unread bytes resets the connection.
        if link.to_server.arrived.is_empty() && link.to_server.weight == 0 {
            link.end_to_client();
        } else {
            link.reset();
        }
    }
}

/// The client's end; closed when dropped.
#[derive(Debug)]
pub(crate) struct ClientEnd(pub(crate) LinkRef);

impl Read for ClientEnd {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let link = &mut *self.0.borrow_mut();
        if link.is_reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let most = link.part(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let count = link.to_client.read(room)?;
        if count > 0 && std::mem::take(&mut link.to_client.blocked) {
            link.edge.writable = true;
        }
        Ok(count)
    }
}

impl Write for ClientEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let link = &mut *self.0.borrow_mut();
        if link.is_reset || link.to_server.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = link.to_server.room(link.conditions.capacity).min(bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = link.part(room);
        let at = link.arrival();
        let piece = bytes.get(..count).unwrap_or_default().to_vec();
        link.to_server.put(Piece::Bytes(piece), at);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.0.borrow_mut().close_client();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(delay_max: u64, splits: bool, capacity: usize) -> (Clock, ServerEnd, ClientEnd) {
        let clock = Clock::new();
        let conditions = LinkConditions { delay_max, splits, capacity };
        let link = Link::new(clock.clone(), Rng::new(1), conditions);
        (clock, ServerEnd(link.clone()), ClientEnd(link))
    }

    fn read(end: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut room = [0; 64];
        let count = end.read(&mut room)?;
        Ok(room.iter().take(count).copied().collect())
    }

    #[test]
    fn bytes_arrive_in_order_however_they_are_cut_and_delayed() {
        let (clock, mut server, mut client) = link(50, true, 1000);
        let sent: Vec<u8> = (0..200).collect();
        let mut left = sent.as_slice();
        let mut came = Vec::new();
        while came.len() < sent.len() {
            if !left.is_empty() {
                let count = client.write(left).unwrap();
                left = left.get(count..).unwrap();
            }
            clock.advance_to(clock.tick() + 7);
            server.0.borrow_mut().deliver();
            came.extend(read(&mut server).unwrap_or_default());
        }
        assert_eq!(came, sent);
    }

    #[test]
    fn a_full_link_makes_the_server_wait_and_tells_it_when_there_is_room() {
        let (_clock, mut server, mut client) = link(0, false, 4);
        assert_eq!(server.write(b"abcdef").unwrap(), 4);
        assert_eq!(server.write(b"ef").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        server.0.borrow_mut().deliver();
        assert!(server.0.borrow_mut().take_edge().is_none());
        assert_eq!(read(&mut client).unwrap(), b"abcd");
        assert!(server.0.borrow_mut().take_edge().is_some_and(|edge| edge.writable));
        assert!(server.0.borrow_mut().take_edge().is_none(), "an edge is reported once");
    }

    #[test]
    fn an_end_comes_after_the_bytes_and_a_reset_before_them() {
        for is_reset in [false, true] {
            let (_clock, mut server, mut client) = link(0, false, 100);
            client.write_all(b"last words").unwrap();
            client.0.borrow_mut().end_to_server();
            if is_reset {
                client.0.borrow_mut().reset();
            }
            server.0.borrow_mut().deliver();
            match read(&mut server) {
                Ok(bytes) => assert_eq!((bytes.as_slice(), is_reset), (&b"last words"[..], false)),
                Err(error) => {
                    assert_eq!((error.kind(), is_reset), (io::ErrorKind::ConnectionReset, true));
                }
            }
        }
    }

    #[test]
    fn a_server_that_leaves_something_unread_resets() {
        let (_clock, server, mut client) = link(0, false, 100);
        client.write_all(b"unread").unwrap();
        server.0.borrow_mut().deliver();
        drop(server);
        assert_eq!(read(&mut client).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}

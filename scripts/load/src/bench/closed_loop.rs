//! Closed-loop load: each connection sends its next request as soon as an answer comes, with a
//! fixed number of requests under way.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::Result;
use mio::{Events, Poll};
use serde_json::Value;

use super::{
    tally::Tally,
    wire::{SCRATCH, Wire},
    work::{AnswerEffect, Work},
};

/// How often refused requests are tried again and the clock is checked.
const TICK: Duration = Duration::from_millis(50);

/// How long after the end late answers are awaited.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A connection and its work.
#[derive(Debug)]
pub struct ClosedLoopClient {
    wire: Wire,
    work: Work,
    /// Start times of the requests under way.
    begun: VecDeque<Instant>,
    /// Refused requests that wait for the next tick.
    held_back: usize,
    over: bool,
}

impl ClosedLoopClient {
    /// A client that does this work on this connection.
    #[must_use]
    pub fn new(wire: Wire, work: Work) -> Self {
        Self { wire, work, begun: VecDeque::new(), held_back: 0, over: false }
    }

    fn ask(&mut self, now: Instant) {
        self.begun.push_back(now);
        self.work.next(self.wire.output());
    }

    fn take(&mut self, now: Instant, scratch: &mut [u8], tally: &mut Tally) -> Result<()> {
        self.wire.fill(scratch)?;
        loop {
            let Some(value) = self.wire.next_frame()? else {
                break;
            };
            let effect = self.work.answered(value)?;
            if effect == AnswerEffect::Nothing {
                continue;
            }
            let begun = self.begun.pop_front().unwrap_or(now);
            let again = now < tally.until() && !self.over;
            match effect {
                AnswerEffect::Operations(count) => {
                    tally.answered(begun, now, count);
                    if !self.work.has_next() {
                        self.over |= self.begun.is_empty();
                    } else if again {
                        self.ask(now);
                    }
                }
                AnswerEffect::Step if again => {
                    // The operation's time goes on.
                    self.begun.push_back(begun);
                    self.work.next(self.wire.output());
                }
                AnswerEffect::Refused => {
                    tally.refused += 1;
                    self.held_back += 1;
                }
                AnswerEffect::Over => self.over = true,
                AnswerEffect::Step | AnswerEffect::Nothing => {}
            }
        }
        self.wire.flush()
    }

    fn try_again(&mut self, now: Instant) -> Result<()> {
        for _ in 0..std::mem::take(&mut self.held_back) {
            self.ask(now);
        }
        self.wire.flush()
    }
}

/// Runs the loop until the tally's end and reports the figures.
///
/// # Errors
///
/// A connection fails, or an answer does not fit its request.
pub fn run(mut clients: Vec<ClosedLoopClient>, depth: usize, tally: &mut Tally) -> Result<Value> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; SCRATCH];
    for (number, client) in clients.iter_mut().enumerate() {
        client.wire.register(poll.registry(), number)?;
        for _ in 0..depth {
            client.ask(Instant::now());
        }
        client.wire.flush()?;
    }
    let mut tick = Instant::now() + TICK;
    let mut shares = None;
    loop {
        poll.poll(&mut events, Some(TICK))?;
        let mut now = Instant::now();
        for event in &events {
            let Some(client) = clients.get_mut(event.token().0) else {
                continue;
            };
            if event.is_readable() {
                client.take(now, &mut scratch, tally)?;
                now = Instant::now();
            } else if event.is_writable() {
                client.wire.flush()?;
            }
        }
        tally.observe(now);
        if now >= tally.until() {
            shares.get_or_insert_with(|| tally.shares(now));
            let is_done = clients.iter().all(|client| client.begun.is_empty());
            if is_done || now >= tally.until() + PATIENCE {
                break;
            }
        } else if now >= tick {
            tick = now + TICK;
            if clients.iter().all(|client| client.over) {
                tally.end(now);
            }
            for client in clients.iter_mut().filter(|client| client.held_back > 0) {
                client.try_again(now)?;
            }
        }
    }
    tally.lost = clients.iter().map(|client| client.begun.len() as u64).sum();
    tally.report(shares.unwrap_or_default())
}

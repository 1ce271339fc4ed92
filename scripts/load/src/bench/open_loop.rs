//! Open-loop load: requests at scheduled times, whether or not earlier requests are answered.
//! Latencies count from the scheduled time.

use std::{
    collections::VecDeque,
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use anyhow::Result;
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use serde_json::Value;

use super::{
    closed_loop::PATIENCE,
    tally::Tally,
    wire::{SCRATCH, Wire},
    work::{AnswerEffect, Work},
};

const TIMER: Token = Token(usize::MAX);

/// Runs the loop: each client sends at this interval, the clients in turn.
///
/// # Errors
///
/// A connection fails, or an answer does not fit its request.
pub fn run(clients: Vec<(Wire, Work)>, interval: Duration, tally: &mut Tally) -> Result<Value> {
    let mut open_loop = OpenLoop::new(clients, interval)?;
    let mut events = Events::with_capacity(1024);
    let mut shares = None;
    loop {
        open_loop.arm(tally)?;
        open_loop.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            open_loop.take(event, tally)?;
        }
        let now = Instant::now();
        tally.observe(now);
        open_loop.send_due(now.min(tally.until()))?;
        if now >= tally.until() {
            shares.get_or_insert_with(|| tally.shares(now));
            if open_loop.under_way == 0 || now >= tally.until() + PATIENCE {
                break;
            }
        }
    }
    tally.lost = open_loop.under_way;
    let mut report = tally.report(shares.unwrap_or_default())?;
    if let Some(fields) = report.as_object_mut() {
        fields.insert("sent".to_owned(), open_loop.next.into());
        fields.insert("acknowledged".to_owned(), open_loop.acknowledged.into());
    }
    Ok(report)
}

struct Client {
    wire: Wire,
    work: Work,
    /// Scheduled times of the requests under way.
    begun: VecDeque<Instant>,
}

struct OpenLoop {
    poll: Poll,
    timer: rustix::fd::OwnedFd,
    scratch: Vec<u8>,
    clients: Vec<Client>,
    /// Interval between two requests of any client.
    gap: Duration,
    start: Instant,
    /// Number of requests sent.
    next: u64,
    under_way: u64,
    acknowledged: u64,
}

impl OpenLoop {
    fn new(clients: Vec<(Wire, Work)>, interval: Duration) -> Result<Self> {
        let poll = Poll::new()?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let raw = timer.as_raw_fd();
        poll.registry().register(&mut SourceFd(&raw), TIMER, Interest::READABLE)?;
        let mut ready = Vec::with_capacity(clients.len());
        for (number, (mut wire, work)) in clients.into_iter().enumerate() {
            wire.register(poll.registry(), number)?;
            ready.push(Client { wire, work, begun: VecDeque::new() });
        }
        let gap = interval / u32::try_from(ready.len().max(1))?;
        Ok(Self {
            poll,
            timer,
            scratch: vec![0; SCRATCH],
            clients: ready,
            gap,
            start: Instant::now(),
            next: 0,
            under_way: 0,
            acknowledged: 0,
        })
    }

    fn due(&self) -> Instant {
        let nanos = u64::try_from(self.gap.as_nanos()).unwrap_or(u64::MAX);
        self.start + Duration::from_nanos(nanos.saturating_mul(self.next))
    }

    /// Sets a timer for the next request; the poll's own timeout has a resolution of a millisecond.
    fn arm(&self, tally: &Tally) -> Result<()> {
        if self.due() >= tally.until() {
            return Ok(());
        }
        let rest =
            self.due().saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let it_value = Timespec {
            tv_sec: i64::try_from(rest.as_secs())?,
            tv_nsec: rest.subsec_nanos().into(),
        };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Itimerspec { it_interval: never, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value)?;
        Ok(())
    }

    fn send_due(&mut self, now: Instant) -> Result<()> {
        while self.due() < now {
            let due = self.due();
            let number = (self.next % self.clients.len().max(1) as u64) as usize;
            self.next += 1;
            if let Some(client) = self.clients.get_mut(number) {
                client.begun.push_back(due);
                client.work.next(client.wire.output());
                client.wire.flush()?;
                self.under_way += 1;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: &mio::event::Event, tally: &mut Tally) -> Result<()> {
        let Some(client) = self.clients.get_mut(event.token().0) else {
            return Ok(());
        };
        if event.is_writable() {
            client.wire.flush()?;
        }
        if !event.is_readable() {
            return Ok(());
        }
        client.wire.fill(&mut self.scratch)?;
        let now = Instant::now();
        while let Some(value) = client.wire.next_frame()? {
            let refused = match client.work.answered(value)? {
                AnswerEffect::Nothing => continue,
                AnswerEffect::Refused => 1,
                _ => 0,
            };
            let Some(due) = client.begun.pop_front() else {
                continue;
            };
            self.under_way -= 1;
            self.acknowledged += 1 - refused;
            tally.refused += refused;
            // Decided by the request's time, so that slow requests at the end count.
            if due >= tally.from() {
                tally.operations += 1 - refused;
                tally.late(due, now);
            }
        }
        Ok(())
    }
}

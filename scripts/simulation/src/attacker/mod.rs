//! Hostile or broken clients: they send what no client of ours would send, read when and as much as
//! they like, and disconnect without a word.

mod attacks;
mod guesser;
mod guessing;
mod uploads;

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::SocketAddr,
};

use correio_proto::{
    channel::Channel,
    frame, limits,
    mail::{MailId, MailRef, Username},
    message::{ClientMessage, Reply, Request, ServerMessage},
};

use correio_server::protocol::Service;

use crate::{
    check::Violation,
    clock::{Clock, SECOND},
    ledger::Ledger,
    network::Network,
    pipe::ClientEnd,
    plan::{Attack, Plan},
    rng::Rng,
    trace::Trace,
};
use guesser::Guesser;

/// The parts of the world that an attacker may use in a step.
pub(crate) struct AttackContext<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) plan: &'a Plan,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) network: &'a mut Network,
    pub(crate) trace: &'a mut Trace,
    /// Usernames of honest users.
    pub(crate) usernames: &'a [Username],
    /// References to other users' mails, as an attacker may have learned them.
    pub(crate) foreign_mails: &'a [MailRef],
    /// The ids of all uploads.
    pub(crate) foreign_uploads: &'a [MailId],
    /// Number of starts of each server so far.
    pub(crate) server_starts: &'a [u32],
}

/// See the module's description.
pub(crate) struct Attacker {
    pub(crate) name: String,
    pub(crate) attack: Attack,
    rng: Rng,
    address: SocketAddr,
    username: Option<Username>,
    end: Option<ClientEnd>,
    channel: Channel,
    number: u32,
    /// Bytes to send.
    outgoing: VecDeque<u8>,
    replies: VecDeque<Reply>,
    guesser: Guesser,
    has_attacked: bool,
    act_at: u64,
    leaves_at: u64,
}

impl Attacker {
    pub(crate) fn new(number: u32, attack: Attack, mut rng: Rng, now: u64) -> Self {
        let [_, _, high, low] = number.to_be_bytes();
        let address = SocketAddr::from(([203, 0, high, low], 4000));
        let guesser = Guesser::new(number, &mut rng);
        Self {
            name: format!("attacker{number}"),
            attack,
            address,
            username: match attack {
                Attack::Visitor => format!("visitor{}", number % 2).parse().ok(),
                _ => format!("mallory{}", number % 3).parse().ok(),
            },
            end: None,
            channel: Channel::plaintext(limits::REPLY_FRAME_MAX),
            number: 0,
            outgoing: VecDeque::new(),
            replies: VecDeque::new(),
            guesser,
            has_attacked: false,
            act_at: now + rng.within(0..=SECOND),
            leaves_at: now + rng.within(100..=20 * SECOND),
            rng,
        }
    }

    pub(crate) fn next_due(&self) -> u64 {
        self.act_at.min(self.leaves_at)
    }

    /// Does the actions that are due. Returns whether the attacker stays.
    pub(crate) fn step(&mut self, context: &mut AttackContext<'_>) -> Result<bool, Violation> {
        let now = context.clock.tick();
        if now >= self.leaves_at {
            self.leave(context);
            return Ok(false);
        }
        if now < self.act_at {
            return Ok(true);
        }
        self.act_at =
            now + self.rng.within(1..=if self.attack == Attack::Hasty { 30 } else { 200 });
        if self.attack == Attack::Hasty
            && let Some(end) = self.end.take_if(|_| self.rng.one_in(3))
        {
            end.0.borrow_mut().reset();
        }
        if self.end.is_none() {
            let (server, service) = (self.server(context), self.service());
            self.end = context.network.connect(self.address, server, service);
            self.channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
            self.number = 0;
            self.outgoing.clear();
            self.replies.clear();
            self.has_attacked = false;
            self.guesser.connected();
            if self.end.is_none() {
                self.act_at = now + SECOND;
                return Ok(true);
            }
            context.trace.note(&self.name, format_args!("connects, {:?}", self.attack));
        }
        if self.attack == Attack::Guessing {
            let alive = self.guess(context)?;
            self.exchange();
            return Ok(alive);
        }
        if !std::mem::replace(&mut self.has_attacked, true) {
            self.attack(context);
        }
        self.exchange();
        Ok(true)
    }

    /// The server that is attacked, always the same one: each counts failed logins by itself.
    fn server(&self, context: &AttackContext<'_>) -> usize {
        let SocketAddr::V4(address) = self.address else {
            return 0;
        };
        usize::from(address.ip().octets()[3]) % context.network.servers().max(1)
    }

    /// The service that is attacked. Some attacks need no word of a protocol.
    fn service(&mut self) -> Service {
        let gateways = [Service::SUBMISSION, Service::POP3].map(Service::in_plaintext);
        let is_any = matches!(self.attack, Attack::Silent | Attack::Garbage | Attack::Dripping);
        let gateway = self.rng.pick(&gateways).filter(|_| is_any && self.rng.one_in(2));
        gateway.unwrap_or(Service::CORREIO)
    }

    fn leave(&mut self, context: &mut AttackContext<'_>) {
        context.trace.note(&self.name, format_args!("leaves"));
        let Some(end) = &self.end else {
            return;
        };
        match self.rng.below(4) {
            0 => end.0.borrow_mut().reset(),
            // The attacker vanishes without a word: the server must find out by itself.
            1 => end.0.borrow_mut().stall(u64::MAX),
            2 => end.0.borrow_mut().end_to_server(),
            _ => {}
        }
    }

    /// Sends and reads bytes, as many as the attack wants.
    fn exchange(&mut self) {
        let written = match self.attack {
            Attack::Dripping => 1,
            _ => usize::MAX,
        };
        if self.write(written).and_then(|()| self.read()).is_none() {
            self.end = None;
        }
    }

    /// Sends at most `most` bytes. `None` if the connection is gone.
    fn write(&mut self, most: usize) -> Option<()> {
        let end = self.end.as_mut()?;
        let mut left = most;
        while left > 0 && !self.outgoing.is_empty() {
            let (bytes, _) = self.outgoing.as_slices();
            let bytes = bytes.get(..left.min(bytes.len()))?;
            match end.write(bytes) {
                Ok(count) => {
                    self.outgoing.drain(..count);
                    left -= count;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Some(()),
                Err(_) => return None,
            }
        }
        Some(())
    }

    fn read(&mut self) -> Option<()> {
        if self.attack == Attack::SlowReader {
            return self.read_little();
        }
        let end = self.end.as_mut()?;
        loop {
            while let Some(message) = self.channel.next_message::<ServerMessage>().ok()? {
                if let ServerMessage::Reply { reply, .. } = message {
                    self.replies.push_back(reply);
                }
            }
            match self.channel.read_from(end) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Some(()),
                Err(_) => return None,
            }
        }
    }

    fn read_little(&mut self) -> Option<()> {
        let end = self.end.as_mut()?;
        if self.rng.one_in(2) {
            return Some(());
        }
        match end.read(&mut [0; 100]) {
            Ok(0) => None,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => None,
            _ => Some(()),
        }
    }

    /// Queues a request for sending.
    fn queue_request(&mut self, request: Request) {
        self.number += 1;
        let message = ClientMessage { number: self.number, request };
        let mut bytes = Vec::new();
        if frame::encode(&message, &mut bytes).is_ok() {
            self.outgoing.extend(bytes);
        }
    }
}

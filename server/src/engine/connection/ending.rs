//! How a connection ends: after a last notification, for its timers, or because its transport is
//! over.

use std::time::Duration;

use super::{
    CloseReason, Connection, Phase, ServerContext, Transport,
    proxy_header::ProxyHeaderError,
    step::Notification,
    timers::{Timeouts, Timer, Timers},
};
use crate::{
    event::Event,
    limits::admission::Rejection,
    protocol::Protocol,
    session::{SessionConfig, Settlement, effect::Effect},
};

impl<T: Transport> Connection<T> {
    /// Ends the connection because the server stops; if a job is pending, after the job. The
    /// connection must be driven afterwards.
    pub(crate) fn drain(&mut self, context: &mut ServerContext<'_>) {
        if self.dialogue.waiting_for(self.id).is_none() {
            self.end(context, Notification::ShuttingDown);
        } else if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
    }

    /// Ends the connection because its session was ended: the account's password was changed, the
    /// account was deleted, or it has too many sessions. The connection must be driven afterwards.
    pub(crate) fn end_session(&mut self, context: &mut ServerContext<'_>) {
        self.end(context, Notification::SessionEnded);
    }

    /// Ends a connection that was rejected. The connection must be driven afterwards.
    pub(crate) fn reject(&mut self, context: &mut ServerContext<'_>, rejection: Rejection) {
        self.end(context, Notification::Rejected(rejection));
    }

    /// Makes a last notification and closes, unless the connection is ending already.
    pub(super) fn end(&mut self, context: &mut ServerContext<'_>, notification: Notification<'_>) {
        self.end_for(context, notification, CloseReason::ByServer);
    }

    /// As [`Connection::end`], with the reason for the log. A client that waits for the TLS
    /// handshake would take words for a part of it.
    fn end_for(
        &mut self,
        context: &mut ServerContext<'_>,
        notification: Notification<'_>,
        reason: CloseReason,
    ) {
        let now = context.session.now;
        match self.phase {
            Phase::Open | Phase::Draining => {
                self.notify(context, notification);
                self.close(now, reason);
            }
            Phase::StartingTls => self.close(now, reason),
            Phase::Detached(_) | Phase::Closing { .. } => {}
        }
    }

    /// When [`Connection::expire`] has something to do next (uptime).
    pub(crate) fn deadline(&self, config: &SessionConfig) -> Duration {
        self.timers(config).next()
    }

    /// Fires the timer that is due, if there is one. Returns the reason if the connection is over;
    /// otherwise the connection must be driven afterwards.
    pub(crate) fn expire(&mut self, context: &mut ServerContext<'_>) -> Option<CloseReason> {
        let now = context.session.now;
        match self.timers(context.session.config).due(now.uptime)? {
            // The operator waits for the store, not the server for the operator.
            Timer::Close(CloseReason::LoginTimeout)
                if self.protocol() == Protocol::Admin
                    && self.dialogue.waiting_for(self.id).is_some() =>
            {
                self.activity.restarted(now.uptime);
                None
            }
            Timer::Close(reason) => self.time_out(context, reason),
            Timer::Idle if self.dialogue.waiting_for(self.id).is_some() => {
                self.activity.excused(now.uptime);
                None
            }
            Timer::Idle => self.time_out(context, CloseReason::IdleTimeout),
            Timer::Ping => {
                self.activity.pinged();
                if self.takes_notices() {
                    self.notify(context, Notification::Ping);
                }
                None
            }
        }
    }

    /// Ends a connection whose client took too long. Returns the reason if it is over at once. A
    /// mail program is told first, if it can read that.
    fn time_out(
        &mut self,
        context: &mut ServerContext<'_>,
        reason: CloseReason,
    ) -> Option<CloseReason> {
        let is_told = self.protocol().is_gateway()
            && self.phase == Phase::Open
            && !self.wire.awaits_header()
            && !self.wire.channel.is_handshaking()
            && self.wire.channel.pending_output() == 0;
        if !is_told {
            return Some(reason);
        }
        self.end_for(context, Notification::TimedOut, reason);
        None
    }

    fn timers(&self, config: &SessionConfig) -> Timers {
        match self.phase {
            Phase::Closing { since, reason, .. } => self.activity.closing_timers(since, reason),
            Phase::Open | Phase::StartingTls | Phase::Draining | Phase::Detached(_) => {
                let timeouts = Timeouts::of(self.protocol(), config);
                self.activity.timers(self.identity().is_some(), &timeouts)
            }
        }
    }

    /// If a store job is pending, stops all I/O but keeps the session until the job completes, so
    /// that its effects on other sessions (notices, ended sessions) still happen. Returns whether
    /// the connection was kept.
    pub(crate) fn detach(&mut self, reason: CloseReason) -> bool {
        let is_storing = self.dialogue.is_storing();
        if is_storing && !matches!(self.phase, Phase::Detached(_)) {
            self.phase = Phase::Detached(reason);
            // The shared budget may have had no room for what the buffers hold.
            self.wire.empty();
        }
        is_storing
    }

    /// Logs that the connection ends without the header that its proxy must send. A connection that
    /// the server closes by itself (rejected, or at the shutdown) needs none.
    fn report_header(&self, reason: CloseReason) {
        if !self.wire.awaits_header() || self.is_closing() {
            return;
        }
        let text = match reason {
            CloseReason::ProxyHeader(error) => error.to_string(),
            _ => ProxyHeaderError::Cut.to_string(),
        };
        Event::ProxyRefused { connection: self.id, address: self.peer, text: &text }.log();
    }

    /// Releases what the connection holds of the server, before it is removed: cancels the pending
    /// job if no worker has begun it, settles its charge, frees the shares of the budgets and logs
    /// the session out. The store forgets the staged part of a mail that was cut off, if it takes
    /// the job; otherwise the room is given back later, as that of any idle upload.
    pub(crate) fn release(&mut self, context: &mut ServerContext<'_>, reason: CloseReason) {
        self.report_header(reason);
        let is_hashing = self
            .dialogue
            .waiting_for(self.id)
            .is_some_and(|ticket| !self.dialogue.is_storing() && !context.hasher.cancel(ticket));
        self.wire.channel.discard_input();
        context.input.free(&mut self.input_share);
        context.output.free(&mut self.output_share);
        let settlement = match is_hashing {
            true => Settlement::Abandoned,
            false => Settlement::Unanswered,
        };
        self.dialogue.settle(&mut context.session, settlement);
        if let Some((ticket, job)) = self.dialogue.give_up(self.id) {
            let _ = context.store.submit(ticket, job);
        }
        if let Some(identity) = self.dialogue.identity() {
            let account = identity.account;
            context.session.effects.push(Effect::LoggedOut { connection: self.id, account });
        }
    }
}

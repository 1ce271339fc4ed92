//! `correio watch`: stays connected, receives mail as it comes, and hands each mail over once: as a
//! line, as a JSON object, or to a command.
//!
//! The queue is the local mailbox: a mail is new until it was handed over, so that a watch that was
//! ended goes on where it stopped.

mod handover;

use std::{
    io::{self, Write},
    time::Duration,
};

use correio_client::{
    Folder, Mailbox, News, Numbers, ReceiveError, ReceiveOptions, Received, ServerCopy, Service,
    Stored, WhiteSpace, sanitize,
};
use correio_proto::message::LoggedIn;

use self::handover::{Handover, HandoverError};
use super::{context::Context, receive};
use crate::{
    exit::{ExitStatus, Failure},
    names::Names,
    notify,
    output::Output,
    terminal::SignalRoute,
    view,
};

/// Longest time without receiving. A server drops notices for a client that does not read them.
const RECEIVE_EVERY: Duration = Duration::from_secs(5 * 60);

/// Wait after the server could not be asked. A new connection ends it early.
const TRY_AGAIN: Duration = Duration::from_secs(30);

pub(super) fn run(
    context: &Context<'_>,
    exec: Option<&str>,
    notify: bool,
    server_copy: ServerCopy,
) -> Result<Output, Failure> {
    let (service, account) = context.log_in()?;
    // From here on, the first signal ends the watch in order, and a second one ends the program.
    context.terminal.route_signals(SignalRoute::Command);
    let mailbox = context.mailbox(&[Folder::Received])?;
    let options = ReceiveOptions { server_copy, ..ReceiveOptions::default() };
    let handover = Handover::new(context, exec)?;
    let notifier = notify.then(Notifier::default);
    let mut watch =
        Watch { context, service, account, mailbox, options, handover, notifier, said: None };
    match watch.run() {
        Ok(()) | Err(End::Asked) => Ok(Output::written_already()),
        Err(End::Failed(failure)) => Err(*failure),
    }
}

/// Why a watch ends.
enum End {
    /// A signal, or nobody reads the output any more.
    Asked,
    Failed(Box<Failure>),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

struct Watch<'a> {
    context: &'a Context<'a>,
    service: Service,
    account: LoggedIn,
    mailbox: Mailbox,
    options: ReceiveOptions,
    handover: Handover<'a>,
    notifier: Option<Notifier>,
    /// The last failure that was reported, until mail was received.
    said: Option<String>,
}

impl Watch<'_> {
    fn run(&mut self) -> Result<(), End> {
        loop {
            let wait = self.receive()?;
            match self.service.wait_for_news(wait, &self.context.cancel) {
                // Another server may have been started from a backup: all its mails are looked at.
                Ok(News::Reconnected) => self.options.after = Default::default(),
                Ok(News::NewMail | News::Nothing) => {}
                Err(_) if self.context.cancel.is_cancelled() => return Err(End::Asked),
                Err(error) => return Err(Failure::request(self.context.text, &error).into()),
            }
        }
    }

    /// Receives all mail and hands it over. Returns the longest wait until the next time.
    fn receive(&mut self) -> Result<Duration, End> {
        // The notices only say that there is mail.
        let _ = self.service.take_notices();
        let cancel = &self.context.cancel;
        let received =
            self.service.receive_with(&mut self.mailbox, self.options, &mut |_| {}, cancel);
        for note in self.mailbox.take_notes() {
            let _ = writeln!(io::stderr(), "{}", self.context.text.mailbox_note(&note));
        }
        let Received { mails, last } = match received {
            Ok(received) => received,
            Err(_) if cancel.is_cancelled() => return Err(End::Asked),
            Err(error) => return self.not_received(&error),
        };
        self.said = None;
        if self.options.server_copy == ServerCopy::Keep {
            self.options.after = last;
        }
        let names = match self.handover.needs_names() || self.notifier.is_some() {
            // Read again each time: the reader may have written to the sender meanwhile.
            true => receive::names(self.context, &self.account, &mails)?,
            false => Names::default(),
        };
        let mut numbers = self.mailbox.numbers();
        for mail in &mails {
            if cancel.is_cancelled() {
                return Err(End::Asked);
            }
            self.hand_over(mail, &mut numbers, &names)?;
        }
        // Last, because a desktop that hangs takes its time.
        self.notify(&mails, &names);
        Ok(RECEIVE_EVERY)
    }

    /// Reports a failure that may pass, once, or ends the watch.
    fn not_received(&mut self, error: &ReceiveError) -> Result<Duration, End> {
        let failure = Failure::receive(self.context.text, error);
        if !matches!(failure.status, ExitStatus::Unreachable | ExitStatus::TryAgain) {
            return Err(failure.into());
        }
        if self.said.as_ref() != Some(&failure.text) {
            let _ = writeln!(io::stderr(), "correio: {}", failure.text);
        }
        let wait = failure.retry_after.map_or(TRY_AGAIN, Duration::from_secs).max(TRY_AGAIN);
        self.said = Some(failure.text);
        Ok(wait.min(RECEIVE_EVERY))
    }

    fn hand_over(&self, mail: &Stored, numbers: &mut Numbers, names: &Names) -> Result<(), End> {
        match self.handover.hand_over(&self.mailbox, mail, numbers, names) {
            Ok(()) => Ok(()),
            Err(HandoverError::Closed) => Err(End::Asked),
            Err(HandoverError::Failed(failure)) => Err(End::Failed(failure)),
        }
    }

    /// Shows one notification for all mails that came together.
    fn notify(&mut self, mails: &[Stored], names: &Names) {
        let (Some(last), true) = (mails.last(), self.notifier.is_some()) else { return };
        let (text, count) = (self.context.text, mails.len().to_string());
        let from = view::marked_sender(text, last, names);
        let subject = sanitize(last.subject.as_str(), WhiteSpace::OneLine);
        let values = [("from", from.into()), ("subject", subject.into()), ("count", count.into())];
        let key = if mails.len() == 1 { "home-new-mail" } else { "home-new-mails" };
        let shown = text.with(key, &values);
        let Some(notifier) = &mut self.notifier else { return };
        if let Some(reason) = notifier.show(&shown) {
            let said = text.with("watch-no-notification", &[("reason", reason.into())]);
            let _ = writeln!(io::stderr(), "{said}");
        }
    }
}

/// Shows notifications, and remembers that there is no desktop.
#[derive(Default)]
struct Notifier {
    has_failed: bool,
}

impl Notifier {
    /// Shows a notification. Returns why the first one that fails was not shown.
    fn show(&mut self, text: &str) -> Option<String> {
        let failed = notify::show("correio", text).err().filter(|_| !self.has_failed);
        self.has_failed |= failed.is_some();
        failed
    }
}

//! The spinner that a user sees while an action waits for the server. It also shows that the
//! connection was lost or that the server stops.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use correio_client::{Service, State};
use indicatif::{ProgressBar, ProgressStyle};

use crate::text::Text;

/// Time without a connection after which the spinner reports it.
const RECONNECTING_AFTER: Duration = Duration::from_secs(2);

/// Interval at which the spinner reads the state of the connection.
const STATE_EVERY: Duration = Duration::from_millis(200);

/// Interval at which the spinner moves.
const MOVES_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Spinner<'a> {
    bar: ProgressBar,
    /// Description of the action, shown beside the spinner.
    doing: &'a str,
    reconnecting: String,
    stopping: String,
}

impl<'a> Spinner<'a> {
    pub(crate) fn new(text: &Text, doing: &'a str, is_shown: bool) -> Self {
        let bar = match is_shown {
            true => ProgressBar::new_spinner().with_message(doing.to_owned()),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        if is_shown {
            bar.enable_steady_tick(MOVES_EVERY);
        }
        let (reconnecting, stopping) = (text.of("wait-reconnecting"), text.of("wait-stopping"));
        Self { bar, doing, reconnecting, stopping }
    }

    /// Runs the action, which may set a message and a bar of its own.
    pub(crate) fn run<R>(
        &self,
        service: Option<&Service>,
        action: impl FnOnce(&ProgressBar) -> R,
    ) -> R {
        let result = thread::scope(|scope| {
            // Dropped after the action, which ends the watch.
            let (_done, ended) = mpsc::channel::<()>();
            if let Some(service) = service {
                scope.spawn(move || self.watch(service, &ended));
            }
            action(&self.bar)
        });
        self.bar.finish_and_clear();
        result
    }

    /// Shows the state of the connection, until the action is done.
    fn watch(&self, service: &Service, done: &Receiver<()>) {
        let mut since = None;
        let mut is_told = false;
        while done.recv_timeout(STATE_EVERY) == Err(RecvTimeoutError::Timeout) {
            let message = match service.state() {
                State::Stopping => Some(&self.stopping),
                State::Reconnecting => {
                    let since = *since.get_or_insert_with(Instant::now);
                    (since.elapsed() >= RECONNECTING_AFTER).then_some(&self.reconnecting)
                }
                State::Connected | State::Closed => {
                    since = None;
                    None
                }
            };
            match message {
                Some(message) => self.bar.set_message(format!("{} {message}", self.doing)),
                // The action may have set a message of its own.
                None if is_told => self.bar.set_message(self.doing.to_owned()),
                None => {}
            }
            is_told = message.is_some();
        }
    }
}

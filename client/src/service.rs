//! One server as a program uses it: calls that wait for their answer and can be cancelled.

use std::{sync::Arc, time::Duration};

use correio_proto::{
    credential::Password,
    mail::{FullName, MailId, Timestamp, Username},
    message::{LoggedIn, NewMail, Send, Welcome},
};

use crate::{Address, Cancel, ConnectError, Mailbox, ReceiveError, RequestError, Stored};

/// How to connect, and how long requests may take.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Until when a connection must stand, greeting included, from the start of the look-up of
    /// the name. Holds for each attempt to reconnect, too. Default 10 s.
    pub deadline: Duration,
    /// How long a request may take, reconnecting and sending again included. Default 60 s.
    pub request_deadline: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(60),
        }
    }
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Made with [`crate::new_mail_id`]; keep it when asking again after a lost answer.
    pub id: MailId,
    /// The username wanted.
    pub username: Username,
    /// The person's name.
    pub full_name: FullName,
    /// The password, which stays on this computer.
    pub password: Arc<Password>,
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is one.
    Connected,
    /// It broke and is being made again, in the background, until the service is dropped.
    Reconnecting,
    /// The network thread has ended; nothing works any more.
    Closed,
}

/// How far [`Service::receive`] has come. Told after every page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Mails saved so far.
    pub saved: usize,
    /// Mails passed over so far because the mailbox has them.
    pub known: usize,
    /// Whether the server has more.
    pub more: bool,
}

/// One server. The connection is kept, and made again where it breaks, by a thread of its own;
/// dropping the service closes both.
///
/// Every call blocks until there is an answer, the deadline of [`ConnectOptions`] has passed or
/// its [`Cancel`] was thrown. Calls may be made from several threads.
#[derive(Debug)]
pub struct Service {
    address: Address,
}

impl Service {
    /// Connects and exchanges the greeting, trying every address that the host has now.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(
        address: &Address,
        options: &ConnectOptions,
        cancel: &Cancel,
    ) -> Result<Self, ConnectError> {
        let _ = (address, options, cancel);
        Err(ConnectError::Cancelled)
    }

    /// Where the server is, as it was given.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What the server said of itself when the connection that is there now, or was the last,
    /// was made.
    #[must_use]
    pub fn welcome(&self) -> Welcome {
        unreachable!()
    }

    /// How long the last ping took.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        Duration::ZERO
    }

    /// How the connection is.
    #[must_use]
    pub fn state(&self) -> State {
        State::Closed
    }

    /// Who is logged in, as far as this client knows.
    #[must_use]
    pub fn username(&self) -> Option<Username> {
        None
    }

    /// The notices of new mail since the last call, oldest first; at most the last 100.
    #[must_use]
    pub fn take_notices(&self) -> Vec<NewMail> {
        vec![]
    }

    /// Asks whether the server is there and returns how long the answer took.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn ping(&self, cancel: &Cancel) -> Result<Duration, RequestError> {
        let _ = cancel;
        Err(RequestError::Closed)
    }

    /// Makes an account. Does not log in to it.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `username_taken`, `not_allowed` where registration is closed.
    pub fn register(
        &self,
        registration: &Registration,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let _ = (registration, cancel);
        Err(RequestError::Closed)
    }

    /// Becomes the account's session, and becomes it again by itself after a broken connection.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` for an unknown username as for a wrong password.
    pub fn login(
        &self,
        username: &Username,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<LoggedIn, RequestError> {
        let _ = (username, password, cancel);
        Err(RequestError::Closed)
    }

    /// Ends the session; the connection stays.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]. Whatever the error, this client does not log in again by itself.
    pub fn logout(&self, cancel: &Cancel) -> Result<(), RequestError> {
        let _ = cancel;
        Err(RequestError::Closed)
    }

    /// Hands in a mail and returns when the server took it. Sending the same mail again, after
    /// any error, is safe: its id makes it one mail.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `unknown_recipient` and `mailbox_full` name the recipients.
    pub fn send(&self, mail: &Send, cancel: &Cancel) -> Result<Timestamp, RequestError> {
        let _ = (mail, cancel);
        Err(RequestError::Closed)
    }

    /// Gets all mail, page by page: fetched, written durably, and only then confirmed, upon
    /// which the server deletes it. Returns everything in the mailbox that was never shown,
    /// oldest first, with what an earlier call that failed had saved among it; tell
    /// [`Mailbox::mark_shown`] once it was shown.
    ///
    /// # Errors
    ///
    /// See [`ReceiveError`]. What was saved until then is in [`Mailbox::unseen`].
    pub fn receive(
        &self,
        mailbox: &mut Mailbox,
        progress: &mut dyn FnMut(Progress),
        cancel: &Cancel,
    ) -> Result<Vec<Stored>, ReceiveError> {
        let _ = (mailbox, progress, cancel);
        Err(RequestError::Closed.into())
    }

    /// Changes the full name of the account that is logged in.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn change_full_name(
        &self,
        full_name: &FullName,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let _ = (full_name, cancel);
        Err(RequestError::Closed)
    }

    /// Changes the password of the account that is logged in.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` where `current` is not the password.
    pub fn change_password(
        &self,
        current: &Arc<Password>,
        new: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let _ = (current, new, cancel);
        Err(RequestError::Closed)
    }

    /// Deletes the account that is logged in, with its mailbox on the server.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` where it is not the password.
    pub fn delete_account(
        &self,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let _ = (password, cancel);
        Err(RequestError::Closed)
    }
}

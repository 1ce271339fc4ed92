//! Mails that were sent to a program, which are reported to the log some at a time: a line for each
//! would cost more than the sending of a small mail.

use correio_proto::mail::Username;

use crate::{event::Event, ids::ConnId};

/// Mails after which a line is written at once.
const LINE_MAILS: usize = 64;

/// The mails that no line reports yet. The rest is reported when this is dropped, which the end of
/// the session does.
#[derive(Debug)]
pub(super) struct Deliveries {
    username: Username,
    connection: ConnId,
    mails: usize,
}

impl Deliveries {
    /// No mails, of the session of this account on this connection.
    pub(super) fn new(username: Username, connection: ConnId) -> Self {
        Self { username, connection, mails: 0 }
    }

    /// Counts a mail.
    pub(super) fn add(&mut self) {
        self.mails += 1;
        if self.mails >= LINE_MAILS {
            self.report();
        }
    }

    /// Reports the mails so far, if there are any.
    pub(super) fn report(&mut self) {
        let mails = std::mem::take(&mut self.mails);
        if mails > 0 {
            let (username, connection) = (&self.username, self.connection);
            Event::MailDelivered { username, mails, connection }.log();
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.report();
    }
}

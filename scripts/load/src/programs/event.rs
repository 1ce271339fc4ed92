//! The events that the threads of mail programs send to the driver.

use std::time::Duration;

use correio_proto::{
    mail::{Mail, MailId, Username},
    message::Send,
};

use crate::{ledger::UserId, results::Operation};

/// See the module's description. The driver takes the events of one program in order, and each
/// event before another client can notice its effect.
#[derive(Debug)]
pub enum ProgramEvent {
    /// The program has an account and an app password.
    Registered {
        /// The user.
        user: UserId,
        /// The number of the group.
        group: usize,
        /// The username.
        username: Username,
    },
    /// A mail is about to be sent for the first time.
    Sending {
        /// The sender.
        from: UserId,
        /// The mail as the recipients will see it, but with all recipients.
        mail: Box<Send>,
        /// The recipients that the others may not see.
        hidden: Box<[Username]>,
    },
    /// The server has accepted a mail.
    Accepted(MailId),
    /// A mail was received.
    Received {
        /// The recipient.
        by: UserId,
        /// The mail.
        mail: Box<Mail>,
    },
    /// The program is about to ask for deletions.
    Deleting {
        /// The owner of the mailbox.
        by: UserId,
        /// The mails.
        ids: Vec<MailId>,
    },
    /// The server has acknowledged deletions.
    Deleted {
        /// The owner of the mailbox.
        by: UserId,
        /// The mails.
        ids: Vec<MailId>,
    },
    /// An operation was answered.
    Done(Operation, Duration),
    /// An operation failed, with this code.
    Failed(Operation, &'static str),
    /// No mail of the program is under way, and none will be.
    Settled(UserId),
    /// The mailbox is empty for good.
    Drained(UserId),
}

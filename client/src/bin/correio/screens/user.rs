//! The logged-in account, with the data that the screens after the login need.

use correio_client::{Address, Mailbox};
use correio_proto::mail::{FullName, Username};

use crate::{names::Names, sent::Sender};

/// The account that is logged in.
pub(crate) struct CurrentUser {
    /// The server with the account.
    pub(crate) server: Address,
    pub(crate) username: Username,
    pub(crate) full_name: FullName,
    /// Number of mails that were waiting on the server at the login.
    pub(crate) waiting: u32,
}

impl CurrentUser {
    /// The account as the sender of a mail.
    pub(crate) fn sender(&self) -> Sender<'_> {
        let Self { server, username, full_name, .. } = self;
        Sender { server, username, full_name }
    }

    /// The names that the user could confuse: those of all senders in the local mailbox, and the
    /// user's own.
    pub(crate) fn names(&self, mailbox: &Mailbox) -> Names {
        let mut names = Names::of_mailbox(mailbox).unwrap_or_default();
        names.add(&self.username, &self.full_name);
        names
    }
}

//! The logged-in account, with the data that the screens after the login need.

use std::path::Path;

use correio_client::{Address, Cancel, MailboxUsage, Stored};
use correio_proto::mail::{FullName, Username};

use crate::{
    names::{Names, Since},
    people::LocalPeople,
    sent::Sender,
};

/// The account that is logged in.
pub(crate) struct CurrentUser {
    /// The server with the account.
    pub(crate) server: Address,
    pub(crate) username: Username,
    pub(crate) full_name: FullName,
    /// Number of mails that were waiting on the server at the login.
    pub(crate) waiting: u32,
    /// What the mailbox had at the login, and may have. Older servers do not say it.
    pub(crate) usage: Option<MailboxUsage>,
}

impl CurrentUser {
    /// The account as the sender of a mail.
    pub(crate) fn sender(&self) -> Sender<'_> {
        let Self { server, username, full_name, .. } = self;
        Sender { server, username, full_name }
    }

    /// The names that the user could confuse, and since when the user knows them.
    pub(crate) fn names(&self, data: &Path) -> Names {
        let people = LocalPeople::load(data, &self.server, &self.username, &Cancel::new());
        let mut names = people.names();
        names.add(&self.username, &self.full_name, &Since::Always);
        names
    }

    /// As [`Self::names`], with the senders of mails that were listed already.
    pub(crate) fn names_among(&self, data: &Path, mails: &[Stored]) -> Names {
        let mut names = self.names(data);
        mails.iter().for_each(|mail| names.add_sender(mail));
        names
    }
}

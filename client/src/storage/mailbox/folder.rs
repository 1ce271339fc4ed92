//! The folders of a mailbox: received mail, and mail that was sent.

/// A folder of an account's mail on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// The mails that were received: the Maildir itself.
    #[default]
    Received,
    /// The mails that were sent: the folder `.Sent` of the Maildir, named as Maildir++ names it, so
    /// that other mail programs find it.
    Sent,
}

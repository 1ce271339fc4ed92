//! Where a deferred request continues after its job is done.

use std::sync::Arc;

use correio_proto::{
    credential::Credential,
    mail::{FullName, MailId, Username},
};

use crate::{
    ids::{InviteId, PasswordHash},
    store::{AccountRecord, NewMailRecord},
};

/// The continuation of a deferred request.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A request about accounts.
    Account(Box<AccountStep>),
    /// A request about mail.
    Mailbox(MailboxStep),
}

/// The job that a request about accounts waits for, and the data of the steps after it.
#[derive(Debug)]
pub(crate) enum AccountStep {
    /// Register: the password is being hashed.
    Hashing(Registrant),
    /// Register: the account is being stored.
    Creating(Username),
    /// Login: the account is being looked up.
    Finding(Username, Credential),
    /// Login: the credential is being checked; against a dummy hash if there is no account.
    Verifying(Username, Credential, Option<AccountRecord>),
    /// Login: the account is being looked up again, to see whether it changed meanwhile.
    Rechecking(AccountRecord),
    /// Login: the password is being hashed again, at the present cost.
    Rehashing(AccountRecord),
    /// Login: the new hash is being stored.
    StoringRehash(AccountRecord),
    /// Change of the full name: the new name is being stored.
    Renaming(FullName),
    /// Change of the password, or deletion: the account is being looked up.
    FindingForChange(Change, Credential),
    /// Change of the password, or deletion: the present credential is being checked.
    VerifyingForChange(Change, PasswordHash),
    /// Change of the password: the new password is being hashed.
    HashingNew(PasswordHash),
    /// Change of the password: the new hash is being stored.
    StoringNew,
    /// Deletion: the account is being deleted.
    Deleting,
}

/// A registration whose password is being hashed.
#[derive(Debug)]
pub(crate) struct Registrant {
    /// The client's id of the registration, by which a repetition is recognised.
    pub(crate) id: MailId,
    /// The username that is asked for.
    pub(crate) username: Username,
    /// The full name of the new account.
    pub(crate) full_name: FullName,
    /// The invite that the account will use up.
    pub(crate) invite: Option<InviteId>,
}

/// A change of an account for which its credential is checked once more.
#[derive(Debug)]
pub(crate) enum Change {
    /// The credential is replaced with this one.
    Password(Credential),
    /// The account is deleted.
    Delete,
}

/// The job that a request about mail waits for.
#[derive(Debug)]
pub(crate) enum MailboxStep {
    /// A mail is being stored.
    Sending(Arc<NewMailRecord>),
    /// A page is being read.
    Fetching,
    /// Mails are being deleted.
    Confirming,
}

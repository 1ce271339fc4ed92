//! Where a deferred request continues after its job is done.

use std::sync::Arc;

use correio_proto::{
    app_password::{AppPassword, AppPasswordId},
    credential::Credential,
    mail::{ContentSize, FullName, MailId, Username},
};

use crate::{
    auth::resume_ticket::TicketClaim,
    ids::{AccountEpoch, CodeDigest, InviteId, PasswordHash},
    store::{AccountRecord, NewMailRecord},
};

/// The continuation of a deferred request.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A request about accounts.
    Account(Box<AccountStep>),
    /// A request about mail.
    Mailbox(MailboxStep),
    /// A request about a large content.
    Content(ContentStep),
    /// The client is logging in with a ticket.
    Resume(Box<Resuming>),
    /// A password is being set by a code.
    Recovery(RecoverStep),
    /// People are being looked up.
    Directory,
    /// A request about a list.
    List(ListStep),
    /// A request about app passwords.
    AppPassword(AppPasswordStep),
}

/// The job that a request about accounts waits for, and the data of the steps after it.
#[derive(Debug)]
pub(crate) enum AccountStep {
    /// An account is being registered.
    Register(RegisterStep),
    /// The client is logging in.
    Login(LoginStep),
    /// The account that is logged in is being changed or deleted.
    Change(ChangeStep),
}

/// A job of a registration.
#[derive(Debug)]
pub(crate) enum RegisterStep {
    /// The password is being hashed.
    Hashing(Registrant),
    /// The account is being stored.
    Creating(Username),
}

/// A job of a login.
#[derive(Debug)]
pub(crate) enum LoginStep {
    /// The account is being looked up.
    Finding(Username, Credential),
    /// The credential is being checked; against a dummy hash if there is no account.
    Verifying(Username, Credential, Option<AccountRecord>),
    /// The account is being looked up again, to see whether it changed meanwhile.
    Rechecking(AccountRecord),
    /// The password is being hashed again, at the present cost.
    Rehashing(AccountRecord),
    /// The new hash is being stored.
    StoringRehash(AccountRecord),
}

/// A job of a change of an account, or of its deletion.
#[derive(Debug)]
pub(crate) enum ChangeStep {
    /// The new full name is being stored.
    Renaming(FullName),
    /// The account is being looked up.
    Finding(Change, Credential),
    /// The present credential is being checked.
    Verifying(Change, PresentSecrets),
    /// The new password is being hashed.
    HashingNew(PresentSecrets),
    /// The hash of the new password is being stored; the account then has this epoch.
    StoringNew(AccountEpoch),
    /// The account is being deleted.
    Deleting,
}

/// What lets a client into the account that is being changed, before the change.
#[derive(Debug)]
pub(crate) struct PresentSecrets {
    /// The hash.
    pub(crate) hash: PasswordHash,
    /// The recovery code that was given out.
    pub(crate) code: Option<CodeDigest>,
}

/// A login with a ticket, while the account is being looked up.
#[derive(Debug)]
pub(crate) struct Resuming {
    /// The username that the client gave.
    pub(crate) username: Username,
    /// The ticket, as far as it can be read without the account.
    pub(crate) claim: TicketClaim,
}

/// The job that a request to set a password by a code waits for.
#[derive(Debug)]
pub(crate) enum RecoverStep {
    /// The account is being looked up.
    Finding(Username, CodeDigest, Credential),
    /// The new password is being hashed.
    Hashing(Username, CodeDigest),
    /// The hash is being stored.
    Storing(Username),
}

impl From<RecoverStep> for Pending {
    fn from(step: RecoverStep) -> Self {
        Self::Recovery(step)
    }
}

impl From<RegisterStep> for AccountStep {
    fn from(step: RegisterStep) -> Self {
        Self::Register(step)
    }
}

impl From<LoginStep> for AccountStep {
    fn from(step: LoginStep) -> Self {
        Self::Login(step)
    }
}

impl From<ChangeStep> for AccountStep {
    fn from(step: ChangeStep) -> Self {
        Self::Change(step)
    }
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

/// The job that a request about a list waits for.
#[derive(Debug)]
pub(crate) enum ListStep {
    /// Lists or members are being read.
    Reading,
    /// The list of this name is being made.
    Creating(Username),
    /// The list of this name, or its members, are being changed.
    Changing(Username),
    /// The list of this name is being deleted.
    Deleting(Username),
}

/// The job that a request about app passwords waits for.
#[derive(Debug)]
pub(crate) enum AppPasswordStep {
    /// The digest of this app password is being stored.
    Creating(AppPassword),
    /// App passwords are being read.
    Reading,
    /// The app password of this id is being revoked.
    Revoking(AppPasswordId),
}

/// The job that a request about a large content waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ContentStep {
    /// A piece of the content with this id and size is being stored.
    Uploading(MailId, ContentSize),
    /// A piece is being read.
    Reading,
}

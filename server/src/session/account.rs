//! Handlers of the requests about accounts: register, login, logout, change, delete.

use correio_proto::{
    credential::Credential,
    invite::Invite,
    mail::{FullName, Timestamp, Username},
    message::{Account, ErrorCode, LoggedIn, Login, MailboxUsage, Register, Reply},
};

use crate::{
    auth::{
        hashing::{HashDone, HashJob},
        invite::{InviteError, RegistrationRules},
    },
    event::Event,
    ids::{AccountEpoch, AccountId, InviteId, PasswordHash},
    limits::throttle::{SecretKind, Wait},
    session::{
        charge::Charge,
        context::SessionContext,
        job::{Done, Job},
        pending::{
            AccountStep, Change, ChangeStep, LoginStep, Pending, PresentSecrets, RegisterStep,
            Registrant,
        },
        response::{Limit, Response, Transition},
        state::{Identity, LoginState, OpenSession, Proof, SessionState},
    },
    store::{
        AccountRecord, HashChange, StoreDone, StoreJob,
        admin::{AccountState, POSTMASTER},
    },
};

/// Registers an account, if the client may: its password is hashed first.
pub(crate) fn register(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    register: Register,
) -> Response {
    let Register { id, username, full_name, credential, invite } = register;
    // A refusal before any work costs nothing and is not charged.
    let invite = match invited(context, invite.as_ref()) {
        Ok(invite) => invite,
        Err(text) => return Response::refused(ErrorCode::NotAllowed, text),
    };
    if username.as_str() == POSTMASTER {
        return Response::refused(ErrorCode::UsernameTaken, "this username is the operator's");
    }
    let prefix = context.prefix();
    if let Err(wait) = context.throttle.registration(context.now.uptime, prefix) {
        return Response::limited(context, &username, Limit::Registrations, wait);
    }
    state.charge = Some(Charge::Registration(username.clone()));
    let registrant = Registrant { id, username, full_name, invite };
    defer_hash(HashJob::Make { credential }, RegisterStep::Hashing(registrant))
}

/// Checks whether the client may register. Returns the invite that the account will use up.
fn invited(
    context: &SessionContext<'_>,
    invite: Option<&Invite>,
) -> Result<Option<InviteId>, &'static str> {
    match (&context.config.registrations, invite) {
        (RegistrationRules::Open, _) => Ok(None),
        (RegistrationRules::Closed, _) => Err("this server takes no registrations"),
        (RegistrationRules::Invited(_), None) => {
            Err("this server takes registrations by invite only")
        }
        (RegistrationRules::Invited(key), Some(invite)) => {
            match key.check(invite, context.now.wall) {
                Ok(id) => Ok(Some(id)),
                Err(InviteError::Forged) => Err("the invite is not one of this server's"),
                Err(InviteError::Expired) => Err("the invite has expired"),
            }
        }
    }
}

/// Logs in: the account is looked up first.
pub(crate) fn login(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    login: Login,
) -> Response {
    let Login { username, credential } = login;
    if let Err(wait) = charge(state, context, &username) {
        return Response::limited(context, &username, Limit::Logins, wait);
    }
    find(username.clone(), LoginStep::Finding(username, credential))
}

/// Charges the throttle for one password check, before any work is done for it.
pub(super) fn charge(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    username: &Username,
) -> Result<(), Wait> {
    let prefix = context.prefix();
    let secret = SecretKind::Password;
    context.throttle.login_attempt(context.now.uptime, prefix, username, secret)?;
    state.charge = Some(Charge::Login(username.clone(), secret));
    Ok(())
}

/// Logs out. The connection stays.
pub(crate) fn logout(state: &mut SessionState, context: &mut SessionContext<'_>) -> Response {
    match log_out(state, context) {
        Some(account) => {
            Response::transitioned(Reply::LoggedOut {}, Transition::LoggedOut(account))
        }
        None => Response::succeeded(Reply::LoggedOut {}),
    }
}

/// Changes the account that is logged in, or deletes it.
pub(crate) fn change(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    change: Account,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let (account, username) = (identity.account, identity.username.clone());
    let (change, credential) = match change {
        Account::FullName { full_name } => {
            let job = StoreJob::SetFullName { account, full_name: full_name.clone() };
            return defer_store(job, ChangeStep::Renaming(full_name));
        }
        Account::Password { current, new } => (Change::Password(new), current),
        Account::Delete { credential } => (Change::Delete, credential),
    };
    // An open session must not be a way to guess the password.
    if let Err(wait) = charge(state, context, &username) {
        return Response::limited(context, &username, Limit::Logins, wait);
    }
    find(username, ChangeStep::Finding(change, credential))
}

/// Continues after `step`'s job, whose result is `done`. A result that the job cannot have is a bug
/// of the server, which fails this request only.
pub(crate) fn complete(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    step: AccountStep,
    done: Done,
) -> Response {
    match done {
        Done::Hash(HashDone::Failed) => Response::unavailable(),
        Done::Store(StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        done => match step {
            AccountStep::Register(step) => continue_registration(context, step, done),
            AccountStep::Login(step) => continue_login(state, context, step, done),
            AccountStep::Change(step) => continue_change(state, context, step, done),
        },
    }
}

fn continue_registration(
    context: &mut SessionContext<'_>,
    step: RegisterStep,
    done: Done,
) -> Response {
    match (step, done) {
        (RegisterStep::Hashing(registrant), Done::Hash(HashDone::Made(hash))) => {
            create(registrant, hash)
        }
        (RegisterStep::Creating(username), Done::Store(done)) => created(context, &username, &done),
        (_, Done::Hash(_) | Done::Store(_) | Done::Busy { .. }) => Response::unavailable(),
    }
}

fn continue_login(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    step: LoginStep,
    done: Done,
) -> Response {
    match (step, done) {
        (LoginStep::Finding(username, credential), Done::Store(StoreDone::Account(account))) => {
            verify(context, username, credential, account.map(|account| *account))
        }
        (
            LoginStep::Verifying(username, credential, account),
            Done::Hash(HashDone::Verified(verified)),
        ) => match account.filter(|account| verified && account.hash.is_some()) {
            Some(account) => recheck_or_rehash(context, credential, account),
            None => login_failed(context, &username, "wrong password or unknown username"),
        },
        (LoginStep::Rehashing(account), Done::Hash(HashDone::Made(new))) => {
            store_rehash(account, new)
        }
        (LoginStep::Rechecking(before), Done::Store(StoreDone::Account(now))) => {
            match now.filter(|now| (now.id, &now.hash) == (before.id, &before.hash)) {
                Some(now) => log_in(state, context, *now, LoginProof::Password),
                None => login_failed(context, &before.username, "changed during the login"),
            }
        }
        (LoginStep::StoringRehash(account), Done::Store(StoreDone::Changed)) => {
            find(account.username.clone(), LoginStep::Rechecking(account))
        }
        // Another device's login may have stored its new hash first: the client tries again.
        (LoginStep::StoringRehash(_), Done::Store(StoreDone::Conflict)) => Response::unavailable(),
        (LoginStep::StoringRehash(account), Done::Store(_)) => {
            login_failed(context, &account.username, "changed during the login")
        }
        (_, Done::Hash(_) | Done::Store(_) | Done::Busy { .. }) => Response::unavailable(),
    }
}

fn continue_change(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    step: ChangeStep,
    done: Done,
) -> Response {
    match (step, done) {
        (ChangeStep::Renaming(full_name), Done::Store(done)) => {
            renamed(state, context, full_name, &done)
        }
        (ChangeStep::Finding(change, credential), Done::Store(StoreDone::Account(account))) => {
            verify_for_change(state, change, credential, account.map(|account| *account))
        }
        (ChangeStep::Verifying(change, present), Done::Hash(HashDone::Verified(verified))) => {
            if verified {
                verified_for_change(state, change, present)
            } else {
                wrong_password(state, context)
            }
        }
        (ChangeStep::HashingNew(present), Done::Hash(HashDone::Made(new))) => {
            store_new(state, present, new)
        }
        (ChangeStep::StoringNew(epoch), Done::Store(done)) => {
            password_changed(state, context, epoch, &done)
        }
        (ChangeStep::Deleting, Done::Store(done)) => deleted(state, context, &done),
        (_, Done::Hash(_) | Done::Store(_) | Done::Busy { .. }) => Response::unavailable(),
    }
}

fn create(registrant: Registrant, hash: PasswordHash) -> Response {
    let Registrant { id: register_id, username, full_name, invite } = registrant;
    let step = RegisterStep::Creating(username.clone());
    let job = StoreJob::CreateAccount { register_id, username, full_name, hash, invite };
    defer_store(job, step)
}

fn created(context: &mut SessionContext<'_>, username: &Username, done: &StoreDone) -> Response {
    match done {
        StoreDone::CreatedBefore => Response::repeated(Reply::Registered {}),
        StoreDone::Created => {
            Event::AccountCreated { username, connection: context.connection }.log();
            Response::succeeded(Reply::Registered {})
        }
        StoreDone::UsernameTaken => {
            Response::denied(ErrorCode::UsernameTaken, "this username is taken")
        }
        StoreDone::InviteUsed => {
            Response::denied(ErrorCode::NotAllowed, "the invite was used already")
        }
        _ => Response::unavailable(),
    }
}

/// Checks the credential; against a dummy hash if there is no account or no password, so that the
/// time does not tell whether the account exists.
fn verify(
    context: &SessionContext<'_>,
    username: Username,
    credential: Credential,
    account: Option<AccountRecord>,
) -> Response {
    let hash = account.as_ref().and_then(|account| account.hash.clone());
    let hash = hash.unwrap_or_else(|| context.config.bcrypt.dummy());
    let job = HashJob::Verify { credential: credential.clone(), hash };
    defer_hash(job, LoginStep::Verifying(username, credential, account))
}

/// Looks the account up again after its credential was checked. Hashing takes long enough for the
/// password to be changed or the account to be deleted meanwhile; this login must not survive that.
fn recheck_or_rehash(
    context: &SessionContext<'_>,
    credential: Credential,
    account: AccountRecord,
) -> Response {
    let hash = account.hash.as_ref();
    if hash.is_some_and(|hash| context.config.bcrypt.is_outdated(hash)) {
        return defer_hash(HashJob::Make { credential }, LoginStep::Rehashing(account));
    }
    find(account.username.clone(), LoginStep::Rechecking(account))
}

fn store_rehash(mut account: AccountRecord, new: PasswordHash) -> Response {
    let Some(old) = account.hash.replace(new.clone()) else {
        return Response::unavailable();
    };
    defer_store(
        StoreJob::SetHash { account: account.id, old, new, change: HashChange::NewCost },
        LoginStep::StoringRehash(account),
    )
}

/// How a client has proved that the account is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginProof {
    /// With the password, now.
    Password,
    /// With a ticket.
    Ticket {
        /// When the password was given to which the ticket goes back.
        password_given_at: Timestamp,
    },
}

/// Logs in, unless the account is disabled.
pub(super) fn log_in(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    account: AccountRecord,
    proof: LoginProof,
) -> Response {
    let (connection, address) = (context.connection, context.peer);
    if account.state != AccountState::Enabled {
        let (username, reason) = (&account.username, "the account is disabled");
        Event::LoginFailed { username, connection, address, reason }.log();
        let text = "the operator has disabled this account";
        return Response::refused(ErrorCode::Disabled, text);
    }
    let (at, by) = match proof {
        LoginProof::Password => (context.now.wall, "password"),
        LoginProof::Ticket { password_given_at } => {
            context.counts.logins_resumed += 1;
            (password_given_at, "ticket")
        }
    };
    let proof = Proof { epoch: account.epoch(), at };
    let waiting = account.waiting();
    let AccountRecord { id, username, full_name, usage, .. } = account;
    let usage = Some(MailboxUsage {
        mails: usage.mails,
        mails_max: u64::from(usage.quota.mails),
        bytes: usage.bytes,
        bytes_max: usage.quota.bytes,
    });
    let protocol = "correio";
    Event::LoginSucceeded { username: &username, connection, address, protocol, by }.log();
    let (name, shown) = (username.clone(), full_name.clone());
    let reply = LoggedIn { username: name, full_name: shown, waiting, usage };
    let identity = Identity { account: id, username, full_name };
    state.login = LoginState::LoggedIn(Box::new(OpenSession { identity, proof }));
    Response::transitioned(Reply::LoggedIn(reply), Transition::LoggedIn(id))
}

/// Logs the session out. Returns the account that was logged in.
fn log_out(state: &mut SessionState, context: &SessionContext<'_>) -> Option<AccountId> {
    let connection = context.connection;
    match std::mem::replace(&mut state.login, LoginState::Anonymous) {
        LoginState::LoggedIn(open) => {
            let OpenSession { identity, .. } = *open;
            Event::Logout { username: &identity.username, connection }.log();
            Some(identity.account)
        }
        LoginState::New | LoginState::Anonymous => None,
    }
}

/// Gives the same reply for an unknown username and a wrong password; only the log has the reason.
fn login_failed(context: &SessionContext<'_>, username: &Username, reason: &str) -> Response {
    let (connection, address) = (context.connection, context.peer);
    Event::LoginFailed { username, connection, address, reason }.log();
    Response::denied(ErrorCode::BadCredentials, "unknown username or wrong password")
}

fn renamed(
    state: &mut SessionState,
    context: &SessionContext<'_>,
    full_name: FullName,
    done: &StoreDone,
) -> Response {
    match (done, &mut state.login) {
        (StoreDone::Changed, LoginState::LoggedIn(open)) => {
            let identity = &mut open.identity;
            identity.full_name = full_name;
            let (username, connection) = (&identity.username, context.connection);
            Event::AccountRenamed { username, connection }.log();
            Response::succeeded(Reply::AccountChanged { app_passwords_revoked: None })
        }
        (StoreDone::NoAccount, _) => Response::account_gone(),
        _ => Response::unavailable(),
    }
}

fn verify_for_change(
    state: &SessionState,
    change: Change,
    credential: Credential,
    account: Option<AccountRecord>,
) -> Response {
    // Another account may have the username by now.
    let account = account.filter(|account| Some(account.id) == state.account());
    let code = account.as_ref().and_then(|account| account.code).map(|code| code.digest);
    match account.and_then(|account| account.hash) {
        Some(hash) => {
            let job = HashJob::Verify { credential, hash: hash.clone() };
            defer_hash(job, ChangeStep::Verifying(change, PresentSecrets { hash, code }))
        }
        None => Response::account_gone(),
    }
}

fn verified_for_change(state: &SessionState, change: Change, present: PresentSecrets) -> Response {
    let Some(account) = state.account() else {
        return Response::account_gone();
    };
    match change {
        Change::Password(new) => {
            defer_hash(HashJob::Make { credential: new }, ChangeStep::HashingNew(present))
        }
        Change::Delete => {
            let job = StoreJob::DeleteAccount { account, hash: present.hash };
            defer_store(job, ChangeStep::Deleting)
        }
    }
}

fn store_new(state: &SessionState, present: PresentSecrets, new: PasswordHash) -> Response {
    match state.account() {
        Some(account) => {
            let (old, change) = (present.hash, HashChange::NewPassword);
            let epoch = AccountEpoch::of(Some(&new), present.code);
            let job = StoreJob::SetHash { account, old, new, change };
            defer_store(job, ChangeStep::StoringNew(epoch))
        }
        None => Response::account_gone(),
    }
}

fn password_changed(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    epoch: AccountEpoch,
    done: &StoreDone,
) -> Response {
    match (done, &mut state.login) {
        (StoreDone::PasswordSet { revoked }, LoginState::LoggedIn(open)) => {
            // The session goes on, and its next ticket must be valid: it has given the password.
            open.proof = Proof { epoch, at: context.now.wall };
            let (identity, connection) = (&open.identity, context.connection);
            Event::AccountPasswordChanged { username: &identity.username, connection }.log();
            let changed = Transition::PasswordChanged(identity.account);
            let reply = Reply::AccountChanged { app_passwords_revoked: Some(*revoked) };
            Response::transitioned(reply, changed)
        }
        (StoreDone::Conflict, _) => wrong_password(state, context),
        (StoreDone::NoAccount, _) => Response::account_gone(),
        _ => Response::unavailable(),
    }
}

fn deleted(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    done: &StoreDone,
) -> Response {
    match (done, state.identity()) {
        (StoreDone::Changed, Some(identity)) => {
            let connection = context.connection;
            Event::AccountDeleted { username: &identity.username, connection }.log();
            let account = identity.account;
            log_out(state, context);
            let deleted = Transition::AccountDeleted(account);
            let reply = Reply::AccountChanged { app_passwords_revoked: None };
            Response::transitioned(reply, deleted)
        }
        (StoreDone::Conflict, _) => wrong_password(state, context),
        (StoreDone::NoAccount, _) => Response::account_gone(),
        _ => Response::unavailable(),
    }
}

fn wrong_password(state: &SessionState, context: &SessionContext<'_>) -> Response {
    if let Some(identity) = state.identity() {
        let (username, connection, address) =
            (&identity.username, context.connection, context.peer);
        let reason = "wrong password for a change";
        Event::LoginFailed { username, connection, address, reason }.log();
    }
    Response::denied(ErrorCode::BadCredentials, "wrong password")
}

fn find(username: Username, step: impl Into<AccountStep>) -> Response {
    defer_store(StoreJob::FindAccount { username }, step)
}

fn defer_store(job: StoreJob, step: impl Into<AccountStep>) -> Response {
    Response::Defer(Job::Store(job), Pending::Account(Box::new(step.into())))
}

fn defer_hash(job: HashJob, step: impl Into<AccountStep>) -> Response {
    Response::Defer(Job::Hash(job), Pending::Account(Box::new(step.into())))
}

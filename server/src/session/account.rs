//! What the requests about accounts do: register, log in and out, change, delete.

use correio_proto::{
    credential::Credential,
    invite::Invite,
    mail::{FullName, MailId, Username},
    message::{Account, ErrorCode, LoggedIn, Login, Register, Reply},
};

use crate::{
    auth::{
        hashing::{HashDone, HashJob},
        invite::{InviteError, RegistrationRules},
    },
    event::Event,
    ids::{AccountId, InviteId, PasswordHash},
    limits::throttle::Wait,
    session::{
        Done, Identity, Job, Limit, Outcome, Pending, Scope, Session, State,
        charge::{Charge, Settlement},
        effect::Effect,
    },
    store::{AccountRecord, StoreDone, StoreJob},
};

/// Where something about accounts stands while a job is out.
#[derive(Debug)]
pub(crate) enum Step {
    /// Register: the hash is being made.
    Hashing(Registrant),
    /// Register: the account is being stored.
    Creating(Username),
    /// Log in: the account is being looked up.
    Finding(Username, Credential),
    /// Log in: the credential is being checked, against a dummy where there is no account.
    Verifying(Username, Credential, Option<AccountRecord>),
    /// Log in: whether the account is still as it was is being looked up.
    Rechecking(AccountRecord),
    /// Log in: the hash is being made anew, at the present cost.
    Rehashing(AccountRecord),
    /// Log in: that hash is being stored.
    Restoring(AccountRecord),
    /// Change of the full name: it is being stored.
    Renaming(FullName),
    /// Change of the password or deletion: the account is being looked up.
    FindingFor(Purpose, Credential),
    /// Change of the password or deletion: the present credential is being checked.
    VerifyingFor(Purpose, PasswordHash),
    /// Change of the password: the new hash is being made.
    HashingNew(PasswordHash),
    /// Change of the password: the new hash is being stored.
    StoringNew,
    /// Deletion: it is being done.
    Deleting,
}

/// Who wants an account.
#[derive(Debug)]
pub(crate) struct Registrant {
    id: MailId,
    username: Username,
    full_name: FullName,
    invite: Option<InviteId>,
}

/// What a credential of a session that is logged in is checked for.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// To put this one in its place.
    Password(Credential),
    /// To delete the account.
    Delete,
}

pub(crate) fn register(
    session: &mut Session,
    scope: &mut Scope<'_>,
    register: Register,
) -> Outcome {
    let Register { id, username, full_name, credential, invite } = register;
    // What is refused at once costs nothing and is not charged.
    let invite = match invited(scope, invite.as_ref()) {
        Ok(invite) => invite,
        Err(text) => return Outcome::refuse(ErrorCode::NotAllowed, text),
    };
    let prefix = scope.prefix();
    if let Err(wait) = scope.throttle.registration(scope.now.uptime, prefix) {
        return Outcome::limited(scope, &username, Limit::RegistrationRules, wait);
    }
    session.charge = Some(Charge::Registration(username.clone()));
    let registrant = Registrant { id, username, full_name, invite };
    defer_hash(HashJob::Make { credential }, Step::Hashing(registrant))
}

/// Whether somebody may register, and with which invite.
fn invited(scope: &Scope<'_>, invite: Option<&Invite>) -> Result<Option<InviteId>, &'static str> {
    match (&scope.settings.registrations, invite) {
        (RegistrationRules::Open, _) => Ok(None),
        (RegistrationRules::Closed, _) => Err("this server takes no registrations"),
        (RegistrationRules::Invited(_), None) => {
            Err("this server takes registrations by invite only")
        }
        (RegistrationRules::Invited(key), Some(invite)) => {
            match key.check(invite, scope.now.wall) {
                Ok(id) => Ok(Some(id)),
                Err(InviteError::Forged) => Err("the invite is not one of this server's"),
                Err(InviteError::Expired) => Err("the invite has expired"),
            }
        }
    }
}

pub(crate) fn login(session: &mut Session, scope: &mut Scope<'_>, login: Login) -> Outcome {
    let Login { username, credential } = login;
    if let Err(wait) = charge(session, scope, &username) {
        return Outcome::limited(scope, &username, Limit::Logins, wait);
    }
    find(username.clone(), Step::Finding(username, credential))
}

/// Asks whether one more password may be checked, before any work is done for it.
fn charge(session: &mut Session, scope: &mut Scope<'_>, username: &Username) -> Result<(), Wait> {
    let prefix = scope.prefix();
    scope.throttle.login_attempt(scope.now.uptime, prefix, username)?;
    session.charge = Some(Charge::Login(username.clone()));
    Ok(())
}

pub(crate) fn logout(session: &mut Session, scope: &mut Scope<'_>) -> Outcome {
    leave(session, scope);
    Outcome::Reply(Reply::LoggedOut {})
}

pub(crate) fn change(session: &mut Session, scope: &mut Scope<'_>, change: Account) -> Outcome {
    let Some(identity) = session.identity() else {
        return Outcome::account_gone();
    };
    let (account, username) = (identity.account, identity.username.clone());
    let (purpose, credential) = match change {
        Account::FullName { full_name } => {
            let job = StoreJob::SetFullName { account, full_name: full_name.clone() };
            return defer_store(job, Step::Renaming(full_name));
        }
        Account::Password { current, new } => (Purpose::Password(new), current),
        Account::Delete { credential } => (Purpose::Delete, credential),
    };
    // Whoever finds a session open must not guess the password there either.
    if let Err(wait) = charge(session, scope, &username) {
        return Outcome::limited(scope, &username, Limit::Logins, wait);
    }
    find(username, Step::FindingFor(purpose, credential))
}

/// Goes on with `step`, for which `done` came back.
pub(crate) fn complete(
    session: &mut Session,
    scope: &mut Scope<'_>,
    step: Step,
    done: Done,
) -> Outcome {
    match (step, done) {
        (_, Done::Hash(HashDone::Failed)) => Outcome::unavailable(),
        (_, Done::Store(StoreDone::Unavailable(text))) => {
            Event::StoreUnavailable { text: &text }.log();
            Outcome::unavailable()
        }
        (Step::Hashing(registrant), Done::Hash(HashDone::Made(hash))) => create(registrant, hash),
        (Step::Creating(username), Done::Store(done)) => created(session, scope, &username, &done),

        (Step::Finding(username, credential), Done::Store(StoreDone::Account(account))) => {
            verify(scope, username, credential, account)
        }
        (
            Step::Verifying(username, credential, account),
            Done::Hash(HashDone::Verified(verified)),
        ) => match account.filter(|_| verified) {
            Some(account) => recheck_or_rehash(scope, credential, account),
            None => login_failed(scope, &username, "wrong password or unknown username"),
        },
        (Step::Rehashing(account), Done::Hash(HashDone::Made(new))) => restore(account, new),
        (Step::Rechecking(before), Done::Store(StoreDone::Account(now))) => {
            match now.filter(|now| (now.id, &now.hash) == (before.id, &before.hash)) {
                Some(now) => enter(session, scope, now),
                None => login_failed(scope, &before.username, "changed during the login"),
            }
        }
        (Step::Restoring(account), Done::Store(StoreDone::Changed)) => {
            enter(session, scope, account)
        }
        // Another device's login may have made the new hash first: this one tries again.
        (Step::Restoring(_), Done::Store(StoreDone::Conflict)) => Outcome::unavailable(),
        (Step::Restoring(account), Done::Store(_)) => {
            login_failed(scope, &account.username, "changed during the login")
        }

        (Step::Renaming(full_name), Done::Store(done)) => renamed(session, scope, full_name, &done),
        (Step::FindingFor(purpose, credential), Done::Store(StoreDone::Account(account))) => {
            verify_for(session, purpose, credential, account)
        }
        (Step::VerifyingFor(purpose, hash), Done::Hash(HashDone::Verified(verified))) => {
            if verified {
                verified_for(session, purpose, hash)
            } else {
                wrong_password(session, scope)
            }
        }
        (Step::HashingNew(old), Done::Hash(HashDone::Made(new))) => store_new(session, old, new),
        (Step::StoringNew, Done::Store(done)) => password_changed(session, scope, &done),
        (Step::Deleting, Done::Store(done)) => deleted(session, scope, &done),

        // An answer that the job does not have: the fault is ours, and costs this request only.
        (_, Done::Hash(_) | Done::Store(_) | Done::Busy { .. }) => Outcome::unavailable(),
    }
}

fn create(registrant: Registrant, hash: PasswordHash) -> Outcome {
    let Registrant { id: register_id, username, full_name, invite } = registrant;
    let step = Step::Creating(username.clone());
    let job = StoreJob::CreateAccount { register_id, username, full_name, hash, invite };
    defer_store(job, step)
}

fn created(
    session: &mut Session,
    scope: &mut Scope<'_>,
    username: &Username,
    done: &StoreDone,
) -> Outcome {
    match done {
        StoreDone::CreatedBefore => {
            // It was charged for when it was created.
            session.settle_as(scope, Settlement::Failed);
            Outcome::Reply(Reply::Registered {})
        }
        StoreDone::Created => {
            Event::AccountCreated { username, connection: scope.connection }.log();
            Outcome::Reply(Reply::Registered {})
        }
        StoreDone::UsernameTaken => {
            Outcome::refuse(ErrorCode::UsernameTaken, "this username is taken")
        }
        StoreDone::InviteUsed => {
            Outcome::refuse(ErrorCode::NotAllowed, "the invite was used already")
        }
        _ => Outcome::unavailable(),
    }
}

/// Checks the credential, or a dummy where there is no account, so that the one takes the path
/// and the time of the other.
fn verify(
    scope: &Scope<'_>,
    username: Username,
    credential: Credential,
    account: Option<AccountRecord>,
) -> Outcome {
    let hash = match &account {
        Some(account) => account.hash.clone(),
        None => scope.settings.bcrypt.dummy(),
    };
    let job = HashJob::Verify { credential: credential.clone(), hash };
    defer_hash(job, Step::Verifying(username, credential, account))
}

/// The credential is right, but hashing took its time: the password may have been changed or the
/// account deleted meanwhile, and the sessions that were there closed.
fn recheck_or_rehash(scope: &Scope<'_>, credential: Credential, account: AccountRecord) -> Outcome {
    if scope.settings.bcrypt.is_outdated(&account.hash) {
        return defer_hash(HashJob::Make { credential }, Step::Rehashing(account));
    }
    find(account.username.clone(), Step::Rechecking(account))
}

fn restore(mut account: AccountRecord, new: PasswordHash) -> Outcome {
    let old = std::mem::replace(&mut account.hash, new.clone());
    defer_store(StoreJob::SetHash { account: account.id, old, new }, Step::Restoring(account))
}

fn enter(session: &mut Session, scope: &mut Scope<'_>, account: AccountRecord) -> Outcome {
    let AccountRecord { id, username, full_name, waiting, .. } = account;
    let (connection, address) = (scope.connection, scope.peer);
    Event::LoginSucceeded { username: &username, connection, address }.log();
    scope.effects.push(Effect::Entered { connection, account: id });
    let reply = LoggedIn { username: username.clone(), full_name: full_name.clone(), waiting };
    session.state = State::LoggedIn(Box::new(Identity { account: id, username, full_name }));
    Outcome::Reply(Reply::LoggedIn(reply))
}

fn leave(session: &mut Session, scope: &mut Scope<'_>) {
    let connection = scope.connection;
    if let State::LoggedIn(identity) = std::mem::replace(&mut session.state, State::Anonymous) {
        Event::Logout { username: &identity.username, connection }.log();
        scope.effects.push(Effect::Left { connection, account: identity.account });
    }
}

/// One answer for an unknown username and a wrong password; the log alone tells why.
fn login_failed(scope: &Scope<'_>, username: &Username, reason: &str) -> Outcome {
    let (connection, address) = (scope.connection, scope.peer);
    Event::LoginFailed { username, connection, address, reason }.log();
    Outcome::refuse(ErrorCode::BadCredentials, "unknown username or wrong password")
}

fn renamed(
    session: &mut Session,
    scope: &Scope<'_>,
    full_name: FullName,
    done: &StoreDone,
) -> Outcome {
    match (done, &mut session.state) {
        (StoreDone::Changed, State::LoggedIn(identity)) => {
            identity.full_name = full_name;
            let (username, connection) = (&identity.username, scope.connection);
            Event::AccountRenamed { username, connection }.log();
            Outcome::Reply(Reply::AccountChanged {})
        }
        (StoreDone::NoAccount, _) => Outcome::account_gone(),
        _ => Outcome::unavailable(),
    }
}

fn verify_for(
    session: &Session,
    purpose: Purpose,
    credential: Credential,
    account: Option<AccountRecord>,
) -> Outcome {
    // The username may be another account's by now.
    match account.filter(|account| Some(account.id) == account_id(session)) {
        Some(account) => {
            let job = HashJob::Verify { credential, hash: account.hash.clone() };
            defer_hash(job, Step::VerifyingFor(purpose, account.hash))
        }
        None => Outcome::account_gone(),
    }
}

fn verified_for(session: &Session, purpose: Purpose, hash: PasswordHash) -> Outcome {
    let Some(account) = account_id(session) else {
        return Outcome::account_gone();
    };
    match purpose {
        Purpose::Password(new) => {
            defer_hash(HashJob::Make { credential: new }, Step::HashingNew(hash))
        }
        Purpose::Delete => defer_store(StoreJob::DeleteAccount { account, hash }, Step::Deleting),
    }
}

fn store_new(session: &Session, old: PasswordHash, new: PasswordHash) -> Outcome {
    match account_id(session) {
        Some(account) => defer_store(StoreJob::SetHash { account, old, new }, Step::StoringNew),
        None => Outcome::account_gone(),
    }
}

fn password_changed(session: &Session, scope: &mut Scope<'_>, done: &StoreDone) -> Outcome {
    match (done, session.identity()) {
        (StoreDone::Changed, Some(identity)) => {
            let connection = scope.connection;
            Event::AccountPasswordChanged { username: &identity.username, connection }.log();
            let account = identity.account;
            scope.effects.push(Effect::EndSessions { account, except: connection });
            Outcome::Reply(Reply::AccountChanged {})
        }
        (StoreDone::Conflict, _) => wrong_password(session, scope),
        (StoreDone::NoAccount, _) => Outcome::account_gone(),
        _ => Outcome::unavailable(),
    }
}

fn deleted(session: &mut Session, scope: &mut Scope<'_>, done: &StoreDone) -> Outcome {
    match (done, session.identity()) {
        (StoreDone::Changed, Some(identity)) => {
            let connection = scope.connection;
            Event::AccountDeleted { username: &identity.username, connection }.log();
            let account = identity.account;
            scope.effects.push(Effect::EndSessions { account, except: connection });
            leave(session, scope);
            Outcome::Reply(Reply::AccountChanged {})
        }
        (StoreDone::Conflict, _) => wrong_password(session, scope),
        (StoreDone::NoAccount, _) => Outcome::account_gone(),
        _ => Outcome::unavailable(),
    }
}

fn wrong_password(session: &Session, scope: &Scope<'_>) -> Outcome {
    if let Some(identity) = session.identity() {
        let (username, connection, address) = (&identity.username, scope.connection, scope.peer);
        let reason = "wrong password for a change";
        Event::LoginFailed { username, connection, address, reason }.log();
    }
    Outcome::refuse(ErrorCode::BadCredentials, "wrong password")
}

fn account_id(session: &Session) -> Option<AccountId> {
    session.identity().map(|identity| identity.account)
}

fn find(username: Username, step: Step) -> Outcome {
    defer_store(StoreJob::FindAccount { username }, step)
}

fn defer_store(job: StoreJob, step: Step) -> Outcome {
    Outcome::Defer(Job::Store(job), Pending::Account(Box::new(step)))
}

fn defer_hash(job: HashJob, step: Step) -> Outcome {
    Outcome::Defer(Job::Hash(job), Pending::Account(Box::new(step)))
}

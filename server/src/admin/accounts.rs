//! Handlers of the requests about accounts.

use std::collections::HashSet;

use correio_proto::{
    mail::{Timestamp, Username},
    recovery::RecoveryCode,
};

use super::{
    moment::Moment,
    next::{Change, Next, Pending, Sessions},
    refusal::taken,
    reply::{AdminError, AdminErrorCode, CodeView},
    request::{CODE_DAYS_MAX, NewPerson},
};
use crate::{
    auth::recovery,
    clock::Now,
    day::days_after,
    store::admin::{AdminJob, CodeRecord, NEW_ACCOUNTS_MAX, NewAccountRecord, POSTMASTER},
};

/// Accounts in one reply.
pub(super) const ACCOUNTS_PAGE: usize = 500;

/// Makes accounts with codes.
pub(super) fn create(now: Now, people: Vec<NewPerson>, days: u16) -> Next {
    let expires_at = match expiry(now, days) {
        Ok(expires_at) => expires_at,
        Err(error) => return error.into(),
    };
    if people.is_empty() || people.len() > NEW_ACCOUNTS_MAX {
        let text = format!("a request makes 1 to {NEW_ACCOUNTS_MAX} accounts");
        return Next::refused(AdminErrorCode::TooLarge, text);
    }
    let mut seen = HashSet::with_capacity(people.len());
    let names = people.iter().map(|person| &person.username);
    let twice: Vec<Username> = names.filter(|name| !seen.insert(*name)).cloned().collect();
    if !twice.is_empty() {
        let text = "these usernames are there twice; nothing was made";
        return Next::refused_names(AdminErrorCode::BadRequest, text, twice);
    }
    if let Some(person) = people.iter().find(|person| person.username.as_str() == POSTMASTER) {
        // Nobody else may send in the operator's name.
        return taken(vec![person.username.clone()]);
    }
    let mut codes = Vec::with_capacity(people.len());
    let mut accounts = Vec::with_capacity(people.len());
    for NewPerson { username, full_name } in people {
        let (code, record) = match make_code(expires_at) {
            Ok(made) => made,
            Err(error) => return error.into(),
        };
        accounts.push(NewAccountRecord {
            username: username.clone(),
            full_name: full_name.clone(),
            code: record,
        });
        let (full_name, expires_at) = (Some(full_name), Moment(expires_at));
        let app_passwords_revoked = None;
        codes.push(CodeView { username, full_name, code, expires_at, app_passwords_revoked });
    }
    Next::Job(AdminJob::Create { accounts, now: now.wall }, Pending::Coding(codes))
}

/// Gives an account a code.
pub(super) fn reset(now: Now, username: Username, days: u16) -> Next {
    let made = expiry(now, days).and_then(|expires_at| Ok((expires_at, make_code(expires_at)?)));
    let (expires_at, (code, record)) = match made {
        Ok(made) => made,
        Err(error) => return error.into(),
    };
    let view = CodeView {
        username: username.clone(),
        full_name: None,
        code,
        expires_at: Moment(expires_at),
        app_passwords_revoked: None,
    };
    Next::Job(AdminJob::SetCode { username, code: record }, Pending::Coding(vec![view]))
}

/// A change of one account.
pub(super) fn change(
    action: &'static str,
    username: &Username,
    sessions: Sessions,
    job: AdminJob,
) -> Next {
    let name = username.as_str().to_owned();
    Next::Job(job, Pending::Changing(Change { action, name, sessions }))
}

fn expiry(now: Now, days: u16) -> Result<Timestamp, AdminError> {
    if !(1..=CODE_DAYS_MAX).contains(&days) {
        let text = format!("a code can be used for 1 to {CODE_DAYS_MAX} days");
        return Err(AdminError::new(AdminErrorCode::BadRequest, text));
    }
    Ok(days_after(now.wall, days.into()))
}

fn make_code(expires_at: Timestamp) -> Result<(RecoveryCode, CodeRecord), AdminError> {
    let code = recovery::make().map_err(|error| {
        let text = format!("the system gives no random bytes: {error}");
        AdminError::new(AdminErrorCode::Unavailable, text)
    })?;
    let record = CodeRecord { digest: recovery::digest(&code), expires_at };
    Ok((code, record))
}

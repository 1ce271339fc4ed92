//! The commands about accounts.

use std::{fs, io, path::PathBuf};

use correio_proto::mail::Username;

use super::{
    client::AdminClient,
    pages,
    people_file::{People, PeopleError},
    result::{ChangeKind, CommandResult, code_of},
};
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{
        line::LINE_MAX,
        reply::{AccountView, AdminErrorCode, AdminReply, AppPasswordView, CodeView},
        request::{AdminRequest, Bounds, NewPerson},
    },
    ops::{admin_command::types::AccountAction, exit::Failure},
    private_file,
};

/// Runs a command other than an import.
pub(super) fn run(
    client: &mut AdminClient<'_>,
    action: AccountAction,
) -> Result<CommandResult, Failure> {
    let (change, name, request) = match action {
        AccountAction::List => return list(client),
        AccountAction::Show(username) => {
            let (account, app_passwords) = show(client, username)?;
            return Ok(CommandResult::Account(account, app_passwords));
        }
        AccountAction::Create { username, full_name, days } => {
            let accounts = vec![NewPerson { username, full_name }];
            let request = AdminRequest::Create { accounts, days };
            return codes(client, request).map(CommandResult::Codes);
        }
        AccountAction::Reset { username, days } => {
            let request = AdminRequest::Reset { username, days };
            return codes(client, request).map(CommandResult::Codes);
        }
        AccountAction::Enable(username) => {
            (ChangeKind::Enabled, username.clone(), AdminRequest::Enable { username })
        }
        AccountAction::Disable(username, mail) => {
            (ChangeKind::Disabled, username.clone(), AdminRequest::Disable { username, mail })
        }
        AccountAction::Delete(username, _) => {
            (ChangeKind::Deleted, username.clone(), AdminRequest::Delete { username })
        }
        AccountAction::Rename(username, full_name) => {
            (ChangeKind::Renamed, username.clone(), AdminRequest::Rename { username, full_name })
        }
        AccountAction::Quota(username, quota) => return bound(client, username, quota),
        // Its file is read before there is a client.
        AccountAction::Import { .. } => return Err(AdminCommandError::unexpected().into()),
    };
    client.ask(request)?;
    Ok(CommandResult::Changed(change, name.to_string()))
}

/// Bounds a mailbox, and reads what is in it: mails beyond the bounds stay.
fn bound(
    client: &mut AdminClient<'_>,
    username: Username,
    quota: Option<Bounds>,
) -> Result<CommandResult, Failure> {
    client.ask(AdminRequest::SetQuota { username: username.clone(), quota })?;
    let account = show(client, username.clone()).ok().map(|(account, _)| account);
    Ok(CommandResult::Bounded(username, account))
}

fn list(client: &mut AdminClient<'_>) -> Result<CommandResult, Failure> {
    let request = |all: &[AccountView]| AdminRequest::Accounts {
        after: all.last().map(|account| account.username.clone()),
    };
    let all = pages::all(client, request, |reply| match reply {
        AdminReply::Accounts { accounts, more } => Some((accounts, more)),
        _ => None,
    });
    all.map(CommandResult::Accounts)
}

/// Reads an account, and its app passwords.
pub(super) fn show(
    client: &mut AdminClient<'_>,
    username: Username,
) -> Result<(Box<AccountView>, Vec<AppPasswordView>), Failure> {
    match client.ask(AdminRequest::Account { username })? {
        AdminReply::Account { account, app_passwords } => Ok((account, app_passwords)),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

fn codes(client: &mut AdminClient<'_>, request: AdminRequest) -> Result<Vec<CodeView>, Failure> {
    match client.ask(request)? {
        AdminReply::Codes { codes } => Ok(codes),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

/// An import whose file was read.
#[derive(Debug)]
pub(super) struct Import {
    people: People,
    codes: Option<PathBuf>,
    days: u16,
}

impl Import {
    /// The import of this file's bytes.
    pub(super) fn read(
        bytes: &[u8],
        codes: Option<PathBuf>,
        days: u16,
    ) -> Result<Self, AdminCommandError> {
        if bytes.len() > LINE_MAX {
            let text = format!("the file has more than {LINE_MAX} bytes");
            return Err(AdminCommandError::File(text));
        }
        let people = People::read(bytes).map_err(|error| match error {
            PeopleError::File(text) => AdminCommandError::File(text),
            PeopleError::Rows(rows) => AdminCommandError::Rows(rows),
        })?;
        Ok(Self { people, codes, days })
    }

    /// Makes the accounts.
    pub(super) fn run(self, client: &mut AdminClient<'_>) -> Result<CommandResult, Failure> {
        let Self { people, codes: into, days } = self;
        // Made first: a code that cannot be written is lost.
        let target = into.map(|path| {
            let made = private_file::create_new(&path);
            made.map_err(|source| AdminCommandError::Codes { path: path.clone(), source })
                .map(|file| (path, file))
        });
        let target = target.transpose()?;
        let accounts = people.people.clone();
        let codes = match codes(client, AdminRequest::Create { accounts, days }) {
            Ok(codes) => codes,
            Err(failure) => {
                let failure = with_lines(failure, &people);
                return Err(without_codes(failure, target.map(|(path, _)| path)));
            }
        };
        let Some((path, file)) = target else {
            return Ok(CommandResult::Codes(codes));
        };
        let accounts = codes.len();
        match write(file, &codes) {
            Ok(()) => Ok(CommandResult::CodesFile(path, accounts)),
            Err(source) => Err(AdminCommandError::CodesLost { path, source }.into()),
        }
    }
}

/// Names the rows of the usernames that are taken.
fn with_lines(failure: Failure, people: &People) -> Failure {
    match failure {
        Failure::Admin(AdminCommandError::Refused(error))
            if error.code == AdminErrorCode::Taken =>
        {
            AdminCommandError::Rows(people.taken(&error.names)).into()
        }
        failure => failure,
    }
}

/// Removes the file of codes after an import that made no account. After one that may have made its
/// accounts, the file stays: the same command does not run again by mistake.
fn without_codes(failure: Failure, path: Option<PathBuf>) -> Failure {
    let Some(path) = path else {
        return failure;
    };
    match failure {
        Failure::Admin(AdminCommandError::Refused(_) | AdminCommandError::Rows(_))
        | Failure::Admin(AdminCommandError::Interrupted) => {
            let _ = fs::remove_file(path);
            failure
        }
        failure => {
            let (cause, status, code) = (failure.to_string(), failure.status(), code_of(&failure));
            AdminCommandError::ImportUnanswered { path, cause, status, code }.into()
        }
    }
}

/// Writes codes as CSV, and syncs them: nothing shows them again.
fn write(file: fs::File, codes: &[CodeView]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["username", "full_name", "code"])?;
    for CodeView { username, full_name, code, .. } in codes {
        let full_name = full_name.as_ref().map_or("", |name| name.as_str());
        writer.write_record([username.as_str(), &harmless(full_name), &code.to_string()])?;
    }
    let file = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.sync_all()
}

/// A cell that no spreadsheet takes for a formula: an apostrophe goes before a character that
/// begins one. Usernames and codes begin with a letter or a digit.
fn harmless(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

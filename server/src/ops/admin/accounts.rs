//! The commands about accounts.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::Path,
};

use correio_proto::mail::Username;

use super::{
    door::Door,
    error::AdminCommandError,
    people_file::{People, PeopleError},
    result::CommandResult,
    types::{AccountAction, Confirmation},
};
use crate::{
    admin::{
        line::LINE_MAX,
        reply::{AccountView, AdminErrorCode, AdminReply, AppPasswordView, CodeView},
        request::{AdminRequest, NewPerson},
    },
    ops::exit::Failure,
    private_file,
};

/// Runs a command.
pub(super) fn run(door: &mut Door, action: AccountAction) -> Result<CommandResult, Failure> {
    let (name, request) = match action {
        AccountAction::List => return list(door),
        AccountAction::Show(username) => {
            let (account, app_passwords) = show(door, username)?;
            return Ok(CommandResult::Account(account, app_passwords));
        }
        AccountAction::Create { username, full_name, days } => {
            let accounts = vec![NewPerson { username, full_name }];
            return codes(door, AdminRequest::Create { accounts, days }).map(CommandResult::Codes);
        }
        AccountAction::Reset { username, days } => {
            return codes(door, AdminRequest::Reset { username, days }).map(CommandResult::Codes);
        }
        AccountAction::Import { file, codes, days } => {
            return import(door, file.as_deref(), codes.as_deref(), days);
        }
        AccountAction::Enable(username) => (username.clone(), AdminRequest::Enable { username }),
        AccountAction::Disable(username, mail) => {
            (username.clone(), AdminRequest::Disable { username, mail })
        }
        AccountAction::Delete(username, confirmation) => {
            if confirmation == Confirmation::Wanted {
                confirm(&show(door, username.clone())?.0)?;
            }
            (username.clone(), AdminRequest::Delete { username })
        }
        AccountAction::Rename(username, full_name) => {
            (username.clone(), AdminRequest::Rename { username, full_name })
        }
        AccountAction::Quota(username, quota) => {
            (username.clone(), AdminRequest::SetQuota { username, quota })
        }
    };
    door.ask(request)?;
    Ok(CommandResult::Changed(name.to_string()))
}

fn list(door: &mut Door) -> Result<CommandResult, Failure> {
    let mut all: Vec<AccountView> = Vec::new();
    loop {
        let after = all.last().map(|account| account.username.clone());
        match door.ask(AdminRequest::Accounts { after })? {
            AdminReply::Accounts { accounts, more } => {
                all.extend(accounts);
                if !more {
                    return Ok(CommandResult::Accounts(all));
                }
            }
            _ => return Err(AdminCommandError::unexpected().into()),
        }
    }
}

fn show(
    door: &mut Door,
    username: Username,
) -> Result<(Box<AccountView>, Vec<AppPasswordView>), Failure> {
    match door.ask(AdminRequest::Account { username })? {
        AdminReply::Account { account, app_passwords } => Ok((account, app_passwords)),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

fn codes(door: &mut Door, request: AdminRequest) -> Result<Vec<CodeView>, Failure> {
    match door.ask(request)? {
        AdminReply::Codes { codes } => Ok(codes),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

fn import(
    door: &mut Door,
    file: Option<&Path>,
    into: Option<&Path>,
    days: u16,
) -> Result<CommandResult, Failure> {
    let people = People::read(&read(file)?).map_err(|error| match error {
        PeopleError::File(text) => AdminCommandError::File(text),
        PeopleError::Rows(rows) => AdminCommandError::Rows(rows),
    })?;
    // Made first: a code that cannot be written is lost.
    let target = into.map(|path| {
        let made = private_file::create_new(path);
        made.map_err(|source| AdminCommandError::Codes { path: path.to_owned(), source })
            .map(|file| (path, file))
    });
    let target = target.transpose()?;
    let made = codes(door, AdminRequest::Create { accounts: people.people.clone(), days });
    let codes = match made {
        Ok(codes) => codes,
        Err(failure) => {
            if let Some((path, _)) = target {
                let _ = fs::remove_file(path);
            }
            return Err(with_lines(failure, &people));
        }
    };
    let Some((path, file)) = target else {
        return Ok(CommandResult::Codes(codes));
    };
    let accounts = codes.len();
    match write(file, &codes) {
        Ok(()) => Ok(CommandResult::CodesFile(path.to_owned(), accounts)),
        Err(source) => Err(AdminCommandError::CodesLost { path: path.to_owned(), source }.into()),
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

/// Reads a file of at most [`LINE_MAX`] bytes.
fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = LINE_MAX as u64 + 1;
    let (name, read) = match file {
        None => {
            ("standard input".to_owned(), io::stdin().lock().take(limit).read_to_end(&mut bytes))
        }
        Some(path) => {
            let opened = fs::File::open(path);
            let read = opened.and_then(|file| file.take(limit).read_to_end(&mut bytes));
            (path.display().to_string(), read)
        }
    };
    read.map_err(|source| AdminCommandError::Read { name, source })?;
    match bytes.len() > LINE_MAX {
        true => {
            Err(AdminCommandError::File(format!("the file has more than {LINE_MAX} bytes")).into())
        }
        false => Ok(bytes),
    }
}

/// Writes codes as CSV, and syncs them: nothing shows them again.
fn write(file: fs::File, codes: &[CodeView]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["username", "full_name", "code"])?;
    for CodeView { username, full_name, code, .. } in codes {
        let full_name = full_name.as_ref().map_or("", |name| name.as_str());
        writer.write_record([username.as_str(), full_name, &code.to_string()])?;
    }
    let file = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.sync_all()
}

/// Asks on the terminal whether an account shall be deleted.
fn confirm(account: &AccountView) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    if !io::stdin().is_terminal() || !terminal.is_terminal() {
        return Err(AdminCommandError::NoTerminal.into());
    }
    let AccountView { username, full_name, mails, .. } = account;
    let full_name = full_name.as_str().replace(crate::event::is_obeyed, "\u{fffd}");
    let _ = write!(
        terminal,
        "Delete the account {username} ({full_name}) and its {mails} mails for good? [y/N] "
    );
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    match read {
        Ok(_) if is_yes => Ok(()),
        Ok(_) | Err(_) => Err(AdminCommandError::Declined.into()),
    }
}

//! The accounts that have files on this computer.

use std::{fs, path::Path};

use correio_client::Address;
use correio_proto::mail::Username;

/// The servers and users with a mailbox in a data directory, in no order. Directories with other
/// names are ignored.
pub(crate) fn of_mailboxes(data: &Path) -> Vec<(Address, Username)> {
    below(&data.join("mail"))
}

/// As [`of_mailboxes`], of those with an address book or a file of known people.
pub(crate) fn of_people(data: &Path) -> Vec<(Address, Username)> {
    below(&data.join("people"))
}

fn below(directory: &Path) -> Vec<(Address, Username)> {
    let mut owners = Vec::new();
    for server in names(directory) {
        let Some(address) = Address::from_directory_name(&server) else {
            continue;
        };
        let users = names(&directory.join(&server));
        let users = users.iter().filter_map(|name| name.parse().ok());
        owners.extend(users.map(|user| (address.clone(), user)));
    }
    owners
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return vec![];
    };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_tell_their_owners() {
        let data = tempfile::TempDir::new().unwrap();
        for directory in ["%3A%3A1_8888/tony", "a_b_1/pepper", "notes/x", "a_0/tony"] {
            fs::create_dir_all(data.path().join("mail").join(directory)).unwrap();
        }
        let mut owners: Vec<_> = of_mailboxes(data.path())
            .into_iter()
            .map(|(address, user)| format!("{user} {address}"))
            .collect();
        owners.sort();
        assert_eq!(owners, ["pepper a_b:1", "tony [::1]:8888"]);
        assert!(of_people(data.path()).is_empty());
        assert!(of_mailboxes(Path::new("/nowhere")).is_empty());
    }
}

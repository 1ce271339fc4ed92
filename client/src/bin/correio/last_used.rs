//! The server and the username that were used last, in files of the data directory. They are only
//! a convenience: without them, the user types them again.

use std::{fs, path::Path, str::FromStr};

use correio_client::Address;
use correio_proto::mail::Username;

use crate::private_file;

/// File with the address of the last server that answered.
const SERVER: &str = "server";

/// File with the username of the last login.
const USER: &str = "user";

pub(crate) fn server(data: &Path) -> Option<Address> {
    read(data, SERVER)
}

pub(crate) fn set_server(data: &Path, address: &Address) {
    let _ = private_file::write(&data.join(SERVER), &format!("{address}\n"));
}

pub(crate) fn user(data: &Path) -> Option<Username> {
    read(data, USER)
}

pub(crate) fn set_user(data: &Path, username: &Username) {
    let _ = private_file::write(&data.join(USER), &format!("{username}\n"));
}

fn read<T: FromStr>(data: &Path, name: &str) -> Option<T> {
    fs::read_to_string(data.join(name)).ok()?.trim().parse().ok()
}

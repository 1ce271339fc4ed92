//! Listed mails: the names of their senders, and their JSON.

use std::io::{self, Write};

use correio_client::{Address, Flag, Folder, MailStatus, Skipped, Stored};
use correio_proto::mail::Username;
use serde_json::{Value, json};

use super::{
    context::Context,
    json::{add_resembled, utc},
};
use crate::{names::Names, people::LocalPeople, text::Text};

/// The names that the reader of a list may know.
pub(super) fn names(
    context: &Context<'_>,
    account: &(Address, Username),
    mails: &[Stored],
) -> Names {
    let mut names = match mails.iter().any(|mail| mail.folder == Folder::Received) {
        true => known_names(context, account),
        // The sender of sent mail is the reader.
        false => Names::default(),
    };
    mails.iter().for_each(|mail| names.add_sender(mail));
    names
}

/// The names of the people that the reader knows.
pub(super) fn known_names(
    context: &Context<'_>,
    (server, username): &(Address, Username),
) -> Names {
    LocalPeople::load(&context.data, server, username, &context.cancel).names()
}

/// A mail of a list as JSON.
pub(super) fn listed_json(mail: &Stored, names: &Names) -> Value {
    let mut json = json!({
        "folder": folder_name(mail.folder),
        "number": mail.number,
        "status": match mail.status {
            MailStatus::New => "new",
            MailStatus::Unread => "unread",
            MailStatus::Read => "read",
        },
        "important": mail.flags.has(Flag::Important),
        "replied": mail.flags.has(Flag::Replied),
        "forwarded": mail.flags.has(Flag::Forwarded),
        "id": mail.id.to_string(),
        "from": mail.from.as_str(),
        "from_name": mail.from_name.as_str(),
        "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
        "sent_at": utc(mail.sent_at),
        "subject": mail.subject.as_str(),
    });
    add_resembled(&mut json, &names.resembled_by(mail));
    json
}

/// The name of a folder for programs.
pub(super) fn folder_name(folder: Folder) -> &'static str {
    match folder {
        Folder::Received => "received",
        Folder::Sent => "sent",
    }
}

/// Writes which files a list does without, to standard error.
pub(super) fn say_skipped(text: &Text, skipped: &[Skipped]) {
    for skipped in skipped {
        let _ = writeln!(io::stderr(), "{}", text.skipped_mail(skipped));
    }
}

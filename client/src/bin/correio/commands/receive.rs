//! `correio receive`: receives all mail and lists what is new.

use std::io::{self, IsTerminal, Write};

use correio_client::{
    DamagedContents, Folder, Mailbox, MailboxNote, Progress, ReceiveOptions, Stored, WhiteSpace,
    sanitize,
};
use correio_proto::message::LoggedIn;
use serde_json::json;

use super::{
    context::Context,
    json::{add_resembled, mail_json},
};
use crate::{
    exit::{ExitStatus, Failure},
    names::{Names, Since},
    output::{Marks, Output, Shown},
    people::LocalPeople,
    transfer::TransferBar,
    view,
};

pub(super) fn run(context: &Context<'_>, options: ReceiveOptions) -> Result<Output, Failure> {
    let text = context.text;
    let (service, account) = context.log_in()?;
    let mut mailbox = context.mailbox(&[Folder::Received])?;
    let mut bar = TransferBar::on_stderr(text.of("receive-working"));
    let mut progress = |progress: Progress| match progress.content {
        Some(content) => bar.show(content),
        None if io::stderr().is_terminal() && progress.more => {
            bar.clear();
            let _ = writeln!(io::stderr(), "{}", text.progress(&progress));
        }
        None => {}
    };
    let received = service.receive_with(&mut mailbox, options, &mut progress, &context.cancel);
    drop(bar);
    let mut damaged = None;
    for note in mailbox.take_notes() {
        let said = match (&note, options.damaged) {
            (MailboxNote::ContentDamaged { from, subject }, DamagedContents::Delete) => {
                text.of_mail("receive-damaged-deleted", from, subject)
            }
            _ => text.mailbox_note(&note),
        };
        let _ = writeln!(io::stderr(), "{said}");
        if let (MailboxNote::ContentDamaged { .. }, DamagedContents::Keep) = (note, options.damaged)
        {
            damaged = Some(said);
        }
    }
    match received {
        Ok(received) => {
            let listed = list(context, mailbox, &account, received.mails)?;
            match damaged {
                // The other mails are here.
                Some(said) => {
                    let failure = Failure::new(ExitStatus::BadData, "damaged", said);
                    Err(Failure { partial: Some(Box::new(listed)), ..failure })
                }
                None => Ok(listed),
            }
        }
        Err(error) => {
            let failure = Failure::receive(text, &error);
            // Mails that were saved before the failure will not come again, so they are listed.
            match mailbox.unseen() {
                Ok(mails) if !mails.is_empty() => {
                    let directory = mailbox.directory().to_string_lossy();
                    let directory = sanitize(&directory, WhiteSpace::OneLine);
                    let values = [("directory", directory.into())];
                    let _ = writeln!(io::stderr(), "{}", text.with("receive-saved", &values));
                    let listed = list(context, mailbox, &account, mails);
                    Err(Failure { partial: listed.ok().map(Box::new), ..failure })
                }
                _ => Err(failure),
            }
        }
    }
}

/// Lists mails. They stay new until the list was written.
fn list(
    context: &Context<'_>,
    mailbox: Mailbox,
    account: &LoggedIn,
    mails: Vec<Stored>,
) -> Result<Output, Failure> {
    let text = context.text;
    let mut lines = match mails.len() {
        0 => vec![text.of("receive-none")],
        count => vec![view::received(text, count)],
    };
    let names = names(context, account, &mails)?;
    let mut list = Vec::new();
    for stored in &mails {
        lines.push(view::mail_line(text, stored.number, stored, &names));
        // Bodies are read only if they are printed.
        if context.options.json {
            match mailbox.read(stored).and_then(|mail| Ok((mail, mailbox.readable(stored)?))) {
                Ok((mail, content)) => {
                    let mut json = mail_json(stored.number, &mail, content);
                    add_resembled(&mut json, &names.resembled_by(stored));
                    list.push(json);
                }
                // A mail that cannot be read does not hide the others.
                Err(error) => _ = writeln!(io::stderr(), "{}", text.mailbox(&error)),
            }
        }
    }
    let json = json!({ "mails": list });
    Ok(Output { shown: Shown::Lines(lines.join("\n")), json, marks: Marks::Shown(mailbox, mails) })
}

/// The names that the reader may know: their own, those of the senders of all local mails, and
/// those of the address book.
pub(super) fn names(
    context: &Context<'_>,
    account: &LoggedIn,
    mails: &[Stored],
) -> Result<Names, Failure> {
    // Without new mail there is no sender to name.
    if mails.is_empty() {
        return Ok(Names::default());
    }
    let server = context.address()?;
    let people = LocalPeople::load(&context.data, &server, &account.username, &context.cancel);
    let mut names = people.names();
    names.add(&account.username, &account.full_name, &Since::Always);
    mails.iter().for_each(|mail| names.add_sender(mail));
    Ok(names)
}

//! `correio list` and `correio read`: the local mailbox, without the server.

use std::io::{self, Write};

use correio_client::{MailStatus, Mailbox, MailboxError};
use serde_json::{Value, json};

use super::{
    context::Context,
    json::{add_resembled, mail_json, utc},
};
use crate::{
    exit::Failure,
    mail_view::MailView,
    output::{Marks, Output, Shown},
    people::{self, LocalPeople},
    view,
};

pub(super) fn list(context: &Context<'_>) -> Result<Output, Failure> {
    let text = context.text;
    let (server, username) = context.account()?;
    let mailbox = Mailbox::open(&context.data, &server, &username);
    let list = mailbox.list(1, usize::MAX).map_err(|error| Failure::mailbox(text, &error))?;
    for skipped in &list.skipped {
        let _ = writeln!(io::stderr(), "{}", text.skipped_mail(skipped));
    }
    let people = LocalPeople::load(&context.data, &server, &username, &context.cancel);
    let mut names = people.names();
    list.mails.iter().for_each(|mail| names.add_sender(mail));
    let mut lines = Vec::new();
    let mut mails = Vec::new();
    for mail in &list.mails {
        lines.push(view::dated_mail_line(text, mail, &names));
        let mut entry = json!({
            "number": mail.number,
            "status": match mail.status {
                MailStatus::New => "new",
                MailStatus::Unread => "unread",
                MailStatus::Read => "read",
            },
            "id": mail.id.to_string(),
            "from": mail.from.as_str(),
            "from_name": mail.from_name.as_str(),
            "sent_at": utc(mail.sent_at),
            "subject": mail.subject.as_str(),
        });
        add_resembled(&mut entry, &names.resembled_by(mail));
        mails.push(entry);
    }
    if lines.is_empty() {
        lines.push(text.of("local-empty"));
    }
    Ok(Output::new(lines.join("\n"), json!({ "mails": mails })))
}

pub(super) fn read(context: &Context<'_>, number: usize) -> Result<Output, Failure> {
    let (server, username) = context.account()?;
    let mailbox = Mailbox::open(&context.data, &server, &username);
    let failed = |error: MailboxError| Failure::mailbox(context.text, &error);
    let (stored, mail) = mailbox.read_number(number).map_err(failed)?;
    let content = mailbox.text(&stored).map_err(failed)?;
    let names = LocalPeople::load(&context.data, &server, &username, &context.cancel).names();
    // The text may be large, so that only one of the two is made.
    let (shown, json) = match context.options.json {
        true => {
            let mut json = mail_json(number, &mail, content);
            add_resembled(&mut json, &names.resembled_by(&stored));
            (Shown::Lines(String::new()), json)
        }
        false => {
            let warning = people::stranger_warning(context.text, &stored, &names);
            let view = MailView::new(context.text, &mail, content).with_warning(warning);
            (Shown::Mail(Box::new(view)), Value::Null)
        }
    };
    Ok(Output { shown, json, marks: Marks::Read(mailbox, stored) })
}

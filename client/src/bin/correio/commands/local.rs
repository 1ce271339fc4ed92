//! `correio list` and `correio read`: the local mailbox, without the server.

use std::io::{self, Write};

use correio_client::{MailStatus, MailboxError};
use serde_json::{Value, json};

use super::{
    context::Context,
    json::{mail_json, utc},
};
use crate::{
    exit::Failure,
    mail_view::MailView,
    names::Names,
    output::{Marks, Output, Shown},
    view,
};

pub(super) fn list(context: &Context<'_>) -> Result<Output, Failure> {
    let text = context.text;
    let mailbox = context.mailbox()?;
    let list = mailbox.list(1, usize::MAX).map_err(|error| Failure::mailbox(text, &error))?;
    for skipped in &list.skipped {
        let _ = writeln!(io::stderr(), "{}", text.skipped_mail(skipped));
    }
    let names = Names::of_mails(&list.mails);
    let mut lines = Vec::new();
    let mut mails = Vec::new();
    for mail in &list.mails {
        lines.push(view::dated_mail_line(text, mail, &names));
        mails.push(json!({
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
        }));
    }
    if lines.is_empty() {
        lines.push(text.of("local-empty"));
    }
    Ok(Output::new(lines.join("\n"), json!({ "mails": mails })))
}

pub(super) fn read(context: &Context<'_>, number: usize) -> Result<Output, Failure> {
    let mailbox = context.mailbox()?;
    let failed = |error: MailboxError| Failure::mailbox(context.text, &error);
    let (stored, mail) = mailbox.read_number(number).map_err(failed)?;
    let content = mailbox.text(&stored).map_err(failed)?;
    // The text may be large, so that only one of the two is made.
    let (shown, json) = match context.options.json {
        true => (Shown::Lines(String::new()), mail_json(number, &mail, content)),
        false => {
            let view = MailView::new(context.text, &mail, content);
            (Shown::Mail(Box::new(view)), Value::Null)
        }
    };
    Ok(Output { shown, json, marks: Marks::Read(mailbox, stored) })
}

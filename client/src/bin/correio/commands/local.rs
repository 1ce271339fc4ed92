//! `correio list` and `correio read`: the local mailbox, without the server.

use std::io::{self, IsTerminal, Write};

use console::Term;
use correio_client::MailStatus;
use serde_json::json;

use super::{
    context::Context,
    json::{mail_json, utc},
};
use crate::{
    exit::Failure,
    names::Names,
    output::{Marks, Output},
    view,
    wrap::{LongWords, wrap},
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
    let (stored, mail) =
        mailbox.read_number(number).map_err(|error| Failure::mailbox(context.text, &error))?;
    let json = mail_json(number, &mail);
    let mut text = view::mail(context.text, &mail);
    // In a file or a pipe, the lines stay as the sender wrote them.
    if io::stdout().is_terminal() {
        let (_, columns) = Term::stdout().size();
        text = wrap(&text, columns.into(), LongWords::Cut);
    }
    Ok(Output { text, json, marks: Marks::Read(mailbox, stored) })
}

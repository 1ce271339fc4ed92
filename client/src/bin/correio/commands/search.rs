//! `correio search`: finds mails on this computer, without the server.

use std::io::{self, Write};

use correio_client::{Folder, Mailbox, Stored};
use serde_json::json;

use super::{
    context::Context,
    listing::{listed_json, names, say_skipped},
};
use crate::{exit::Failure, local_args::SearchArgs, output::Output, search, view};

/// Most mails that are shown: the newest.
const SHOWN_MAX: usize = 1000;

pub(super) fn run(context: &Context<'_>, args: &SearchArgs) -> Result<Output, Failure> {
    let text = context.text;
    let conditions = args.conditions(text)?;
    let account = context.account(args.folders())?;
    let mailbox = Mailbox::open(&context.data, &account.0, &account.1);
    context.terminal.set_busy(true);
    let failed = |error| Failure::mailbox(text, &error);
    let found = search::search(&mailbox, args.folders(), &conditions, &context.cancel);
    let found = found.map_err(failed)?;
    let total = found.mails.len();
    let shown = found.mails.get(..SHOWN_MAX).unwrap_or(&found.mails);
    let mut mails: Vec<Stored> = Vec::new();
    let mut skipped = found.skipped;
    for folder in [Folder::Received, Folder::Sent] {
        let of_folder = shown.iter().filter(|(of, _)| *of == folder);
        let entries: Vec<_> = of_folder.map(|(_, entry)| entry.clone()).collect();
        let list = mailbox.in_folder(folder).load(&entries).map_err(failed)?;
        mails.extend(list.mails);
        skipped.extend(list.skipped);
    }
    mails.sort_by_key(|mail| mail.sent_at);
    mails.reverse();
    say_skipped(text, &skipped);
    if total > shown.len() {
        let values =
            [("shown", shown.len().to_string().into()), ("count", total.to_string().into())];
        let _ = writeln!(io::stderr(), "{}", text.with("search-more", &values));
    }
    let names = names(context, &account, &mails);
    let mut lines: Vec<_> =
        mails.iter().map(|mail| view::dated_mail_line(text, mail, &names)).collect();
    if lines.is_empty() {
        lines.push(text.of("search-none"));
    }
    let mails: Vec<_> = mails.iter().map(|mail| listed_json(mail, &names)).collect();
    Ok(Output::new(lines.join("\n"), json!({ "found": total, "mails": mails })))
}

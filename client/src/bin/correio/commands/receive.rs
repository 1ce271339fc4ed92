//! `correio receive`

use std::io::{self, IsTerminal, Write};

use correio_client::{Progress, Shown, show};
use serde_json::json;

use super::{Context, Output, mail_json};
use crate::{exit::Failure, terminal::Guard};

pub(super) fn run(context: &Context<'_>, guard: &Guard) -> Result<Output, Failure> {
    let text = context.text;
    let (service, _) = context.log_in(guard)?;
    let mut mailbox = context.mailbox()?;
    let mut progress = |progress: Progress| {
        if io::stderr().is_terminal() && progress.more {
            let count = progress.saved.to_string();
            let line = text.with("receive-progress", &[("count", count.into())]);
            let _ = writeln!(io::stderr(), "{line}");
        }
    };
    let received = service.receive(&mut mailbox, &mut progress, &context.cancel);
    let say_notes = || {
        for note in mailbox.take_notes() {
            let _ = writeln!(io::stderr(), "{}", text.mailbox_note(&note));
        }
    };
    let mails = received.map_err(|error| {
        say_notes();
        // What arrived before is not lost and comes with the next success.
        if mailbox.unseen().is_ok_and(|mails| !mails.is_empty()) {
            let directory = mailbox.directory().display().to_string();
            let values = [("directory", directory.into())];
            let _ = writeln!(io::stderr(), "{}", text.with("receive-saved", &values));
        }
        Failure::receive(text, &error)
    })?;
    let mut lines = match mails.len() {
        0 => vec![text.of("receive-none")],
        count => vec![text.with("receive-count", &[("count", format!("{count:02}").into())])],
    };
    let mut list = Vec::new();
    for stored in &mails {
        let from = show(stored.from_name.as_str(), Shown::OneLine);
        let subject = show(stored.subject.as_str(), Shown::OneLine);
        lines.push(format!("[{}] {from}: {subject}", stored.number));
        // Bodies are held in memory only where they are printed.
        if context.options.json {
            match mailbox.read(stored) {
                Ok(mail) => list.push(mail_json(stored.number, &mail)),
                // One that cannot be read hides no other.
                Err(error) => _ = writeln!(io::stderr(), "{}", text.mailbox(&error)),
            }
        }
    }
    mailbox.mark_shown(&mails).map_err(|error| Failure::mailbox(text, &error))?;
    say_notes();
    Ok(Output { text: lines.join("\n"), json: json!({ "mails": list }) })
}

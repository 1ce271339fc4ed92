//! The commands for mail on this computer, which need no server: `correio list`, `read`, `delete`
//! and `mark`.

use correio_client::{Entry, Folder, Mailbox, MailboxError, Stored};
use serde_json::{Value, json};

use super::{
    context::Context,
    json::{add_resembled, mail_json},
    listing::{folder_name, listed_json, names, say_skipped},
    long_list::{self, LongList},
};
use crate::{
    exit::{ExitStatus, Failure},
    local_args::{DeleteArgs, ListArgs, MarkArgs, Order},
    mail_number::MailNumber,
    mail_view::MailView,
    output::{Marks, Output, Shown},
    people::{self, LocalPeople},
    text::Text,
    view,
};

/// Mails on a page.
const PAGE: usize = 50;

pub(super) fn list(context: &Context<'_>, args: &ListArgs) -> Result<Output, Failure> {
    let text = context.text;
    let conditions = args.conditions(text)?;
    let folder = args.folder();
    let account = context.account(&[folder])?;
    let mailbox = Mailbox::open(&context.data, &account.0, &account.1).in_folder(folder);
    let failed = |error| Failure::mailbox(text, &error);
    context.terminal.set_busy(true);
    let selected = mailbox.select(&conditions, &context.cancel).map_err(failed)?;
    say_skipped(text, &selected.skipped);
    let mut entries = selected.entries;
    if args.order() == Order::NewestFirst {
        entries.reverse();
    }
    let total = entries.len();
    let pages = total.div_ceil(PAGE).max(1);
    if let Some(page) = args.page {
        entries = page_of(text, entries, page.get(), pages)?;
    }
    if entries.len() > long_list::AT_ONCE {
        return match LongList::new(context, &account, mailbox, entries)? {
            Some(list) => {
                let shown = Shown::Streamed(Box::new(list));
                Ok(Output { shown, json: Value::Null, marks: Marks::Nothing })
            }
            None => Ok(Output::new(nothing(text, args), json!({ "mails": [] }))),
        };
    }
    let list = mailbox.load(&entries).map_err(failed)?;
    say_skipped(text, &list.skipped);
    let names = names(context, &account, &list.mails);
    let mut lines: Vec<_> =
        list.mails.iter().map(|mail| view::dated_mail_line(text, mail, &names)).collect();
    if lines.is_empty() {
        lines.push(nothing(text, args));
    }
    let mails: Vec<_> = list.mails.iter().map(|mail| listed_json(mail, &names)).collect();
    let mut json = json!({ "mails": mails });
    if let (Some(page), Some(fields)) = (args.page, json.as_object_mut()) {
        let values = [("page", page.to_string().into()), ("pages", pages.to_string().into())];
        lines.push(text.count_with("list-page", total as u64, &values));
        let numbers = [("page", page.get()), ("pages", pages), ("total", total)];
        fields.extend(numbers.map(|(name, number)| (name.to_owned(), number.into())));
    }
    Ok(Output::new(lines.join("\n"), json))
}

/// The line for people of a list without mails.
fn nothing(text: &Text, args: &ListArgs) -> String {
    match (args.is_whole(), args.folder()) {
        (true, Folder::Received) => text.of("local-empty"),
        (true, Folder::Sent) => text.of("sent-empty"),
        (false, _) => text.of("search-none"),
    }
}

/// The mails of one page.
fn page_of(
    text: &Text,
    entries: Vec<Entry>,
    page: usize,
    pages: usize,
) -> Result<Vec<Entry>, Failure> {
    if page > pages {
        let values = [("page", page.to_string().into()), ("pages", pages.to_string().into())];
        let said = text.with("list-no-page", &values);
        return Err(Failure::new(ExitStatus::BadData, "no_such_page", said));
    }
    Ok(entries.into_iter().skip((page - 1) * PAGE).take(PAGE).collect())
}

pub(super) fn read(context: &Context<'_>, number: MailNumber) -> Result<Output, Failure> {
    let MailNumber { folder, number } = number;
    let (server, username) = context.account(&[folder])?;
    let mailbox = Mailbox::open(&context.data, &server, &username).in_folder(folder);
    let failed = |error: MailboxError| Failure::mailbox(context.text, &error);
    let (stored, mail) = mailbox.read_number(number).map_err(failed)?;
    let content = mailbox.readable(&stored).map_err(failed)?;
    let names = LocalPeople::load(&context.data, &server, &username, &context.cancel).names();
    // The text may be large, so that only one of the two is made.
    let (shown, json) = match context.options.json {
        true => {
            let mut json = mail_json(number, &mail, content);
            if let Some(fields) = json.as_object_mut() {
                fields.insert("folder".to_owned(), folder_name(folder).into());
            }
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

/// Deletes mails here. The server is not asked.
pub(super) fn delete(context: &Context<'_>, args: &DeleteArgs) -> Result<Output, Failure> {
    let text = context.text;
    each(context, &args.numbers, "deleted", "delete-done", |mailbox, mail| {
        mailbox.delete(mail).map_err(|error| Failure::mailbox(text, &error))
    })
}

/// Changes the flags of mails.
pub(super) fn mark(context: &Context<'_>, args: &MarkArgs) -> Result<Output, Failure> {
    let text = context.text;
    let changes = args.changes(text)?;
    each(context, &args.numbers, "marked", "mark-done", |mailbox, mail| {
        for (flag, change) in &changes {
            let marked = mailbox.mark(mail, *flag, *change);
            marked.map_err(|error| Failure::mailbox(text, &error))?;
        }
        match mailbox.take_notes().first() {
            // The file system allows no flags.
            Some(note) => Err(Failure::new(ExitStatus::Local, "mailbox", text.mailbox_note(note))),
            None => Ok(()),
        }
    })
}

/// Does something with each of the mails that have these numbers now: a deletion changes the
/// numbers after it. A failure states what was done before.
fn each(
    context: &Context<'_>,
    numbers: &[MailNumber],
    name: &str,
    done_key: &str,
    act: impl Fn(&Mailbox, &Stored) -> Result<(), Failure>,
) -> Result<Output, Failure> {
    let text = context.text;
    let folders: Vec<_> = numbers.iter().map(|number| number.folder).collect();
    let mailbox = context.mailbox(&folders)?;
    let mut mails = Vec::new();
    for folder in [Folder::Received, Folder::Sent] {
        let mailbox = mailbox.in_folder(folder);
        let asked: Vec<usize> =
            numbers.iter().filter(|of| of.folder == folder).map(|of| of.number).collect();
        mails.extend(numbered(text, &mailbox, &asked)?);
    }
    let mut done = Vec::new();
    for (mailbox, mail) in &mails {
        let acted = act(mailbox, mail);
        if acted.is_ok() {
            let id = mail.id.to_string();
            let folder = folder_name(mail.folder);
            done.push(json!({ "folder": folder, "number": mail.number, "id": id }));
        }
        if let Err(failure) = acted {
            let partial = output(text, name, done_key, &done);
            return Err(Failure { partial: Some(Box::new(partial)), ..failure });
        }
    }
    Ok(output(text, name, done_key, &done))
}

fn output(text: &Text, name: &str, done_key: &str, done: &[Value]) -> Output {
    let count = u32::try_from(done.len()).unwrap_or(u32::MAX);
    Output::new(text.count(done_key, count), json!({ name: done }))
}

/// The mails with these numbers in one folder, each once, with the folder.
fn numbered(
    text: &Text,
    mailbox: &Mailbox,
    numbers: &[usize],
) -> Result<Vec<(Mailbox, Stored)>, Failure> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: MailboxError| Failure::mailbox(text, &error);
    let entries = mailbox.entries().map_err(failed)?.entries;
    let mut asked: Vec<Entry> = Vec::new();
    for number in numbers {
        let entry = number.checked_sub(1).and_then(|index| entries.get(index));
        let entry =
            entry.ok_or_else(|| failed(MailboxError::NoSuchMail(mailbox.folder(), *number)))?;
        if !asked.iter().any(|known| known.number() == *number) {
            asked.push(entry.clone());
        }
    }
    let list = mailbox.load(&asked).map_err(failed)?;
    if let Some(skipped) = list.skipped.into_iter().next() {
        return Err(failed(MailboxError::Damaged(skipped)));
    }
    let folder = mailbox.folder();
    Ok(list.mails.into_iter().map(|mail| (mailbox.in_folder(folder), mail)).collect())
}

//! `correio save`: writes the attachments of a mail on this computer into files.

use correio_client::{Attachment, AttachmentSaver, Readable, WhiteSpace, sanitize};
use serde_json::{Value, json};

use super::{context::Context, json::attachment_json, listing::folder_name};
use crate::{
    exit::{ExitStatus, Failure},
    mail_number::MailNumber,
    output::Output,
    reply_args::SaveArgs,
    text::Text,
};

pub(super) fn run(context: &Context<'_>, args: &SaveArgs) -> Result<Output, Failure> {
    let text = context.text;
    let MailNumber { folder, number } = args.number;
    let mailbox = context.mailbox(&[folder])?.in_folder(folder);
    let failed = |error| Failure::mailbox(text, &error);
    let (stored, _) = mailbox.read_number(number).map_err(failed)?;
    let attachments = match mailbox.readable(&stored).map_err(failed)? {
        Readable::Message(view) => view.attachments,
        Readable::Text(_) => Vec::new(),
    };
    let chosen = chosen(text, &attachments, args)?;
    context.terminal.set_busy(true);
    let fallback = text.of("attachment-name");
    let (mut lines, mut saved) = (Vec::new(), Vec::new());
    let content = mailbox.content(&stored).map_err(failed)?;
    let mut saver = AttachmentSaver::new(content, &args.dir, &fallback);
    for (number, attachment) in chosen {
        match saver.save(attachment.index, &context.cancel) {
            Ok(path) => {
                let mut json = attachment_json(number, attachment);
                if let Some(fields) = json.as_object_mut() {
                    fields.insert("file".to_owned(), path.to_string_lossy().into());
                }
                lines.push(sanitize(&path.to_string_lossy(), WhiteSpace::OneLine));
                saved.push(json);
            }
            Err(error) => {
                let failure = Failure::save(text, &error);
                if saved.is_empty() {
                    return Err(failure);
                }
                let partial = Some(Box::new(output(args.number, &lines, &saved)));
                return Err(Failure { partial, ..failure });
            }
        }
    }
    Ok(output(args.number, &lines, &saved))
}

fn output(MailNumber { folder, number }: MailNumber, lines: &[String], saved: &[Value]) -> Output {
    let json = json!({ "folder": folder_name(folder), "number": number, "saved": saved });
    Output::new(lines.join("\n"), json)
}

/// The attachments that were asked for, with their numbers, each once.
fn chosen<'a>(
    text: &Text,
    attachments: &'a [Attachment],
    args: &SaveArgs,
) -> Result<Vec<(usize, &'a Attachment)>, Failure> {
    if attachments.is_empty() {
        return Err(Failure::new(
            ExitStatus::BadData,
            "no_attachments",
            text.of("save-no-attachments"),
        ));
    }
    let asked: Vec<usize> = args.attachment.iter().map(|number| number.get()).collect();
    if let Some(number) = asked.iter().find(|number| **number > attachments.len()) {
        let said = text.with("attach-no-such", &[("number", number.to_string().into())]);
        return Err(Failure::new(ExitStatus::BadData, "no_such_attachment", said));
    }
    let numbered = (1..).zip(attachments);
    Ok(numbered.filter(|(number, _)| asked.is_empty() || asked.contains(number)).collect())
}

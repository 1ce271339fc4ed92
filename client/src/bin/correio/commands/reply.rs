//! `correio reply` and `correio forward`: a mail on this computer is answered or forwarded.

use correio_client::{Drafts, Mailbox};

use super::{
    body_source::BodySource,
    context::Context,
    send::{self, NewMail, Quotation},
};
use crate::{
    exit::Failure,
    mail_number::MailNumber,
    output::Output,
    quoting::{Original, ReplyTo},
    reply_args::{ForwardArgs, ReplyArgs},
};

pub(super) fn reply(context: &Context<'_>, args: &ReplyArgs) -> Result<Output, Failure> {
    let text = context.text;
    let invalid = |invalid| Failure::invalid(text, invalid);
    let signature = context.signature(args.body.signature)?.map(ToOwned::to_owned);
    let (mailbox, original) = original(context, args.number)?;
    let to = if args.all { ReplyTo::All } else { ReplyTo::Sender };
    let mut draft = original.reply(text, &context.username()?, mailbox.domain(), to);
    send::attach_files(text, &mut draft, &args.body.attach)?;
    let new = NewMail {
        to: draft.to.parse().map_err(invalid)?,
        subject: draft.subject.parse().map_err(invalid)?,
        quotation: Quotation::First(std::mem::take(&mut draft.body)),
        signature,
        draft,
    };
    send::send_new(context, new, &BodySource::of(&args.body))
}

pub(super) fn forward(context: &Context<'_>, args: &ForwardArgs) -> Result<Output, Failure> {
    let text = context.text;
    let invalid = |invalid| Failure::invalid(text, invalid);
    let to = send::recipients(context, &context.username()?, &args.to)?;
    let signature = context.signature(args.body.signature)?.map(ToOwned::to_owned);
    let (mailbox, original) = original(context, args.number)?;
    let mut draft = original.forward(text);
    let drafts = Drafts::open(&context.data, &context.address()?, &context.username()?);
    let (mail, fallback) = ((&mailbox, &original.stored), text.of("attachment-name"));
    context.terminal.set_busy(true);
    let attached =
        drafts.reattach(&mut draft, mail, original.attachments(), &fallback, &context.cancel);
    attached.map_err(|error| Failure::reattach(text, &error))?;
    context.terminal.set_busy(false);
    send::attach_files(text, &mut draft, &args.body.attach)?;
    let new = NewMail {
        to,
        subject: draft.subject.parse().map_err(invalid)?,
        quotation: Quotation::Last(std::mem::take(&mut draft.body)),
        signature,
        draft,
    };
    send::send_new(context, new, &BodySource::of(&args.body))
}

/// Reads the mail of the account that sends.
fn original(context: &Context<'_>, number: MailNumber) -> Result<(Mailbox, Original), Failure> {
    let MailNumber { folder, number } = number;
    let mailbox = Mailbox::open(&context.data, &context.address()?, &context.username()?);
    let mailbox = mailbox.in_folder(folder);
    let failed = |error| Failure::mailbox(context.text, &error);
    let (stored, _) = mailbox.read_number(number).map_err(failed)?;
    let original = Original::read(&mailbox, &stored).map_err(failed)?;
    Ok((mailbox, original))
}

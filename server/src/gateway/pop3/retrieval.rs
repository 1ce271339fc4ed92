//! Mails that are read from the store ahead of the program's commands, so that a program that
//! retrieves one mail after the other does not wait for the store at each.

use std::collections::VecDeque;

use correio_proto::mail::{Content, Mail, MailRef, Seq, Username};

use crate::{
    ids::AccountId,
    store::{
        StoreJob,
        gateway::{GatewayJob, MailOutline},
    },
};

/// Most mails that are read ahead.
const MAILS: u32 = 32;

/// Bytes of contents at which no further mail is read, and above which a content is not kept, so
/// that a session takes little memory while the program is silent.
const BYTES: usize = 64 * 1024;

/// The part of a mail that a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Extent {
    /// The whole mail.
    Whole,
    /// The mail's head, and this many lines of its body.
    Top(u64),
}

/// A mail that a program has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Wanted {
    /// The mail.
    pub(super) mail: MailRef,
    /// The part of the mail that the program asks for.
    pub(super) extent: Extent,
}

/// The job that reads the outlines of a mail and of the mails after it.
pub(super) fn outline_job(account: AccountId, mail: MailRef) -> StoreJob {
    StoreJob::Gateway(GatewayJob::Outline { account, after: before(mail), mails: MAILS })
}

/// The job that reads this many mails, from `mail` on.
pub(super) fn fetch_job(account: AccountId, mail: MailRef, mails: usize) -> StoreJob {
    let mails = u32::try_from(mails).unwrap_or(MAILS);
    StoreJob::Fetch { account, after: before(mail), mails, bytes: BYTES }
}

/// The number before the mail's number.
fn before(mail: MailRef) -> Seq {
    Seq(mail.seq.0.saturating_sub(1))
}

/// Bytes that an outline takes.
pub(super) fn bytes(outline: &MailOutline) -> usize {
    let texts = outline.subject.as_str().len() + outline.from_name.as_str().len();
    size_of::<MailOutline>() + outline.to.len() * size_of::<Username>() + texts
}

/// Mails that were read, in the order of the mailbox.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    mails: VecDeque<(MailOutline, Content)>,
}

impl ReadAhead {
    /// Replaces the mails that were read ahead. An outline without its mail is left out.
    pub(super) fn fill(&mut self, outlines: Vec<MailOutline>, mails: Vec<Mail>) {
        let mut mails = mails.into_iter().peekable();
        self.mails = outlines
            .into_iter()
            .filter_map(|outline| {
                while mails.next_if(|mail| mail.seq < outline.mail.seq).is_some() {}
                let mail = mails.next_if(|mail| mail.reference() == outline.mail)?;
                Some((outline, mail.content))
            })
            .collect();
    }

    /// A mail, if it was read ahead. Mails before it are dropped, and so is its own content if that
    /// is above [`BYTES`].
    pub(super) fn get(&mut self, mail: MailRef) -> Option<(MailOutline, Content)> {
        let place = self.mails.iter().position(|(outline, _)| outline.mail == mail)?;
        self.mails.drain(..place);
        let (outline, content) = self.mails.pop_front()?;
        if content.inline_size() <= BYTES {
            self.mails.push_front((outline.clone(), content.clone()));
        }
        Some((outline, content))
    }

    /// Bytes that the mails take.
    pub(super) fn held(&self) -> usize {
        self.mails.iter().map(|(outline, content)| bytes(outline) + content.inline_size()).sum()
    }

    /// Drops the mails whose contents are too large to be kept until they are asked for.
    pub(super) fn shrink(&mut self) {
        self.mails.retain(|(_, content)| content.inline_size() <= BYTES);
    }
}

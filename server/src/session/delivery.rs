//! The way of a mail into the mailboxes, by whichever protocol it came: its charge, its job, and
//! what the result means for the log, for other limits and for the recipients' sessions.

use std::{sync::Arc, time::Duration};

use correio_proto::{
    mail::{Timestamp, Username},
    message::{ErrorCode, ErrorReply},
};

use crate::{
    event::Event,
    ids::AccountId,
    limits::throttle::Wait,
    session::{
        charge::{Charge, Settlement},
        content,
        context::SessionContext,
        effect::{Arrival, Effect},
        state::Identity,
    },
    store::{NewMailRecord, StoreDone, StoreJob},
};

/// The wait of a mail to a list while another mail of the account is on its way.
const HELD_WAIT: Wait = Wait(Duration::from_secs(1));

/// Members of lists that count as one recipient of a mail that is refused after the store looked at
/// them. A person who tries a full class again pays for the names alone; a hundred mails to the
/// largest list cost the account a day.
const MEMBERS_PER_CHARGE: u32 = 100;

/// The log's text where a job came to a result of a wrong kind. The result is not, since it may
/// have mails in it.
pub(crate) const UNEXPECTED_RESULT: &str = "an unexpected result of a job";

/// The outcome of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The mail is in the mailboxes of all recipients.
    Accepted {
        /// When it was put there.
        sent_at: Timestamp,
    },
    /// The same mail was accepted before.
    Repeated {
        /// When it was put there.
        sent_at: Timestamp,
    },
    /// No recipient got the mail.
    Refused(Refusal),
    /// The account must wait this long before it sends this mail.
    Limited(Wait),
    /// The sender's account does not exist any more.
    NoAccount,
    /// The store could not do the job.
    Unavailable,
}

/// Why a mail is refused for all its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another mail was sent with this id.
    Conflict,
    /// The upload of the content has only this many bytes.
    Incomplete {
        /// Bytes from the content's start.
        staged: u64,
    },
    /// These recipients do not exist.
    UnknownRecipients(Vec<Username>),
    /// These lists take no mail of the sender.
    MayNotSend(Vec<Username>),
    /// The lists have together too many members.
    ListsFull,
    /// The mailboxes of these recipients are full.
    MailboxesFull {
        /// Whose mailboxes.
        recipients: Vec<Username>,
        /// Members of lists that the store looked at.
        members: u32,
    },
}

/// Charges a mail to its sender. Returns the job that puts it into the mailboxes.
///
/// # Errors
///
/// The account has reached its limit: nothing is charged.
pub(crate) fn begin(
    context: &mut SessionContext<'_>,
    charge: &mut Option<Charge>,
    sender: AccountId,
    mail: &Arc<NewMailRecord>,
) -> Result<StoreJob, Wait> {
    let recipients = u32::try_from(mail.to.as_slice().len()).unwrap_or(u32::MAX);
    let to_lists = context.throttle.mail(context.now.uptime, sender, recipients)?;
    *charge = Some(Charge::Mail(sender, recipients, to_lists));
    Ok(StoreJob::Send { sender, mail: mail.clone(), to_lists, now: context.now.wall })
}

/// Continues after the job: logs and counts its result, charges what it has cost besides, and names
/// the recipients that are to be told. The caller settles the charge with [`Delivery::settlement`].
pub(crate) fn complete(
    context: &mut SessionContext<'_>,
    identity: &Identity,
    mail: &NewMailRecord,
    done: StoreDone,
) -> Delivery {
    let from = &identity.username;
    let NewMailRecord { id, to, subject, content, .. } = mail;
    let connection = context.connection;
    let refusal = match done {
        StoreDone::Sent { sent_at, mut recipients, from: (username, full_name) } => {
            let bytes = content.size();
            Event::MailAccepted { from, to, id: *id, bytes, connection }.log();
            context.counts.mails_accepted += 1;
            // The names were charged before. Of the members of lists, the number is known only now.
            let named = to.as_slice().len();
            let more = u32::try_from(recipients.len().saturating_sub(named)).unwrap_or(u32::MAX);
            context.throttle.mail_reached(context.now.uptime, identity.account, more);
            recipients.retain(|account| !context.registry.of(*account).is_empty());
            if !recipients.is_empty() {
                let arrival =
                    Arrival { from: username, from_name: full_name, subject: subject.clone() };
                context.effects.push(Effect::MailArrived { accounts: recipients, arrival });
            }
            return Delivery::Accepted { sent_at };
        }
        StoreDone::SentBefore { sent_at } => {
            Event::MailRepeated { from, id: *id, connection }.log();
            context.counts.mails_repeated += 1;
            return Delivery::Repeated { sent_at };
        }
        StoreDone::ListsHeld => return Delivery::Limited(HELD_WAIT),
        StoreDone::NoAccount => return Delivery::NoAccount,
        StoreDone::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return Delivery::Unavailable;
        }
        StoreDone::Conflict => Refusal::Conflict,
        StoreDone::Incomplete { staged } => Refusal::Incomplete { staged },
        StoreDone::UnknownRecipients(recipients) => Refusal::UnknownRecipients(recipients),
        StoreDone::MayNotSend(recipients) => Refusal::MayNotSend(recipients),
        StoreDone::ListFull => Refusal::ListsFull,
        StoreDone::MailboxesFull { recipients, members } => {
            let cost = members / MEMBERS_PER_CHARGE;
            context.throttle.mail_reached(context.now.uptime, identity.account, cost);
            Refusal::MailboxesFull { recipients, members }
        }
        _ => {
            Event::StoreUnavailable { text: UNEXPECTED_RESULT }.log();
            return Delivery::Unavailable;
        }
    };
    Event::MailRefused { from, to, id: *id, code: refusal.code(), connection }.log();
    Delivery::Refused(refusal)
}

impl Delivery {
    /// How the mail's charge is settled.
    pub(crate) fn settlement(&self) -> Settlement {
        match self {
            Self::Accepted { .. } => Settlement::Succeeded,
            Self::Repeated { .. } => Settlement::Repeated,
            Self::Refused(refusal) if refusal.has_seen_lists() => Settlement::Failed,
            Self::Refused(_) | Self::Limited(_) | Self::NoAccount | Self::Unavailable => {
                Settlement::Unanswered
            }
        }
    }
}

impl Refusal {
    /// Whether the store looked at lists before it refused the mail: then the mail stays charged.
    fn has_seen_lists(&self) -> bool {
        match self {
            Self::MayNotSend(_) | Self::ListsFull => true,
            Self::MailboxesFull { members, .. } => *members > 0,
            Self::Conflict | Self::Incomplete { .. } | Self::UnknownRecipients(_) => false,
        }
    }

    /// The code of the error in correio's own protocol.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Conflict => ErrorCode::Conflict,
            Self::Incomplete { .. } => ErrorCode::Incomplete,
            Self::UnknownRecipients(_) => ErrorCode::UnknownRecipient,
            Self::MayNotSend(_) => ErrorCode::MayNotSend,
            Self::ListsFull => ErrorCode::ListFull,
            Self::MailboxesFull { .. } => ErrorCode::MailboxFull,
        }
    }

    /// The error in correio's own protocol.
    pub(super) fn error(self) -> ErrorReply {
        let code = self.code();
        let (text, recipients) = match self {
            Self::Conflict => ("another mail was sent with this id", Vec::new()),
            Self::Incomplete { staged } => return content::incomplete(staged),
            Self::UnknownRecipients(recipients) => {
                ("one or more recipients do not exist; nobody got the mail", recipients)
            }
            Self::MayNotSend(recipients) => {
                ("one or more lists take no mail from you; nobody got the mail", recipients)
            }
            Self::ListsFull => {
                let text = "the lists have together too many members for one mail; nobody got it";
                (text, Vec::new())
            }
            Self::MailboxesFull { recipients, .. } => {
                ("the mailbox of one or more recipients is full; nobody got the mail", recipients)
            }
        };
        ErrorReply { recipients, ..ErrorReply::new(code, text) }
    }
}

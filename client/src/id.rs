//! Makes the ids of mails and registrations.

use correio_proto::mail::MailId;
use uuid::Uuid;

/// A new id for a mail or a registration: a UUID of version 7, from this computer's clock and
/// its source of randomness.
///
/// # Panics
///
/// Where the operating system has no randomness to give.
#[must_use]
pub fn new_mail_id() -> MailId {
    MailId::try_from(Uuid::now_v7()).expect("now_v7 makes ids of version 7")
}

//! Makes the ids of mails and registrations.

use correio_proto::mail::MailId;
use uuid::{NoContext, Timestamp, Uuid};

use crate::clock;

/// A new id for a mail or a registration: a UUID of version 7, from this computer's clock and
/// its source of randomness. Where that clock is set to a time before 1970, which no such id can
/// say, the id says the start of 1970.
///
/// # Panics
///
/// Where the operating system has no randomness to give.
#[must_use]
pub fn new_mail_id() -> MailId {
    let id = if clock::since_1970().is_zero() {
        Uuid::new_v7(Timestamp::from_unix(NoContext, 0, 0))
    } else {
        Uuid::now_v7()
    };
    MailId::try_from(id).expect("both make ids of version 7")
}

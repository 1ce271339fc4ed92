//! Makes the ids of mails and registrations.

use std::time::UNIX_EPOCH;

use correio_proto::mail::MailId;
use uuid::{NoContext, Timestamp, Uuid};

/// A new id for a mail or a registration: a UUID of version 7, from this computer's clock and
/// its source of randomness. A clock before 1970 counts as 1970: the id is then told from others
/// by its random bits alone.
///
/// # Panics
///
/// Where the operating system has no randomness to give.
#[must_use]
pub fn new_mail_id() -> MailId {
    let id = match UNIX_EPOCH.elapsed() {
        Ok(_) => Uuid::now_v7(),
        Err(_) => Uuid::new_v7(Timestamp::from_unix(NoContext, 0, 0)),
    };
    MailId::try_from(id).expect("these are ids of version 7")
}

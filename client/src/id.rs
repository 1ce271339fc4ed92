//! Makes the ids of mails and registrations.

use correio_proto::mail::MailId;
use uuid::{NoContext, Timestamp, Uuid};

use crate::clock;

/// Makes an id for a mail or a new account: a UUID of version 7, from this computer's clock and
/// random source. A clock before 1970, which such an id cannot express, counts as the start of
/// 1970.
///
/// # Panics
///
/// The operating system gives no random bytes.
#[must_use]
pub fn new_mail_id() -> MailId {
    let id = if clock::since_1970().is_zero() {
        Uuid::new_v7(Timestamp::from_unix(NoContext, 0, 0))
    } else {
        Uuid::now_v7()
    };
    MailId::try_from(id).expect("both make ids of version 7")
}

//! Makes the id of a mail that a program submits. A program gives a mail no id, and sends the mail
//! again from its queue if the reply was lost; the same mail must get the same id, so that it is
//! delivered once.
//!
//! The id is a UUID of version 7 with the date that the message states, and with bits of a SHA-256
//! of a key, the envelope and the message as it arrived. The Message-ID cannot serve as the id:
//! some programs use one Message-ID for several mails.
//!
//! The key is a secret of the account. It is the same for all its programs, and changes with the
//! password and with the cost of the password's hash. Recipients know the id and most of the
//! message: without a key, a recipient could try envelopes until one gives the id, and so learn the
//! hidden recipients.

use correio_proto::mail::{ContentHasher, MailId, Timestamp, Username};

use crate::{ids::AccountSecret, session::SessionContext};

/// Hashes a mail while it arrives.
#[derive(Clone, Debug)]
pub(super) struct IdHasher(ContentHasher);

impl IdHasher {
    /// A hasher for a mail of this sender to these recipients. Each value is hashed after its
    /// length.
    #[must_use]
    pub(super) fn new(key: AccountSecret, sender: &Username, recipients: &[Username]) -> Self {
        let mut hasher = Self(ContentHasher::new());
        hasher.add(&key.0);
        hasher.add(sender.as_str().as_bytes());
        hasher.update(&(recipients.len() as u64).to_be_bytes());
        recipients.iter().for_each(|recipient| hasher.add(recipient.as_str().as_bytes()));
        hasher
    }

    /// Takes a value of the envelope, after its length.
    fn add(&mut self, value: &[u8]) {
        self.update(&(value.len() as u64).to_be_bytes());
        self.update(value);
    }

    /// Takes the next bytes of the message.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The id of the mail that arrived so far, with this date.
    #[must_use]
    pub(super) fn id(&self, date: Timestamp) -> Option<MailId> {
        let digest = self.0.clone().finish().0;
        id_of(date, digest)
    }

    /// The id of a mail without a date, which began at this time: another one than that of the same
    /// mail within the same millisecond, since `unique` is another one.
    #[must_use]
    pub(super) fn new_id(&self, begun: Timestamp, unique: MailId) -> Option<MailId> {
        let mut hasher = self.clone();
        hasher.update(unique.as_bytes());
        hasher.id(begun)
    }
}

/// A UUID of version 7 with this time and the first bits of this digest.
fn id_of(time: Timestamp, digest: [u8; 32]) -> Option<MailId> {
    digest.first_chunk().map(|rest| MailId::from_parts(time, *rest))
}

/// An id for an upload that begins now on this connection, of the mail of this number in its
/// session. No other upload has it.
#[must_use]
pub(super) fn upload_id(context: &SessionContext<'_>, number: u64) -> Option<MailId> {
    let mut hasher = ContentHasher::new();
    hasher.update(&context.config.realm.0);
    hasher.update(&context.now.uptime.as_nanos().to_be_bytes());
    hasher.update(&context.connection.index.to_be_bytes());
    hasher.update(&context.connection.generation.to_be_bytes());
    hasher.update(&number.to_be_bytes());
    id_of(context.now.wall, hasher.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Timestamp = Timestamp(0x0123_4567_89ab);

    fn id(sender: &str, recipients: &[&str], message: &[&[u8]], date: Timestamp) -> MailId {
        keyed(7, sender, recipients, message, date)
    }

    fn keyed(
        key: u8,
        sender: &str,
        recipients: &[&str],
        message: &[&[u8]],
        date: Timestamp,
    ) -> MailId {
        let recipients: Vec<Username> =
            recipients.iter().map(|name| name.parse().unwrap()).collect();
        let key = AccountSecret([key; 32]);
        let mut hasher = IdHasher::new(key, &sender.parse().unwrap(), &recipients);
        message.iter().for_each(|piece| hasher.update(piece));
        hasher.id(date).unwrap()
    }

    #[test]
    fn the_same_mail_has_the_same_id_in_any_pieces() {
        let whole = id("tony", &["steve", "pepper"], &[b"From: tony\r\n\r\nx"], DATE);
        let pieces: &[&[u8]] = &[b"From: tony\r\n", b"\r\nx"];
        assert_eq!(id("tony", &["steve", "pepper"], pieces, DATE), whole);
        assert!(whole.to_string().starts_with("01234567-89ab-7"));
    }

    #[test]
    fn without_the_key_nobody_can_try_recipients() {
        let message: &[&[u8]] = &[b"x"];
        let key = |key| keyed(key, "tony", &["steve", "pepper"], message, DATE);
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn another_mail_has_another_id() {
        let message: &[&[u8]] = &[b"x"];
        let ids = [
            id("tony", &["steve"], message, DATE),
            id("pepper", &["steve"], message, DATE),
            id("tony", &["pepper"], message, DATE),
            id("tony", &["steve", "pepper"], message, DATE),
            id("tony", &["ste", "ve"], message, DATE),
            id("tony", &["steve"], &[b"y"], DATE),
            id("tony", &["steve"], message, Timestamp(DATE.0 + 1)),
        ];
        let different: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(different.len(), ids.len());
    }
}

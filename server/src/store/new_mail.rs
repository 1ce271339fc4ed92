//! What a mail brings to a store, and what a mailbox may have.

use correio_proto::mail::{Content, ContentKind, MailId, Recipients, Subject, Username};
use xxhash_rust::xxh3::Xxh3;

/// Bounds of one mailbox. A mail that would exceed either is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Mails.
    pub mails: u32,
    /// Bytes of subjects and contents.
    pub bytes: u64,
}

/// A mail as its sender hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMailRecord {
    /// Made by the sender's client; unique among the sender's mails.
    pub id: MailId,
    /// The mail's recipients.
    pub to: Recipients,
    /// Those of `to` that the other recipients do not see (Bcc). An account that the mail reaches
    /// through one of them sees that one, after the visible ones. So the members of a hidden list
    /// see its name: they could not tell otherwise why they have the mail. Names that are not in
    /// `to` change nothing but the digest.
    pub bcc: Box<[Username]>,
    /// The mail's subject.
    pub subject: Subject,
    /// The mail's content.
    pub content: Content,
    /// The upload without a size ([`super::gateway::GatewayJob::Stage`]) that has the large
    /// content, if that is not under the mail's own id. The store forgets it with every result but
    /// `Unavailable`, whatever the mail's content is: a program that sends the mail again uploads
    /// it again.
    pub staged: Option<MailId>,
}

impl NewMailRecord {
    /// A mail all of whose recipients see each other, and whose large content is under its own id.
    #[must_use]
    pub fn new(id: MailId, to: Recipients, subject: Subject, content: Content) -> Self {
        Self { id, to, bcc: Box::default(), subject, content, staged: None }
    }

    /// Bytes that it counts for in a mailbox's quota: those of its subject and content.
    #[must_use]
    pub fn quota_bytes(&self) -> u64 {
        self.subject.as_str().len() as u64 + self.content.size()
    }

    /// Id of the upload that has its content, if that is large.
    pub(super) fn upload_id(&self) -> MailId {
        self.staged.unwrap_or(self.id)
    }

    /// Digest of everything but the ids: a mail that is sent again has the same digest. Each part
    /// is hashed after its length, so that text moved from one part to another changes the digest.
    /// Of a large content, the SHA-256 that its sender states is hashed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Xxh3::new();
        let mut part = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.subject.as_str().as_bytes());
        match &self.content {
            Content::Body(body) => part(body.as_str().as_bytes()),
            Content::Message(message) => {
                part(b"");
                part(b"");
                part(message.as_bytes());
            }
            Content::Large(large) => {
                part(b"");
                part(&large.size.get().to_be_bytes());
                part(&large.sha256.0);
                // No username is empty.
                if let ContentKind::Message {} = large.kind {
                    part(b"");
                }
            }
        }
        for username in self.to.iter() {
            part(username.as_str().as_bytes());
        }
        // No username is empty.
        if !self.bcc.is_empty() {
            part(b"");
        }
        for username in &self.bcc {
            part(username.as_str().as_bytes());
        }
        Digest(hash.digest128().to_be_bytes())
    }
}

/// XXH3 digest of 128 bits, which tells a mail that is sent again from another mail with the same
/// id. The hash need not be cryptographic: a sender who makes two mails with one digest harms only
/// themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 16]);

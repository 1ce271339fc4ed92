//! A message that a mail program submits, and the mail that the server must make of it.

use std::rc::Rc;

use correio_proto::{
    mail::{Content, ContentKind, MailId, Message, Recipients, Subject, Timestamp, Username},
    message::Send,
    rfc5322,
};
use correio_server::ids::PasswordHash;
use sha2::{Digest, Sha256};

use crate::{contents::stated, device::DeviceContext, lists::LISTS, plan::DOMAIN, rng::Rng};

/// Most bytes that the server adds to a head; the limit of a content includes them.
const ADDED_MAX: usize = 1024;

/// Bytes in the middle of a message at which some servers end the mail or a line. Commands that
/// would send another mail follow them.
const SMUGGLED: [&str; 6] = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r\n\0.\r\n"];

/// Lines of bodies: dots, words with a meaning elsewhere, and text that is not ASCII.
const LINES: [&str; 7] = [".", "..", ".a", "From mim", "ação 😀", "", "QUIT"];

/// Whether the server may accept a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wellformed {
    Yes,
    /// A line of the message does not end with CR LF, or the message has a NUL.
    No,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct OutgoingMessage {
    pub(super) subject: String,
    date: Timestamp,
    addressees: Addressees,
    head: Head,
    body: Vec<u8>,
    /// The recipients in the order in which they are named to the server.
    pub(super) envelope: Vec<Username>,
    /// The message without stuffed dots. Its last line has an end.
    pub(super) data: Vec<u8>,
    pub(super) wellformed: Wellformed,
    /// Bytes at the start of the message in which dots are stuffed; the rest is sent as it is.
    stuffed: usize,
}

/// The recipients of a message: those that the fields name, and the hidden ones.
#[derive(Debug)]
struct Addressees {
    to: Vec<Username>,
    cc: Vec<Username>,
    hidden: Vec<Username>,
}

/// Bytes of the largest message that the server takes.
pub(super) fn size_max(context: &DeviceContext<'_>) -> usize {
    let content_max = context.plan.session_config.content_max;
    usize::try_from(content_max).unwrap_or(usize::MAX).saturating_sub(ADDED_MAX)
}

/// Whether a recipient's name may be refused for good.
pub(super) fn may_be_unknown(name: &Username) -> bool {
    name.as_str() == "nobody" || LISTS.contains(&name.as_str())
}

impl OutgoingMessage {
    /// Makes a message of the user.
    pub(super) fn compose(rng: &mut Rng, context: &mut DeviceContext<'_>) -> Option<Self> {
        let sender = context.user.username.clone();
        let addressees = Addressees::any(rng, context.usernames);
        let mut envelope: Vec<_> = addressees.all().cloned().collect();
        rng.shuffle(&mut envelope);
        let hidden: Vec<_> =
            envelope.iter().filter(|name| addressees.hidden.contains(name)).cloned().collect();
        let addressees = Addressees { hidden, ..addressees };
        // Dates of messages have whole seconds.
        let date = Timestamp(context.clock.wall().0 / 1000 * 1000);
        let subject = format!("Assunto {}", rng.mail_id());
        let head = head(rng, &sender, &addressees, (&subject, date))?;
        let room = size_max(context).saturating_sub(head.sent.len());
        let mut body = body(rng, room);
        let stuffed = head.sent.len() + 2 + body.len();
        let wellformed = match rng.one_in(8) {
            true => smuggle(rng, &mut body),
            false => Wellformed::Yes,
        };
        let data = [&*head.sent, b"\r\n", &body].concat();
        Some(Self { subject, date, addressees, head, body, envelope, data, wellformed, stuffed })
    }

    /// Records the mails that the server may make of the message, before it is sent: one for each
    /// password hash that the account has had, since a change of the password may be under way.
    /// Returns their ids.
    pub(super) fn note(&self, context: &mut DeviceContext<'_>) -> Vec<MailId> {
        let hashes = context.ledger.passwords.hashes_of(&context.user.username);
        hashes.iter().filter_map(|hash| self.note_with(context, hash)).collect()
    }

    /// Records the mail that the server must make of the message while the account has this hash.
    fn note_with(&self, context: &mut DeviceContext<'_>, hash: &PasswordHash) -> Option<MailId> {
        let Self { subject, date, addressees, head, body, .. } = self;
        let sender = context.user.username.clone();
        let id = id_of(hash, &sender, &self.envelope, &self.data, *date)?;
        if self.wellformed == Wellformed::No {
            return Some(id);
        }
        let is_large = head.kept.len() + ADDED_MAX + body.len() > context.plan.body_max;
        // A large mail's id is not known when its head is stored: the Message-ID has the head's id.
        let shown = match is_large {
            true => {
                let stored = [&*head.sent, b"\r\n"].concat();
                id_of(hash, &sender, &self.envelope, &stored, *date)?
            }
            false => id,
        };
        let message_id = match head.has_message_id {
            true => String::new(),
            false => format!("Message-ID: <{}>\r\n", rfc5322::message_id(shown, &sender, DOMAIN)),
        };
        let stored = [&*head.kept, message_id.as_bytes(), b"\r\n", body.as_slice()].concat();
        let content = match is_large {
            true => Content::Large(stated(ContentKind::Message {}, &stored)?),
            false => Content::Message(Message::try_from(stored.as_slice()).ok()?),
        };
        let to = Recipients::try_from(addressees.all().cloned().collect::<Vec<_>>()).ok()?;
        let subject = subject.parse::<Subject>().ok()?;
        let mail = Send { id, to, subject, content };
        if is_large {
            context.ledger.contents.note(sender.clone(), id, Rc::from(stored));
        }
        context.ledger.note_hidden(&sender, id, &addressees.hidden);
        context.ledger.note_sent(sender, &mail);
        Some(id)
    }

    /// The message as it is sent, with its end.
    pub(super) fn stuffed(&self) -> Vec<u8> {
        let mut sent = Vec::with_capacity(self.data.len() + 5);
        let mut is_start = true;
        let mut before = 0;
        for (index, byte) in self.data.iter().enumerate() {
            if is_start && *byte == b'.' && index < self.stuffed {
                sent.push(b'.');
            }
            is_start = before == b'\r' && *byte == b'\n';
            before = *byte;
            sent.push(*byte);
        }
        sent.extend_from_slice(b".\r\n");
        sent
    }
}

impl Addressees {
    /// Picks some users, some of them hidden; now and then also a list or an unknown name.
    fn any(rng: &mut Rng, usernames: &[Username]) -> Self {
        let mut names = usernames.to_vec();
        rng.shuffle(&mut names);
        names.truncate(1 + rng.below(3));
        let (mut to, mut cc, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            match rng.below(4) {
                0 => cc.push(name),
                1 => hidden.push(name),
                _ => to.push(name),
            }
        }
        if rng.one_in(20) {
            to.extend("nobody".parse());
        }
        if rng.one_in(8) {
            to.extend(rng.pick(&LISTS).and_then(|list| list.parse().ok()));
        }
        Self { to, cc, hidden }
    }

    /// All recipients, in the order in which the server must name them.
    fn all(&self) -> impl Iterator<Item = &Username> {
        self.to.iter().chain(&self.cc).chain(&self.hidden)
    }
}

/// A head as it is sent, and its fields that the server must keep.
#[derive(Debug)]
struct Head {
    sent: Vec<u8>,
    kept: Vec<u8>,
    has_message_id: bool,
}

fn head(
    rng: &mut Rng,
    sender: &Username,
    addressees: &Addressees,
    (subject, date): (&str, Timestamp),
) -> Option<Head> {
    let list = |names: &[Username]| {
        let addresses: Vec<_> =
            names.iter().map(|name| rfc5322::mail_address(name, DOMAIN)).collect();
        addresses.join(",\r\n ")
    };
    let to = match addressees.to.is_empty() {
        true => "undisclosed-recipients:;".to_owned(),
        false => list(&addressees.to),
    };
    let has_message_id = rng.one_in(2);
    let mut fields = vec![
        format!("From: {}\r\n", rfc5322::mail_address(sender, DOMAIN)),
        format!("To: {to}\r\n"),
        format!("Subject: {subject}\r\n"),
        format!("Date: {}\r\n", rfc5322::date(date)?),
    ];
    if !addressees.cc.is_empty() {
        fields.push(format!("Cc: {}\r\n", list(&addressees.cc)));
    }
    if has_message_id {
        fields.push(format!("Message-ID: <{}@{DOMAIN}>\r\n", rng.mail_id()));
    }
    rng.shuffle(&mut fields);
    // Recipients are named in the order of the fields.
    let place = |name: &str| fields.iter().position(|field| field.starts_with(name));
    if let (Some(to), Some(cc)) = (place("To:"), place("Cc:"))
        && cc < to
    {
        fields.swap(to, cc);
    }
    let kept = fields.concat().into_bytes();
    if !addressees.hidden.is_empty() && rng.one_in(2) {
        let bcc = format!("Bcc: {}\r\n", list(&addressees.hidden));
        fields.insert(rng.below(fields.len() + 1), bcc);
    }
    Some(Head { sent: fields.concat().into_bytes(), kept, has_message_id })
}

/// A body of about `room` bytes at most; now and then it is too long.
fn body(rng: &mut Rng, room: usize) -> Vec<u8> {
    let room = if rng.one_in(12) { room + 400 } else { room };
    let most = if rng.one_in(3) { room } else { room.min(300) };
    let length = rng.below(most + 1);
    let mut text = String::new();
    while text.len() < length {
        text.push_str(rng.pick(&LINES).unwrap_or_default());
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// Adds a false end of the mail, and commands that would send another mail.
fn smuggle(rng: &mut Rng, body: &mut Vec<u8>) -> Wellformed {
    body.extend_from_slice(b"x");
    body.extend_from_slice(rng.pick(&SMUGGLED).unwrap_or_default().as_bytes());
    body.extend_from_slice(b"MAIL FROM:<>\r\nRCPT TO:<tony>\r\nDATA\r\nFrom: tony\r\n\r\nx\r\n");
    Wellformed::No
}

/// The id that a mail must get: a UUID of version 7 with the mail's date and bits of a SHA-256. Its
/// input is the SHA-256 of the account's password hash, the sender, the number of recipients, the
/// recipients and the message. The first value and the names each follow their length.
fn id_of(
    hash: &PasswordHash,
    sender: &Username,
    envelope: &[Username],
    message: &[u8],
    date: Timestamp,
) -> Option<MailId> {
    let mut hashed = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hashed.update((bytes.len() as u64).to_be_bytes());
        hashed.update(bytes);
    };
    part(&Sha256::digest(hash.0.as_bytes()));
    part(sender.as_str().as_bytes());
    let mut hashed_names = Vec::from((envelope.len() as u64).to_be_bytes());
    for name in envelope {
        hashed_names.extend((name.as_str().len() as u64).to_be_bytes());
        hashed_names.extend(name.as_str().bytes());
    }
    hashed.update(&hashed_names);
    hashed.update(message);
    let digest = hashed.finalize();
    let [_, _, time @ ..] = date.0.to_be_bytes();
    let mut bytes: [u8; 16] = [&time, digest.get(..10)?].concat().try_into().ok()?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = 0x70 | *version & 0x0f;
    *variant = 0x80 | *variant & 0x3f;
    bytes.try_into().ok()
}

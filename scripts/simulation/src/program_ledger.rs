//! The oracle's ledger of mail programs: hidden recipients, the mails that programs keep, and the
//! deletions that programs have confirmed.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::{
    mail::{Content, ContentKind, MailId, MailRef, Seq, Username},
    message::Send,
    rfc5322,
};

use crate::{
    check::{Check, Violation, require},
    contents::MailKey,
    plan::DOMAIN,
};

/// Longest line of a text that the server sends without an encoding.
const LINE_MAX: usize = 998;

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct ProgramLedger {
    /// Recipients that the others may not see.
    hidden: BTreeMap<MailKey, Vec<Username>>,
    /// Mails that the programs of each user keep.
    kept: BTreeSet<(Username, MailKey)>,
    /// Mails that a program had marked as deleted when it sent `QUIT`.
    quits: BTreeSet<(Username, Seq, MailId)>,
}

impl ProgramLedger {
    pub(crate) fn note_hidden(&mut self, key: MailKey, hidden: &[Username]) {
        self.hidden.entry(key).or_insert_with(|| hidden.to_vec());
    }

    pub(crate) fn note_quit(&mut self, user: &Username, deleted: &[MailRef]) {
        self.quits.extend(deleted.iter().map(|mail| (user.clone(), mail.seq, mail.id)));
    }

    /// Whether a program of the user has confirmed the deletion of a mail.
    pub(crate) fn has_confirmed(&self, user: &Username, seq: Seq, id: MailId) -> bool {
        self.quits.contains(&(user.clone(), seq, id))
    }

    /// Whether a program of the user keeps a mail.
    pub(crate) fn keeps(&self, user: &Username, key: &MailKey) -> bool {
        self.kept.contains(&(user.clone(), key.clone()))
    }

    /// The recipients that a user may see.
    pub(crate) fn seen_by(
        &self,
        key: &MailKey,
        sent: &Send,
        user: Option<&Username>,
    ) -> Vec<Username> {
        let hidden = self.hidden.get(key).map(Vec::as_slice).unwrap_or_default();
        let is_seen = |name: &&Username| !hidden.contains(name) || user == Some(*name);
        sent.to.iter().filter(is_seen).cloned().collect()
    }

    /// Keeps a mail that a program has retrieved as these octets, and checks that it is the sent
    /// mail. `content` is the content as its sender wrote it.
    pub(crate) fn keep(
        &mut self,
        user: &Username,
        (key, sent): (&MailKey, &Send),
        content: &[u8],
        octets: &[u8],
    ) -> Result<(), Violation> {
        let text = || format!("{} was retrieved by {user} otherwise than it was sent", key.1);
        let is_same = match sent.content.kind() {
            ContentKind::Text {} => is_text(content, octets),
            ContentKind::Message {} => is_message(&key.0, content, octets),
        };
        require(is_same, Check::Intact, text)?;
        let hidden = self.hidden.get(key).map(Vec::as_slice).unwrap_or_default();
        let retrieved = String::from_utf8_lossy(octets);
        let is_named = |name: &&Username| {
            *name != user
                && **name != key.0
                && retrieved.contains(&rfc5322::mail_address(name, DOMAIN))
        };
        let named = hidden.iter().find(is_named);
        let text = || format!("{user} reads that {} was also sent to {named:?}", key.1);
        require(named.is_none(), Check::Intact, text)?;
        self.kept.insert((user.clone(), key.clone()));
        Ok(())
    }
}

/// The bytes of a content that is not large.
pub(crate) fn inline(content: &Content) -> Option<&[u8]> {
    match content {
        Content::Body(body) => Some(body.as_str().as_bytes()),
        Content::Message(message) => Some(message.as_bytes()),
        Content::Large(_) => None,
    }
}

/// Whether octets are a head and this text.
fn is_text(text: &[u8], octets: &[u8]) -> bool {
    let Some(end) = octets.windows(4).position(|part| part == b"\r\n\r\n") else {
        return false;
    };
    let rest = octets.get(end + 4..).unwrap_or_default();
    let is_long = text.split(|byte| b"\r\n".contains(byte)).any(|line| line.len() > LINE_MAX);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    match is_long || text.contains(&0) {
        true => rest.len() > text.len() && rest.iter().all(is_base64),
        false => rest == wire_form(text),
    }
}

/// Whether octets are fields of the server, a message of this sender, and an empty line if the
/// message has none.
fn is_message(sender: &Username, message: &[u8], octets: &[u8]) -> bool {
    let message = wire_form(message);
    let with_end = [&*message, b"\r\n"].concat();
    let fields = octets.strip_suffix(&*message).or_else(|| octets.strip_suffix(&*with_end));
    let path = format!("Return-Path: <{}>\r\n", rfc5322::mail_address(sender, DOMAIN));
    fields.is_some_and(|fields| fields.starts_with(path.as_bytes()) && fields.ends_with(b"\r\n"))
}

/// A content in the form for mail programs: each line ends with CR LF, and there is no NUL.
fn wire_form(content: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(content.len());
    let mut before = None;
    for byte in content {
        match byte {
            b'\n' if before == Some(b'\r') => {}
            b'\r' | b'\n' => form.extend_from_slice(b"\r\n"),
            0 => {}
            byte => form.push(*byte),
        }
        before = Some(*byte);
    }
    if !matches!(before, Some(b'\r' | b'\n')) {
        form.extend_from_slice(b"\r\n");
    }
    form
}

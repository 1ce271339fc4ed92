//! Turns a mail from POP3 back into the content that its sender has sent, for the ledger.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use correio_client::{Address, Trust};
use correio_proto::{
    mail::{
        Content, ContentHasher, ContentKind, LargeContent, Mail, MailId, Message, Recipients, Seq,
        Timestamp, Username,
    },
    tls::Security,
};

use super::plan::DOMAIN;

/// The first field of a message that an SMTP sender of a load makes.
pub(super) const MARK: &str = "X-Load: a mail program";

/// The security of a connection to a listener for mail programs.
pub(super) fn security(server: SocketAddr, trust: Trust) -> Security {
    match Address::new(&server.ip().to_string(), server.port()) {
        Ok(address) => trust.security(&address),
        Err(_) => Security::Plaintext,
    }
}

/// The mail that was retrieved as these lines; `None` if a load does not send such a mail.
pub(super) fn mail(message: &[u8], by: &Username) -> Option<Mail> {
    let head_end = find(message, b"\r\n\r\n")?;
    let (head, body) = message.split_at_checked(head_end + 4)?;
    let head = String::from_utf8_lossy(head).into_owned();
    let id: MailId = field(&head, "Subject")?.parse().ok()?;
    let content = match find(message, MARK.as_bytes()) {
        Some(start) => self::message(message.get(start..)?)?,
        None => text(&head, body)?,
    };
    let from = author(&field(&head, "From")?)?;
    let mut to = named(&head, &from);
    if to.is_empty() {
        to.push(by.clone());
    }
    Some(Mail {
        seq: Seq(0),
        id,
        from,
        from_name: by.as_str().parse().ok()?,
        to: Recipients::try_from(to).ok()?,
        sent_at: Timestamp(0),
        subject: id.to_string().parse().ok()?,
        content,
    })
}

/// A text in the form for mail programs, decoded.
fn text(head: &str, body: &[u8]) -> Option<Content> {
    let bytes = match field(head, "Content-Transfer-Encoding")?.to_ascii_lowercase().as_str() {
        "base64" => {
            let digits: Vec<u8> =
                body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let bytes = STANDARD.decode(digits).ok()?;
            return String::from_utf8(bytes).ok()?.replace("\r\n", "\n").parse().ok();
        }
        _ => String::from_utf8_lossy(body).replace("\r\n", "\n").into_bytes(),
    };
    let text = String::from_utf8(bytes).ok()?;
    // The server ends each text with a line end.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.parse().ok()
}

/// A message as a content, which is large if the message exceeds the limit of a body.
pub(super) fn message(bytes: &[u8]) -> Option<Content> {
    if let Ok(message) = Message::try_from(bytes) {
        return Some(Content::Message(message));
    }
    let mut hasher = ContentHasher::new();
    hasher.update(bytes);
    let (kind, size) = (ContentKind::Message {}, (bytes.len() as u64).try_into().ok()?);
    Some(Content::Large(LargeContent { kind, size, sha256: hasher.finish() }))
}

/// The usernames that a head names anywhere, except for its author.
fn named(head: &str, author: &Username) -> Vec<Username> {
    let mut names: Vec<Username> = Vec::new();
    for word in head.split(|c: char| !c.is_ascii_alphanumeric() && !"@.-_".contains(c)) {
        let name = word.split_once('@').filter(|(_, domain)| *domain == DOMAIN);
        let name = name.and_then(|(name, _)| name.parse().ok());
        names.extend(name.filter(|name| name != author && !names.contains(name)));
    }
    names
}

fn author(from: &str) -> Option<Username> {
    let address = from.rsplit_once('<').map_or(from, |(_, rest)| rest.trim_end_matches('>'));
    address.split('@').next()?.trim().parse().ok()
}

fn field(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(line.trim().to_owned())
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a2084b-2c7a-7435-8c9d-4afc20425c9c";

    #[test]
    fn a_marked_message_is_taken_from_its_mark_on() {
        let own = format!(
            "{MARK}\r\nFrom: tony@localhost\r\nTo: bruce@localhost,\r\n steve@localhost\r\n\
             Subject: {ID}\r\n\r\na@localhost\r\n"
        );
        let got = format!("Return-Path: <tony@localhost>\r\nX: steve@localhost\r\n{own}");
        let mail = mail(got.as_bytes(), &"pepper".parse().unwrap()).unwrap();
        assert_eq!((mail.id.to_string().as_str(), mail.from.as_str()), (ID, "tony"));
        assert_eq!(mail.content, Content::Message(own.as_bytes().try_into().unwrap()));
        assert_eq!(mail.to, "steve, bruce".parse().unwrap());
    }

    #[test]
    fn a_text_is_decoded() {
        for (encoding, body) in [("7bit", "a\r\nb\r\n"), ("base64", "YQ0KYg==\r\n")] {
            let got = format!(
                "From: Tony Stark <tony@localhost>\r\nSubject: {ID}\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n{body}"
            );
            let mail = mail(got.as_bytes(), &"pepper".parse().unwrap()).unwrap();
            assert_eq!(mail.content, "a\nb".parse().unwrap());
        }
    }
}

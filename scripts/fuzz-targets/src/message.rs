//! Target `message`: one MessagePack value.

use std::fmt::Debug;

use correio_proto::{
    app_password::{AppPasswordRequest, Label},
    capability::{Capabilities, Capability},
    directory::{Query, fold},
    frame::{self, HEADER, Malformed, MalformedKind},
    limits,
    mail::{Body, Content, FullName, Mail, Recipients, Subject, Username},
    message::{
        Account, ClientMessage, ErrorReply, ListChange, ListOverview, ListRequest, Notice, Reply,
        Request, ServerMessage, Software,
    },
    resume::ResumeTicket,
};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn run(value: &[u8]) {
    if let Some(message) = both_ways::<ClientMessage>(value) {
        assert!(message.number > 0);
        request(&message.request);
    }
    if let Some(message) = both_ways::<ServerMessage>(value) {
        match message {
            ServerMessage::Reply { reply, .. } => self::reply(&reply),
            ServerMessage::Notice(notice) => self::notice(&notice),
        }
    }
}

/// Decodes a message, encodes it, and decodes the result, in which no byte is missing or left over.
fn both_ways<M>(value: &[u8]) -> Option<M>
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let message = match frame::decode::<M>(value) {
        Ok(message) => message,
        Err(malformed) => {
            self::malformed(&malformed);
            return None;
        }
    };
    let text = "there are bytes after the message";
    let longer = frame::decode::<M>(&[value, &[0xc0]].concat()).unwrap_err();
    assert_eq!((longer.kind, &*longer.text), (MalformedKind::Protocol, text));

    let before = b"what was there";
    let mut output = before.to_vec();
    frame::encode(&message, &mut output).unwrap();
    let (kept, framed) = output.split_at(before.len());
    assert_eq!(kept, before);
    let (header, written) = framed.split_at(HEADER);
    assert_eq!(header, u32::try_from(written.len()).unwrap().to_be_bytes());
    assert_eq!(frame::decode::<M>(written).as_ref(), Ok(&message));
    assert!(frame::decode::<M>(&written[..written.len() - 1]).is_err());
    Some(message)
}

/// Checks the error text of a malformed value, which goes into a reply and a line of the log.
fn malformed(malformed: &Malformed) {
    let Malformed { text, .. } = malformed;
    assert!(!text.is_empty() && text.len() <= 1000, "{} bytes", text.len());
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
}

fn request(request: &Request) {
    match request {
        Request::Hello(hello) => software(&hello.software),
        Request::Register(register) => {
            username(&register.username);
            full_name(&register.full_name);
        }
        Request::Login(login) => username(&login.username),
        Request::Resume(resume) => {
            username(&resume.username);
            ticket(&resume.ticket);
        }
        Request::Send(send) => {
            recipients(&send.to);
            subject(&send.subject);
            content(&send.content);
        }
        Request::Upload(upload) => {
            assert!((1..=limits::CONTENT_MAX).contains(&upload.size.get()));
            assert!(upload.bytes.as_bytes().len() <= limits::PIECE_MAX);
        }
        Request::Find(find) => query(&find.text),
        Request::Recover(recover) => username(&recover.username),
        Request::List(list) => list_request(list),
        Request::AppPassword(AppPasswordRequest::Create { label }) => self::label(label),
        Request::Confirm(confirm) => assert!(confirm.mails.len() <= limits::CONFIRM_MAX),
        Request::Account(Account::FullName { full_name }) => self::full_name(full_name),
        Request::Account(Account::Password { .. } | Account::Delete { .. })
        | Request::Ticket {}
        | Request::Logout {}
        | Request::Fetch(_)
        | Request::Read(_)
        | Request::AppPassword(AppPasswordRequest::List {} | AppPasswordRequest::Revoke { .. })
        | Request::Ping {} => {}
    }
}

fn ticket(ticket: &ResumeTicket) {
    assert!((1..=limits::TICKET_MAX).contains(&ticket.as_bytes().len()));
}

fn list_request(request: &ListRequest) {
    match request {
        ListRequest::Mine {} => {}
        ListRequest::Members { name, after } => {
            username(name);
            after.iter().for_each(username);
        }
        ListRequest::Change { name, change } => {
            username(name);
            match change {
                ListChange::Create { title, .. } | ListChange::Set { title, .. } => {
                    full_name(title);
                }
                ListChange::Add { members, .. } | ListChange::Remove { members } => {
                    recipients(members);
                }
                ListChange::Delete {} => {}
            }
        }
    }
}

fn overview(list: &ListOverview) {
    username(&list.name);
    full_name(&list.title);
}

fn reply(reply: &Reply) {
    match reply {
        Reply::Hello(welcome) => {
            software(&welcome.software);
            capabilities(&welcome.capabilities);
        }
        Reply::LoggedIn(logged_in) => {
            username(&logged_in.username);
            full_name(&logged_in.full_name);
        }
        Reply::Ticket(given) => ticket(&given.ticket),
        Reply::Found(found) => {
            assert!(found.people.len() <= limits::FOUND_MAX);
            for person in &found.people {
                username(&person.username);
                full_name(&person.full_name);
            }
        }
        Reply::Page(page) => page.mails.iter().for_each(mail),
        Reply::Error(ErrorReply { recipients, versions, .. }) => {
            assert!(recipients.len() <= limits::RECIPIENTS_MAX);
            assert!(versions.len() <= 16);
            recipients.iter().for_each(username);
        }
        Reply::Lists { lists } => {
            assert!(lists.len() <= limits::LISTS_MAX);
            lists.iter().for_each(overview);
        }
        Reply::Members(page) => {
            assert!(page.members.len() <= limits::MEMBERS_PAGE_MAX);
            overview(&page.list);
            for member in &page.members {
                username(&member.username);
                full_name(&member.full_name);
            }
        }
        Reply::AppPasswords { passwords } => {
            assert!(passwords.len() <= limits::APP_PASSWORDS_MAX);
            passwords.iter().for_each(|password| label(&password.label));
        }
        Reply::AppPasswordCreated { password, .. } => {
            assert_eq!(password.to_string().parse().as_ref(), Ok(password));
        }
        Reply::Piece { bytes } => assert!(bytes.as_bytes().len() <= limits::PIECE_MAX),
        Reply::Registered {}
        | Reply::Recovered { .. }
        | Reply::LoggedOut {}
        | Reply::Sent { .. }
        | Reply::Uploaded { .. }
        | Reply::Confirmed { .. }
        | Reply::AccountChanged { .. }
        | Reply::ListChanged {}
        | Reply::AppPasswordRevoked {}
        | Reply::Pong {} => {}
    }
}

fn notice(notice: &Notice) {
    if let Notice::NewMail(new_mail) = notice {
        username(&new_mail.from);
        full_name(&new_mail.from_name);
        subject(&new_mail.subject);
    }
}

/// Checks the rules of PROTOCOL.md for all fields of a mail.
pub(crate) fn mail(mail: &Mail) {
    username(&mail.from);
    full_name(&mail.from_name);
    recipients(&mail.to);
    subject(&mail.subject);
    content(&mail.content);
}

/// Checks the rules of PROTOCOL.md for a content.
fn content(content: &Content) {
    match content {
        Content::Body(text) => body(text),
        Content::Message(message) => {
            assert!((1..=limits::BODY_MAX).contains(&message.as_bytes().len()));
        }
        Content::Large(large) => assert!((1..=limits::CONTENT_MAX).contains(&large.size.get())),
    }
}

fn software(software: &Software) {
    for text in [software.name.as_str(), software.version.as_str()] {
        assert!(text.len() <= limits::SOFTWARE_MAX);
        assert!(text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
    }
}

fn capabilities(capabilities: &Capabilities) {
    assert!(capabilities.iter().count() <= limits::CAPABILITIES_MAX);
    for name in capabilities.iter().map(Capability::as_str) {
        assert!((1..=limits::CAPABILITY_MAX).contains(&name.len()));
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        assert!(capabilities.contains(name));
    }
}

fn username(username: &Username) {
    let text = username.as_str();
    assert!((1..=limits::USERNAME_MAX).contains(&text.len()));
    assert!(text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')));
    assert!(text.starts_with(|c: char| c.is_ascii_alphanumeric()));
    assert_eq!(text.parse().as_ref(), Ok(username));
}

fn full_name(name: &FullName) {
    one_line(name.as_str(), limits::FULL_NAME_MAX);
    assert_eq!(name.as_str().parse().as_ref(), Ok(name));
}

fn label(label: &Label) {
    one_line(label.as_str(), limits::LABEL_MAX);
    assert_eq!(label.as_str().parse().as_ref(), Ok(label));
}

/// Checks that a query is folded, and that it finds the name that it is.
fn query(query: &Query) {
    let text = query.as_str();
    assert!((1..=limits::FULL_NAME_MAX).contains(&text.chars().count()));
    assert!(!text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
    if let Ok(name) = text.parse() {
        let nobody = "0".parse().unwrap();
        assert!(query.finds(&nobody, &name) || fold(name.as_str()) != text);
    }
}

fn subject(subject: &Subject) {
    one_line(subject.as_str(), limits::SUBJECT_MAX);
    assert_eq!(subject.as_str().parse().as_ref(), Ok(subject));
}

fn one_line(text: &str, max: usize) {
    assert!((1..=max).contains(&text.chars().count()));
    assert_eq!(text.trim(), text);
    assert!(!text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
}

fn body(body: &Body) {
    assert!(body.as_str().len() <= limits::BODY_MAX);
    assert!(!body.as_str().trim().is_empty());
}

fn recipients(recipients: &Recipients) {
    let names = recipients.as_slice();
    assert!((1..=limits::RECIPIENTS_MAX).contains(&names.len()));
    names.iter().for_each(username);
    let mut once = names.to_vec();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len());
}

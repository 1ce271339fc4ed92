//! Sending to a scripted server, which keeps uploads until a mail takes them over.

use std::{collections::BTreeMap, fs};

use correio_proto::{
    mail::{Content, ContentHasher, MailId},
    message::{ErrorCode, ErrorReply},
};
use tempfile::TempDir;

use super::*;
use crate::storage::outgoing::{ContentError, OutgoingContent};

const LIMITS: Limits =
    Limits { body: 10, recipients: 100, page: 200, frame: 1 << 20, content: 10_000, piece: 300 };

/// A server as PROTOCOL.md describes it, for one account.
#[derive(Default)]
struct Server {
    uploads: BTreeMap<MailId, (u64, Vec<u8>)>,
    sent: BTreeMap<MailId, (Timestamp, Vec<u8>)>,
    /// The request after which the connection is lost for good, before or after it is done.
    lost: Option<(usize, Lost)>,
    asked: usize,
    /// Bytes that travelled in pieces.
    travelled: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Request,
    Answer,
}

impl Server {
    fn ask(&mut self, request: Request) -> Result<Reply, RequestError> {
        self.asked += 1;
        let lost = self.lost.filter(|(at, _)| *at == self.asked).map(|(_, lost)| lost);
        if lost == Some(Lost::Request) {
            return Err(RequestError::TimedOut);
        }
        let reply = self.answer(request);
        match (lost, reply) {
            (Some(_), _) => Err(RequestError::TimedOut),
            (None, Reply::Error(error)) => Err(RequestError::Refused(error)),
            (None, reply) => Ok(reply),
        }
    }

    fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Upload(upload) => {
                let (size, bytes) = (upload.size.get(), upload.bytes.as_bytes());
                assert!(bytes.len() <= 300);
                self.travelled += bytes.len();
                if self.sent.contains_key(&upload.id) {
                    return Reply::Uploaded { staged: size };
                }
                let (_, staged) = self.uploads.entry(upload.id).or_insert((size, vec![]));
                let offset = usize::try_from(upload.offset).unwrap();
                if offset > staged.len() {
                    return incomplete(staged.len() as u64);
                }
                let known = staged.len() - offset;
                staged.extend_from_slice(bytes.get(known..).unwrap_or_default());
                Reply::Uploaded { staged: staged.len() as u64 }
            }
            Request::Send(send) => {
                if let Some((sent_at, _)) = self.sent.get(&send.id) {
                    return Reply::Sent { sent_at: *sent_at };
                }
                let Content::Large(large) = send.content else { panic!("{send:?}") };
                let (_, staged) = self.uploads.get(&send.id).cloned().unwrap_or_default();
                if staged.len() as u64 != large.size.get() {
                    return incomplete(staged.len() as u64);
                }
                let mut hasher = ContentHasher::new();
                hasher.update(&staged);
                assert_eq!(hasher.finish(), large.sha256);
                self.uploads.remove(&send.id);
                let sent_at = Timestamp(1 + self.sent.len() as u64);
                self.sent.insert(send.id, (sent_at, staged));
                Reply::Sent { sent_at }
            }
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, mail: &OutgoingMail) -> Result<Timestamp, SendError> {
        send(mail, &LIMITS, &mut |request| self.ask(request), &mut |_| {}, &Cancel::new())
    }
}

fn incomplete(staged: u64) -> Reply {
    let error = ErrorReply::new(ErrorCode::Incomplete, "go on");
    Reply::Error(ErrorReply { staged: Some(staged), ..error })
}

fn mail(content: OutgoingContent) -> OutgoingMail {
    let (to, subject) = ("pepper".parse().unwrap(), "Jantar".parse().unwrap());
    OutgoingMail { id: crate::new_mail_id(), to, subject, content }
}

/// A text of 1,000 bytes, which is four pieces.
fn text() -> String {
    (0..250).map(|n| format!("{n:03}\n")).collect()
}

#[test]
fn a_content_is_uploaded_in_pieces_and_sent() {
    let mail = mail(OutgoingContent::text(&text()).unwrap());
    let mut server = Server::default();
    let mut told = Vec::new();
    let mut ask = |request| server.ask(request);
    let sent_at =
        send(&mail, &LIMITS, &mut ask, &mut |p| told.push(p.done), &Cancel::new()).unwrap();
    assert_eq!(server.sent[&mail.id], (sent_at, text().into_bytes()));
    assert_eq!(told, [0, 300, 600, 900, 1000, 1000]);
}

#[test]
fn wherever_it_stops_the_same_mail_is_sent_once_and_no_piece_travels_twice() {
    // How far, four pieces, the mail: each may be the last, with or without its effect.
    for at in 1..=6 {
        for lost in [Lost::Request, Lost::Answer] {
            let directory = TempDir::new().unwrap();
            let path = directory.path().join("body");
            fs::write(&path, text()).unwrap();
            let mail = mail(OutgoingContent::file(&path).unwrap());
            let mut server = Server { lost: Some((at, lost)), ..Server::default() };
            let stopped = server.send(&mail);
            let is_lost = matches!(stopped, Err(SendError::Request(RequestError::TimedOut)));
            assert!(is_lost, "{at} {lost:?}");
            // A restarted program has the mail's id and its content, and no more.
            let again = OutgoingMail { content: OutgoingContent::file(&path).unwrap(), ..mail };
            let sent_at = server.send(&again).unwrap();
            assert_eq!(server.sent[&again.id], (sent_at, text().into_bytes()), "{at} {lost:?}");
            assert_eq!((server.sent.len(), server.uploads.len()), (1, 0));
            assert_eq!(server.travelled, 1000, "{at} {lost:?}");
        }
    }
}

#[test]
fn an_upload_that_the_server_has_lost_is_made_again() {
    let mail = mail(OutgoingContent::text(&text()).unwrap());
    for (at, left) in [(3, 0), (4, 200), (6, 0), (6, 999)] {
        let mut server = Server::default();
        let mut ask = |request| {
            if server.asked + 1 == at {
                server.uploads.get_mut(&mail.id).unwrap().1.truncate(left);
            }
            server.ask(request)
        };
        send(&mail, &LIMITS, &mut ask, &mut |_| {}, &Cancel::new()).unwrap();
        assert_eq!(server.sent[&mail.id].1, text().into_bytes(), "{at}");
    }
}

#[test]
fn a_server_that_never_comes_to_an_end_is_given_up() {
    let mail = mail(OutgoingContent::text(&text()).unwrap());
    type Answer = fn(&Request) -> Reply;
    let uploaded: [Answer; 5] = [
        |_| incomplete(0),
        |_| Reply::Uploaded { staged: 0 },
        |_| Reply::Uploaded { staged: 1001 },
        |_| Reply::Pong {},
        |request| match request {
            Request::Upload(_) => Reply::Uploaded { staged: 1000 },
            _ => incomplete(1000),
        },
    ];
    for (number, answer) in uploaded.into_iter().enumerate() {
        let mut asked = 0;
        let mut ask = |request: Request| {
            asked += 1;
            match answer(&request) {
                Reply::Error(error) => Err(RequestError::Refused(error)),
                reply => Ok(reply),
            }
        };
        let error = send(&mail, &LIMITS, &mut ask, &mut |_| {}, &Cancel::new()).unwrap_err();
        let is_given_up =
            matches!(error, SendError::Request(RequestError::Answer(_) | RequestError::Refused(_)));
        assert!(is_given_up && asked < 20, "{number}: {error}");
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_not_sent() {
    for (at, change) in [(2, "shorter"), (4, "other"), (6, "longer")] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("body");
        fs::write(&path, text()).unwrap();
        let mail = mail(OutgoingContent::file(&path).unwrap());
        let mut server = Server::default();
        let mut ask = |request| {
            if server.asked + 2 == at {
                let changed = match change {
                    "shorter" => text()[..500].to_owned(),
                    "other" => text().replace('9', "8"),
                    _ => text() + "x",
                };
                fs::write(&path, changed).unwrap();
            }
            server.ask(request)
        };
        let error = send(&mail, &LIMITS, &mut ask, &mut |_| {}, &Cancel::new()).unwrap_err();
        let is_changed = matches!(error, SendError::Content(ContentError::Changed { .. }));
        assert!(is_changed, "{change}: {error}");
        assert!(server.sent.is_empty());
    }
}

#[test]
fn the_servers_refusal_is_passed_on() {
    let mail = mail(OutgoingContent::text(&text()).unwrap());
    let busy = ErrorReply::new(ErrorCode::Busy, "no room");
    let mut ask = |_| Err(RequestError::Refused(busy.clone()));
    let error = send(&mail, &LIMITS, &mut ask, &mut |_| {}, &Cancel::new()).unwrap_err();
    assert!(matches!(error, SendError::Request(error) if error.code() == Some(ErrorCode::Busy)));
}

#[test]
fn a_mail_that_is_cancelled_before_it_is_sent_is_told_apart() {
    let mail = mail(OutgoingContent::text(&text()).unwrap());
    // How far, four pieces, the mail: each may be waited for when the user cancels.
    for at in 1..=6 {
        let (mut server, mut asked) = (Server::default(), 0);
        let mut ask = |request| {
            asked += 1;
            if asked == at { Err(RequestError::Cancelled) } else { server.ask(request) }
        };
        let error = send(&mail, &LIMITS, &mut ask, &mut |_| {}, &Cancel::new()).unwrap_err();
        match at {
            6 => assert!(matches!(error, SendError::Request(RequestError::Cancelled)), "{error}"),
            _ => assert!(matches!(error, SendError::CancelledUnsent), "{at}: {error}"),
        }
    }
    // While the content is compared, after its last piece.
    let (mut server, cancel) = (Server::default(), Cancel::new());
    let mut progress = |progress: ContentProgress| {
        if progress.done == progress.size {
            cancel.cancel();
        }
    };
    let mut ask = |request| server.ask(request);
    let error = send(&mail, &LIMITS, &mut ask, &mut progress, &cancel).unwrap_err();
    assert!(matches!(error, SendError::CancelledUnsent), "{error}");
    assert!(server.sent.is_empty());
}

//! Large contents: sent and received in pieces, over links that break.

use std::{fs, io::Read, path::Path};

use correio_client::{
    Address, Cancel, ConnectOptions, Mailbox, NewAccount, OutgoingContent, OutgoingMail,
    RequestError, SendError, Service, Trust, new_mail_id,
};
use correio_proto::{
    limits,
    mail::{ContentHasher, Sha256},
    message::{ErrorCode, Send},
};
use correio_testing::{
    proxy::{Proxy, ProxyMode},
    served::RunningServer,
};
use tempfile::TempDir;

use crate::support::password;

/// Bytes of the largest content that the server takes.
const LARGE: usize = limits::CONTENT_DEFAULT_MAX as usize;

/// A server in memory with Tony's account.
struct Setup {
    running: RunningServer,
    data: TempDir,
}

impl Setup {
    fn new() -> Self {
        let setup = Self { running: RunningServer::in_memory(), data: TempDir::new().unwrap() };
        let account = NewAccount {
            id: new_mail_id(),
            username: "tony".parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
            password: password(),
            invite: None,
        };
        setup.connect(&setup.address()).register(&account, &Cancel::new()).unwrap();
        setup
    }

    fn address(&self) -> Address {
        self.running.address.to_string().parse().unwrap()
    }

    fn connect(&self, address: &Address) -> Service {
        let options = ConnectOptions { trust: Trust::Plaintext, ..ConnectOptions::default() };
        Service::connect(address, &options, &Cancel::new()).unwrap()
    }

    fn log_in(&self) -> Service {
        self.log_in_at(&self.address())
    }

    fn log_in_at(&self, address: &Address) -> Service {
        let service = self.connect(address);
        service.login(&"tony".parse().unwrap(), &password(), &Cancel::new()).unwrap();
        service
    }

    /// A session over a link that is cut after each of these numbers of bytes.
    fn log_in_over_cuts(&self, bytes: u64) -> (Proxy, Service) {
        let proxy = Proxy::start(self.running.address, ProxyMode::Cutting(bytes)).unwrap();
        let service = self.log_in_at(&proxy.address.to_string().parse().unwrap());
        (proxy, service)
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::open(self.data.path(), &self.address(), &"tony".parse().unwrap())
    }
}

/// A text of so many bytes, of which no two pieces are the same.
fn text(length: usize) -> String {
    let mut text = String::with_capacity(length + 40);
    for line in 0_u32.. {
        if text.len() >= length {
            break;
        }
        text.push_str(&format!("{line} é a linha, e {} não\n", line.wrapping_mul(2_654_435_761)));
    }
    text.truncate(text.floor_char_boundary(length));
    let missing = length - text.len();
    text + &"x".repeat(missing)
}

fn mail(content: OutgoingContent) -> OutgoingMail {
    let (to, subject) = ("tony".parse().unwrap(), "Grande".parse().unwrap());
    OutgoingMail { id: new_mail_id(), to, subject, content }
}

fn digest(bytes: &mut impl Read) -> Sha256 {
    let mut hasher = ContentHasher::new();
    let mut buffer = [0; 4096];
    loop {
        match bytes.read(&mut buffer).unwrap() {
            0 => return hasher.finish(),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn names(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn the_largest_content_comes_through_a_link_that_is_cut_at_each_tenth_of_it() {
    let setup = Setup::new();
    let sent = text(LARGE);
    let path = setup.data.path().join("body");
    fs::write(&path, &sent).unwrap();
    let mail = mail(OutgoingContent::file(&path).unwrap());
    // A tenth of the content, and what a piece may be sent again after a cut.
    let cut = (LARGE / 10 + limits::PIECE_MAX) as u64;

    let (proxy, tony) = setup.log_in_over_cuts(cut);
    let mut done = Vec::new();
    let cancel = Cancel::new();
    tony.send_mail(&mail, &mut |progress| done.push(progress.done), &cancel).unwrap();
    assert!(proxy.cuts() >= 8, "{}", proxy.cuts());
    assert!(done.is_sorted());
    drop(tony);

    let (proxy, tony) = setup.log_in_over_cuts(cut);
    let mut mailbox = setup.mailbox();
    let new = tony.receive(&mut mailbox, &mut |_| {}, &cancel).unwrap();
    assert!(proxy.cuts() >= 8, "{}", proxy.cuts());
    assert_eq!(new.len(), 1);
    let mut content = mailbox.content(&new[0]).unwrap();
    assert_eq!(digest(&mut content), digest(&mut sent.as_bytes()));
    assert_eq!(mailbox.text(&new[0]).unwrap().text, sent);
    assert_eq!(names(&mailbox.directory().join("tmp")), 0);
    assert_eq!(tony.receive(&mut mailbox, &mut |_| {}, &cancel).unwrap().len(), 1, "not shown yet");
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 1);
}

#[test]
fn an_upload_that_was_cancelled_goes_on_in_another_program() {
    let setup = Setup::new();
    let sent = text(10 * limits::PIECE_MAX);
    let mail = mail(OutgoingContent::text(&sent).unwrap());
    for wanted in [1, 4, 7] {
        let cancel = Cancel::new();
        let stop = (wanted * limits::PIECE_MAX) as u64;
        let mut first = None;
        let mut progress = |progress: correio_client::ContentProgress| {
            first.get_or_insert(progress.done);
            if progress.done >= stop {
                cancel.cancel();
            }
        };
        let error = setup.log_in().send_mail(&mail, &mut progress, &cancel).unwrap_err();
        assert!(matches!(error, SendError::CancelledUnsent), "{error}");
        let before = if wanted == 1 { 0 } else { stop - 3 * limits::PIECE_MAX as u64 };
        assert_eq!(first, Some(before), "it goes on from where it was");
    }
    let tony = setup.log_in();
    let cancel = Cancel::new();
    let sent_at = tony.send_mail(&mail, &mut |_| {}, &cancel).unwrap();
    assert_eq!(tony.send_mail(&mail, &mut |_| {}, &cancel).unwrap(), sent_at, "the same mail");
    let mut mailbox = setup.mailbox();
    let new = tony.receive(&mut mailbox, &mut |_| {}, &cancel).unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(mailbox.text(&new[0]).unwrap().text, sent);
}

#[test]
fn a_download_that_was_cancelled_leaves_the_mail_on_the_server() {
    let setup = Setup::new();
    let tony = setup.log_in();
    let sent = text(8 * limits::PIECE_MAX + 1);
    let mail = mail(OutgoingContent::text(&sent).unwrap());
    tony.send_mail(&mail, &mut |_| {}, &Cancel::new()).unwrap();
    let mut mailbox = setup.mailbox();
    for piece in [0, 1, 4, 8] {
        let cancel = Cancel::new();
        let mut progress = |progress: correio_client::Progress| {
            if progress.content.is_some_and(|it| it.done >= (piece * limits::PIECE_MAX) as u64) {
                cancel.cancel();
            }
        };
        assert!(tony.receive(&mut mailbox, &mut progress, &cancel).is_err(), "{piece}");
        assert_eq!(names(&mailbox.directory().join("tmp")), 0);
        assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 0);
    }
    let new = tony.receive(&mut mailbox, &mut |_| {}, &Cancel::new()).unwrap();
    assert_eq!(mailbox.text(&new[0]).unwrap().text, sent);
}

#[test]
fn contents_above_the_limit_and_uploads_without_room_are_refused() {
    let setup = Setup::new();
    let tony = setup.log_in();
    let cancel = Cancel::new();
    let mail_of = |text: &str| mail(OutgoingContent::text(text).unwrap());
    let limit = limits::CONTENT_DEFAULT_MAX;
    let error = tony.send_mail(&mail_of(&text(LARGE + 1)), &mut |_| {}, &cancel).unwrap_err();
    let is_too_large = matches!(
        error,
        SendError::Request(RequestError::TooLarge { size, limit: stated })
            if stated == limit && size > limit
    );
    assert!(is_too_large, "{error}");
    // Four uploads are begun and none is finished.
    let small = text(limits::BODY_DEFAULT_MAX + 1);
    for _ in 0..4 {
        let stop = Cancel::new();
        let mut progress = |progress: correio_client::ContentProgress| {
            if progress.done > 0 {
                stop.cancel();
            }
        };
        tony.send_mail(&mail_of(&small), &mut progress, &stop).unwrap_err();
    }
    let error = tony.send_mail(&mail_of(&small), &mut |_| {}, &cancel).unwrap_err();
    let SendError::Request(RequestError::Refused(refusal)) = error else { panic!("{error}") };
    assert_eq!(refusal.code, ErrorCode::Busy);
    assert!(refusal.retry_after.is_some());
    // A body needs no room.
    tony.send_mail(&mail_of("Oi"), &mut |_| {}, &cancel).unwrap();
}

#[test]
fn a_large_mail_keeps_its_place_among_bodies() {
    let setup = Setup::new();
    let tony = setup.log_in();
    let cancel = Cancel::new();
    let body = |subject: &str| Send {
        id: new_mail_id(),
        to: "tony".parse().unwrap(),
        subject: subject.parse().unwrap(),
        content: "x".parse().unwrap(),
    };
    tony.send(&body("Antes"), &cancel).unwrap();
    let large = text(limits::BODY_DEFAULT_MAX + 1);
    tony.send_mail(&mail(OutgoingContent::text(&large).unwrap()), &mut |_| {}, &cancel).unwrap();
    tony.send(&body("Depois"), &cancel).unwrap();
    let mut mailbox = setup.mailbox();
    let new = tony.receive(&mut mailbox, &mut |_| {}, &cancel).unwrap();
    let subjects: Vec<_> = new.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["Antes", "Grande", "Depois"]);
    assert_eq!(new.iter().map(|mail| mail.number).collect::<Vec<_>>(), [1, 2, 3]);
}

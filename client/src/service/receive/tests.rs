//! Receiving from a scripted server, which keeps mail until it is confirmed.

use std::{collections::BTreeMap, fs, io::Read};

use correio_proto::{
    mail::{Content, ContentHasher, LargeContent, Mail, Seq, Timestamp},
    message::{ErrorReply, Page},
};
use tempfile::TempDir;

use super::{receiving::checked, *};
use crate::storage::mailbox::MailboxNote;

struct Server {
    mails: BTreeMap<u64, Mail>,
    /// The bytes of large contents.
    contents: BTreeMap<u64, Vec<u8>>,
    piece: usize,
    page: usize,
    /// Requests after which the connection is lost for good, before or after they are done.
    lost: Option<(usize, Lost)>,
    asked: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Request,
    Answer,
}

impl Server {
    fn new(count: u64) -> Self {
        let mails = (1..=count).map(|seq| (seq, mail(seq))).collect();
        let contents = BTreeMap::new();
        Self { mails, contents, piece: 100, page: 3, lost: None, asked: 0 }
    }

    /// Gives a mail a large content.
    fn enlarge(&mut self, seq: u64, content: &[u8]) {
        let mut hasher = ContentHasher::new();
        hasher.update(content);
        let size = u64::try_from(content.len()).unwrap().try_into().unwrap();
        let large = LargeContent { kind: Default::default(), size, sha256: hasher.finish() };
        self.mails.get_mut(&seq).unwrap().content = Content::Large(large);
        self.contents.insert(seq, content.to_vec());
    }

    fn ask(&mut self, request: Request) -> Result<Reply, RequestError> {
        self.asked += 1;
        match self.lost {
            Some((at, Lost::Request)) if self.asked >= at => return Err(RequestError::TimedOut),
            Some((at, Lost::Answer)) if self.asked >= at => {
                if self.asked == at {
                    self.answer(request);
                }
                return Err(RequestError::TimedOut);
            }
            _ => {}
        }
        match self.answer(request) {
            Reply::Error(error) => Err(RequestError::Refused(error)),
            reply => Ok(reply),
        }
    }

    fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Fetch(fetch) => {
                let mut later = self.mails.range(fetch.after.0 + 1..);
                let mails = later.by_ref().take(self.page).map(|(_, mail)| mail.clone());
                let mails = mails.collect();
                let more = later.next().is_some();
                Reply::Page(Page { mails, more })
            }
            Request::Read(read) => {
                let content = self.contents.get(&read.seq.0);
                let offset = usize::try_from(read.offset).unwrap();
                let Some(left) = content.and_then(|content| content.get(offset..)) else {
                    return Reply::Error(ErrorReply::new(ErrorCode::NoSuchMail, "gone"));
                };
                let piece = &left[..left.len().min(self.piece)];
                Reply::Piece { bytes: piece.try_into().unwrap() }
            }
            Request::Confirm(confirm) => {
                let before = self.mails.len();
                for mail in confirm.mails {
                    self.mails.remove(&mail.seq.0);
                }
                let deleted = u32::try_from(before - self.mails.len()).unwrap();
                Reply::Confirmed { deleted }
            }
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, mailbox: &Mailbox) -> Result<Vec<Stored>, ReceiveError> {
        self.receive_with(mailbox, ReceiveOptions::default())
    }

    fn receive_with(
        &mut self,
        mailbox: &Mailbox,
        options: ReceiveOptions,
    ) -> Result<Vec<Stored>, ReceiveError> {
        let mut ask = |request| self.ask(request);
        let received = receive(mailbox, options, &mut ask, &mut |_| {}, &Cancel::new());
        received.map(|received| received.mails)
    }
}

fn mail(seq: u64) -> Mail {
    Mail {
        seq: Seq(seq),
        id: crate::new_mail_id(),
        from: "steve".parse().unwrap(),
        from_name: "Steve Rogers".parse().unwrap(),
        to: "tony".parse().unwrap(),
        sent_at: Timestamp(seq),
        subject: format!("Assunto {seq}").parse().unwrap(),
        content: "Corpo".parse().unwrap(),
    }
}

fn open(data: &TempDir) -> Mailbox {
    let address = "correio.example".parse().unwrap();
    Mailbox::open(data.path(), &address, &"tony".parse().unwrap())
}

fn numbers(mails: &[Stored]) -> Vec<u64> {
    mails.iter().map(|mail| mail.seq.0).collect()
}

#[test]
fn pages_are_saved_and_confirmed() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(7);
    let mut told = Vec::new();
    let mailbox = open(&data);
    let mut ask = |request| server.ask(request);
    let new = receive(
        &mailbox,
        ReceiveOptions::default(),
        &mut ask,
        &mut |p| told.push(p),
        &Cancel::new(),
    )
    .unwrap()
    .mails;
    assert_eq!(numbers(&new), [1, 2, 3, 4, 5, 6, 7]);
    assert!(server.mails.is_empty());
    let told: Vec<_> = told.iter().map(|p| (p.saved, p.known, p.more)).collect();
    assert_eq!(told, [(3, 0, true), (6, 0, true), (7, 0, false)]);
    mailbox.mark_shown(&new).unwrap();
    assert_eq!(server.receive(&mailbox).unwrap(), []);
}

#[test]
fn wherever_it_stops_nothing_is_lost_and_nothing_is_there_twice() {
    // Three pages: six requests, each of which may be the last, with or without its effect.
    for at in 1..=6 {
        for lost in [Lost::Request, Lost::Answer] {
            let data = TempDir::new().unwrap();
            let mut server = Server::new(7);
            server.lost = Some((at, lost));
            let stopped = server.receive(&open(&data));
            assert!(matches!(stopped, Err(ReceiveError::Request(RequestError::TimedOut))));
            server.lost = None;

            // A program that was killed comes back with nothing but its directory.
            let mailbox = open(&data);
            let new = server.receive(&mailbox).unwrap();
            assert_eq!(numbers(&new), [1, 2, 3, 4, 5, 6, 7], "{at} {lost:?}");
            assert!(server.mails.is_empty());
            mailbox.mark_shown(&new).unwrap();
            assert_eq!(server.receive(&mailbox).unwrap(), []);
            assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 7);
        }
    }
}

#[test]
fn nothing_is_confirmed_that_could_not_be_saved() {
    let data = TempDir::new().unwrap();
    let mailbox = open(&data);
    let mut server = Server::new(4);
    // A file has the name of a directory.
    fs::create_dir_all(mailbox.directory()).unwrap();
    fs::write(mailbox.directory().join("tmp"), "").unwrap();
    assert!(matches!(server.receive(&mailbox), Err(ReceiveError::Mailbox(_))));
    assert_eq!(server.mails.len(), 4);
}

#[test]
fn pages_that_make_no_sense_end_it() {
    let page = |seqs: &[u64], more| {
        let mails = seqs.iter().map(|seq| mail(*seq)).collect();
        Reply::Page(Page { mails, more })
    };
    for (reply, after) in [
        (page(&[], true), 0),
        (page(&[2, 1], false), 0),
        (page(&[2, 2], false), 0),
        (page(&[5], true), 5),
        (Reply::Pong {}, 0),
    ] {
        let outcome = checked(reply.clone(), Seq(after));
        assert!(matches!(outcome, Err(ReceiveError::Page(_))), "{reply:?}");
    }
}

#[test]
fn the_servers_refusal_is_passed_on() {
    let data = TempDir::new().unwrap();
    let error = ErrorReply::new(ErrorCode::NotAuthenticated, "log in first");
    let mut ask = |_| Err(RequestError::Refused(error.clone()));
    let outcome =
        receive(&open(&data), ReceiveOptions::default(), &mut ask, &mut |_| {}, &Cancel::new());
    let Err(ReceiveError::Request(refused)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refused.code(), Some(ErrorCode::NotAuthenticated));
}

/// The content of a mail in the mailbox.
fn content(mailbox: &Mailbox, stored: &Stored) -> Vec<u8> {
    let mut content = Vec::new();
    mailbox.content(stored).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// Bytes that are no text, in pieces of which none ends where a line of the file ends.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * n % 251).unwrap()).collect()
}

#[test]
fn large_contents_are_read_in_pieces_and_keep_their_place() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(5);
    for (seq, length) in [(2, 1), (3, 250), (5, 1000)] {
        server.enlarge(seq, &bytes(length));
    }
    let mailbox = open(&data);
    let mut told = Vec::new();
    let mut ask = |request| server.ask(request);
    let new = receive(
        &mailbox,
        ReceiveOptions::default(),
        &mut ask,
        &mut |p| told.push(p),
        &Cancel::new(),
    )
    .unwrap()
    .mails;
    assert_eq!(numbers(&new), [1, 2, 3, 4, 5]);
    assert!(server.mails.is_empty());
    for (index, length) in [(1, 1), (2, 250), (4, 1000)] {
        assert_eq!(content(&mailbox, &new[index]), bytes(length));
    }
    assert_eq!(content(&mailbox, &new[0]), b"Corpo");
    let of_third: Vec<_> =
        told.iter().filter_map(|p| p.content).filter(|c| c.size == 250).collect();
    assert_eq!(of_third.iter().map(|content| content.done).collect::<Vec<_>>(), [0, 100, 200]);
    assert!(fs::read_dir(mailbox.directory().join("tmp")).unwrap().next().is_none());
}

#[test]
fn wherever_a_large_content_stops_nothing_is_lost_and_nothing_is_there_twice() {
    // A page, six pieces and two confirmations with them, a confirmation, and a page.
    for at in 1..=11 {
        for lost in [Lost::Request, Lost::Answer] {
            let data = TempDir::new().unwrap();
            let mut server = Server::new(4);
            server.enlarge(1, &bytes(250));
            server.enlarge(3, &bytes(201));
            server.lost = Some((at, lost));
            let stopped = server.receive(&open(&data));
            let is_lost = matches!(stopped, Err(ReceiveError::Request(RequestError::TimedOut)));
            assert!(is_lost, "{at} {lost:?} {stopped:?}");
            let tmp = open(&data).directory().join("tmp");
            assert!(fs::read_dir(tmp).unwrap().next().is_none(), "{at} {lost:?}");
            server.lost = None;

            let mailbox = open(&data);
            let new = server.receive(&mailbox).unwrap();
            assert_eq!(numbers(&new), [1, 2, 3, 4], "{at} {lost:?}");
            assert!(server.mails.is_empty());
            assert_eq!(content(&mailbox, &new[0]), bytes(250));
            assert_eq!(content(&mailbox, &new[2]), bytes(201));
            assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 4);
        }
    }
}

#[test]
fn a_damaged_content_stays_on_the_server_and_holds_no_other_mail_up() {
    let whole = bytes(250);
    let other: Vec<u8> = whole.iter().map(|byte| byte ^ 1).collect();
    let longer = [whole.as_slice(), b"x"].concat();
    for served in [&whole[..249], &whole[..0], &longer, &other] {
        let data = TempDir::new().unwrap();
        let mut server = Server::new(3);
        server.enlarge(2, &whole);
        server.contents.insert(2, served.to_vec());
        let mailbox = open(&data);
        let new = server.receive(&mailbox).unwrap();
        assert_eq!(numbers(&new), [1, 3]);
        assert_eq!(server.mails.keys().copied().collect::<Vec<_>>(), [2]);
        let (from, subject) = ("steve".parse().unwrap(), "Assunto 2".parse().unwrap());
        assert_eq!(mailbox.take_notes(), [MailboxNote::ContentDamaged { from, subject }]);
        assert!(fs::read_dir(mailbox.directory().join("tmp")).unwrap().next().is_none());
        // It arrives whole the next time.
        server.contents.insert(2, whole.clone());
        mailbox.mark_shown(&new).unwrap();
        assert_eq!(numbers(&server.receive(&mailbox).unwrap()), [2]);
    }
}

#[test]
fn a_damaged_content_is_deleted_on_the_server_if_that_is_wanted() {
    let whole = bytes(250);
    let other: Vec<u8> = whole.iter().map(|byte| byte ^ 1).collect();
    for served in [&whole[..249], &other] {
        let data = TempDir::new().unwrap();
        let mut server = Server::new(4);
        server.enlarge(2, &whole);
        server.enlarge(3, &whole);
        server.contents.insert(2, served.to_vec());
        let mailbox = open(&data);
        let new = server.receive_with(&mailbox, DamagedContents::Delete.into()).unwrap();
        assert_eq!(numbers(&new), [1, 3, 4]);
        assert!(server.mails.is_empty());
        assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 3);
        assert!(fs::read_dir(mailbox.directory().join("tmp")).unwrap().next().is_none());
    }
}

#[test]
fn a_mail_that_another_client_confirms_meanwhile_is_no_failure() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(3);
    server.enlarge(2, &bytes(250));
    let mut reads = 0;
    let mut ask = |request| {
        if matches!(request, Request::Read(_)) {
            reads += 1;
            if reads == 2 {
                server.contents.clear();
            }
        }
        server.ask(request)
    };
    let mailbox = open(&data);
    let new = receive(&mailbox, ReceiveOptions::default(), &mut ask, &mut |_| {}, &Cancel::new())
        .unwrap()
        .mails;
    assert_eq!(numbers(&new), [1, 3]);
    assert!(fs::read_dir(mailbox.directory().join("tmp")).unwrap().next().is_none());
}

#[test]
fn a_mail_that_was_deleted_before_it_was_confirmed_does_not_come_back() {
    for at in 1..20 {
        let data = TempDir::new().unwrap();
        let mailbox = open(&data);
        let mut server = Server::new(5);
        server.enlarge(4, &[b'x'; 250]);
        server.lost = Some((at, Lost::Request));
        if server.receive(&mailbox).is_ok() {
            assert!(at > 5, "{at}");
            return;
        }
        let saved = mailbox.list(1, usize::MAX).unwrap().mails;
        saved.iter().for_each(|mail| mailbox.delete(mail).unwrap());
        server.lost = None;
        let received = server.receive(&mailbox).unwrap();
        assert_eq!(received.len() + saved.len(), 5, "{at}");
        assert!(server.mails.is_empty(), "a deleted mail is confirmed, too");
        for mail in &saved {
            assert!(
                !mailbox.was_deleted(mail.id, &mail.from).unwrap(),
                "nothing is left to record"
            );
        }
    }
    panic!("receiving never succeeds");
}

#[test]
fn kept_mails_stay_on_the_server_and_are_here_once() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(7);
    server.enlarge(5, &bytes(250));
    let mailbox = open(&data);
    let keep = ReceiveOptions { server_copy: ServerCopy::Keep, ..ReceiveOptions::default() };
    let new = server.receive_with(&mailbox, keep).unwrap();
    assert_eq!(numbers(&new), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(server.mails.len(), 7);
    assert_eq!(content(&mailbox, &new[4]), bytes(250));
    mailbox.mark_shown(&new).unwrap();
    assert_eq!(server.receive_with(&mailbox, keep).unwrap(), []);
    // Without the option, the mails that are here already are confirmed.
    assert_eq!(server.receive(&mailbox).unwrap(), []);
    assert!(server.mails.is_empty());
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 7);
}

#[test]
fn kept_mails_are_fetched_once_a_connection() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(4);
    let mailbox = open(&data);
    let mut after = Seq::default();
    for (count, pages) in [(4, 2), (4, 1), (5, 1)] {
        while server.mails.len() < count {
            let seq = server.mails.len() as u64 + 1;
            server.mails.insert(seq, mail(seq));
        }
        let (mut fetched, mut told) = (0, Vec::new());
        let mut ask = |request| {
            fetched += usize::from(matches!(request, Request::Fetch(_)));
            server.ask(request)
        };
        let keep = ReceiveOptions { server_copy: ServerCopy::Keep, after, ..Default::default() };
        let received =
            receive(&mailbox, keep, &mut ask, &mut |p| told.push(p), &Cancel::new()).unwrap();
        assert_eq!((fetched, received.last), (pages, Seq(count as u64)));
        assert!(told.last().is_none_or(|last| !last.more), "{told:?}");
        after = received.last;
    }
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 5);
}

#[test]
fn a_kept_mail_whose_content_is_damaged_stays_even_if_such_mails_are_deleted() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(2);
    server.enlarge(2, &bytes(250));
    server.contents.insert(2, bytes(249));
    let mailbox = open(&data);
    let damaged = DamagedContents::Delete;
    let keep = ReceiveOptions { server_copy: ServerCopy::Keep, damaged, ..Default::default() };
    assert_eq!(numbers(&server.receive_with(&mailbox, keep).unwrap()), [1]);
    assert_eq!(server.mails.len(), 2);
}

#[test]
fn a_mail_that_was_deleted_here_does_not_come_back_while_the_server_keeps_it() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(5);
    server.enlarge(4, &bytes(250));
    let mailbox = open(&data);
    let keep = ReceiveOptions { server_copy: ServerCopy::Keep, ..Default::default() };
    let new = server.receive_with(&mailbox, keep).unwrap();
    mailbox.mark_shown(&new).unwrap();
    let deleted = [&new[1], &new[3]];
    deleted.iter().for_each(|mail| mailbox.delete(mail).unwrap());
    // The third call confirms nothing that it does not fetch.
    let later = ReceiveOptions { after: Seq(5), ..Default::default() };
    for options in [keep, keep, later, keep] {
        assert_eq!(server.receive_with(&mailbox, options).unwrap(), []);
        assert!(deleted.iter().all(|mail| mailbox.was_deleted(mail.id, &mail.from).unwrap()));
    }
    assert_eq!(server.mails.len(), 5);
    assert_eq!(server.receive(&mailbox).unwrap(), []);
    assert!(server.mails.is_empty(), "a deleted mail is confirmed, too");
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 3);
    assert!(!deleted.iter().any(|mail| mailbox.was_deleted(mail.id, &mail.from).unwrap()));
}

#[test]
fn a_kept_mail_that_another_program_has_moved_or_deleted_does_not_come_back() {
    let data = TempDir::new().unwrap();
    let mut server = Server::new(6);
    server.enlarge(4, &bytes(250));
    let mailbox = open(&data);
    let keep = ReceiveOptions { server_copy: ServerCopy::Keep, ..Default::default() };
    let new = server.receive_with(&mailbox, keep).unwrap();
    mailbox.mark_shown(&new).unwrap();
    // One is moved to a folder, as mutt does; others, one of them large, are deleted.
    let file = |stored: &Stored| mailbox.path(stored).unwrap().unwrap();
    let folder = mailbox.directory().join(".Trabalho/cur");
    fs::create_dir_all(&folder).unwrap();
    fs::rename(file(&new[0]), folder.join(file(&new[0]).file_name().unwrap())).unwrap();
    [&new[2], &new[3]].into_iter().for_each(|mail| fs::remove_file(file(mail)).unwrap());
    // On a later connection, on the same one, and while new mail comes.
    let same = ReceiveOptions { after: Seq(2), ..keep };
    for options in [keep, same, keep] {
        assert_eq!(server.receive_with(&mailbox, options).unwrap(), []);
    }
    server.mails.insert(7, mail(7));
    let later = server.receive_with(&mailbox, keep).unwrap();
    assert_eq!(numbers(&later), [7]);
    mailbox.mark_shown(&later).unwrap();
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 4);
    // Nothing of it is on the server after a call that confirms everything.
    assert_eq!(server.receive(&mailbox).unwrap(), []);
    assert!(server.mails.is_empty());
    assert!(!mailbox.directory().join(".correio-kept").exists());
}

#[test]
fn a_kept_mail_that_is_moved_after_a_broken_call_does_not_come_back() {
    for lost in [Lost::Request, Lost::Answer] {
        let data = TempDir::new().unwrap();
        let mut server = Server::new(7);
        server.lost = Some((3, lost));
        let mailbox = open(&data);
        let keep = ReceiveOptions { server_copy: ServerCopy::Keep, ..Default::default() };
        server.receive_with(&mailbox, keep).unwrap_err();
        let saved = mailbox.list(1, usize::MAX).unwrap().mails;
        assert_eq!(numbers(&saved), [1, 2, 3, 4, 5, 6]);
        fs::remove_file(mailbox.path(&saved[1]).unwrap().unwrap()).unwrap();
        server.lost = None;
        server.receive_with(&mailbox, keep).unwrap();
        let now = mailbox.list(1, usize::MAX).unwrap().mails;
        assert_eq!(numbers(&now), [1, 3, 4, 5, 6, 7]);
    }
}

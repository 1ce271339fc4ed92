//! Receiving from a scripted server, which keeps mail until it is confirmed.

use std::collections::BTreeMap;

use correio_proto::{
    mail::Timestamp,
    message::{ErrorCode, ErrorReply},
};
use tempfile::TempDir;

use super::*;

struct Server {
    mails: BTreeMap<u64, Mail>,
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
        Self { mails, page: 3, lost: None, asked: 0 }
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
        Ok(self.answer(request))
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
        let mut ask = |request| self.ask(request);
        receive(mailbox, &mut ask, &mut |_| {}, &Cancel::new())
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
    let new = receive(&mailbox, &mut ask, &mut |p| told.push(p), &Cancel::new()).unwrap();
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
    std::fs::create_dir_all(mailbox.directory()).unwrap();
    std::fs::write(mailbox.directory().join("tmp"), "").unwrap();
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
    let outcome = receive(&open(&data), &mut ask, &mut |_| {}, &Cancel::new());
    let Err(ReceiveError::Request(refused)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refused.code(), Some(ErrorCode::NotAuthenticated));
}

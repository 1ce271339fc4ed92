//! The service and a real server, in one process.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use correio_client::{
    Address, Cancel, ConnectOptions, KnownServers, Mailbox, NewAccount, RequestError, Service,
    State, Stored, new_mail_id,
};
use correio_proto::{
    credential::Password,
    fingerprint::Fingerprint,
    limits,
    mail::Username,
    message::{ErrorCode, NewMail, Send},
};
use correio_server::{
    ops::export::{ExportChoice, export},
    store::kind::StoreConfig,
};
use correio_testing::{served::RunningServer, wait::eventually};
use tempfile::TempDir;

/// A server with two accounts, and the data directories of their clients.
struct Setup {
    running: Option<RunningServer>,
    server_data: TempDir,
    client_data: TempDir,
    address: Address,
}

impl Setup {
    fn new() -> Self {
        let server_data = TempDir::new().unwrap();
        let running = RunningServer::start(server_data.path(), 0);
        let address = running.address.to_string().parse().unwrap();
        let setup = Self {
            running: Some(running),
            server_data,
            client_data: TempDir::new().unwrap(),
            address,
        };
        let service = setup.connect();
        for (username, full_name) in [("tony", "Tony Stark"), ("pepper", "Pepper Potts")] {
            let registration = registration(username, full_name);
            service.register(&registration, &Cancel::new()).unwrap();
        }
        setup
    }

    fn connect(&self) -> Service {
        let trust = self.running.as_ref().unwrap().trust;
        let options = ConnectOptions { trust, ..ConnectOptions::default() };
        Service::connect(&self.address, &options, &Cancel::new()).unwrap()
    }

    fn log_in(&self, username: &str) -> Service {
        let service = self.connect();
        let username = username.parse().unwrap();
        service.login(&username, &password(), &Cancel::new()).unwrap();
        service
    }

    fn mailbox(&self, username: &str) -> Mailbox {
        let username: Username = username.parse().unwrap();
        Mailbox::open(self.client_data.path(), &self.address, &username)
    }

    fn restart(&mut self) {
        self.running = None;
        self.running = Some(RunningServer::start(self.server_data.path(), self.address.port()));
    }
}

fn password() -> Arc<Password> {
    Arc::new(Password::new("jarvis-is-here").unwrap())
}

fn registration(username: &str, full_name: &str) -> NewAccount {
    NewAccount {
        id: new_mail_id(),
        username: username.parse().unwrap(),
        full_name: full_name.parse().unwrap(),
        password: password(),
        invite: None,
    }
}

fn mail(to: &str, subject: &str) -> Send {
    Send {
        id: new_mail_id(),
        to: to.parse().unwrap(),
        subject: subject.parse().unwrap(),
        content: "Olá,\r\nFrom cá.\n".parse().unwrap(),
    }
}

fn receive(service: &Service, mailbox: &mut Mailbox) -> Vec<Stored> {
    service.receive(mailbox, &mut |_| {}, &Cancel::new()).unwrap()
}

fn subjects(mails: &[Stored]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, RequestError>) -> ErrorCode {
    outcome.unwrap_err().code().unwrap()
}

#[test]
fn a_mail_goes_from_one_person_to_another() {
    let setup = Setup::new();
    let cancel = Cancel::new();
    let tony = setup.log_in("tony");
    let pepper = setup.log_in("pepper");
    let sent = mail("pepper, tony", "Jantar");
    let sent_at = tony.send(&sent, &cancel).unwrap();
    assert_eq!(tony.send(&sent, &cancel), Ok(sent_at), "once more is the same mail");

    let mut mailbox = setup.mailbox("pepper");
    let new = receive(&pepper, &mut mailbox);
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].from_name.as_str(), "Tony Stark");
    let read = mailbox.read(&new[0]).unwrap();
    assert_eq!((read.id, read.sent_at), (sent.id, sent_at));
    assert_eq!((&read.to, &read.subject, &read.content), (&sent.to, &sent.subject, &sent.content));
    mailbox.mark_shown(&new).unwrap();
    assert_eq!(receive(&pepper, &mut mailbox), []);
    assert_eq!(receive(&tony, &mut setup.mailbox("tony")).len(), 1);
}

/// What `correiod export` writes is a mailbox of the client: mails that it has are not saved again.
#[test]
fn an_exported_maildir_is_a_mailbox() {
    let mut setup = Setup::new();
    let cancel = Cancel::new();
    let tony = setup.log_in("tony");
    let sent: Vec<Send> = (0..3).map(|number| mail("pepper", &format!("Olá {number}"))).collect();
    for mail in &sent {
        tony.send(mail, &cancel).unwrap();
    }
    drop(tony);
    setup.running = None;
    let (target, pepper) = (TempDir::new().unwrap(), "pepper".parse().unwrap());
    let choice = ExportChoice::Account(pepper);
    let stop = correio_server::cancel::Cancel::default();
    // The lock of the server that was just stopped may still be held by another test's process.
    let (store, data) = (StoreConfig::Sqlite, setup.server_data.path());
    let export = || export(&store, data, &choice, target.path(), "localhost", &stop);
    eventually(|| export().is_ok_and(|exported| exported.written + exported.known == 3));

    let mut mailbox = setup.mailbox("pepper");
    fs::create_dir_all(mailbox.directory().parent().unwrap()).unwrap();
    fs::rename(target.path().join("pepper"), mailbox.directory()).unwrap();
    let list = mailbox.list(1, usize::MAX).unwrap();
    assert_eq!(subjects(&list.mails), ["Olá 0", "Olá 1", "Olá 2"]);
    for (stored, sent) in list.mails.iter().zip(&sent) {
        let read = mailbox.read(stored).unwrap();
        assert_eq!(
            (read.id, &read.subject, &read.content),
            (sent.id, &sent.subject, &sent.content)
        );
    }
    setup.restart();
    let new = receive(&setup.log_in("pepper"), &mut mailbox);
    assert_eq!(subjects(&new), ["Olá 0", "Olá 1", "Olá 2"]);
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 3);
}

#[test]
fn refusals_carry_their_reasons() {
    let setup = Setup::new();
    let cancel = Cancel::new();
    let service = setup.connect();
    let taken = registration("tony", "Outro Tony");
    assert_eq!(code(service.register(&taken, &cancel)), ErrorCode::UsernameTaken);
    let tony: Username = "tony".parse().unwrap();
    let wrong = Arc::new(Password::new("wrong password").unwrap());
    assert_eq!(code(service.login(&tony, &wrong, &cancel)), ErrorCode::BadCredentials);
    let unauthenticated = service.send(&mail("pepper", "x"), &cancel);
    assert_eq!(code(unauthenticated), ErrorCode::NotAuthenticated);
    assert_eq!(code(service.delete_account(&wrong, &cancel)), ErrorCode::NotAuthenticated);

    let service = setup.log_in("tony");
    let outcome = service.send(&mail("pepper, thor", "x"), &cancel);
    let Err(RequestError::Refused(error)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.code, ErrorCode::UnknownRecipient);
    assert_eq!(error.recipients, ["thor".parse().unwrap()]);
    let mut large = mail("pepper", "x");
    large.content = "x".repeat(limits::BODY_DEFAULT_MAX + 1).parse().unwrap();
    let outcome = service.send(&large, &cancel);
    assert!(matches!(outcome, Err(RequestError::TooLarge { .. })), "{outcome:?}");
    assert_eq!(receive(&setup.log_in("pepper"), &mut setup.mailbox("pepper")), []);
}

#[test]
fn accounts_change_and_end() {
    let setup = Setup::new();
    let cancel = Cancel::new();
    let service = setup.log_in("tony");
    let name = "Anthony Edward Stark".parse().unwrap();
    service.change_full_name(&name, &cancel).unwrap();
    let new = Arc::new(Password::new("i am iron man").unwrap());
    assert_eq!(code(service.change_password(&new, &new, &cancel)), ErrorCode::BadCredentials);
    service.change_password(&password(), &new, &cancel).unwrap();
    service.logout(&cancel).unwrap();
    assert_eq!(service.username(), None);
    let tony: Username = "tony".parse().unwrap();
    let logged_in = service.login(&tony, &new, &cancel).unwrap();
    assert_eq!(logged_in.full_name, name);
    service.delete_account(&new, &cancel).unwrap();
    assert_eq!(code(setup.connect().login(&tony, &new, &cancel)), ErrorCode::BadCredentials);
}

#[test]
fn a_restarted_server_finds_its_clients_again() {
    let mut setup = Setup::new();
    let cancel = Cancel::new();
    let tony = setup.log_in("tony");
    let pepper = setup.log_in("pepper");
    tony.send(&mail("pepper", "antes"), &cancel).unwrap();
    setup.restart();
    tony.send(&mail("pepper", "depois"), &cancel).unwrap();
    let new = receive(&pepper, &mut setup.mailbox("pepper"));
    assert_eq!(subjects(&new), ["antes", "depois"]);
    assert_eq!(tony.state(), State::Connected);
}

#[test]
fn ten_restarts_under_load_lose_nothing_and_double_nothing() {
    let mut setup = Setup::new();
    let senders: Vec<Service> = (0..4).map(|_| setup.log_in("tony")).collect();
    let pepper = setup.log_in("pepper");
    let mut mailbox = setup.mailbox("pepper");
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let send_on = |who: usize, service: &Service| {
        let mut acknowledged = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let subject = format!("{who}-{}", acknowledged.len());
            service.send(&mail("pepper", &subject), &Cancel::new()).unwrap();
            acknowledged.push(subject);
            count.fetch_add(1, Ordering::SeqCst);
        }
        acknowledged
    };
    let (mut sent, mut received) = thread::scope(|scope| {
        let send_on = &send_on;
        let sending: Vec<_> = senders
            .iter()
            .enumerate()
            .map(|(who, service)| scope.spawn(move || send_on(who, service)))
            .collect();
        let receiving = scope.spawn(|| {
            let mut received = Vec::new();
            let mut is_last = false;
            while !is_last {
                // Receive once more after the last mail was acknowledged.
                is_last = over.load(Ordering::SeqCst);
                let new = receive(&pepper, &mut mailbox);
                received.extend(subjects(&new).into_iter().map(str::to_owned));
                mailbox.mark_shown(&new).unwrap();
            }
            received
        });
        for _ in 0..10 {
            let before = count.load(Ordering::SeqCst);
            setup.restart();
            eventually(|| count.load(Ordering::SeqCst) >= before + 8);
        }
        over.store(true, Ordering::SeqCst);
        let sent: Vec<String> =
            sending.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (sent, receiving.join().unwrap())
    });
    received.extend(
        subjects(&receive(&pepper, &mut setup.mailbox("pepper"))).into_iter().map(str::to_owned),
    );
    sent.sort();
    received.sort();
    assert!(sent.len() >= 80, "{}", sent.len());
    assert_eq!(received, sent);
}

#[test]
fn a_server_that_claims_the_mail_of_another_is_given_no_credential() {
    let setup = Setup::new();
    let realm = setup.connect().welcome().realm;
    let data = TempDir::new().unwrap();
    let keeper = "mail.example:8888".parse().unwrap();
    let line = format!("{keeper} {} {realm}\n", Fingerprint::of(b"another certificate"));
    fs::write(data.path().join("known_servers"), line).unwrap();
    let options = ConnectOptions {
        trust: setup.running.as_ref().unwrap().trust,
        known: Some(KnownServers::in_directory(data.path())),
        ..ConnectOptions::default()
    };
    let cancel = Cancel::new();
    let service = Service::connect(&setup.address, &options, &cancel).unwrap();
    let refused = RequestError::OtherServersRealm { keeper };
    let tony = "tony".parse().unwrap();
    assert_eq!(service.login(&tony, &password(), &cancel), Err(refused.clone()));
    let happy = registration("happy", "Happy Hogan");
    assert_eq!(service.register(&happy, &cancel), Err(refused));
}

#[test]
fn new_mail_is_told_at_once() {
    let setup = Setup::new();
    let pepper = setup.log_in("pepper");
    let tony = setup.log_in("tony");
    tony.send(&mail("pepper", "Agora"), &Cancel::new()).unwrap();
    let mut notices = Vec::new();
    eventually(|| {
        notices.extend(pepper.take_notices());
        !notices.is_empty()
    });
    let expected = NewMail {
        from: "tony".parse().unwrap(),
        from_name: "Tony Stark".parse().unwrap(),
        subject: "Agora".parse().unwrap(),
    };
    assert_eq!(notices, [expected]);
}

#[test]
fn many_mails_come_in_pages() {
    let setup = Setup::new();
    let cancel = Cancel::new();
    let tony = setup.log_in("tony");
    let expected: Vec<String> = (1..=450).map(|number| format!("Assunto {number}")).collect();
    for subject in &expected {
        tony.send(&mail("pepper", subject), &cancel).unwrap();
    }
    let pepper = setup.log_in("pepper");
    let mut mailbox = setup.mailbox("pepper");
    let mut pages = 0;
    let new = pepper.receive(&mut mailbox, &mut |_| pages += 1, &cancel).unwrap();
    assert_eq!(subjects(&new), expected);
    assert_eq!(pages, 3);
}

#[test]
fn two_clients_of_one_person_get_each_mail_once() {
    let setup = Setup::new();
    let cancel = Cancel::new();
    let tony = setup.log_in("tony");
    for number in 1..=50 {
        tony.send(&mail("pepper", &number.to_string()), &cancel).unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| receive(&setup.log_in("pepper"), &mut setup.mailbox("pepper")));
        }
    });
    let mailbox = setup.mailbox("pepper");
    assert_eq!(mailbox.list(1, usize::MAX).unwrap().total, 50);
}

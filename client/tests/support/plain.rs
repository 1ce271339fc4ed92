//! A server without TLS, and the commands of the program as scripts call them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use correio_client::{
    Address, Cancel, ConnectOptions, Mailbox, NewAccount, OutgoingContent, OutgoingMail, Service,
    Trust, new_mail_id,
};
use correio_proto::{
    credential::Credential,
    limits,
    mail::{Content, ContentHasher, ContentKind, LargeContent, Sha256},
    message::{Login, Reply, Request, Send, Upload},
};
use correio_testing::{
    client::Client,
    request::hello,
    served::{Protection, RunningServer},
};
use tempfile::TempDir;

use super::{PASSWORD, password};

/// A server with Tony's account, and a session of Tony's on another computer.
pub struct PlainSetup {
    running: RunningServer,
    tony: Service,
    /// Another session of Tony's, without the library.
    uploader: Mutex<Option<Client>>,
    _data: TempDir,
}

impl PlainSetup {
    pub fn new() -> Self {
        let data = TempDir::new().unwrap();
        let running = RunningServer::start_with(Protection::Plaintext, data.path(), 0);
        let address: Address = running.address.to_string().parse().unwrap();
        let options = ConnectOptions { trust: Trust::Plaintext, ..ConnectOptions::default() };
        let cancel = Cancel::new();
        let tony = Service::connect(&address, &options, &cancel).unwrap();
        let registration = NewAccount {
            id: new_mail_id(),
            username: "tony".parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
            password: password(),
            invite: None,
        };
        tony.register(&registration, &cancel).unwrap();
        tony.login(&registration.username, &registration.password, &cancel).unwrap();
        Self { running, tony, uploader: Mutex::default(), _data: data }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// A command of the program for Tony.
    pub fn command(&self, data: &Path, arguments: &[&str]) -> Command {
        correio(self.address(), data, "tony", arguments)
    }

    /// Sends a mail from Tony to Tony, without the program.
    pub fn send(&self, subject: &str, body: &str) {
        self.send_again(&OutgoingMail {
            id: new_mail_id(),
            to: "tony".parse().unwrap(),
            subject: subject.parse().unwrap(),
            content: OutgoingContent::text(body).unwrap(),
        });
    }

    /// Sends a mail that may have been sent before.
    pub fn send_again(&self, mail: &OutgoingMail) {
        self.tony.send_mail(mail, &mut |_| {}, &Cancel::new()).unwrap();
    }

    /// Sends Tony a content in pieces, as another client sends it, with a digest of its choice.
    pub fn upload(&self, subject: &str, bytes: &[u8], sha256: Sha256) {
        self.upload_of(ContentKind::Text {}, subject, bytes, sha256);
    }

    /// As [`PlainSetup::upload`], with what the content is.
    pub fn upload_of(&self, kind: ContentKind, subject: &str, bytes: &[u8], sha256: Sha256) {
        let mut uploader = self.uploader.lock().unwrap();
        let client = uploader.get_or_insert_with(|| log_in(self.address()));
        let id = new_mail_id();
        let size = u64::try_from(bytes.len()).unwrap().try_into().unwrap();
        for (number, piece) in (0_u64..).zip(bytes.chunks(limits::PIECE_MAX)) {
            let (offset, bytes) = (number * limits::PIECE_MAX as u64, piece.try_into().unwrap());
            let uploaded = client.ask(Request::Upload(Upload { id, size, offset, bytes }));
            assert!(matches!(uploaded, Reply::Uploaded { .. }), "{uploaded:?}");
        }
        let content = Content::Large(LargeContent { kind, size, sha256 });
        let (to, subject) = ("tony".parse().unwrap(), subject.parse().unwrap());
        let sent = client.ask(Request::Send(Send { id, to, subject, content }));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }

    /// Sends Tony a message, as another client sends it.
    pub fn send_message(&self, subject: &str, bytes: &[u8]) {
        let mail = Send {
            id: new_mail_id(),
            to: "tony".parse().unwrap(),
            subject: subject.parse().unwrap(),
            content: Content::Message(bytes.try_into().unwrap()),
        };
        self.tony.send(&mail, &Cancel::new()).unwrap();
    }

    /// Takes the mails that the server still has, and counts them.
    pub fn take_the_rest(&self) -> usize {
        self.take_texts().len()
    }

    /// Takes the mails that the server still has, and returns their texts.
    pub fn take_texts(&self) -> Vec<String> {
        let elsewhere = TempDir::new().unwrap();
        let mut mailbox = self.mailbox(elsewhere.path());
        let taken = self.tony.receive(&mut mailbox, &mut |_| {}, &Cancel::new()).unwrap();
        taken.iter().map(|mail| mailbox.text(mail).unwrap().text).collect()
    }

    /// Tony's mailbox below a data directory.
    pub fn mailbox(&self, data: &Path) -> Mailbox {
        let address = self.address().to_string().parse().unwrap();
        Mailbox::open(data, &address, &"tony".parse().unwrap())
    }

    /// Tony's Maildir below a data directory.
    pub fn maildir(&self, data: &Path) -> PathBuf {
        maildir_of(self.address(), data)
    }
}

/// A session of Tony's, without the library.
fn log_in(server: SocketAddr) -> Client {
    let mut client = Client::connect(server);
    let Reply::Hello(welcome) = client.ask(hello()) else { panic!("no greeting") };
    let username = "tony".parse().unwrap();
    let credential = Credential::derive(&password(), welcome.realm, &username);
    let logged_in = client.ask(Request::Login(Login { username, credential }));
    assert!(matches!(logged_in, Reply::LoggedIn(_)), "{logged_in:?}");
    client
}

/// The digest of a content.
pub fn digest(bytes: &[u8]) -> Sha256 {
    let mut hasher = ContentHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Tony's Maildir below a data directory, for a server at this address.
pub fn maildir_of(server: SocketAddr, data: &Path) -> PathBuf {
    data.join(format!("mail/{}_{}/tony", server.ip(), server.port()))
}

/// A command of the program that answers in JSON, with nothing of this process's environment.
pub fn correio(server: SocketAddr, data: &Path, user: &str, arguments: &[&str]) -> Command {
    let server = server.to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_correio"));
    command.env_clear().env("CORREIO_PASSWORD", PASSWORD);
    command.args(["--json", "--plaintext", "--lang", "en", "--user", user]);
    command.args(["--server", &server, "--data-dir"]).arg(data).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command that must succeed and returns its JSON.
pub fn done(mut command: Command) -> serde_json::Value {
    succeeded(&command.output().unwrap())
}

/// The JSON of a command that must have succeeded.
pub fn succeeded(Output { status, stdout, stderr }: &Output) -> serde_json::Value {
    assert!(status.success(), "{}", String::from_utf8_lossy(stderr));
    serde_json::from_slice(stdout).unwrap()
}

/// The subjects of the mails that an answer lists.
pub fn subjects(answer: &serde_json::Value) -> Vec<String> {
    let mails = answer["mails"].as_array().unwrap();
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

//! A server in this process, and the program as another process talks to it.

pub mod background;
pub mod older_server;
pub mod plain;
pub mod screen;
pub mod terminal;

use std::{
    io::Write,
    net::SocketAddr,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use correio_client::{
    Address, Cancel, ConnectOptions, KnownServers, NewAccount, Service, Trust, new_mail_id,
};
use correio_proto::{credential::Password, fingerprint::Fingerprint, message::Send};
use correio_server::store::admin::{AdminDone, AdminJob};
use correio_testing::{
    admin_jobs::run_admin_job,
    proxy::{Proxy, ProxyMode},
    served::RunningServer,
};
use tempfile::TempDir;

pub const PASSWORD: &str = "jarvis-is-here";

/// A server on a thread of this process, and the data directory of its clients.
pub struct Setup {
    pub address: SocketAddr,
    pub data: TempDir,
    running: Option<RunningServer>,
    trust: Trust,
    server_data: TempDir,
}

impl Setup {
    /// A server with accounts of these users, known to the clients.
    pub fn of(people: &[(&str, &str)]) -> Self {
        let setup = Self::unknown(people);
        setup.known().remember(&setup.server(), setup.fingerprint()).unwrap();
        setup
    }

    /// As [`Setup::of`], but not known to the clients.
    pub fn unknown(people: &[(&str, &str)]) -> Self {
        let setup = Self::start();
        for (username, full_name) in people {
            let registration = NewAccount {
                id: new_mail_id(),
                username: username.parse().unwrap(),
                full_name: full_name.parse().unwrap(),
                password: password(),
                invite: None,
            };
            let service = setup.connect();
            service.register(&registration, &Cancel::new()).unwrap();
        }
        setup
    }

    fn start() -> Self {
        let server_data = TempDir::new().unwrap();
        let running = RunningServer::start(server_data.path(), 0);
        Self {
            address: running.address,
            trust: running.trust,
            data: TempDir::new().unwrap(),
            running: Some(running),
            server_data,
        }
    }

    /// Stops the server; the connections end.
    pub fn stop(&mut self) {
        drop(self.running.take());
    }

    /// Does a job of the operator, for which the server stops and starts again.
    pub fn operate(&mut self, job: AdminJob) {
        self.stop();
        let done = run_admin_job(self.server_data.path(), job);
        let is_done = matches!(
            done,
            AdminDone::Changed(Some(_)) | AdminDone::Created | AdminDone::CodeSet { .. }
        );
        assert!(is_done, "{done:?}");
        self.start_again();
    }

    /// Starts a server that was stopped, on its data and at its address.
    pub fn start_again(&mut self) {
        self.running = Some(RunningServer::start(self.server_data.path(), self.address.port()));
    }

    /// The addresses for SMTP submission and for POP3, both without TLS. Their mail domain is
    /// `localhost`.
    pub fn programs(&self) -> (SocketAddr, SocketAddr) {
        self.running.as_ref().expect("a server that runs").programs
    }

    pub fn connect(&self) -> Service {
        let address: Address = self.address.to_string().parse().unwrap();
        let options = ConnectOptions { trust: self.trust, ..ConnectOptions::default() };
        Service::connect(&address, &options, &Cancel::new()).unwrap()
    }

    /// The server's certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        match self.trust {
            Trust::Fingerprint(fingerprint) => fingerprint,
            trust => panic!("{trust:?}"),
        }
    }

    /// The clients' file of known servers.
    pub fn known(&self) -> KnownServers {
        KnownServers::in_directory(self.data.path())
    }

    /// The server as an address.
    pub fn server(&self) -> Address {
        self.address.to_string().parse().unwrap()
    }

    /// A proxy to the server. The clients trust it as they trust the server.
    pub fn proxy(&self, mode: ProxyMode) -> Proxy {
        let proxy = Proxy::start(self.address, mode).unwrap();
        let known = proxy.address.to_string().parse().unwrap();
        self.known().remember(&known, self.fingerprint()).unwrap();
        proxy
    }

    /// Sends mails, each a subject and a body, without the program.
    pub fn deliver(&self, from: &str, to: &str, mails: &[(&str, &str)]) {
        let (service, cancel) = (self.connect(), Cancel::new());
        let from = from.parse().unwrap();
        service.login(&from, &password(), &cancel).unwrap();
        for (subject, body) in mails {
            let mail = Send {
                id: new_mail_id(),
                to: to.parse().unwrap(),
                subject: subject.parse().unwrap(),
                content: body.parse().unwrap(),
            };
            service.send(&mail, &cancel).unwrap();
        }
    }

    /// The program with a clean environment and this setup's data directory.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.data.path());
        command.args(arguments);
        command
    }

    /// Receives Tony's mail with the program and returns the answer.
    pub fn received(&self) -> serde_json::Value {
        self.run("tony", &["--json", "receive"], "").json()
    }

    /// Runs one command against the server as a user with the usual password.
    pub fn run(&self, user: &str, arguments: &[&str], input: &str) -> Done {
        let address = self.address.to_string();
        let mut command = self.program(&["--server", &address, "--user", user]);
        command.env("CORREIO_PASSWORD", PASSWORD).args(arguments);
        finish(command, input)
    }

    /// Runs one command as [`Setup::run`] does, on another device that knows the server.
    pub fn elsewhere(&self, user: &str, arguments: &[&str]) -> Done {
        let data = TempDir::new().unwrap();
        let known = KnownServers::in_directory(data.path());
        known.remember(&self.server(), self.fingerprint()).unwrap();
        let address = self.address.to_string();
        let mut command = program(data.path());
        command.args(["--server", &address, "--user", user]).args(arguments);
        command.env("CORREIO_PASSWORD", PASSWORD);
        finish(command, "")
    }
}

pub fn password() -> Arc<Password> {
    Arc::new(Password::new(PASSWORD).unwrap())
}

/// The program, without the variables of this process's environment that affect it.
pub fn program(data: &Path) -> Command {
    // Without a controlling terminal: the program would ask the developer on it.
    let mut command = Command::new("setsid");
    clean(&mut command);
    command.arg(env!("CARGO_BIN_EXE_correio")).arg("--data-dir").arg(data);
    command
}

fn clean(command: &mut Command) {
    let names = [
        "CORREIO_SERVER",
        "CORREIO_FINGERPRINT",
        "CORREIO_USER",
        "CORREIO_PASSWORD",
        "CORREIO_PASSWORD_COMMAND",
        "CORREIO_EDITOR",
        "CORREIO_CLIENT_DATA_DIR",
        "CORREIO_LANG",
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "VISUAL",
        "EDITOR",
        "CLICOLOR_FORCE",
    ];
    for name in names {
        command.env_remove(name);
    }
    // No configuration file.
    command.env("XDG_CONFIG_HOME", "/nowhere");
}

/// Exit status and output of a program.
#[derive(Debug)]
pub struct Done {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Runs a program with this input to its end.
pub fn finish(command: Command, input: &str) -> Done {
    finish_bytes(command, input.as_bytes())
}

/// The same with input that need not be UTF-8.
pub fn finish_bytes(mut command: Command, input: &[u8]) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The pipe holds what these tests write; a program that has ended already is no failure.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Done {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

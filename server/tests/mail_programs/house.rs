//! A server with listeners for mail programs, its certificate, and two accounts with app passwords.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use correio_client::Trust;
use correio_proto::{
    app_password::AppPasswordRequest,
    mail::{Content, Mail},
    message::{Reply, Request},
    tls::Security,
};
use correio_testing::{client::Client, request, skip::works, wait::PATIENCE};

use super::command_line::{CommandLine, Input};
use crate::daemon;

/// The mail domain, which is also the name that programs connect to. It is this machine's in
/// [`House::run`].
pub const DOMAIN: &str = "mail.test";

/// Runs a command where [`DOMAIN`] is this machine's name: in a mount namespace with a file of host
/// names of its own, which is the first argument.
const WITH_HOSTS: &str = "mount --bind \"$1\" /etc/hosts && shift && exec timeout \"$@\"";

/// Ports of the listeners.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub submissions: u16,
    pub submission: u16,
    pub pop3s: u16,
    pub pop3: u16,
}

/// See the module's description. Dropping it ends the server.
pub struct House {
    directory: tempfile::TempDir,
    child: Child,
    own: Own,
    pub ports: Ports,
    tony: String,
    pepper: String,
}

/// The accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Sends mail with programs.
    Tony,
    /// Receives mail with programs.
    Pepper,
}

impl Person {
    pub fn username(self) -> &'static str {
        match self {
            Self::Tony => "tony",
            Self::Pepper => "pepper",
        }
    }

    pub fn address(self) -> String {
        format!("{}@{DOMAIN}", self.username())
    }
}

impl House {
    /// Starts the server, makes the accounts and an app password for each.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let any = "127.0.0.1:0";
        let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
        command
            .env_clear()
            .args(["--config", "/dev/null", "--bcrypt-cost", "4", "--data-dir"])
            .arg(directory.path().join("data"))
            .args(["--listen", any, "--submissions", any, "--submission", any])
            .args(["--pop3s", any, "--pop3", any, "--mail-domain", DOMAIN])
            .stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut address = |kind: &str| {
            let line = lines.next().expect("an address of each listener");
            let (address, found) = line
                .strip_prefix("listening on ")
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(|rest| rest.split_once(" ("))
                .unwrap_or_else(|| panic!("not an address: {line}"));
            assert_eq!(found, kind);
            address.parse::<SocketAddr>().unwrap()
        };
        let own = address("tls");
        let ports = Ports {
            submissions: address("submissions").port(),
            submission: address("submission").port(),
            pop3s: address("pop3s").port(),
            pop3: address("pop3").port(),
        };
        let line = lines.next().expect("a fingerprint");
        let fingerprint = line.strip_prefix("fingerprint ").unwrap();
        let trust = Trust::Fingerprint(fingerprint.parse().unwrap());
        let own = Own { address: own, security: trust.security(&own.to_string().parse().unwrap()) };
        let tony = own.app_password(Person::Tony, "Tony Stark");
        let pepper = own.app_password(Person::Pepper, "Pepper Potts");
        Self { directory, child, own, ports, tony, pepper }
    }

    /// An app password of an account.
    pub fn password(&self, person: Person) -> &str {
        match person {
            Person::Tony => &self.tony,
            Person::Pepper => &self.pepper,
        }
    }

    /// The certificate that the server made for mail programs (PEM).
    pub fn certificate(&self) -> PathBuf {
        let own = fs::read_to_string(self.path("data/tls-programs.pem")).unwrap();
        let begin = own.find("-----BEGIN CERTIFICATE").unwrap();
        let end = own.rfind("-----END CERTIFICATE-----").unwrap();
        self.write("certificate.pem", format!("{}-----END CERTIFICATE-----\n", &own[begin..end]))
    }

    /// A path in the test's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file into the test's directory, which only this user may read, as programs demand
    /// of files with passwords.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// What waits in a mailbox.
    pub fn mails(&self, person: Person) -> Vec<Mail> {
        self.session(person).fetch().mails
    }

    /// Whether a program has logged in with the app password of an account.
    pub fn has_logged_in(&self, person: Person) -> bool {
        let list = Request::AppPassword(AppPasswordRequest::List {});
        match self.session(person).ask(list) {
            Reply::AppPasswords { passwords } => {
                passwords.iter().any(|password| password.used.is_some())
            }
            reply => panic!("app passwords were expected, not {reply:?}"),
        }
    }

    /// Sends a text from Tony to Pepper, as the own client does.
    pub fn send(&self, number: u64, subject: &str, text: &str) {
        let mut mail = request::mail(number, Person::Pepper.username(), subject);
        if let Request::Send(send) = &mut mail {
            send.content = text.parse::<Content>().unwrap();
        }
        let reply = self.session(Person::Tony).ask(mail);
        assert!(matches!(reply, Reply::Sent { .. }), "{reply:?}");
    }

    fn session(&self, person: Person) -> Client {
        self.own.session(person)
    }

    /// Runs a program, which is ended after [`PATIENCE`].
    pub fn run(&self, line: &CommandLine) -> Output {
        let command = &line.command;
        let hosts = self.write("hosts", format!("127.0.0.1 localhost {DOMAIN}\n"));
        let mut bounded = Command::new("unshare");
        bounded.args(["--map-root-user", "--mount", "sh", "-c", WITH_HOSTS, "sh"]).arg(hosts);
        bounded.arg(PATIENCE.as_secs().to_string()).arg(command.get_program());
        bounded.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => bounded.env(name, value),
                None => bounded.env_remove(name),
            };
        }
        bounded.env("HOME", self.directory.path()).env("LC_ALL", "C.UTF-8");
        bounded.current_dir(self.directory.path());
        match &line.input {
            Input::Nothing => bounded.stdin(Stdio::null()).output().unwrap(),
            Input::File(file) => bounded.stdin(File::open(file).unwrap()).output().unwrap(),
            Input::Keys(keys, after) => type_into(bounded, keys, after),
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The listener of the own protocol.
struct Own {
    address: SocketAddr,
    security: Security,
}

impl Own {
    fn connect(&self) -> Client {
        let mut client = Client::try_connect_with(self.address, &self.security).unwrap();
        client.greet();
        client
    }

    fn session(&self, person: Person) -> Client {
        let mut client = self.connect();
        let reply = client.ask(daemon::login(person.username()));
        assert!(matches!(reply, Reply::LoggedIn(_)), "{reply:?}");
        client
    }

    fn app_password(&self, person: Person, full_name: &str) -> String {
        let register = request::register(person.username(), full_name, 1);
        assert_eq!(self.connect().ask(register), Reply::Registered {});
        let create = AppPasswordRequest::Create { label: "programs".parse().unwrap() };
        match self.session(person).ask(Request::AppPassword(create)) {
            Reply::AppPasswordCreated { password, .. } => password.to_string(),
            reply => panic!("an app password was expected, not {reply:?}"),
        }
    }
}

/// Runs a command, and presses keys again and again once one of these texts has come, because a
/// program may discard keys that it did not expect yet.
fn type_into(mut command: Command, keys: &str, after: &[&str]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut source) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut bytes = [0; 1 << 12];
        while let Ok(read @ 1..) = source.read(&mut bytes) {
            let _ = sender.send(bytes[..read].to_vec());
        }
    });
    let mut stdout = Vec::new();
    loop {
        match receiver.recv_timeout(Duration::from_millis(200)) {
            Ok(bytes) => stdout.extend(bytes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let shown = String::from_utf8_lossy(&stdout);
        if after.iter().any(|text| shown.contains(text)) {
            // A command that has just ended takes no keys.
            let _ = stdin.write_all(keys.as_bytes());
        }
    }
    reader.join().unwrap();
    Output { status: child.wait().unwrap(), stdout, stderr: Vec::new() }
}

/// Whether this machine lets a test have host names of its own.
pub fn can_name_hosts() -> bool {
    let mount = "mount --bind /etc/hosts /etc/hosts";
    works("unshare", &["--map-root-user", "--mount", "sh", "-c", mount])
}

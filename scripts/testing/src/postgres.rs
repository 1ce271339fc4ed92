//! A PostgreSQL server for tests, from the programs of the distribution.
//!
//! A shell starts each server and waits on a pipe that the test program holds. Once the pipe is
//! closed, also by the death of the test program, the shell ends the server and deletes its
//! directory. PostgreSQL refuses to run as root: then it runs as another user.

use std::{
    env, fs,
    io::Write as _,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use correio_server::store::postgres::{ConnectError, Connection, DatabaseUrl, Deadline};
use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::{port::free_address, process::ends_within, skip::skipped, wait::PATIENCE};

/// The name of the server's only account that may do everything.
const ADMINISTRATOR: &str = "postgres";

/// Who may log in, and how: a test makes the roles that it needs. The database asks the role
/// `by_scram` for SCRAM, `by_md5` for MD5, `by_text` for the password itself, and lets `refused` in
/// from nowhere; `by_tls` needs TLS. All others need no password.
const LOGINS: &str = "\
local   all all       trust
host    all by_scram  all scram-sha-256
host    all by_md5    all md5
host    all by_text   all password
host    all refused   all reject
hostssl all by_tls    all scram-sha-256
host    all by_tls    all reject
host    all all       all trust
";

/// What the shell does: `$1` is the directory of the programs, `$2` that of the server.
const GUARD: &str = r#"
trap '' INT TERM HUP
if ! [ -d "$2/data" ]; then
    "$1/initdb" --no-sync --no-instructions --encoding=UTF8 --locale=C --auth=trust \
        --username=postgres --pgdata="$2/data" </dev/null >"$2/log" 2>&1 &&
    cp "$2/postgresql.conf" "$2/pg_hba.conf" "$2/data/"
fi
"$1/postgres" -D "$2/data" </dev/null >>"$2/log" 2>&1 &
server=$!
read -r word
# Until the server has begun to listen for it, the signal is lost.
while kill -INT $server; do sleep 0.2; done 2>/dev/null &
wait $server
[ "$word" = keep ] || rm -rf "$2"
"#;

/// The time that a server has to be made and to start.
const START: Duration = Duration::from_secs(120);

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    certificate: PathBuf,
    databases: AtomicU64,
    guard: Mutex<Option<Child>>,
}

/// A fresh database on a server.
#[derive(Debug)]
pub struct Database {
    /// Its address.
    pub url: DatabaseUrl,
    /// Its name.
    pub name: String,
}

impl Database {
    /// A connection of the administrator.
    ///
    /// # Panics
    ///
    /// The server takes none.
    #[must_use]
    pub fn connect(&self) -> Connection {
        connect(&self.url).unwrap()
    }
}

/// Connects, and tries again as long as the server does not answer in time: a busy machine takes
/// longer than a store waits.
///
/// # Errors
///
/// Those of [`Connection::connect`].
pub fn connect(url: &DatabaseUrl) -> Result<Connection, ConnectError> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        match Connection::connect(url, deadline) {
            Err(ConnectError::Silent { .. }) if !deadline.has_passed() => {}
            result => return result,
        }
    }
}

/// A fresh database on the server that the tests of this program share, which begins with the first
/// call. `None`, and the test is reported as skipped, if this machine has no PostgreSQL.
#[must_use]
pub fn database() -> Option<Database> {
    Postgres::shared().map(Postgres::database)
}

impl Postgres {
    /// The server that the tests of this program share. A test neither kills it nor changes its
    /// settings.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::find("")).as_ref();
        if shared.is_none() {
            report();
        }
        shared
    }

    /// Starts a server of its own, which a test may kill. `settings` are lines of postgresql.conf.
    /// `None`, and the test is reported as skipped, if this machine has no PostgreSQL.
    #[must_use]
    pub fn start(settings: &str) -> Option<Self> {
        let started = Self::find(settings);
        if started.is_none() {
            report();
        }
        started
    }

    fn find(settings: &str) -> Option<Self> {
        let programs = programs()?;
        let user = other_user();
        let directory = tempfile::Builder::new().prefix("correio-pg-").tempdir().unwrap();
        // The shell deletes it.
        let directory = directory.keep();
        chown_to(&directory, user);
        let port = free_address().port();
        let certificate = write_files(&directory, user, port, settings);
        let (databases, guard) = (AtomicU64::new(0), Mutex::new(None));
        let server = Self { directory, programs, user, port, certificate, databases, guard };
        server.restart();
        Some(server)
    }

    /// A fresh database.
    ///
    /// # Panics
    ///
    /// The server is not there.
    #[must_use]
    pub fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.administrate(&format!("CREATE DATABASE {name}"));
        Database { url: self.url(&name), name }
    }

    /// Runs SQL text as the administrator, outside of the databases of tests.
    ///
    /// # Panics
    ///
    /// It fails.
    pub fn administrate(&self, sql: &str) {
        connect(&self.url("postgres")).unwrap().batch(sql).unwrap();
    }

    /// The address of a database, as the administrator, through the server's socket.
    #[must_use]
    pub fn url(&self, database: &str) -> DatabaseUrl {
        let directory = self.directory.display().to_string().replace('/', "%2F");
        let port = self.port;
        format!("postgres://{ADMINISTRATOR}@{directory}:{port}/{database}").parse().unwrap()
    }

    /// The text of an address over TCP: `login` is a role, with a colon and its password after it
    /// if it has one, and `host` is `localhost` or `127.0.0.1`.
    #[must_use]
    pub fn tcp_address(&self, login: &str, host: &str, database: &str) -> String {
        format!("postgres://{login}@{host}:{}/{database}", self.port)
    }

    /// The address of a database, as the administrator, over TCP without TLS.
    ///
    /// # Panics
    ///
    /// The name of the database is no name.
    #[must_use]
    pub fn tcp_url(&self, database: &str) -> DatabaseUrl {
        self.tcp_address(ADMINISTRATOR, "127.0.0.1", database).parse().unwrap()
    }

    /// The directory of the server's data and socket.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of the server's certificate, which is for the name `localhost` alone.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Kills the server's processes at once, as a power cut does.
    ///
    /// # Panics
    ///
    /// The server is not there.
    pub fn kill(&self) {
        let server = self.process();
        // It starts nothing more, so that the list is whole.
        kill_process(server, Signal::STOP).unwrap();
        let tree = format!("/proc/{0}/task/{0}/children", server.as_raw_pid());
        for child in fs::read_to_string(tree).unwrap().split_whitespace() {
            let child = Pid::from_raw(child.parse().unwrap()).unwrap();
            let _ = kill_process(child, Signal::KILL);
        }
        kill_process(server, Signal::KILL).unwrap();
        self.dismiss();
    }

    /// Ends the server in order; its connections are told (fast shutdown).
    pub fn stop(&self) {
        self.dismiss();
    }

    /// Freezes the server's own process and those of its connections, or lets them go on.
    ///
    /// # Panics
    ///
    /// The server is not there.
    pub fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { Signal::STOP } else { Signal::CONT };
        let server = self.process();
        kill_process(server, signal).unwrap();
        let tree = format!("/proc/{0}/task/{0}/children", server.as_raw_pid());
        for child in fs::read_to_string(tree).unwrap().split_whitespace() {
            let child = Pid::from_raw(child.parse().unwrap()).unwrap();
            let _ = kill_process(child, signal);
        }
    }

    /// Starts the server again after [`Postgres::kill`] or [`Postgres::stop`], with the same data.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn restart(&self) {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD, "sh"]).arg(&self.programs).arg(&self.directory);
        // What kills the test program's group must not kill the shell, too.
        run_as(&mut shell, self.user, &self.directory).stdin(Stdio::piped()).process_group(0);
        *self.guard() = Some(shell.spawn().unwrap());
        let (url, deadline) = (self.url("postgres"), Instant::now() + START);
        loop {
            let connected = Connection::connect(&url, Deadline::after(Duration::from_secs(5)));
            match connected.err() {
                // A test may start a server that takes no changes.
                None | Some(ConnectError::ReadOnly { .. }) => return,
                Some(error) if Instant::now() > deadline => {
                    let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                    panic!("PostgreSQL does not start: {error}\n{log}");
                }
                Some(_) => thread::park_timeout(Duration::from_millis(20)),
            }
        }
    }

    fn process(&self) -> Pid {
        let text = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        Pid::from_raw(text.lines().next().unwrap().trim().parse().unwrap()).unwrap()
    }

    /// Ends the shell and the server, and keeps the data.
    fn dismiss(&self) {
        let Some(mut guard) = self.guard().take() else { return };
        guard.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        guard.wait().unwrap();
    }

    fn guard(&self) -> MutexGuard<'_, Option<Child>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut guard) = self.guard().take() else {
            let _ = fs::remove_dir_all(&self.directory);
            return;
        };
        drop(guard.stdin.take());
        let shell = Pid::from_child(&guard);
        if ends_within(shell, PATIENCE) {
            let _ = guard.wait();
        }
    }
}

fn report() {
    skipped("this takes the programs of a PostgreSQL server (initdb and postgres)");
}

/// The directory of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let newest_first = folders.into_iter().rev().map(|(_, folder)| folder);
    let in_path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&in_path).collect::<Vec<_>>();
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    newest_first
        .chain(in_path)
        .chain(told)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// The user and the group that PostgreSQL runs as, if this program runs as root.
fn other_user() -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
        Some((ids.next()??, ids.next()??))
    };
    ids("postgres").or_else(|| ids("nobody")).or(Some((65_534, 65_534)))
}

fn chown_to(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Makes a command run as this user, in a directory that the user may enter.
fn run_as<'a>(
    command: &'a mut Command,
    user: Option<(u32, u32)>,
    directory: &Path,
) -> &'a mut Command {
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir(directory)
}

/// Writes the settings, the logins and the certificate, and returns the certificate's file.
fn write_files(directory: &Path, user: Option<(u32, u32)>, port: u16, settings: &str) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let conf = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         shared_buffers = 16MB\nssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n{settings}\n",
        directory.display(),
        certificate.display(),
        key.display(),
    );
    for (path, text) in [("postgresql.conf", &*conf), ("pg_hba.conf", LOGINS)] {
        fs::write(directory.join(path), text).unwrap();
    }
    for path in [&certificate, &key] {
        chown_to(path, user);
    }
    certificate
}

//! The operator's commands on a running and on a stopped server, as processes.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::Path,
};

use correio_proto::{
    app_password::AppPasswordRequest,
    message::{ErrorCode, Recover, Reply, Request},
    recovery::RecoveryCode,
};
use correio_testing::{pty::PtyPair, request::credential};
use serde_json::Value;
use tempfile::TempDir;

use super::{done, names, run, said, text};
use crate::daemon::{Client, Daemon, code, command, eventually, listening, login, mail, refused};

/// The socket's name in a data directory.
const SOCKET: &str = "admin.sock";

/// Runs a command with `--json` that must succeed. Returns its document.
fn json(directory: &Path, arguments: &[&str]) -> Value {
    let output = done(directory, &[arguments, &["--json"]].concat());
    assert_eq!(output.lines().count(), 1, "{arguments:?}");
    serde_json::from_str(&output).unwrap()
}

/// Makes an account. Returns its code.
fn create(directory: &Path, username: &str) -> RecoveryCode {
    let made = json(directory, &["account", "create", username, "Tony Stark"]);
    made["codes"][0]["code"].as_str().unwrap().parse().unwrap()
}

fn recover(username: &str, code: &RecoveryCode) -> Request {
    let (username, code) = (username.parse().unwrap(), code.clone());
    Request::Recover(Recover { username, code, credential: credential(1) })
}

/// A data directory that a server has used and left.
fn stopped() -> TempDir {
    let directory = TempDir::new().unwrap();
    assert_eq!(Daemon::start(directory.path(), &[]).stop().code(), Some(0));
    directory
}

/// What a command prints, without the times and codes that differ each time.
fn work(directory: &Path) -> Vec<String> {
    let mut printed = Vec::new();
    let mut say = |arguments: &[&str]| printed.push(done(directory, arguments));
    create(directory, "tony");
    create(directory, "pepper");
    say(&["account", "rename", "pepper", "Pepper Potts"]);
    say(&["account", "quota", "pepper", "10", "1MiB"]);
    say(&["account", "disable", "pepper", "--mail", "refuse"]);
    say(&["account", "list"]);
    say(&["account", "enable", "pepper"]);
    say(&["account", "quota", "tony", "default"]);
    say(&["list", "create", "avengers", "--title", "Avengers", "--senders", "owners"]);
    say(&["list", "add", "avengers", "tony", "--owner"]);
    say(&["list", "add", "avengers", "pepper"]);
    say(&["list", "set", "avengers", "--title", "The Avengers"]);
    say(&["list", "members", "avengers"]);
    say(&["list", "remove", "avengers", "pepper"]);
    say(&["list", "list"]);
    say(&["list", "delete", "avengers"]);
    say(&["account", "delete", "pepper", "--yes"]);
    say(&["account", "list"]);
    printed
}

#[test]
fn commands_do_the_same_with_a_server_and_without_one() {
    let (alone, beside) = (stopped(), stopped());
    let daemon = Daemon::start(beside.path(), &[]);
    let (without, with) = (work(alone.path()), work(beside.path()));
    assert_eq!(without, with);
    assert!(with[3].contains("pepper    Pepper Potts  disabled, refuses mail"), "{}", with[3]);
    assert!(with[10].contains("tony      Tony Stark    owner"), "{}", with[10]);
    assert!(with[12].contains("avengers   The Avengers"), "{}", with[12]);
    assert!(!with[15].contains("pepper"), "{}", with[15]);
    assert_eq!(daemon.stop().code(), Some(0));
    // The running server has made the changes durable.
    assert_eq!(done(beside.path(), &["account", "list"]), with[15]);
}

#[test]
fn a_code_sets_a_password_whether_a_server_ran_or_not() {
    let directory = stopped();
    let early = create(directory.path(), "tony");
    let daemon = Daemon::start(directory.path(), &[]);
    let late = create(directory.path(), "pepper");
    for (username, made) in [("tony", &early), ("pepper", &late)] {
        let mut client = daemon.client();
        assert_eq!(code(&client.ask(login(username))), ErrorCode::BadCredentials);
        assert_eq!(
            client.ask(recover(username, made)),
            Reply::Recovered { app_passwords_revoked: Some(0) }
        );
        assert_eq!(code(&client.ask(recover(username, made))), ErrorCode::BadCredentials, "once");
        assert!(matches!(client.ask(login(username)), Reply::LoggedIn(_)));
    }
    let shown = json(directory.path(), &["account", "show", "tony"]);
    assert_eq!(shown["account"]["has_password"], true);
    assert_eq!(shown["account"]["code_expires_at"], Value::Null);
}

#[test]
fn who_is_disabled_is_logged_out_of_the_running_server() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let (mut tony, mut pepper) = (daemon.session("tony"), daemon.session("pepper"));
    let shown = json(directory.path(), &["sessions"]);
    assert_eq!(shown["sessions"].as_array().unwrap().len(), 2);
    done(directory.path(), &["account", "disable", "tony"]);
    assert_eq!(tony.reply(), None, "the session has ended");
    let connection = json(directory.path(), &["sessions"])["sessions"][0]["connection"].clone();
    let ended = json(directory.path(), &["sessions", "--end", connection.as_str().unwrap()]);
    assert_eq!(ended["ended"], 1);
    assert_eq!(pepper.reply(), None, "the session has ended");
    eventually(|| json(directory.path(), &["sessions"])["sessions"].as_array().unwrap().is_empty());
    assert_eq!(run(directory.path(), &["sessions", "--end", "pepper"]).0, Some(69));
    assert_eq!(run(directory.path(), &["sessions", "--end", "nobody"]).0, Some(67));
}

#[test]
fn what_was_done_is_said_and_what_ended_sessions_or_unblocked_is_logged() {
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("log");
    let daemon =
        Daemon::start(directory.path(), &["--failed-logins", "2", "--log-file", text(&log)]);
    let _tony = daemon.session("tony");
    let mut client = daemon.client();
    let wrong = correio_testing::request::login("pepper", 9);
    assert!((0..50).any(|_| code(&client.ask(wrong.clone())) == ErrorCode::RateLimited));
    done(directory.path(), &["sessions", "--end", "tony"]);
    done(directory.path(), &["unblock", "127.0.0.1"]);
    done(directory.path(), &["unblock", "192.0.2.1"]);
    let logged = || fs::read_to_string(&log).unwrap();
    eventually(|| logged().contains("operator.acted action=unblock name=127.0.0.1"));
    assert!(logged().contains("operator.acted action=sessions_end name=tony"), "{}", logged());
    assert!(!logged().contains("192.0.2.1"), "nothing was done");
    let reset = done(directory.path(), &["account", "reset", "tony"]);
    assert!(!reset.contains("FULL NAME") && reset.starts_with("USERNAME  CODE"), "{reset}");
    for (arguments, said) in [
        (&["account", "disable", "tony"][..], "disabled tony\n"),
        (&["account", "delete", "tony", "--yes"], "deleted tony\n"),
        (&["list", "create", "avengers", "--title", "Avengers"], "made the list avengers\n"),
        (&["list", "delete", "avengers"], "deleted the list avengers\n"),
    ] {
        assert_eq!(done(directory.path(), arguments), said);
    }
}

#[test]
fn an_announcement_is_told_and_kept() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    drop(daemon.session("tony"));
    let file = directory.path().join("text");
    fs::write(&file, "Tonight at ten.\n").unwrap();
    let announce = &["announce", "--subject", "Maintenance", text(&file)];
    let (status, output, said) = run(directory.path(), announce);
    assert_eq!((status, &*output), (Some(0), "the announcement is in 1 mailbox\n"), "{said}");
    // With its id, it goes on, here after its end.
    let id = said.trim_end().rsplit(' ').next().unwrap();
    let again = done(directory.path(), &[announce, &["--id", id][..]].concat());
    assert_eq!(again, "the announcement is in 0 mailboxes\n");
    let wrong = run(directory.path(), &[announce, &["--id", "tony"][..]].concat());
    assert_eq!(wrong.0, Some(64), "{}", wrong.2);
    let mails = super::mails(&daemon, "tony");
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].from.as_str(), mails[0].subject.as_str()), ("postmaster", "Maintenance"));
    let (status, _, error) =
        run(directory.path(), &["announce", "--subject", "Maintenance", "/nowhere"]);
    assert_eq!(status, Some(66), "{error}");
    // Standard input has no text here.
    let (status, _, error) = run(directory.path(), &["announce", "--subject", "Maintenance"]);
    assert_eq!(status, Some(65), "{error}");
    assert!(error.contains("it is empty; name a file that has text"), "{error}");
}

#[test]
fn a_blocked_address_is_let_in_again() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &["--failed-logins", "2"]);
    drop(daemon.session("tony"));
    let mut client = daemon.client();
    let wrong = correio_testing::request::login("pepper", 9);
    let guessed = (0..50).any(|_| code(&client.ask(wrong.clone())) == ErrorCode::RateLimited);
    assert!(guessed);
    assert_eq!(done(directory.path(), &["unblock", "127.0.0.1"]), "unblocked\n");
    assert_eq!(code(&client.ask(wrong)), ErrorCode::BadCredentials);
    assert_eq!(done(directory.path(), &["unblock", "192.0.2.1"]), "nothing was blocked\n");
}

#[test]
fn invites_are_recorded_used_and_revoked() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &["--registration", "invite"]);
    let made = json(directory.path(), &["invite", "--count", "2", "--registration", "invite"]);
    let invite = |at: usize| made["invites"][at]["code"].as_str().unwrap().parse().unwrap();
    let register = |username: &str, at: usize| {
        let mut request = crate::daemon::register(username);
        if let Request::Register(register) = &mut request {
            register.invite = Some(invite(at));
        }
        daemon.client().ask(request)
    };
    let id = made["invites"][1]["id"].as_str().unwrap();
    done(directory.path(), &["invite", "revoke", id]);
    assert_eq!(register("tony", 0), Reply::Registered {});
    assert!(matches!(register("pepper", 1), Reply::Error(_)));
    let used = made["invites"][0]["id"].as_str().unwrap();
    let listed = json(directory.path(), &["invite", "list"]);
    let state = |id: &str| {
        let invites = listed["invites"].as_array().unwrap();
        invites.iter().find(|invite| invite["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!((state(used), state(id)), ("used".into(), "revoked".into()));
    let (status, _, error) = run(directory.path(), &["invite", "revoke", used]);
    assert_eq!(status, Some(69), "{error}");
    // One that was not recorded leaves no trace but that it is useless.
    let unknown = "0123456789abcdef";
    let (status, said, error) = run(directory.path(), &["invite", "revoke", unknown]);
    assert_eq!((status, said), (Some(0), format!("revoked {unknown}\n")));
    assert!(error.contains("no invite with this id is recorded"), "{error}");
    let (status, _, error) = run(directory.path(), &["invite", "revoke", unknown]);
    assert_eq!(status, Some(69), "{error}");
    assert!(error.contains("without being recorded"), "{error}");
    // Without a server they are recorded, too, and codes alone are printed.
    assert_eq!(daemon.stop().code(), Some(0));
    let printed = done(directory.path(), &["invite", "--count", "3"]);
    assert_eq!(printed.lines().count(), 3);
    let listed = json(directory.path(), &["invite", "list"]);
    assert_eq!(listed["invites"].as_array().unwrap().len(), 5);
}

#[test]
fn the_status_says_whether_a_server_runs() {
    let directory = stopped();
    let alone = json(directory.path(), &["status"]);
    assert_eq!((&alone["server"], &alone["store"]["accounts"]), (&Value::Null, &0.into()));
    let daemon = Daemon::start(directory.path(), &[]);
    let _tony = daemon.session("tony");
    let beside = json(directory.path(), &["status"]);
    assert_eq!(beside["server"]["sessions"], 1);
    assert_eq!(beside["store"]["accounts"], 1);
    assert_eq!(beside["server"]["mail_domain"], Value::Null);
}

#[test]
fn the_status_shows_the_mail_domain_and_where_the_server_listens() {
    let directory = TempDir::new().unwrap();
    let at = "127.0.0.1:0";
    let domain = ["--mail-domain", "mail.example.org"];
    let arguments = [&domain[..], &["--pop3", at, "--submission", at, "--metrics", at]].concat();
    let _daemon = Daemon::start(directory.path(), &arguments);
    let server = json(directory.path(), &["status"])["server"].clone();
    assert_eq!(server["mail_domain"], "mail.example.org");
    let listeners = server["listeners"].as_array().unwrap();
    let of = |listener: &Value| {
        let address = listener["address"].as_str().unwrap();
        assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{listener}");
        (listener["protocol"].clone(), listener["tls"].clone())
    };
    let expected = ["correio", "submission", "pop3", "http"];
    let expected = expected.map(|protocol| (protocol.into(), "none".into()));
    assert_eq!(listeners.iter().map(of).collect::<Vec<_>>(), expected);
    let text = done(directory.path(), &["status"]);
    assert!(text.contains("mail domain  mail.example.org\n"), "{text}");
    for service in ["correio, without TLS", "submission, without TLS", "metrics"] {
        let word = format!("({service})");
        let ends =
            |line: &str| line.starts_with("listens on   127.0.0.1:") && line.ends_with(&word);
        assert!(text.lines().any(ends), "{word}: {text}");
    }
}

#[test]
fn a_reset_says_how_many_app_passwords_it_has_revoked() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    for (labels, said) in [
        (&[][..], None),
        (
            &["phone"],
            Some("1 app password was revoked: the mail program that used it needs a new one"),
        ),
        (
            &["phone", "laptop"],
            Some("2 app passwords were revoked: the mail programs that used them need new ones"),
        ),
    ] {
        let make = |tony: &mut Client| {
            for label in labels {
                let label = label.parse().unwrap();
                tony.ask(Request::AppPassword(AppPasswordRequest::Create { label }));
            }
        };
        make(&mut tony);
        let text = done(directory.path(), &["account", "reset", "tony"]);
        assert_eq!(text.lines().nth(2), said, "{text}");
        make(&mut tony);
        let codes = json(directory.path(), &["account", "reset", "tony"])["codes"].clone();
        assert_eq!(codes[0]["app_passwords_revoked"], labels.len());
    }
    let made = json(directory.path(), &["account", "create", "pepper", "Pepper Potts"]);
    assert_eq!(made["codes"][0]["app_passwords_revoked"], Value::Null, "it had none");
}

#[test]
fn a_command_that_reads_from_a_terminal_says_so() {
    let directory = stopped();
    create(directory.path(), "tony");
    let pty = PtyPair::open(24, 100).unwrap();
    let announce = &mut command(directory.path(), &["announce", "--subject", "Maintenance"]);
    let mut child = pty.spawn(announce).unwrap();
    let mut main = fs::File::from(pty.main.try_clone().unwrap());
    let mut shown = Vec::new();
    let mut until = |words: &str| {
        eventually(|| {
            let mut read = [0; 4096];
            let length = main.read(&mut read).unwrap_or_default();
            shown.extend_from_slice(&read[..length]);
            String::from_utf8_lossy(&shown).contains(words)
        });
    };
    until("reading from the terminal, up to Ctrl-D");
    fs::File::from(pty.main.try_clone().unwrap()).write_all(b"Tonight.\n\x04").unwrap();
    until("the announcement is in 1 mailbox");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_quota_is_shown_with_what_is_beyond_it() {
    let directory = stopped();
    create(directory.path(), "tony");
    let file = directory.path().join("text");
    fs::write(&file, "Tonight.").unwrap();
    for _ in 0..2 {
        done(directory.path(), &["announce", "--subject", "Maintenance", text(&file)]);
    }
    let quota =
        |bounds: &[&str]| done(directory.path(), &[&["account", "quota", "tony"], bounds].concat());
    let own = "set the quota of tony to 2 mails and 1.00 MiB (its own)\n";
    assert_eq!(quota(&["2", "1MiB"]), own);
    for (mails, bytes, shown, beyond) in [
        ("1", "1MiB", "1 mail and 1.00 MiB", "1 mail"),
        ("9", "37", "9 mails and 37 B", "1 byte"),
        ("1", "30", "1 mail and 30 B", "1 mail and 8 bytes"),
    ] {
        let expected = format!(
            "set the quota of tony to {shown} (its own)\nthe mailbox has {beyond} more: its mails \
             stay, and new mail is refused until there is room\n"
        );
        assert_eq!(quota(&[mails, bytes]), expected);
    }
    assert!(quota(&["default"]).ends_with(" (the server's)\n"));
    let document = json(directory.path(), &["account", "quota", "tony", "1", "1MiB"]);
    assert_eq!(document, serde_json::json!({ "changed": "tony" }));
}

#[test]
fn what_needs_a_server_says_that_none_runs() {
    let directory = stopped();
    for arguments in [&["sessions"][..], &["unblock", "tony"], &["sessions", "--end", "1.2"]] {
        let (status, output, error) = run(directory.path(), arguments);
        assert_eq!((status, &*output), (Some(69), ""), "{arguments:?}");
        assert!(error.contains("no server runs"), "{error}");
    }
}

#[test]
fn errors_say_what_to_do_and_have_their_statuses() {
    let directory = stopped();
    create(directory.path(), "tony");
    let nowhere = TempDir::new().unwrap();
    for (directory, status, arguments, word) in [
        (&directory, 67, &["account", "show", "nobody"][..], "no account nobody ("),
        (&directory, 67, &["list", "members", "nobody"], "no list nobody (correiod list list"),
        (&directory, 67, &["list", "add", "nothing", "tony"], "no list nothing ("),
        (&directory, 73, &["account", "create", "tony", "Tony Stark"], "have these names"),
        (&directory, 64, &["account", "create", "-x"], "unexpected argument"),
        (&directory, 73, &["account", "create", "postmaster", "P"], "or the server reserves them"),
        (&directory, 64, &["account", "create", "a b", "Tony Stark"], "must not contain ' '"),
        (&directory, 64, &["account", "create", "ã", "Tony Stark"], "contain 'ã' (U+00E3)"),
        (&directory, 64, &["account", "create", "b", "a\nb\u{1b}"], "must not contain \\u{a}\n"),
        (&directory, 64, &["unblock", "10.0.0.0/8"], "is neither an IP address"),
        (&directory, 64, &["account", "quota", "tony", "0", "1MiB"], "from 1 to 4294967295"),
        (&directory, 64, &["account", "quota", "tony", "10"], "Usage: correiod account quota"),
        (&directory, 64, &["account", "quota", "tony", "10", "1X"], "no size"),
        (&directory, 64, &["account", "delete", "tony"], "--yes"),
        (&directory, 64, &["account"], "Usage"),
        (&directory, 64, &["invite", "revoke", "zzz"], "this is no id of an invite"),
        (&directory, 78, &["account", "list", "--store", "memory"], "--store sqlite"),
        (&nowhere, 78, &["status"], "no server has used"),
    ] {
        let (ended, _, error) = run(directory.path(), arguments);
        assert_eq!(ended, Some(status), "{arguments:?}: {error}");
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
    assert!(done(directory.path(), &["account", "list"]).contains("tony"), "nothing was deleted");
}

#[test]
fn a_directory_that_is_busy_without_a_socket_is_said_so() {
    let directory = stopped();
    let daemon = Daemon::start(directory.path(), &[]);
    fs::remove_file(directory.path().join(SOCKET)).unwrap();
    let (status, _, error) = run(directory.path(), &["account", "list"]);
    assert_eq!(status, Some(69), "{error}");
    assert!(error.contains("try again"), "{error}");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn the_socket_is_private_and_goes_with_its_server() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let socket = directory.path().join(SOCKET);
    assert_eq!(fs::symlink_metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!names(directory.path()).contains(&SOCKET.to_owned()));
}

#[test]
fn the_socket_of_a_killed_server_is_in_nobodys_way() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    drop(daemon.session("tony"));
    drop(daemon);
    assert!(names(directory.path()).contains(&SOCKET.to_owned()), "it was killed");
    assert!(done(directory.path(), &["account", "list"]).contains("tony"), "without a server");
    let daemon = Daemon::start(directory.path(), &[]);
    assert_ne!(json(directory.path(), &["status"])["server"], Value::Null);
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_socket_is_reached_through_the_longest_path() {
    let directory = TempDir::new().unwrap();
    let deep = directory.path().join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    let daemon = Daemon::start(&deep, &[]);
    create(&deep, "tony");
    assert_ne!(json(&deep, &["status"])["server"], Value::Null);
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_directory_in_the_sockets_place_does_not_stop_the_mail() {
    let directory = stopped();
    fs::create_dir(directory.path().join(SOCKET)).unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    let (status, _, error) = run(directory.path(), &["account", "list"]);
    assert_eq!(status, Some(69), "{error}");
}

#[test]
fn another_user_is_not_listened_to() {
    if !rustix::process::geteuid().is_root() {
        return correio_testing::skip::skipped("only root can become another user");
    }
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let socket = directory.path().join(SOCKET);
    // Even where both the directory and the socket are open to others.
    for (path, mode) in [(directory.path(), 0o755), (&*socket, 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut theirs = command(directory.path(), &["account", "list"]);
    theirs.uid(65534).gid(65534);
    let (status, output, error) = said(&theirs.output().unwrap());
    assert_eq!((status, &*output), (Some(69), ""), "{error}");
    assert!(error.contains("another user"), "{error}");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let mut theirs = command(directory.path(), &["account", "list"]);
    theirs.uid(65534).gid(65534);
    let (status, _, error) = said(&theirs.output().unwrap());
    assert_eq!(status, Some(77), "{error}");
    assert!(done(directory.path(), &["account", "list"]).contains("USERNAME"));
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn root_leaves_the_files_to_the_servers_user() {
    if !rustix::process::geteuid().is_root() {
        return correio_testing::skip::skipped("only root can become another user");
    }
    let directory = stopped();
    let owner = Some(65534);
    std::os::unix::fs::chown(directory.path(), owner, owner).unwrap();
    for name in names(directory.path()) {
        std::os::unix::fs::chown(directory.path().join(name), owner, owner).unwrap();
    }
    create(directory.path(), "tony");
    done(directory.path(), &["invite"]);
    let mut server = listening(directory.path());
    server.uid(65534).gid(65534).stderr(std::process::Stdio::null());
    let daemon = Daemon::spawn(server);
    assert!(done(directory.path(), &["account", "list"]).contains("tony"), "root asks the server");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_second_server_leaves_the_socket_of_the_first() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    assert_eq!(refused(listening(directory.path())).0, Some(69));
    assert_ne!(json(directory.path(), &["status"])["server"], Value::Null);
    assert!(UnixStream::connect(directory.path().join(SOCKET)).is_ok());
    assert_eq!(daemon.stop().code(), Some(0));
}

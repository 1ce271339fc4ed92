//! Tests of `correio watch` and of mail that is kept on the server.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
};

use correio_client::{Cancel, Password};
use correio_testing::wait::eventually;
use rustix::process::{Pid, Signal, test_kill_process_group};

use crate::support::{PASSWORD, Setup, background::Background, finish, password};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

/// A watch of Tony's.
fn watch(setup: &Setup, arguments: &[&str]) -> Background {
    Background::start(watch_command(setup, arguments))
}

fn watch_command(setup: &Setup, arguments: &[&str]) -> Command {
    let address = setup.address.to_string();
    let account = ["--server", &address, "--user", "tony"];
    let mut command = setup.program(&[&account[..], arguments].concat());
    command.env("CORREIO_PASSWORD", PASSWORD).env("DIR", setup.data.path());
    command
}

/// The lines of a file that a command has written, whole ones only.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(str::to_owned).collect()
}

#[test]
fn each_mail_is_a_line_as_it_comes_and_none_comes_again() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Antes", "x")]);
    let watching = watch(&setup, &["watch"]);
    assert_eq!(watching.line(), "[1] Pepper Potts: Antes");
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    assert_eq!(watching.line(), "[2] Pepper Potts: Um");
    assert_eq!(watching.line(), "[3] Pepper Potts: Dois");
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.out.len(), ended.err.len()), (Some(0), 0, 0), "{ended:?}");

    setup.deliver("pepper", "tony", &[("Três", "x")]);
    let watching = watch(&setup, &["watch"]);
    assert_eq!(watching.line(), "[4] Pepper Potts: Três");
    watching.signal(Signal::INT);
    assert_eq!(watching.end().status, Some(0));
    let list = finish(setup.program(&["--json", "list"]), "").json();
    let mails = list["mails"].as_array().unwrap();
    assert!(mails.len() == 4 && mails.iter().all(|mail| mail["status"] == "unread"), "{list}");
    assert_eq!(setup.received()["mails"].as_array().unwrap().len(), 0);
}

#[test]
fn a_watch_goes_on_after_the_server_was_away() {
    let mut setup = Setup::of(BOTH);
    let watching = watch(&setup, &["watch"]);
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    assert_eq!(watching.line(), "[1] Pepper Potts: Um");
    setup.stop();
    setup.start_again();
    setup.deliver("pepper", "tony", &[("Dois", "x")]);
    assert_eq!(watching.line(), "[2] Pepper Potts: Dois");
    watching.signal(Signal::HUP);
    assert_eq!(watching.end().status, Some(0));
}

#[test]
fn a_session_that_ends_ends_the_watch_with_its_status() {
    let setup = Setup::of(BOTH);
    let watching = watch(&setup, &["watch"]);
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    watching.line();
    let (service, cancel) = (setup.connect(), Cancel::new());
    service.login(&"tony".parse().unwrap(), &password(), &cancel).unwrap();
    let new: Arc<Password> = Arc::new("uma-senha-nova".parse().unwrap());
    service.change_password(&password(), &new, &cancel).unwrap();
    let ended = watching.end();
    assert_eq!(ended.status, Some(77), "{ended:?}");
    assert!(ended.err[0].starts_with("correio: "), "{ended:?}");
}

#[test]
fn a_reader_that_goes_ends_the_watch_and_its_mail_stays_new() {
    let setup = Setup::of(BOTH);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    let mut command = watch_command(&setup, &["watch"]);
    let done = command.stdout(writer).output().unwrap();
    assert_eq!((done.status.code(), done.stderr.len()), (Some(0), 0), "{done:?}");
    assert_eq!(setup.received()["mails"][0]["subject"], "Um");
}

/// The fields are text of the sender's, whatever a shell would make of them.
#[test]
fn a_command_gets_the_fields_in_its_environment_and_never_as_text() {
    let setup = Setup::of(BOTH);
    let subject = "$(touch \"$DIR/ran\"); `touch $DIR/ran`' \" && touch $DIR/ran # -n";
    setup.deliver("pepper", "tony", &[(subject, "x")]);
    let command = r#"for field in "$CORREIO_FROM" "$CORREIO_FROM_NAME" "$CORREIO_SUBJECT" \
        "$CORREIO_ID" "$CORREIO_SENT_AT" "$CORREIO_NUMBER" "$CORREIO_FILE" "${CORREIO_PASSWORD-}"
        do printf '%s\n' "$field"; done; cat; test -f "$CORREIO_FILE" && echo there"#;
    let watching = watch(&setup, &["watch", "--exec", command]);
    let fields: Vec<_> = (0..9).map(|_| watching.line()).collect();
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    assert_eq!(fields[..3], ["pepper", "Pepper Potts", subject]);
    let list = finish(setup.program(&["--json", "list"]), "").json();
    assert_eq!(
        (&fields[3], &fields[4]),
        (
            &list["mails"][0]["id"].as_str().unwrap().to_owned(),
            &list["mails"][0]["sent_at"].as_str().unwrap().to_owned(),
        )
    );
    assert_eq!(fields[5], "1");
    assert!(Path::new(&fields[6]).is_absolute(), "{fields:?}");
    assert_eq!(fields[7..], ["", "there"]);
    assert!(!setup.data.path().join("ran").exists());
}

#[test]
fn a_command_finds_the_same_mailbox() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "Corpo")]);
    let command = format!("\"{}\" read \"$CORREIO_NUMBER\"", env!("CARGO_BIN_EXE_correio"));
    let watching = watch(&setup, &["watch", "--exec", &command]);
    let mut read = Vec::new();
    while read.last().is_none_or(|line| line != "Corpo") {
        read.push(watching.line());
    }
    assert!(read.iter().any(|line| line.ends_with(": Um")), "{read:?}");
}

#[test]
fn a_command_that_fails_is_reported_and_its_mail_is_not_handed_over_again() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    let command = r#"echo "$CORREIO_SUBJECT"; test "$CORREIO_SUBJECT" = Dois"#;
    let watching = watch(&setup, &["--lang", "en", "watch", "--exec", command]);
    assert_eq!((watching.line(), watching.line()), ("Um".to_owned(), "Dois".to_owned()));
    let said = watching.err_line();
    assert!(said.contains("[1]") && said.contains("exit status: 1"), "{said}");
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    let watching = watch(&setup, &["watch", "--exec", command]);
    setup.deliver("pepper", "tony", &[("Três", "x")]);
    assert_eq!(watching.line(), "Três");
}

#[test]
fn a_signal_ends_the_watch_after_the_running_command() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    // The command goes on once the test has written into the pipe.
    let command = r#"mkfifo "$DIR/pipe"; read line <"$DIR/pipe"; echo "$CORREIO_SUBJECT $line""#;
    let watching = watch(&setup, &["watch", "--exec", command]);
    let pipe = setup.data.path().join("pipe");
    eventually(|| pipe.exists());
    watching.signal_and_wait(Signal::TERM);
    fs::write(&pipe, "fim\n").unwrap();
    let ended = watching.end();
    assert_eq!((ended.status, ended.out), (Some(0), vec!["Um fim".to_owned()]));
    // The second mail is new to the next watch.
    let watching = watch(&setup, &["watch"]);
    assert_eq!(watching.line(), "[2] Pepper Potts: Dois");
}

#[test]
fn a_second_signal_ends_the_watch_at_once_and_the_command_goes_on_by_itself() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    // Its output is not that of the watch, whose end the test waits for.
    let command =
        r#"exec >"$DIR/out" 2>&1; mkfifo "$DIR/pipe"; read line <"$DIR/pipe"; echo "$line""#;
    let watching = watch(&setup, &["watch", "--exec", command]);
    let pipe = setup.data.path().join("pipe");
    eventually(|| pipe.exists());
    watching.signal(Signal::TERM);
    watching.signal(Signal::INT);
    let ended = watching.end();
    assert!(matches!(ended.status, Some(130 | 143)), "{ended:?}");
    fs::write(&pipe, "fim\n").unwrap();
    eventually(|| {
        fs::read_to_string(setup.data.path().join("out")).is_ok_and(|out| out == "fim\n")
    });
}

const SENDERS: [(&str, &str); 3] =
    [("steve", "Steve Rogers"), ("peter", "Peter Parker"), ("pepper", "Pepper Potts")];

/// Three people send a hundred mails while the watch is ended and started again. Returns the ids
/// for which the command ran.
fn ended_while_mail_comes(signal: Signal) -> Vec<String> {
    let setup = Arc::new(Setup::of(&[&[("tony", "Tony Stark")], &SENDERS[..]].concat()));
    let runs = setup.data.path().join("runs");
    let command = r#"echo "$CORREIO_ID" >>"$DIR/runs""#;
    let senders: Vec<_> = SENDERS
        .into_iter()
        .zip([33, 33, 33])
        .map(|((sender, _), count)| {
            let setup = Arc::clone(&setup);
            thread::spawn(move || {
                let subjects: Vec<_> = (0..count).map(|n| format!("Assunto {n}")).collect();
                let mails: Vec<_> = subjects.iter().map(|subject| (&**subject, "x")).collect();
                setup.deliver(sender, "tony", &mails);
            })
        })
        .collect();
    for few in [5, 20, 40] {
        let watching = watch(&setup, &["watch", "--exec", command]);
        eventually(|| lines(&runs).len() >= few);
        watching.signal(signal);
        let _ = watching.end();
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let last = watch(&setup, &["watch", "--exec", command]);
    // Its signals have their handlers once it has run the command for a mail of its own.
    setup.deliver(SENDERS[0].0, "tony", &[("Último", "x")]);
    let new = || finish(setup.program(&["--json", "list"]), "").json();
    let is_over = |list: &serde_json::Value| {
        let mails = list["mails"].as_array().unwrap();
        mails.len() == 100 && mails.iter().all(|mail| mail["status"] != "new")
    };
    eventually(|| is_over(&new()));
    last.signal(Signal::TERM);
    assert_eq!(last.end().status, Some(0));
    lines(&runs)
}

#[test]
fn the_command_runs_once_for_each_mail_over_restarts() {
    let ran = ended_while_mail_comes(Signal::TERM);
    assert_eq!(ran.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(ran.len(), 100);
}

#[test]
fn a_watch_that_is_killed_never_runs_the_command_twice_for_a_mail() {
    let ran = ended_while_mail_comes(Signal::KILL);
    assert_eq!(ran.iter().collect::<HashSet<_>>().len(), ran.len(), "{ran:?}");
    // A mail that was marked when the watch was killed may have had no run: one at each kill.
    assert!(ran.len() >= 97, "{}", ran.len());
}

/// The number is that of the moment in which the command runs.
#[test]
fn commands_that_delete_mails_of_one_batch_delete_the_right_ones() {
    let setup = Setup::of(BOTH);
    let mails = ["Um", "Dois", "Três", "Quatro", "Cinco"].map(|subject| (subject, "x"));
    setup.deliver("pepper", "tony", &mails);
    let command = format!(
        "case $CORREIO_SUBJECT in Um|Três) \"{}\" delete \"$CORREIO_NUMBER\" >&2 ;; esac; \
         echo \"$CORREIO_NUMBER $CORREIO_SUBJECT\"",
        env!("CARGO_BIN_EXE_correio")
    );
    let watching = watch(&setup, &["watch", "--exec", &command]);
    let ran: Vec<_> = (0..5).map(|_| watching.line()).collect();
    assert_eq!(ran, ["1 Um", "1 Dois", "2 Três", "2 Quatro", "3 Cinco"]);
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    assert_eq!(subjects(&setup), ["Dois", "Quatro", "Cinco"]);
}

#[test]
fn a_mail_that_was_deleted_before_its_command_is_skipped_and_named() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x"), ("Três", "x")]);
    let command = format!(
        "echo \"$CORREIO_SUBJECT\"; test \"$CORREIO_SUBJECT\" != Um || \"{}\" delete 2 >/dev/null",
        env!("CARGO_BIN_EXE_correio")
    );
    let watching = watch(&setup, &["--lang", "en", "watch", "--exec", &command]);
    assert_eq!((watching.line(), watching.line()), ("Um".to_owned(), "Três".to_owned()));
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.err.len()), (Some(0), 1), "{ended:?}");
    assert!(ended.err[0].contains("Dois from pepper is not here any more"), "{ended:?}");
    assert_eq!(subjects(&setup), ["Um", "Três"]);
}

#[test]
fn a_command_that_does_not_start_is_reported_and_the_watch_goes_on() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    // Programs are found in this directory, and there is no shell.
    let directory = setup.data.path().join("bin");
    fs::create_dir(&directory).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&path).map(|place| place.join("setsid"));
    symlink(places.find(|file| file.exists()).unwrap(), directory.join("setsid")).unwrap();
    let mut command = watch_command(&setup, &["--lang", "en", "watch", "--exec", "true"]);
    command.env("PATH", &directory);
    let watching = Background::start(command);
    for number in [1, 2] {
        let said = watching.err_line();
        assert!(said.contains(&format!("[{number}] failed: No such file")), "{said}");
    }
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
}

/// Without the directory for marked mails, no mail can be marked, as on a file system that does not
/// support the names.
#[test]
fn the_command_does_not_run_for_a_mail_that_cannot_be_marked() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    let command = r#"echo "$CORREIO_SUBJECT"; test "$CORREIO_SUBJECT" != Um ||
        mv "$(dirname "$CORREIO_FILE")" "$DIR/cur""#;
    let ended = watch(&setup, &["--lang", "en", "watch", "--exec", command]).end();
    assert_eq!((ended.status, &ended.out[..]), (Some(74), &["Um".to_owned()][..]), "{ended:?}");
    let last = ended.err.last().unwrap();
    assert!(last.contains("Dois from pepper cannot be marked"), "{ended:?}");
    // The next watch makes the directory.
    let watching = watch(&setup, &["watch", "--exec", command]);
    assert_eq!(watching.line(), "Dois");
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.out.len()), (Some(0), 0), "{ended:?}");
}

/// The subjects of Tony's mails on this computer.
fn subjects(setup: &Setup) -> Vec<String> {
    let list = finish(setup.program(&["--json", "list"]), "").json();
    let mails = list["mails"].as_array().unwrap();
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

/// A program that stands in for the desktop's.
fn desktop(setup: &Setup, script: &str) -> String {
    let directory = setup.data.path().join("bin");
    fs::create_dir(&directory).unwrap();
    let program = directory.join("notify-send");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap())
}

#[test]
fn notifications_get_texts_as_arguments() {
    let setup = Setup::of(BOTH);
    let path = desktop(&setup, r#"printf '%s\n' "$@" >>"$DIR/shown""#);
    setup.deliver("pepper", "tony", &[("<b>--help</b> $(x)", "x")]);
    let mut command = watch_command(&setup, &["--lang", "en", "watch", "--notify"]);
    command.env("PATH", path);
    let watching = Background::start(command);
    watching.line();
    let file = setup.data.path().join("shown");
    let expected = "New e-mail from Pepper Potts: &lt;b&gt;--help&lt;/b&gt; $(x)";
    eventually(|| lines(&file).last().is_some_and(|line| line == expected));
    let shown = lines(&file);
    assert_eq!(shown[shown.len() - 3..], ["--", "correio", expected]);
}

#[test]
fn without_a_desktop_it_is_said_once() {
    let setup = Setup::of(BOTH);
    let path = desktop(&setup, "exit 1");
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    let mut command = watch_command(&setup, &["watch", "--notify"]);
    command.env("PATH", path);
    let watching = Background::start(command);
    watching.line();
    setup.deliver("pepper", "tony", &[("Dois", "x")]);
    watching.line();
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.err.len()), (Some(0), 1), "{ended:?}");
    assert!(ended.err[0].contains("notify-send"), "{ended:?}");
}

#[test]
fn a_desktop_that_hangs_holds_up_no_mail_and_does_not_get_the_password() {
    let setup = Setup::of(BOTH);
    let script = r#"echo "$$ ${CORREIO_PASSWORD-none}" >>"$DIR/started"; sleep 1000; :"#;
    let path = desktop(&setup, script);
    setup.deliver("pepper", "tony", &[("Um", "x")]);
    let mut command = watch_command(&setup, &["watch", "--notify"]);
    command.env("PATH", path);
    let watching = Background::start(command);
    assert_eq!(watching.line(), "[1] Pepper Potts: Um");
    let said = watching.err_line();
    assert!(said.contains("notify-send: no end within 3 seconds"), "{said}");
    let started = lines(&setup.data.path().join("started"));
    let [(pid, "none")] = *started.iter().filter_map(|it| it.split_once(' ')).collect::<Vec<_>>()
    else {
        panic!("{started:?}")
    };
    let group = Pid::from_raw(pid.parse().unwrap()).unwrap();
    eventually(|| test_kill_process_group(group).is_err());
    setup.deliver("pepper", "tony", &[("Dois", "x")]);
    assert_eq!(watching.line(), "[2] Pepper Potts: Dois");
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.err.len()), (Some(0), 0), "{ended:?}");
}

#[test]
fn a_stranger_with_a_known_name_is_marked_as_in_a_list() {
    let setup = Setup::of(&[("tony", "Tony Stark"), ("loki", "TONY STARK"), ("ultron", "Tony")]);
    let watching = watch(&setup, &["watch"]);
    setup.deliver("loki", "tony", &[("Um", "x")]);
    assert_eq!(watching.line(), "[1] TONY STARK <loki> (desconhecido): Um");
    setup.deliver("loki", "tony", &[("Dois", "x")]);
    assert_eq!(watching.line(), "[2] TONY STARK <loki> (desconhecido): Dois");
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    let watching = watch(&setup, &["--json", "watch"]);
    setup.deliver("ultron", "tony", &[("Três", "x")]);
    let line: serde_json::Value = serde_json::from_str(&watching.line()).unwrap();
    assert_eq!(line["resembles"], serde_json::json!(["tony"]));
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
}

#[test]
fn mail_that_was_deleted_here_does_not_come_back_from_a_server_that_keeps_it() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    let run = |arguments: &[&str]| setup.run("tony", arguments, "");
    assert!(run(&["receive", "--keep"]).out.starts_with("02 e-mails recebidos:\n"));
    assert_eq!(run(&["delete", "1"]).status, 0);
    assert_eq!(run(&["receive", "--keep"]).out, "00 e-mails recebidos\n");
    let watching = watch(&setup, &["watch", "--keep"]);
    setup.deliver("pepper", "tony", &[("Três", "x")]);
    assert_eq!(watching.line(), "[2] Pepper Potts: Três");
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    // The server still has it for another device, until everything is confirmed.
    let elsewhere = setup.elsewhere("tony", &["receive", "--keep"]);
    assert!(elsewhere.out.starts_with("03 e-mails recebidos:\n"), "{elsewhere:?}");
    assert_eq!(run(&["receive"]).out, "00 e-mails recebidos\n");
    assert_eq!(setup.elsewhere("tony", &["receive"]).out, "00 e-mails recebidos\n");
}

#[test]
fn kept_mail_stays_on_the_server_for_another_device() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Um", "x"), ("Dois", "x")]);
    let first = setup.run("tony", &["receive", "--keep"], "");
    assert!(first.out.starts_with("02 e-mails recebidos:\n"), "{first:?}");
    let again = setup.run("tony", &["receive", "--keep"], "");
    assert_eq!((again.status, again.out.as_str()), (0, "00 e-mails recebidos\n"));
    let watching = watch(&setup, &["watch", "--keep"]);
    setup.deliver("pepper", "tony", &[("Três", "x")]);
    assert_eq!(watching.line(), "[3] Pepper Potts: Três");
    setup.deliver("pepper", "tony", &[("Quatro", "x")]);
    assert_eq!(watching.line(), "[4] Pepper Potts: Quatro");
    watching.signal(Signal::TERM);
    assert_eq!(watching.end().status, Some(0));
    // Another device gets all four.
    let elsewhere = setup.elsewhere("tony", &["receive", "--keep"]);
    assert!(elsewhere.out.starts_with("04 e-mails recebidos:\n"), "{elsewhere:?}");
    // Without the option everything is confirmed as usual.
    assert_eq!(setup.run("tony", &["receive"], "").out, "00 e-mails recebidos\n");
    assert_eq!(setup.elsewhere("tony", &["receive"]).out, "00 e-mails recebidos\n");
}

#[test]
fn deleting_damaged_mail_contradicts_keeping_mail() {
    let setup = Setup::of(BOTH);
    assert_eq!(setup.run("tony", &["receive", "--keep", "--delete-damaged"], "").status, 64);
}

//! Tests of the draft that a killed program leaves.

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use correio_client::{Draft, Drafts, Reopened, new_mail_id};
use correio_testing::{
    skip::can_trace,
    strace::{kill_at, traced},
};
use tempfile::TempDir;

/// Variables for the program that is killed: the directory of its draft, and the number of lines
/// that it types.
const DATA: &str = "CORREIO_TEST_DATA";
const LINES: &str = "CORREIO_TEST_LINES";

/// The test that plays the program.
const TYPIST: &str = "library_drafts::types_lines";

/// Printed by the program after each line that it has saved.
const KEPT: &str = "kept a line";

fn open(data: &Path) -> Drafts {
    Drafts::open(data, &"correio.example".parse().unwrap(), &"tony".parse().unwrap())
}

/// A command for this test program, which types lines into a draft and saves each.
fn typist(data: &Path, lines: usize) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", TYPIST]);
    command.env(DATA, data).env(LINES, lines.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[test]
#[ignore = "this is the program that the other tests kill"]
fn types_lines() {
    let data = env::var_os(DATA).unwrap();
    let lines: usize = env::var(LINES).unwrap().parse().unwrap();
    let mut file = open(Path::new(&data)).begin();
    let (to, subject, body) = (String::new(), String::new(), String::new());
    let mut draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
    for line in 0..lines {
        draft.body.push_str(&format!("{line}\n"));
        file.autosave(&draft).unwrap();
        println!("{KEPT}");
    }
    file.save(&draft).unwrap();
}

/// The body of the draft that is there, if any; no file there may be damaged.
fn left(data: &Path) -> Option<String> {
    let mut list = open(data).list().unwrap();
    assert_eq!((list.in_use, list.skipped), (vec![], vec![]));
    assert!(list.drafts.len() <= 1, "{:?}", list.drafts);
    list.drafts.pop().map(|draft| draft.body)
}

#[test]
fn a_draft_is_in_use_until_its_program_is_killed() {
    let data = TempDir::new().unwrap();
    let mut child = typist(data.path(), usize::MAX).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains(KEPT)));
    let list = open(data.path()).list().unwrap();
    assert_eq!((list.drafts.len(), list.in_use.len()), (0, 1));
    let id = list.in_use.first().unwrap().id;
    assert!(matches!(open(data.path()).reopen(id).unwrap(), Reopened::InUse));
    child.kill().unwrap();
    child.wait().unwrap();
    let body = left(data.path()).unwrap();
    assert!(body.starts_with("0\n") && body.ends_with('\n'), "{body}");
    let Reopened::Draft(_file, draft) = open(data.path()).reopen(id).unwrap() else {
        panic!("the draft is offered again");
    };
    assert_eq!(draft.body, body);
}

/// Kills the typist at the first of these calls, the second and so on, until it comes to its end.
fn kill_at_each(calls: &str) {
    const TYPED: usize = 4;
    if !can_trace() {
        return;
    }
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let typist = typist(data.path(), TYPED);
        let mut typist = traced(&typist, Path::new("/dev/null"), &kill_at(calls, when));
        let output = typist.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let kept = said.lines().filter(|line| line.contains(KEPT)).count();
        let lines = left(data.path()).map_or(0, |body| body.lines().count());
        assert!(lines >= kept, "killed at {when} of {calls}: {kept} kept, {lines} left");
        if output.status.success() {
            assert_eq!(lines, TYPED);
            assert!(when > 4, "only {when} of {calls}");
            return;
        }
        assert_eq!(output.status.signal(), Some(9), "{said}");
    }
}

#[test]
fn killed_at_any_change_of_a_name_it_leaves_a_whole_draft() {
    kill_at_each("rename,renameat,renameat2,unlink,unlinkat,mkdir,fsync,ftruncate");
}

#[test]
fn killed_at_any_write_it_leaves_a_whole_draft() {
    kill_at_each("write,openat,flock");
}

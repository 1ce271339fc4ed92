//! `account import`: tables of people, as files and through a pipe.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use correio_proto::message::{Recover, Reply, Request};
use correio_testing::request::credential;
use tempfile::TempDir;

use super::{done, run, said, text};
use crate::daemon::{Daemon, command, login};

fn stopped() -> TempDir {
    let directory = TempDir::new().unwrap();
    assert_eq!(Daemon::start(directory.path(), &[]).stop().code(), Some(0));
    directory
}

fn table(directory: &Path, content: &str) -> PathBuf {
    let path = directory.join("class.csv");
    fs::write(&path, content).unwrap();
    path
}

fn accounts(directory: &Path) -> String {
    done(directory, &["account", "list"])
}

#[test]
fn a_class_is_imported_and_its_codes_are_written_for_the_operator_alone() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let class = table(
        directory.path(),
        "username;full_name\r\ntony;Tony Stark\r\npepper;Potts, Pepper\r\n",
    );
    let codes = directory.path().join("codes.csv");
    let arguments = ["account", "import", text(&class), "--codes", text(&codes), "--expires", "30"];
    let said = done(directory.path(), &arguments);
    assert!(said.starts_with("made 2 accounts"), "{said}");
    assert_eq!(fs::metadata(&codes).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&codes).unwrap();
    let mut lines = written.lines();
    assert_eq!(lines.next(), Some("username,full_name,code"));
    let code = lines.next().unwrap().strip_prefix("tony,Tony Stark,").unwrap();
    assert!(lines.next().unwrap().starts_with("pepper,\"Potts, Pepper\","));
    let mut client = daemon.client();
    let (username, code) = ("tony".parse().unwrap(), code.parse().unwrap());
    let recover = Request::Recover(Recover { username, code, credential: credential(1) });
    assert_eq!(client.ask(recover), Reply::Recovered { app_passwords_revoked: Some(0) });
    assert!(matches!(client.ask(login("tony")), Reply::LoggedIn(_)));
}

#[test]
fn one_wrong_row_keeps_all_accounts_out() {
    let directory = stopped();
    done(directory.path(), &["account", "create", "tony", "Tony Stark"]);
    let before = accounts(directory.path());
    let codes = directory.path().join("codes.csv");
    for (content, lines) in [
        (
            "pepper,Pepper Potts\ntony,Tony Stark\n",
            &["line 2: an account or a list has the name tony"][..],
        ),
        ("everybody,All\n", &["line 1: an account or a list has the name everybody"]),
        ("postmaster,P\n", &["line 1: an account or a list has the name postmaster already, or"]),
        (
            "a b,Nobody\npepper,Pepper Potts\npepper,\nPEPPER,Other\n",
            &["line 1: ", "line 3: ", "line 4: "],
        ),
    ] {
        let class = table(directory.path(), content);
        let import = ["account", "import", text(&class), "--codes", text(&codes)];
        let (status, output, error) = run(directory.path(), &import);
        assert_eq!((status, &*output), (Some(65), ""), "{error}");
        for line in lines {
            assert!(error.contains(line), "{line}: {error}");
        }
        assert!(!codes.exists(), "no file without codes");
    }
    assert_eq!(accounts(directory.path()), before);
}

#[test]
fn no_cell_of_the_codes_is_a_formula() {
    let directory = stopped();
    let class = table(
        directory.path(),
        "tony,=1+1\npepper,+1\nbruce,-1\nnatasha,@SUM(1)\nsteve,Steve = Rogers\n",
    );
    let codes = directory.path().join("codes.csv");
    done(directory.path(), &["account", "import", text(&class), "--codes", text(&codes)]);
    let written = fs::read_to_string(&codes).unwrap();
    for row in ["tony,'=1+1,", "pepper,'+1,", "bruce,'-1,", "natasha,'@SUM(1),", "steve,Steve ="] {
        assert!(written.lines().any(|line| line.starts_with(row)), "{row}: {written}");
    }
    assert!(done(directory.path(), &["account", "show", "tony"]).contains(" =1+1"), "as given");
}

#[test]
fn codes_never_replace_a_file() {
    let directory = stopped();
    let class = table(directory.path(), "tony,Tony Stark\n");
    let codes = directory.path().join("codes.csv");
    fs::write(&codes, "kept").unwrap();
    let import = ["account", "import", text(&class), "--codes", text(&codes)];
    let (status, _, error) = run(directory.path(), &import);
    assert_eq!(status, Some(73), "{error}");
    assert_eq!(fs::read_to_string(&codes).unwrap(), "kept");
    assert!(!accounts(directory.path()).contains("tony"), "no account without its code");
}

#[test]
fn a_table_comes_through_a_pipe() {
    let directory = stopped();
    let mut import = command(directory.path(), &["account", "import", "-", "--json"]);
    import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = import.spawn().unwrap();
    child.stdin.take().unwrap().write_all("\u{feff}tony,José\n".as_bytes()).unwrap();
    let (status, output, error) = said(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(0), "{error}");
    let document: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["codes"][0]["full_name"], "José");
}

#[test]
fn ten_thousand_people_are_one_import_and_one_more_is_too_many() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut content = String::new();
    for number in 0..10_000 {
        writeln!(content, "person-{number:05},{}", "日".repeat(100)).unwrap();
    }
    let class = table(directory.path(), &format!("{content}one-more,One More\n"));
    let import = ["account", "import", text(&class), "--json"];
    assert_eq!(run(directory.path(), &import).0, Some(65));
    let class = table(directory.path(), &content);
    let import = ["account", "import", text(&class), "--json"];
    let document: serde_json::Value =
        serde_json::from_str(&done(directory.path(), &import)).unwrap();
    assert_eq!(document["codes"].as_array().unwrap().len(), 10_000);
    assert_eq!(accounts(directory.path()).lines().count(), 10_001);
    assert_eq!(daemon.stop().code(), Some(0));
}

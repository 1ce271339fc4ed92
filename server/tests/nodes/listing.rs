//! `correiod nodes` and `correiod status` with several servers.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use correio_server::store::postgres::Statement;
use correio_testing::{
    client::Client,
    postgres::{Database, database},
    wait::eventually,
};
use serde_json::Value;

use super::{SERVER, server, settings, stop};
use crate::daemon::{self, Daemon, login, register};

/// The least number of times that any server has renewed its row.
static BEATS: Statement =
    Statement { sql: "SELECT min(beats) FROM node WHERE name IS NOT NULL", params: &[] };

/// Runs a command of the operator, and returns what it prints.
fn operate(database: &Database, directory: &Path, command: &[&str]) -> String {
    let settings = settings(database, directory);
    let mut run = Command::new(SERVER);
    let output = run.env_clear().args(command).args(settings).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn nodes(database: &Database, directory: &Path) -> Vec<Value> {
    let printed: Value =
        serde_json::from_str(&operate(database, directory, &["nodes", "--json"])).unwrap();
    printed["nodes"].as_array().unwrap().clone()
}

#[test]
fn the_servers_on_a_database_are_shown_by_any_of_them_and_without_one() {
    let Some(database) = database() else { return };
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [first, second, third] = directories.each_ref().map(tempfile::TempDir::path);
    let start = |directory, name| {
        let mut command = server(&database, directory);
        command.args(["--plaintext", "--node-name", name, "--metrics", "127.0.0.1:0"]);
        super::start(command)
    };
    let (one, other) = (start(first, "mail1"), start(second, "mail2"));
    let mut tony = Client::connect(one.address);
    tony.greet();
    tony.ask(register("tony"));
    tony.ask(login("tony"));
    let shown = || {
        let all = nodes(&database, first);
        let column = |name: &str| all.iter().map(|node| node[name].clone()).collect::<Vec<_>>();
        [column("name"), column("sessions"), column("is_this")]
    };
    let wanted = [
        vec![Value::from("mail1"), Value::from("mail2")],
        vec![Value::from(1), Value::from(0)],
        vec![Value::from(true), Value::from(false)],
    ];
    eventually(|| shown() == wanted);
    let all = nodes(&database, second);
    assert_eq!([&all[0]["is_this"], &all[1]["is_this"]], [false, true]);
    assert_eq!(all[0]["version"], env!("CARGO_PKG_VERSION"));
    assert!(all[0]["started_at"].as_str() <= all[0]["seen_at"].as_str(), "{all:?}");
    let text = operate(&database, first, &["nodes"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines.len() == 3, "{text}");
    assert!(lines[1].starts_with("mail1  present  "), "{text}");
    assert!(lines[1].contains(" s ago ") && lines[1].ends_with("this one"), "{text}");
    let status = operate(&database, first, &["status"]);
    assert!(status.contains("2 on this database"), "{status}");
    // A command that opens the database itself is no server.
    let all = nodes(&database, third);
    assert!(all.len() == 2 && all.iter().all(|node| node["is_this"] == false), "{all:?}");
    // A server that ends in order is not shown any more.
    stop(other);
    eventually(|| nodes(&database, first).len() == 1);
    drop(tony);
    stop(one);
    assert_eq!(nodes(&database, first), Vec::<Value>::new());
    let none = "no server runs on this database\n";
    assert_eq!(operate(&database, first, &["nodes"]), none);
    let status: Value =
        serde_json::from_str(&operate(&database, first, &["status", "--json"])).unwrap();
    assert_eq!((&status["server"], &status["store"]["nodes"]), (&Value::Null, &Value::from(0)));
}

#[test]
fn a_server_whose_row_was_deleted_is_shown_again_as_started_when_it_was() {
    static STARTED: Statement = Statement {
        sql: "SELECT coalesce(max((extract(epoch FROM started_at) * 1000)::bigint), 0) FROM node \
              WHERE name IS NOT NULL",
        params: &[],
    };
    let Some(database) = database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut command = server(&database, directory.path());
    command.args(["--plaintext", "--node-name", "mail1"]);
    let one = super::start(command);
    let mut connection = database.connect();
    let mut number = |statement| -> i64 {
        connection
            .query(statement, &[])
            .unwrap()
            .first()
            .and_then(|row| row.get(0).ok())
            .unwrap_or(0)
    };
    // Seconds after the start.
    eventually(|| number(&BEATS) >= 2);
    let started = number(&STARTED);
    database.connect().batch("DELETE FROM node").unwrap();
    eventually(|| number(&STARTED) > 0);
    let moved = number(&STARTED).abs_diff(started);
    assert!(moved < 900, "{moved} ms");
    stop(one);
}

#[test]
fn a_server_that_was_killed_is_shown_as_gone() {
    let Some(database) = database() else { return };
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [first, second] = directories.each_ref().map(tempfile::TempDir::path);
    let start = |directory, name| {
        let mut command = server(&database, directory);
        command.args(["--plaintext", "--node-name", name]);
        super::start(command)
    };
    let one = start(first, "mail1");
    let other = start(second, "mail2");
    eventually(|| nodes(&database, first).len() == 2);
    // Dropped, it is killed: it cannot say that it ends.
    drop(other);
    // Half a minute passes for its row, and not for the test.
    let age = "UPDATE node SET seen_at = seen_at - interval '30 seconds' WHERE name = 'mail2'";
    database.connect().batch(age).unwrap();
    let all = nodes(&database, first);
    let of_all = |key: &str| all.iter().map(|node| node[key].clone()).collect::<Vec<_>>();
    assert_eq!(of_all("name"), ["mail1", "mail2"]);
    assert_eq!(of_all("state"), ["present", "gone"]);
    assert!(all[0]["age"].as_u64() < Some(10) && all[1]["age"].as_u64() >= Some(30), "{all:?}");
    let text = operate(&database, first, &["nodes"]);
    assert!(text.lines().any(|line| line.starts_with("mail2  gone     ")), "{text}");
    let status = operate(&database, first, &["status"]);
    assert!(status.contains("1 on this database"), "{status}");
    stop(one);
    let all = nodes(&database, first);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0]["name"], &all[0]["state"]), (&"mail2".into(), &"gone".into()));
    // It is there again, in the place of the row that it left.
    let again = start(second, "mail2");
    eventually(|| matches!(&*nodes(&database, first), [one] if one["state"] == "present"));
    stop(again);
    assert_eq!(nodes(&database, first), Vec::<Value>::new());
}

#[test]
fn a_server_takes_the_place_of_the_one_before_it_in_its_directory_or_with_its_name() {
    let Some(database) = database() else { return };
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [first, second, third] = directories.each_ref().map(tempfile::TempDir::path);
    let start = |directory, name: &[&str]| {
        let mut command = server(&database, directory);
        command.arg("--plaintext").args(name);
        super::start(command)
    };
    let shown = || {
        let name = |node: Value| node["name"].as_str().unwrap().to_owned();
        nodes(&database, first).into_iter().map(name).collect::<Vec<_>>()
    };
    // Without a name of its own, a server has another name each time.
    let killed = start(first, &[]);
    eventually(|| shown().len() == 1);
    let before = shown();
    drop(killed);
    let again = start(first, &[]);
    eventually(|| shown().len() == 1 && shown() != before);
    stop(again);
    // With its name, also in another directory, once the one that had the name is gone.
    let name = ["--node-name", "mail1"];
    let killed = start(second, &name);
    eventually(|| shown() == ["mail1"]);
    drop(killed);
    let again = start(third, &name);
    eventually(|| shown() == ["mail1", "mail1"]);
    let age = "UPDATE node SET seen_at = seen_at - interval '30 seconds' WHERE directory LIKE '%";
    let of_killed = second.file_name().unwrap().to_str().unwrap();
    database.connect().batch(&format!("{age}{of_killed}'")).unwrap();
    eventually(|| shown() == ["mail1"]);
    let all = nodes(&database, first);
    let told = (&all[0]["state"], &all[0]["is_name_shared"]);
    assert_eq!(told, (&"present".into(), &false.into()));
    stop(again);
}

#[test]
fn servers_that_have_one_name_for_long_say_so() {
    let Some(database) = database() else { return };
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [first, second] = directories.each_ref().map(tempfile::TempDir::path);
    let log = |directory: &Path| directory.with_extension("log");
    let start = |directory: &Path| {
        let mut command = server(&database, directory);
        command.args(["--plaintext", "--node-name", "mail1", "--log-file"]).arg(log(directory));
        super::start(command)
    };
    let warnings = |directory: &Path| {
        let text = fs::read_to_string(log(directory)).unwrap();
        let lines = text.lines().filter(|line| line.contains("another server on this database"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, other) = (start(first), start(second));
    eventually(|| {
        let all = nodes(&database, first);
        all.len() == 2 && all.iter().all(|node| node["is_name_shared"] == true)
    });
    let text = operate(&database, first, &["nodes"]);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("several servers have the name mail1: give each a"), "{text}");
    // Two servers of one name are no mistake yet: one may be taking the other's place.
    let beats = || {
        let rows = database.connect().query(&BEATS, &[]).unwrap();
        rows.one().unwrap().get::<i64>(0).unwrap()
    };
    let await_two_looks = || {
        let before = beats();
        eventually(|| beats() > before + 2);
    };
    await_two_looks();
    assert_eq!([warnings(first), warnings(second)], [Vec::<String>::new(), Vec::new()]);
    // Three minutes pass for the servers, and not for the test.
    let age = "UPDATE node SET started_at = started_at - interval '3 minutes'";
    database.connect().batch(age).unwrap();
    for (directory, named) in [(first, second), (second, first)] {
        eventually(|| warnings(directory).len() == 1);
        let warning = warnings(directory).remove(0);
        assert!(warning.contains("has the name mail1, too"), "{warning}");
        assert!(warning.contains(named.to_str().unwrap()), "{warning}");
    }
    await_two_looks();
    assert_eq!([warnings(first).len(), warnings(second).len()], [1, 1], "each says it once");
    stop(other);
    eventually(|| matches!(&*nodes(&database, first), [node] if node["is_name_shared"] == false));
    stop(one);
    for directory in [first, second] {
        fs::remove_file(log(directory)).unwrap();
    }
}

#[test]
fn a_store_for_one_server_has_no_list_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = daemon::listening(directory.path());
    command.stderr(Stdio::null());
    stop(Daemon::spawn(command));
    let nodes = |more: &[&str]| {
        let mut run = Command::new(SERVER);
        run.env_clear().args(["nodes", "--config", "/dev/null", "--data-dir"]);
        let output = run.arg(directory.path()).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(nodes(&[]), "this store has one server\n");
    let json: Value = serde_json::from_str(&nodes(&["--json"])).unwrap();
    assert_eq!(json, serde_json::json!({ "nodes": null }));
}

//! Holds `--json` to its schemas: each command has one in `client/schemas`, named after the
//! command, whose `x-runs` are commands that this test runs in order against a server, and whose
//! output the schema of each command describes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use boon::{Compiler, Schemas};
use correio_client::KnownServers;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PASSWORD, Setup, background::Background, finish, program};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The schemas of commands, by name.
fn names() -> Vec<String> {
    let entries = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| name != "error");
    names.sort();
    names
}

fn read(name: &str) -> Value {
    let text = fs::read(directory().join(format!("{name}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What is wrong with a document by the schema of this name.
fn fault(name: &str, document: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let file = directory().join(format!("{name}.json"));
    let schema = compiler.compile(file.to_str().unwrap(), &mut schemas);
    let schema = schema.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    schemas.validate(document, schema).err().map(|error| format!("{name}: {error:#}"))
}

fn check(name: &str, document: &Value) {
    if let Some(fault) = fault(name, document) {
        panic!("{fault}\n{document:#}");
    }
}

/// The name of the schema of a command line: the longest one that the words begin with.
fn schema_of(words: &[&str], names: &[String]) -> String {
    // The words of a command may have hyphens, too.
    let command = |name: &&String| {
        let are_name = |window: &[&str]| window.join("-") == **name;
        words.windows(1).chain(words.windows(2)).any(are_name)
    };
    let found = names.iter().filter(command).max_by_key(|name| name.len());
    found.unwrap_or_else(|| panic!("{words:?}")).clone()
}

#[test]
fn every_answer_has_its_schema() {
    let (names, setup) = (names(), Setup::of(BOTH));
    let server = setup.address.to_string();
    for name in &names {
        let schema = read(name);
        let runs = schema["x-runs"].as_array().unwrap_or_else(|| panic!("{name} has no x-runs"));
        assert!(!runs.is_empty() || schema["x-tested-by"].is_string(), "{name} is not run");
        setup.deliver("pepper", "tony", &[("Oi", "Olá")]);
        // A device of its own.
        let device = TempDir::new().unwrap();
        KnownServers::in_directory(device.path())
            .remember(&setup.server(), setup.fingerprint())
            .unwrap();
        let data = device.path().to_str().unwrap();
        let mut ran = Vec::new();
        for run in runs {
            let words = run.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
            let words: Vec<_> = words
                .map(|word| word.replace("{server}", &server).replace("{data}", data))
                .collect();
            let mut words: Vec<_> = words.iter().map(String::as_str).collect();
            let of = schema_of(&words, &names);
            if !words.contains(&"--user") {
                words.splice(0..0, ["--user", "tony"]);
            }
            let mut command = program(device.path());
            command.args(["--json", "--server", &server]).args(&words);
            command.env("CORREIO_PASSWORD", PASSWORD);
            command.env("XDG_CONFIG_HOME", device.path().join("config"));
            let done = finish(command, "");
            assert_eq!((done.status, done.err.as_str()), (0, ""), "{words:?}: {done:?}");
            assert_eq!(done.out.lines().count(), 1, "{words:?}: one document in one line");
            check(&of, &done.json());
            ran.push(of);
        }
        assert!(runs.is_empty() || ran.contains(name), "{name} runs only {ran:?}");
    }
    assert!(names.len() > 10, "{names:?}");
}

#[test]
fn every_failure_has_its_schema() {
    let setup = Setup::of(BOTH);
    for arguments in [
        &["--json", "send", "--to", "ninguem", "--subject", "Oi", "--body", "x"][..],
        &["--json", "read", "9"],
        &["--json", "nada"],
        &["--json", "config", "get", "user"],
        &["--json", "--server", "127.0.0.1:1", "receive"],
        &["--json", "--user", "steve", "watch"],
    ] {
        let done = setup.run("tony", arguments, "");
        assert_ne!(done.status, 0, "{arguments:?}");
        check("error", &done.json());
    }
    let nobody = correio_testing::port::free_address().to_string();
    let mut send = setup.program(&["--json", "--server", &nobody, "--user", "tony", "send"]);
    send.args(["--to", "pepper", "--subject", "Oi", "--body", "x"]);
    send.env("CORREIO_PASSWORD", PASSWORD);
    let answer = finish(send, "").json();
    assert!(answer["error"]["draft"].is_object());
    check("error", &answer);
}

#[test]
fn each_line_of_a_watch_has_its_schema() {
    let setup = Setup::of(BOTH);
    let server = setup.address.to_string();
    let mut command = setup.program(&["--json", "--server", &server, "--user", "tony", "watch"]);
    command.env("CORREIO_PASSWORD", PASSWORD);
    let watching = Background::start(command);
    for subject in ["Um", "Dois\u{1b}"] {
        let subject = subject.trim_end_matches('\u{1b}');
        setup.deliver("pepper", "tony", &[(subject, "Olá\n\u{1b}[2J")]);
        let line: Value = serde_json::from_str(&watching.line()).unwrap();
        check("watch", &line);
        assert_eq!((&line["subject"], &line["body"]), (&subject.into(), &"Olá\n\u{1b}[2J".into()));
    }
    let file = setup.data.path().join("nota.txt");
    fs::write(&file, "nove\n").unwrap();
    let send = ["send", "--to", "tony", "--subject", "Três", "--body", "Aí vai", "--attach"];
    let sent = setup.run("pepper", &[&send[..], &[file.to_str().unwrap()]].concat(), "");
    assert_eq!(sent.status, 0, "{sent:?}");
    let line: Value = serde_json::from_str(&watching.line()).unwrap();
    check("watch", &line);
    assert_eq!(line["attachments"][0]["name"], "nota.txt");
    watching.signal(Signal::TERM);
    let ended = watching.end();
    assert_eq!((ended.status, ended.out.len()), (Some(0), 0), "{ended:?}");
}

/// A check that accepts everything holds nothing.
#[test]
fn an_answer_that_differs_from_its_schema_is_found() {
    let answer = serde_json::json!({ "key": "user", "value": "tony" });
    check("config-get", &answer);
    let mut more = answer.clone();
    more["more"] = true.into();
    let mut other = answer.clone();
    other["key"] = "usre".into();
    for wrong in [more, other, serde_json::json!({ "key": "user" }), Value::Null] {
        assert!(fault("config-get", &wrong).is_some(), "{wrong}");
    }
}

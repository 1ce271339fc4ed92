//! Holds the operator's `--json` to its schemas: each command has one in `server/schemas`, named
//! after the command, whose `x-runs` are commands that this test runs in order beside a server and
//! without one, and whose output the schema of each command describes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use boon::{Compiler, Schemas};
use serde_json::Value;
use tempfile::TempDir;

use super::{run, text};
use crate::daemon::Daemon;

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

/// Checks the document in an output.
pub fn check(name: &str, output: &str) {
    assert_eq!(output.lines().count(), 1, "{name}: one document in one line: {output}");
    let document: Value = serde_json::from_str(output).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let file = directory().join(format!("{name}.json"));
    let schema = compiler.compile(file.to_str().unwrap(), &mut schemas);
    let schema = schema.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    if let Err(error) = schemas.validate(&document, schema) {
        panic!("{name}: {error:#}\n{document:#}");
    }
}

/// The name of the schema of a command line.
fn schema_of(words: &[String], names: &[String]) -> String {
    let two = words.iter().take(2).cloned().collect::<Vec<_>>().join("-");
    let found = [&two, &words[0]].into_iter().find(|name| names.contains(name));
    found.unwrap_or_else(|| panic!("{words:?}")).clone()
}

/// Runs the commands of a schema in a new data directory.
fn runs_of(name: &str, names: &[String], data: &Path) {
    fs::write(data.join("class.csv"), "tony,Tony Stark\npepper,Pepper Potts\n").unwrap();
    let schema = read(name);
    let runs = schema["x-runs"].as_array().unwrap_or_else(|| panic!("{name} has no x-runs"));
    let mut ran = Vec::new();
    for words in runs {
        let words = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let words: Vec<_> = words.map(|word| word.replace("{data}", text(data))).collect();
        let of = schema_of(&words, names);
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--json");
        let (status, output, error) = run(data, &arguments);
        assert_eq!(status, Some(0), "{words:?}: {error}");
        check(&of, &output);
        ran.push(of);
    }
    assert!(ran.iter().any(|of| of == name), "{name} runs only {ran:?}");
}

#[test]
fn every_answer_has_its_schema() {
    let names = names();
    assert!(names.len() > 20, "{names:?}");
    for name in &names {
        let data = TempDir::new().unwrap();
        let daemon = Daemon::start(data.path(), &[]);
        // A session to show and to end.
        let steve = daemon.session("steve");
        runs_of(name, &names, data.path());
        drop(steve);
        assert_eq!(daemon.stop().code(), Some(0));
        if read(name)["x-needs-server"] == Value::Bool(true) {
            continue;
        }
        let data = TempDir::new().unwrap();
        assert_eq!(Daemon::start(data.path(), &[]).stop().code(), Some(0));
        runs_of(name, &names, data.path());
    }
}

#[test]
fn every_failure_has_its_schema() {
    let data = TempDir::new().unwrap();
    assert_eq!(Daemon::start(data.path(), &[]).stop().code(), Some(0));
    fs::write(data.path().join("class.csv"), "tony\n").unwrap();
    let class = data.path().join("class.csv");
    for arguments in [
        &["account", "show", "nobody"][..],
        &["account", "create", "everybody", "Everybody"],
        &["account", "import", text(&class)],
        &["account", "import", "/nowhere.csv"],
        &["account", "list", "--store", "memory"],
        &["list", "add", "everybody", "nobody"],
        &["sessions"],
    ] {
        let (status, output, _) = run(data.path(), &[arguments, &["--json"]].concat());
        assert_ne!(status, Some(0), "{arguments:?}");
        check("error", &output);
    }
}

#[test]
fn every_command_has_its_schema() {
    let man = TempDir::new().unwrap();
    let (status, _, error) = run(man.path(), &["man", text(man.path())]);
    assert_eq!(status, Some(0), "{error}");
    let names = names();
    for page in super::names(&man.path().join("man8")) {
        let page = fs::read_to_string(man.path().join("man8").join(&page)).unwrap();
        let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        let command = title.split(' ').nth(1).unwrap();
        let name = command.strip_prefix("correiod-").unwrap_or_default();
        // Of the pages, those of commands with results as JSON.
        if page.contains("\\-\\-json") {
            assert!(names.iter().any(|known| known == name), "{name} has no schema");
        }
    }
}

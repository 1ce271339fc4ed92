//! Reads the sources and fails if they break a rule of the house (ARCHITECTURE.md).

use std::{
    fs,
    path::{Path, PathBuf},
};

mod imports;
mod locks;

/// A word that is allowed in some files only.
struct Rule {
    word: &'static str,
    /// Paths from the workspace's root, or their beginnings.
    allowed: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        word: "mio::",
        allowed: &["server/src/reactor/", "client/src/network/mod.rs"],
        why: "readiness is the two drivers' business",
    },
    Rule { word: "rusqlite", allowed: &["server/src/store/"], why: "SQL stays in the store" },
    Rule {
        word: "postgres_protocol",
        allowed: &["server/src/store/postgres/connection/"],
        why: "connections alone speak PostgreSQL's protocol",
    },
    Rule {
        word: "postgres_types",
        allowed: &["server/src/store/postgres/"],
        why: "SQL stays in the store",
    },
    Rule {
        word: "Instant::now",
        allowed: &[
            "server/src/clock.rs",
            "server/src/ops/logging/",
            // The lanes of a database wait by themselves, on threads of their own.
            "server/src/store/postgres/deadline.rs",
            "client/src/network/mod.rs",
            "client/src/bin/",
        ],
        why: "the time is an argument everywhere but in the drivers",
    },
    Rule {
        word: "SystemTime::now",
        allowed: &["server/src/clock.rs", "client/src/clock.rs"],
        why: "the time is an argument everywhere but in the drivers",
    },
    Rule {
        word: "TcpStream",
        allowed: &["server/src/reactor/", "client/src/network/mod.rs"],
        why: "sockets are the two drivers' business",
    },
    Rule {
        word: "TcpListener",
        allowed: &["server/src/reactor/", "server/src/ops/systemd.rs", "server/src/main.rs"],
        why: "sockets are the driver's business; the service manager's are passed on to it",
    },
    Rule {
        word: "thread::Builder",
        allowed: &[
            "server/src/auth/hashing.rs",
            "server/src/ops/logging/sink.rs",
            "server/src/ops/renewal.rs",
            "server/src/ops/sampler.rs",
            "server/src/certificates.rs",
            "server/src/store/postgres/mod.rs",
            "server/src/store/sqlite/",
            "client/src/",
        ],
        why: "one thread serves; others do what takes time",
    },
    Rule { word: "thread::spawn", allowed: &[], why: "threads have names" },
    Rule {
        word: "dyn Fn",
        allowed: &["server/src/auth/hashing.rs", "client/src/"],
        why: "the loop hands on what happened as data",
    },
    Rule {
        word: "rustls",
        allowed: &[
            "proto/src/tls.rs",
            "server/src/ops/certificate.rs",
            "server/src/ops/tls.rs",
            // TLS to the database, as its client.
            "server/src/store/postgres/connection/",
            "client/src/trust",
        ],
        why: "one place speaks TLS, one at each end says which",
    },
    Rule {
        word: "Command::new(",
        allowed: &[
            "client/src/bin/correio/program.rs",
            // Commands of the command line.
            "client/src/bin/correio/help.rs",
            "server/src/ops/config/command.rs",
            "server/src/ops/admin_command/command.rs",
        ],
        why: "one place starts programs, without the secrets of the environment",
    },
    Rule { word: "thread::sleep", allowed: &[], why: "wait for the event, not for the time" },
    Rule { word: "RefCell", allowed: &[], why: "connections are lent, not shared" },
    Rule { word: "Rc<", allowed: &[], why: "connections are lent, not shared" },
    Rule { word: "Box<dyn Error", allowed: &[], why: "errors are closed enums" },
];

/// Longest file, in lines.
const LINES_MAX: usize = 620;

/// Longest line of a comment, in characters, as rustfmt has it for code.
const COMMENT_MAX: usize = 100;

/// Longest function, in lines: a function can be seen whole.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The sources of the programs: paths from the root and texts.
fn sources() -> Vec<(String, String)> {
    let found = sources_in(&["proto/src", "server/src", "client/src"]);
    assert!(found.len() > 30, "the sources are found");
    found
}

/// The sources of the programs and of the tools in `scripts/`.
fn sources_and_scripts() -> Vec<(String, String)> {
    let scripts: Vec<String> = fs::read_dir(root().join("scripts"))
        .unwrap()
        .map(|entry| format!("scripts/{}/src", entry.unwrap().file_name().display()))
        .filter(|folder| root().join(folder).is_dir())
        .collect();
    assert!(scripts.len() > 3, "the scripts are found");
    let folders: Vec<&str> = scripts.iter().map(String::as_str).collect();
    sources().into_iter().chain(sources_in(&folders)).collect()
}

/// The sources in these folders, with those of folders in them.
fn sources_in(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Cargo's own files.
                folders.extend((!path.ends_with("target")).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The text of a file before its tests.
fn live(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap()
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

#[test]
fn words_stand_where_they_may() {
    let mut broken = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_test(name)) {
        for rule in RULES {
            let is_allowed = rule.allowed.iter().any(|allowed| name.starts_with(allowed));
            let code = live(text).lines().filter(|line| !line.trim_start().starts_with("//"));
            if !is_allowed && code.clone().any(|line| line.contains(rule.word)) {
                broken.push(format!("{name} has `{}`: {}", rule.word, rule.why));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_says_what_it_owns() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(name, text)| !is_test(name) && !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "without a header: {silent:#?}");
}

#[test]
fn files_stay_small() {
    let long: Vec<_> = sources_and_scripts()
        .into_iter()
        .map(|(name, text)| (text.lines().count(), name))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// rustfmt does not wrap comments.
#[test]
fn comments_are_wrapped() {
    let mut long = Vec::new();
    for (name, text) in sources_in(&["client", "proto", "scripts", "server"]) {
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("//") && line.chars().count() > COMMENT_MAX {
                long.push(format!("{name}:{number}"));
            }
        }
    }
    assert!(
        long.is_empty(),
        "comments with lines of more than {COMMENT_MAX} characters: {long:#?}"
    );
}

#[test]
fn functions_can_be_seen_whole() {
    let mut long = Vec::new();
    for (name, text) in sources_and_scripts().iter().filter(|(name, _)| !is_test(name)) {
        for (function, lines) in functions(live(text)) {
            if lines > FUNCTION_LINES_MAX {
                long.push(format!("{name}: {function} has {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The first line of each function with a body, and how many lines it has. The sources are
/// formatted, so that a body ends with a brace that stands where the function begins.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (start, line) in text.lines().enumerate() {
        let declaration = line.trim_start();
        if !declares_function(declaration) {
            continue;
        }
        let rest = || text.lines().skip(start);
        if rest().find(|line| line.ends_with(['{', '}', ';'])).is_some_and(|l| l.ends_with('{')) {
            let indent = line.strip_suffix(declaration).unwrap();
            let is_end = |line: &str| line.strip_prefix(indent) == Some("}");
            found.push((declaration, rest().position(is_end).unwrap() + 1));
        }
    }
    found
}

fn declares_function(line: &str) -> bool {
    line.split_once("fn ").is_some_and(|(before, name)| {
        let is_qualifier = |word: &str| word == "const" || word.starts_with("pub");
        before.split_whitespace().all(is_qualifier)
            && name.starts_with(|first: char| first.is_ascii_lowercase())
    })
}

#[test]
fn functions_are_measured() {
    let text = "\
pub(crate) fn one(
    a: u8,
) -> u8 {
    if a > 1 {
    }
}

trait Two {
    fn declared(&self) -> u8;

    /// A `fn ` in a comment.
    fn two(&self) {
        three();
    }
}

fn short() {}
";
    let lengths: Vec<usize> = functions(text).into_iter().map(|(_, lines)| lines).collect();
    assert_eq!(lengths, [6, 3]);
    assert!(sources().iter().map(|(_, text)| functions(text).len()).sum::<usize>() > 500);
}

#[test]
fn dependencies_run_one_way() {
    for (name, forbidden) in [
        ("proto", &["correio-server", "correio-client", "mio"][..]),
        ("server", &["correio-client"]),
    ] {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for word in forbidden {
            let is_named = dependencies.lines().any(|line| {
                line.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            });
            assert!(!is_named, "{name} depends on {word}");
        }
    }
    let manifest = fs::read_to_string(root().join("client/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!dependencies.contains("correio-server"), "the client knows the server in tests only");
}

/// A file that no `mod` names would not be compiled, and its tests would not run.
#[test]
fn every_file_of_tests_is_a_module_of_the_one_program() {
    for tests in ["proto/tests", "server/tests", "client/tests", "scripts/simulation/tests"] {
        let tests = root().join(tests);
        let main = fs::read_to_string(tests.join("main.rs")).unwrap();
        for entry in fs::read_dir(&tests).unwrap() {
            let path = entry.unwrap().path();
            let is_module = path.join("mod.rs").is_file()
                || path.extension().is_some_and(|extension| extension == "rs");
            let name = path.file_stem().unwrap().to_str().unwrap();
            let declared = main.lines().any(|line| line == format!("mod {name};"));
            assert!(!is_module || name == "main" || declared, "{}", path.display());
        }
    }
}

#[test]
fn the_operating_guide_lists_every_setting() {
    let guide = fs::read_to_string(root().join("server/OPERATING.md")).unwrap();
    let table = correio_server::ops::config::markdown();
    assert!(guide.contains(&table), "put this into server/OPERATING.md:\n{table}");
}

#[test]
fn the_operating_guide_lists_every_event_of_the_log() {
    let guide = fs::read_to_string(root().join("server/OPERATING.md")).unwrap();
    let table = correio_server::event::markdown();
    assert!(guide.contains(&table), "put this into server/OPERATING.md:\n{table}");
}

//! What is installed with the server: the settings' example, and what the script does to a disk.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use correio_server::config::{Config, Environment};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/deploy")
}

fn example() -> String {
    fs::read_to_string(deploy().join("correiod.toml")).unwrap()
}

/// The settings that are commented out: `#key = value`, whereas prose begins with `# `.
fn offered() -> Vec<String> {
    let text = example();
    let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
    comments.filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn the_example_changes_nothing() {
    assert_eq!(example().parse::<toml::Table>().unwrap(), toml::Table::new());
}

#[test]
fn the_example_offers_every_setting() {
    let offered: BTreeSet<String> =
        offered().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let table = correio_server::config::markdown();
    let known: BTreeSet<String> = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `--"))
        .map(|row| row.split([' ', '`']).next().unwrap().to_owned())
        .collect();
    assert!(known.len() > 10, "{table}");
    assert_eq!(offered, known);
}

#[test]
fn each_setting_of_the_example_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    fs::write(&file, offered().join("\n")).unwrap();
    let arguments = ["correiod".into(), "--config".into(), file.into_os_string()];
    Config::load(arguments, &Environment::default()).unwrap();
}

/// Runs the script on a directory that stands in for the disk.
fn install(disk: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(deploy().join("install"));
    command.env("DESTDIR", disk).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// All files, as paths from the directory.
fn files(disk: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![disk.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(disk).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn installing_twice_keeps_settings_and_uninstalling_keeps_mail() {
    let disk = tempfile::tempdir().unwrap();
    let disk = disk.path();
    let server = env!("CARGO_BIN_EXE_correiod");
    let settings = disk.join("etc/correio/correiod.toml");
    assert!(install(disk, &["--binary", server]).status.success());
    let unit = disk.join("etc/systemd/system/correio.service");
    let service = fs::read_to_string(unit).unwrap();
    assert!(service.contains("\nExecStart=/usr/local/bin/correiod serve\n"), "{service}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), example());

    fs::write(&settings, "log-level = \"warn\"\n").unwrap();
    fs::create_dir_all(disk.join("var/lib/correio")).unwrap();
    fs::write(disk.join("var/lib/correio/correio.db"), "mail").unwrap();
    assert!(install(disk, &["--binary", server]).status.success());
    assert_eq!(fs::read_to_string(&settings).unwrap(), "log-level = \"warn\"\n");

    let said = install(disk, &["--uninstall"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("/var/lib/correio; --uninstall --purge removes them"), "{text}");
    // Settings that somebody wrote stay, too.
    assert_eq!(files(disk), ["etc/correio/correiod.toml", "var/lib/correio/correio.db"]);

    assert!(install(disk, &["--uninstall", "--purge"]).status.success());
    assert_eq!(files(disk), [""; 0]);
    // There is nothing to undo any more, which is no error.
    assert!(install(disk, &["--uninstall"]).status.success());
}

#[test]
fn what_is_no_server_is_not_installed() {
    let disk = tempfile::tempdir().unwrap();
    for binary in ["/nonexistent/correiod", "/bin/true"] {
        let said = install(disk.path(), &["--binary", binary]);
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(69), "{text}");
        assert!(text.contains("nothing was changed"), "{text}");
    }
    assert_eq!(install(disk.path(), &["--purge"]).status.code(), Some(64));
    assert_eq!(files(disk.path()), [""; 0]);
}

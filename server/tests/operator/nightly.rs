//! Tests of `scripts/deploy/nightly-backup`, with a clock of the test's own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use super::{make, names, said};

struct Nightly {
    directory: tempfile::TempDir,
}

impl Nightly {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["bin", "backups"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        make(&directory.path().join("data"));
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the script as systemd does, in the night of a day of July.
    fn run(&self, day: u32, kept: &str) -> (Option<i32>, String, String) {
        let date = self.path("bin/date");
        fs::write(&date, format!("#!/bin/sh\necho 2026-07-{day:02}T030000Z\n")).unwrap();
        fs::set_permissions(&date, fs::Permissions::from_mode(0o755)).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let (data, backups) = (self.path("data"), self.path("backups"));
        let output = Command::new(script.join("scripts/deploy/nightly-backup"))
            .arg(env!("CARGO_BIN_EXE_correiod"))
            .env_clear()
            .env("PATH", path)
            .env("CORREIO_CONFIG", "/dev/null")
            .env("CORREIO_BACKUPS_KEPT", kept)
            .env("STATE_DIRECTORY", format!("{}:{}", data.display(), backups.display()))
            .output()
            .unwrap();
        said(&output)
    }

    fn nights(&self) -> Vec<String> {
        names(&self.path("backups"))
    }
}

fn night(day: u32) -> String {
    format!("correio-2026-07-{day:02}T030000Z.tar.gz")
}

#[test]
fn so_many_backups_are_kept_and_nothing_else_is_touched() {
    let nightly = Nightly::new();
    let foreign = ["correio-2020.tar.gz", "notes"];
    for name in foreign {
        fs::write(nightly.path("backups").join(name), "mine").unwrap();
    }
    for day in 1..=5 {
        let (status, output, error) = nightly.run(day, "3");
        assert_eq!(status, Some(0), "{error}");
        assert!(output.contains("2 accounts and 15 waiting mails"), "{output}");
        assert_eq!(output.contains("removed correio-2026-07-"), day > 3, "{output}");
    }
    let kept = [foreign[0].to_owned(), night(3), night(4), night(5), foreign[1].to_owned()];
    assert_eq!(nightly.nights(), kept);
}

#[test]
fn a_night_that_fails_takes_nothing_away() {
    let nightly = Nightly::new();
    for day in 1..=3 {
        assert_eq!(nightly.run(day, "3").0, Some(0));
    }
    let database = nightly.path("data/correio.db");
    let whole = fs::read(&database).unwrap();
    fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    let (status, output, error) = nightly.run(4, "1");
    assert_eq!(status, Some(78), "{output}");
    assert!(error.contains("damaged"), "{error}");
    assert_eq!(nightly.nights(), [night(1), night(2), night(3)]);
    fs::write(&database, &whole).unwrap();
    assert_eq!(nightly.run(4, "1").0, Some(0));
    assert_eq!(nightly.nights(), [night(4)]);
}

#[test]
fn what_a_killed_backup_left_is_removed_after_half_a_day() {
    let nightly = Nightly::new();
    let backups = nightly.path("backups");
    let left = |name: &str, hours: u64| {
        let path = backups.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("correio.db"), "half").unwrap();
        let time = SystemTime::now().checked_sub(Duration::from_secs(hours * 3600)).unwrap();
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    };
    left(&format!("{}.unfinished-0000000000000001", night(1)), 13);
    left(&format!("{}.unfinished-0000000000000002", night(1)), 1);
    assert_eq!(nightly.run(2, "14").0, Some(0));
    let young = format!("{}.unfinished-0000000000000002", night(1));
    assert_eq!(nightly.nights(), [young, night(2)]);
}

#[test]
fn a_number_that_keeps_nothing_is_refused() {
    let nightly = Nightly::new();
    for kept in ["0", "", "-1", "many", "007"] {
        let (status, _, error) = nightly.run(1, kept);
        // An empty value is the default.
        let expected = if kept.is_empty() { Some(0) } else { Some(64) };
        assert_eq!(status, expected, "{kept:?}: {error}");
    }
    assert_eq!(nightly.nights(), [night(1)]);
}

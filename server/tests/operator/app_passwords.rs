//! Tests of app passwords as the operator sees them, and of what commands do to them.

use std::path::Path;

use correio_proto::{
    app_password::{AppPassword, AppPasswordRequest},
    mail::Timestamp,
    message::{Reply, Request},
};
use correio_server::{
    auth::app_password::digest,
    store::{
        StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob},
    },
};
use correio_testing::admin_jobs::run_job;

use super::{admin_json::check, done, text};
use crate::daemon::{Client, Daemon, login};

/// The begin of 2 October 2026.
const DAY: u64 = 1_790_899_200_000;

fn create(tony: &mut Client, label: &str) -> AppPassword {
    let label = label.parse().unwrap();
    match tony.ask(Request::AppPassword(AppPasswordRequest::Create { label })) {
        Reply::AppPasswordCreated { password, .. } => password,
        other => panic!("an app password was expected, not {other:?}"),
    }
}

/// A data directory in which Tony has two app passwords. Returns them.
fn make(directory: &Path) -> [AppPassword; 2] {
    let daemon = Daemon::start(directory, &[]);
    let mut tony = daemon.session("tony");
    let made = ["phone", "lap\u{202e}top"].map(|label| create(&mut tony, label));
    assert_eq!(daemon.stop().code(), Some(0));
    made
}

/// Logs a mail program in.
fn opens(directory: &Path, password: &AppPassword) -> bool {
    let job = GatewayJob::LogIn {
        username: "tony".parse().unwrap(),
        password: digest(password),
        from: "192.0.2.7".parse().unwrap(),
        now: Timestamp(DAY + 7),
    };
    match run_job(directory, StoreJob::Gateway(job)) {
        StoreDone::Gateway(GatewayDone::LoggedIn(_)) => true,
        StoreDone::Gateway(GatewayDone::WrongPassword) => false,
        other => panic!("a login was expected, not {other:?}"),
    }
}

#[test]
fn an_account_is_shown_with_its_app_passwords_and_their_last_use() {
    let directory = tempfile::tempdir().unwrap();
    let [phone, _] = make(directory.path());
    assert!(opens(directory.path(), &phone));
    let shown = done(directory.path(), &["account", "show", "tony"]);
    let lines: Vec<_> = shown.lines().filter(|line| line.starts_with("app password")).collect();
    assert!(lines[0].contains("phone (made 20"), "{shown}");
    assert!(lines[0].ends_with("last used 2026-10-02 from 192.0.2.7)"), "{shown}");
    assert!(lines[1].contains("lap\u{fffd}top (made 20"), "{shown}");
    assert!(lines[1].ends_with(", never used)"), "{shown}");
    assert!(!shown.contains(&phone.to_string()), "{shown}");
    let shown = done(directory.path(), &["account", "show", "tony", "--json"]);
    check("account-show", &shown);
    assert!(shown.contains(r#""used_from":"192.0.2.7""#), "{shown}");
    // A server that runs says the same.
    let daemon = Daemon::start(directory.path(), &[]);
    assert_eq!(done(directory.path(), &["account", "show", "tony", "--json"]), shown);
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_reset_revokes_app_passwords_and_a_disabled_account_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let [phone, laptop] = make(directory.path());
    done(directory.path(), &["account", "disable", "tony"]);
    done(directory.path(), &["account", "enable", "tony"]);
    assert!(opens(directory.path(), &phone) && opens(directory.path(), &laptop));
    done(directory.path(), &["account", "reset", "tony"]);
    assert!(!opens(directory.path(), &phone) && !opens(directory.path(), &laptop));
    let shown = done(directory.path(), &["account", "show", "tony"]);
    assert!(!shown.contains("app password"), "{shown}");
    // The account's own password stays until the code is used.
    let daemon = Daemon::start(directory.path(), &[]);
    assert!(matches!(daemon.client().ask(login("tony")), Reply::LoggedIn(_)));
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_backup_has_app_passwords_which_a_restored_server_takes() {
    let directory = tempfile::tempdir().unwrap();
    let (data, new) = (directory.path().join("data"), directory.path().join("new"));
    let file = directory.path().join("b.tar.gz");
    let [phone, _] = make(&data);
    done(&data, &["backup", text(&file)]);
    done(&new, &["restore", text(&file)]);
    assert!(opens(&new, &phone));
    done(&new, &["check"]);
}

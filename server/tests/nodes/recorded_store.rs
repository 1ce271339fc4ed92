//! The file that says that the server of a data directory keeps its store in a database.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use correio_proto::message::Reply;
use correio_testing::postgres::database;

use super::{SERVER, server, settings, start, stop};
use crate::{
    daemon::{Daemon, client_over_tls, listening, login, refused, register},
    operator::{names, run},
};

#[test]
fn without_its_settings_no_command_and_no_server_uses_another_store() {
    let Some(database) = database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    let data = directory.path().join("data");
    let target = target.to_str().unwrap();
    stop(start(server(&database, &data)));
    let before = names(&data);
    for has_old_file in [false, true] {
        if has_old_file {
            let old = directory.path().join("old");
            assert!(Daemon::start(&old, &[]).stop().success());
            fs::rename(old.join("correio.db"), data.join("correio.db")).unwrap();
        }
        for arguments in [
            &["backup", target][..],
            &["check"],
            &["export", "--all", target],
            &["invite"],
            &["account", "list"],
            &["status"],
            &["nodes"],
        ] {
            let (status, _, said) = run(&data, arguments);
            assert_eq!(status, Some(78), "{arguments:?}: {said}");
            assert!(said.contains("in a PostgreSQL database: name its settings"), "{said}");
        }
        let (status, said) = refused(listening(&data));
        assert_eq!(status, Some(78), "{said}");
        assert!(said.contains("in a PostgreSQL database: name its settings"), "{said}");
        assert!(!Path::new(target).exists());
    }
    fs::remove_file(data.join("correio.db")).unwrap();
    assert_eq!(names(&data), before, "nothing was made");
    stop(start(server(&database, &data)));
}

#[test]
fn a_command_without_settings_asks_the_server_that_runs() {
    let Some(database) = database() else { return };
    let data = tempfile::tempdir().unwrap();
    let running = start(server(&database, data.path()));
    let mut tony = client_over_tls(running.address, data.path());
    tony.ask(register("tony"));
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let (status, printed, said) = run(data.path(), &["sessions", "--end", "tony"]);
    assert_eq!((status, &*printed), (Some(0), "ended 1 session\n"), "{said}");
    assert!(said.contains("at this server; correiod nodes shows the others"), "{said}");
    // Its key is compared with those of the other servers, which the settings name.
    let (status, _, said) = run(data.path(), &["invite"]);
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("name its settings"), "{said}");
    assert!(!data.path().join("invite.key").exists());
    stop(running);
}

#[test]
fn a_server_on_a_database_does_not_pass_over_the_store_of_its_data_directory() {
    let Some(database) = database() else { return };
    let data = tempfile::tempdir().unwrap();
    assert!(Daemon::start(data.path(), &[]).stop().success());
    let mut list = Command::new(SERVER);
    list.env_clear().args(["account", "list"]).args(settings(&database, data.path()));
    for command in [server(&database, data.path()), list] {
        let (status, said) = refused(command);
        assert_eq!(status, Some(78), "{said}");
        let told = "which --store postgres does not use: copy it with `correiod migrate`";
        assert!(said.contains(told), "{said}");
    }
    assert!(
        !data.path().join("store-is-postgres").exists() && !data.path().join("tls.pem").exists()
    );
    fs::remove_file(data.path().join("correio.db")).unwrap();
    stop(start(server(&database, data.path())));
}

/// The server that was the first to record a key is not told to copy it from itself.
#[test]
fn a_lost_or_damaged_key_comes_from_another_server() {
    let Some(database) = database() else { return };
    let data = tempfile::tempdir().unwrap();
    stop(start(server(&database, data.path())));
    for file in ["tls.pem", "ticket.key"] {
        let path = data.path().join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, "damaged").unwrap();
        let (status, said) = refused(server(&database, data.path()));
        assert_eq!(status, Some(78), "{said}");
        assert!(said.contains("is damaged, and all servers on this database"), "{said}");
        assert!(said.contains(&format!("put {file} from the data directory of another")), "{said}");
        fs::remove_file(&path).unwrap();
        let (status, said) = refused(server(&database, data.path()));
        assert_eq!(status, Some(78), "{said}");
        let told = format!("copy {file} from the data directory of another server");
        assert!(said.contains(&told), "{said}");
        fs::write(&path, whole).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let (status, said) = refused(server(&database, data.path()));
        assert_eq!(status, Some(78), "{said}");
        assert!(said.contains(&format!("chmod o= {}", path.display())), "{said}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    stop(start(server(&database, data.path())));
}

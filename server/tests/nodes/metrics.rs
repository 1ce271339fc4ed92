//! What a server shows of the database that it shares.

use std::{collections::BTreeSet, path::Path};

use correio_proto::message::Reply;
use correio_server::metrics::families;
use correio_testing::{
    port::free_address,
    postgres::{Database, Postgres, database},
    wait::eventually,
};
use serde_json::Value;

use super::{server, start, stop};
use crate::{
    daemon::mail,
    metrics::{OF_SQLITE, assert_absent, get, names},
};

#[test]
fn a_server_on_postgresql_shows_every_metric_but_those_of_sqlite() {
    let Some(database) = database() else { return };
    let (directory, metrics) = (tempfile::tempdir().unwrap(), free_address());
    let mut command = server(&database, directory.path());
    command.args(["--plaintext", "--metrics", &metrics.to_string()]);
    let server = start(command);
    let mut tony = server.session("tony");
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    tony.ask(mail(9, "nobody"));
    let mut listed: BTreeSet<String> = families::names().into_iter().collect();
    listed.retain(|name| !OF_SQLITE.contains(&name.as_str()));
    let page = || get(metrics, "/metrics", "text/plain").body;
    eventually(|| page().contains("\ncorreio_nodes 1\n"));
    let page = page();
    assert_eq!(names(&page), listed);
    assert_absent(&page, &OF_SQLITE);
    assert!(!page.contains("budget=\"uploads\""), "{page}");
    stop(server);
}

#[test]
fn a_server_shows_how_many_share_its_database_and_whether_it_is_there() {
    let Some(postgres) = Postgres::start("") else { return };
    let database: Database = postgres.database();
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [first, second] = directories.each_ref().map(tempfile::TempDir::path);
    let metrics = free_address();
    let start_with = |directory: &Path, more: &[&str]| {
        let mut command = server(&database, directory);
        command.arg("--plaintext").args(more);
        start(command)
    };
    let one = start_with(first, &["--metrics", &metrics.to_string()]);
    let other = start_with(second, &[]);
    let shows =
        |line: &str| get(metrics, "/metrics", "text/plain").body.lines().any(|it| it == line);
    let status = || -> Value {
        let status: Value =
            serde_json::from_str(&get(metrics, "/status.json", "*/*").body).unwrap();
        status["database"].clone()
    };
    eventually(|| shows("correio_nodes 2"));
    assert!(shows("correio_database_reachable 1"));
    assert!(shows("correio_failed_logins_untold_total 0"));
    assert_eq!(status(), serde_json::json!({ "reachable": true, "nodes": 2 }));
    stop(other);
    eventually(|| shows("correio_nodes 1"));
    postgres.kill();
    eventually(|| shows("correio_database_reachable 0"));
    assert_eq!(status(), serde_json::json!({ "reachable": false, "nodes": null }));
    postgres.restart();
    eventually(|| shows("correio_database_reachable 1") && shows("correio_nodes 1"));
    stop(one);
}

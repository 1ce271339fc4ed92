//! The servers of the tests themselves.

use std::{fs, path::Path, process};

use correio_testing::{
    postgres::Postgres,
    rerun::{data_directory, rerun},
    wait::eventually,
};

#[test]
fn a_server_ends_with_the_test_program_that_started_it() {
    const TEST: &str =
        "postgres_connection::harness::a_server_ends_with_the_test_program_that_started_it";
    if let Some(told) = data_directory() {
        let server = Postgres::start("").unwrap();
        fs::write(told.join("directory"), server.directory().to_str().unwrap()).unwrap();
        process::abort();
    }
    if Postgres::shared().is_none() {
        return;
    }
    let told = tempfile::tempdir().unwrap();
    let status = rerun(TEST, told.path(), "ulimit -c 0").status().unwrap();
    assert!(!status.success(), "it was killed");
    let directory = fs::read_to_string(told.path().join("directory")).unwrap();
    eventually(|| !Path::new(&directory).exists());
}

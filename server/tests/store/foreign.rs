//! Tests that databases of other programs, and of versions that are not supported, are refused and
//! left unchanged.

use std::{fs, path::Path};

use correio_server::store::sqlite::SqliteOpenError;
use rusqlite::Connection;

use super::files::{
    DATABASE, LOG, PRESENT, copy_files, make_database, open, refusal, refused, with_sql,
};

#[test]
fn what_is_not_understood_is_left_alone() {
    for version in [PRESENT + 1, 99] {
        let sql = format!("PRAGMA user_version = {version}");
        let newer = refusal(|path| with_sql(path, &sql));
        let SqliteOpenError::Newer { found, known, .. } = newer else { panic!("{newer}") };
        assert_eq!((found, known), (version, PRESENT));
    }
    // Databases of versions before the first release have the same numbers, and lack tables.
    for version in [3, 4, 5] {
        let sql = format!("DROP TABLE list; PRAGMA user_version = {version}");
        let early = refusal(|path| with_sql(path, &sql));
        assert!(matches!(early, SqliteOpenError::Damaged { .. }), "{early}");
    }
    let foreign = refusal(|path| with_sql(path, "PRAGMA application_id = 7"));
    assert!(matches!(foreign, SqliteOpenError::Foreign { .. }), "{foreign}");
    let text = refusal(|path| fs::write(path, "Lembrar: comprar leite\n".repeat(50)).unwrap());
    assert!(matches!(text, SqliteOpenError::Foreign { .. }), "{text}");
    let cut = refusal(|path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(8192).unwrap();
    });
    assert!(matches!(cut, SqliteOpenError::Damaged { .. }), "{cut}");
    let garbled = refusal(|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[100..4096].fill(0xff);
        fs::write(path, bytes).unwrap();
    });
    assert!(matches!(garbled, SqliteOpenError::Damaged { .. }), "{garbled}");
    let no_realm = refusal(|path| with_sql(path, "DELETE FROM meta"));
    assert!(matches!(no_realm, SqliteOpenError::Damaged { .. }), "{no_realm}");
}

#[test]
fn a_log_without_its_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join(LOG);
    fs::write(&log, "a log").unwrap();
    assert!(matches!(open(directory.path()).unwrap_err(), SqliteOpenError::Damaged { .. }));
    assert_eq!(fs::read_to_string(&log).unwrap(), "a log");
}

/// A database of another program, held open by it. What it wrote last stands in its log, if its
/// journal mode has one.
fn make_foreign(path: &Path, mode: &str, application: u32) -> Connection {
    let other = Connection::open(path).unwrap();
    let mode_now: String =
        other.pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0)).unwrap();
    assert_eq!(mode_now, mode);
    other.pragma_update(None, "application_id", application).unwrap();
    let sql = "CREATE TABLE recipe (name TEXT); INSERT INTO recipe VALUES ('caldo verde')";
    other.execute_batch(sql).unwrap();
    other
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    for mode in ["delete", "wal"] {
        for application in [0, 7] {
            let directory = tempfile::tempdir().unwrap();
            make_foreign(&directory.path().join(DATABASE), mode, application).close().unwrap();
            let error = refused(directory.path());
            assert!(
                matches!(error, SqliteOpenError::Foreign { .. }),
                "{mode}, {application}: {error}"
            );
            assert!(error.to_string().contains("is not a correio database"), "{error}");
        }
    }
}

/// SQLite would move such a log into the database.
#[test]
fn a_log_of_another_program_is_left_alone() {
    for application in [0, 7] {
        let origin = tempfile::tempdir().unwrap();
        let other = make_foreign(&origin.path().join(DATABASE), "wal", application);
        let copy = copy_files(origin.path());
        assert!(fs::metadata(copy.path().join(LOG)).unwrap().len() > 0);
        let error = refused(copy.path());
        assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{application}: {error}");
        // With the index of the log beside it, as a program that was killed leaves it.
        let index = "correio.db-shm";
        fs::copy(origin.path().join(index), copy.path().join(index)).unwrap();
        let error = refused(copy.path());
        assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{application}: {error}");
        drop(other);
    }
}

/// The journal of the other program has earlier pages, which SQLite would write back.
#[test]
fn a_journal_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    make_foreign(&directory.path().join(DATABASE), "delete", 0).close().unwrap();
    fs::write(directory.path().join("correio.db-journal"), [0xd9; 4096]).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{error}");
}

#[test]
fn a_newer_version_is_left_alone_where_only_the_log_tells_of_it() {
    let origin = tempfile::tempdir().unwrap();
    make_database(origin.path());
    let newer = Connection::open(origin.path().join(DATABASE)).unwrap();
    newer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    newer.execute_batch("PRAGMA user_version = 99; CREATE TABLE folder (name TEXT)").unwrap();
    let copy = copy_files(origin.path());
    let version = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        u32::from_be_bytes(bytes[60..64].try_into().unwrap())
    };
    assert!(version(&copy.path().join(DATABASE)) < 99, "it stands in the log only");
    let error = refused(copy.path());
    assert!(matches!(error, SqliteOpenError::Newer { found: 99, .. }), "{error}");
}

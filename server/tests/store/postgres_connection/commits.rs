//! Commits whose wait for a standby ends early, on a real server.

use std::thread;

use correio_server::store::postgres::{CommitError, Connection, Statement};
use correio_testing::{postgres::Postgres, wait::eventually};
use postgres_types::Type;

use super::soon;

static INSERT: Statement = Statement { sql: "INSERT INTO t VALUES ($1)", params: &[Type::INT8] };
static WAITING: Statement =
    Statement { sql: "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'", params: &[] };
static LAST: Statement = Statement { sql: "SELECT max(id) FROM t", params: &[] };

/// Commits until a commit fails. Returns the number that it would have stored, and its error.
fn commit_until_error(connection: &mut Connection) -> (i64, CommitError) {
    for id in 1i64.. {
        let transaction = connection.transaction();
        if let Err(error) = transaction.commit_with(|pipeline| pipeline.add(&INSERT, &[&id])) {
            return (id, error);
        }
    }
    unreachable!("the numbers end")
}

/// Runs commits against a server that waits for a standby which does not exist, and does `end` to
/// the process that waits.
fn end_of_wait(end: &str) -> Option<(i64, CommitError, Option<i64>)> {
    let server = Postgres::start("")?;
    let database = server.database();
    let (mut connection, mut administrator) = (database.connect(), database.connect());
    connection.set_deadline(soon());
    connection.batch("CREATE TABLE t (id int8)").unwrap();
    administrator.batch("ALTER SYSTEM SET synchronous_standby_names = 'missing'").unwrap();
    administrator.batch("SELECT pg_reload_conf()").unwrap();
    let (id, error) = thread::scope(|scope| {
        let committing = scope.spawn(|| commit_until_error(&mut connection));
        let mut waiting = None;
        eventually(|| {
            let rows = administrator.query(&WAITING, &[]).unwrap();
            waiting = rows.first().map(|row| row.get::<i32>(0).unwrap());
            waiting.is_some()
        });
        administrator.batch(&format!("SELECT {end}({})", waiting.unwrap())).unwrap();
        committing.join().unwrap()
    });
    let last = administrator.query(&LAST, &[]).unwrap().one().unwrap().get(0).unwrap();
    Some((id, error, last))
}

#[test]
fn a_commit_whose_wait_is_cancelled_is_not_acknowledged_although_it_holds() {
    let Some((id, error, last)) = end_of_wait("pg_cancel_backend") else { return };
    assert!(matches!(error, CommitError::NotReplicated(_)), "{error:?}");
    assert_eq!(last, Some(id), "it is visible");
}

#[test]
fn a_commit_whose_connection_is_ended_while_it_waits_is_unknown() {
    let Some((id, error, last)) = end_of_wait("pg_terminate_backend") else { return };
    assert!(matches!(error, CommitError::Unknown(_)), "{error:?}");
    assert_eq!(last, Some(id), "it is visible");
}

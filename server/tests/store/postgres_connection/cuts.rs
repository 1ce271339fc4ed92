//! Connections that end at each message in turn.

use std::time::Duration;

use correio_server::store::postgres::{
    CommitError, Connection, DatabaseUrl, Deadline, QueryError, Statement,
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Side},
    postgres::connect,
};
use postgres_types::Type;

use super::{connected, soon};

static INSERT: Statement =
    Statement { sql: "INSERT INTO t VALUES ($1) RETURNING id", params: &[Type::INT8] };
static LOOK: Statement = Statement { sql: "SELECT count(*) FROM t", params: &[] };
static HAS: Statement =
    Statement { sql: "SELECT count(*) FROM t WHERE id = $1", params: &[Type::INT8] };

/// What is known of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Done,
    NotDone,
    Unknown,
}

/// Connects, and stores a number in a transaction of two round trips.
fn store(url: &DatabaseUrl, id: i64) -> Known {
    let mut connection = match connect(url) {
        Ok(connection) => connection,
        Err(error) => {
            assert!(error.is_temporary(), "{error}");
            return Known::NotDone;
        }
    };
    connection.set_deadline(soon());
    let mut transaction = connection.transaction();
    if let Err(error) = transaction.query(&LOOK, &[]) {
        assert!(matches!(error, QueryError::Reconnect(_)), "{error}");
        return Known::NotDone;
    }
    match transaction.commit_with(|pipeline| pipeline.add(&INSERT, &[&id])) {
        Ok(_) => Known::Done,
        Err(CommitError::Failed(error)) => {
            assert!(matches!(error, QueryError::Reconnect(_)), "{error}");
            Known::NotDone
        }
        Err(CommitError::Unknown(_)) => Known::Unknown,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_known_of_a_commit_is_true_wherever_its_connection_ends() {
    let Some((database, mut connection)) = connected() else { return };
    connection.batch("CREATE TABLE t (id int8)").unwrap();
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let (mut known, mut id) = (Vec::new(), 0i64);
    for side in [Side::Client, Side::Server] {
        for messages in 0.. {
            proxy.cut_after(Some((side, messages)));
            id += 1;
            known.push((id, store(&proxy.url(), id)));
            if !proxy.has_cut() {
                break;
            }
        }
    }
    let count = |of: Known| known.iter().filter(|(_, known)| *known == of).count();
    // Once nothing is cut: with either side the farewell may be among the messages.
    assert!(count(Known::Done) >= 2, "{known:?}");
    assert!(count(Known::NotDone) > 10 && count(Known::Unknown) > 5, "{known:?}");
    let mut unknown = [0, 0];
    for (id, known) in known {
        let has = connection.query(&HAS, &[&id]).unwrap().one().unwrap().get::<i64>(0).unwrap();
        match known {
            Known::Done => assert_eq!(has, 1, "{id}"),
            Known::NotDone => assert_eq!(has, 0, "{id}"),
            Known::Unknown => unknown[usize::try_from(has).unwrap()] += 1,
        }
    }
    assert!(unknown.iter().all(|count| *count > 0), "both happen: {unknown:?}");
}

#[test]
fn a_connection_whose_messages_are_held_back_waits_for_its_deadline() {
    let Some((database, _connection)) = connected() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let mut connection = connect(&proxy.url()).unwrap();
    static ONE: Statement = Statement { sql: "SELECT 1", params: &[] };
    proxy.hold(true);
    connection.set_deadline(Deadline::after(Duration::from_millis(50)));
    let error = connection.query(&ONE, &[]).unwrap_err();
    assert!(matches!(&error, QueryError::Reconnect(text) if text.contains("in time")), "{error}");
    proxy.hold(false);
    proxy.refuse(true);
    assert!(Connection::connect(&proxy.url(), soon()).unwrap_err().is_temporary());
    proxy.refuse(false);
    let mut connection = connect(&proxy.url()).unwrap();
    proxy.cut();
    assert!(matches!(connection.query(&ONE, &[]), Err(QueryError::Reconnect(_))));
}

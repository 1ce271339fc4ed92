//! Looking people up in the directory, as SQL within the transaction of the job.

use correio_proto::{
    directory::{Person, Query},
    message::Found,
};

use super::{
    connection::Row,
    context::{Context, Param},
    error::QueryError,
    row::{parsed, to_sql},
};

/// Looks people up, as [`crate::store::StoreJob::Find`] describes it. Those whose usernames begin
/// with the part come first. One more than is wanted tells whether there are more.
pub(super) fn find(
    context: &mut Context<'_, '_>,
    query: &Query,
    people: usize,
) -> Result<Found, QueryError> {
    let wanted = people.saturating_add(1);
    let part = query.as_str();
    let statement = statement!(
        "SELECT username, full_name FROM account
         WHERE username >= $1 AND starts_with(username, $1) ORDER BY username LIMIT $2",
        TEXT,
        INT8
    );
    let values: [Param<'_>; 2] = [&part, &to_sql(wanted as u64)];
    let mut found = persons(context.query(statement, &values)?.iter())?;
    // A short part is looked for at the beginning of names only.
    let part_of_names = match query.is_short() {
        true => format!("\u{2}{part}"),
        false => part.to_owned(),
    };
    let statement = statement!(
        "SELECT username, full_name FROM (
             SELECT username, full_name FROM account
             WHERE strpos(folded, $2) > 0 AND NOT starts_with(username, $1) ORDER BY id LIMIT $3
         ) AS others ORDER BY username",
        TEXT,
        TEXT,
        INT8
    );
    let left = to_sql((wanted - found.len()) as u64);
    let values: [Param<'_>; 3] = [&part, &part_of_names, &left];
    found.extend(persons(context.query(statement, &values)?.iter())?);
    let more = found.len() > people;
    found.truncate(people);
    Ok(Found { people: found, more })
}

fn persons<'a>(rows: impl Iterator<Item = Row<'a>>) -> Result<Vec<Person>, QueryError> {
    rows.map(|row| Ok(Person { username: parsed(&row, 0)?, full_name: parsed(&row, 1)? })).collect()
}

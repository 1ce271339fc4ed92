//! Macros for SQL: a statement where it is used, and conditions that several statements share.

/// A [`Statement`](super::connection::Statement) of this SQL text and of parameters of
/// these types, such as `statement!("SELECT 1 FROM account WHERE id = $1", INT8)`.
macro_rules! statement {
    ($sql:expr $(, $type:ident)* $(,)?) => {{
        static STATEMENT: $crate::store::postgres::connection::Statement =
            $crate::store::postgres::connection::Statement {
                sql: $sql,
                params: &[$(postgres_types::Type::$type),*],
            };
        &STATEMENT
    }};
}

/// The condition that the server of a row of `node` was seen in the last ten seconds; each server
/// renews its row every second. It is a part of a statement's text:
/// `concat!("SELECT id FROM node WHERE ", seen_lately!())`, or `seen_lately!("other.")` for the row
/// of the table that the statement calls `other`.
macro_rules! seen_lately {
    () => {
        seen_lately!("")
    };
    ($row:literal) => {
        concat!($row, "seen_at > now() - interval '10 seconds'")
    };
}

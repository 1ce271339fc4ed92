//! The macro that makes a statement where it is used.

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

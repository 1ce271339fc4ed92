//! The macro that makes a statement where it is used.

/// A [`Statement`](super::connection::statement::Statement) of this SQL text and of parameters of
/// these types, such as `statement!("SELECT 1 FROM account WHERE id = $1", INT8)`.
macro_rules! statement {
    ($sql:expr $(, $type:ident)* $(,)?) => {{
        static STATEMENT: $crate::store::postgres::connection::statement::Statement =
            $crate::store::postgres::connection::statement::Statement {
                sql: $sql,
                params: &[$(postgres_types::Type::$type),*],
            };
        &STATEMENT
    }};
}

//! Statements that each connection prepares once.

use postgres_types::Type;

/// A statement, which a connection prepares at its first use and then knows by the address of this
/// value: a `static`.
#[derive(Debug)]
pub struct Statement {
    /// The SQL text, with the parameters `$1`, `$2`…
    pub sql: &'static str,
    /// The types of the parameters.
    pub params: &'static [Type],
}

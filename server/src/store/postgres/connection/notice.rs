//! What a server says in an error or a notice, and which class of error it is.

use std::sync::Arc;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::ErrorFields;

use crate::store::postgres::error::{ProtocolError, QueryError};

/// The fields of an ErrorResponse or a NoticeResponse that are of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How grave it is.
    pub severity: Severity,
    /// The SQLSTATE.
    pub sqlstate: [u8; 5],
    /// The message, in the server's language.
    pub message: String,
    /// The name of the constraint that was broken.
    pub constraint: Option<String>,
    /// The function of the server that said it.
    routine: String,
}

/// How grave an error or a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Less than a warning.
    Notice,
    /// A warning, or a word that is not known.
    Warning,
    /// The statement failed.
    Error,
    /// The server ends the connection.
    Fatal,
}

/// Most signs of a message that are kept.
const MESSAGE_MAX: usize = 1000;

impl Notice {
    /// Reads the fields. Texts are cut after 1000 characters.
    ///
    /// # Errors
    ///
    /// The fields are cut, or a needed one is missing.
    pub fn read(mut fields: ErrorFields<'_>) -> Result<Self, ProtocolError> {
        let (mut severity, mut local, mut sqlstate) = (None, None, None);
        let (mut message, mut constraint, mut routine) = (None, None, String::new());
        while let Some(field) = fields.next().map_err(|error| ProtocolError::new(&error))? {
            let text = || {
                let text = String::from_utf8_lossy(field.value_bytes());
                text.chars().take(MESSAGE_MAX).collect::<String>()
            };
            match field.type_() {
                b'V' => severity = Some(severity_of(field.value_bytes())),
                // Servers translate this word.
                b'S' => local = Some(severity_of(field.value_bytes())),
                b'C' => sqlstate = <[u8; 5]>::try_from(field.value_bytes()).ok(),
                b'M' => message = Some(text()),
                b'n' => constraint = Some(text()),
                b'R' => routine = text(),
                _ => {}
            }
        }
        let missing = || ProtocolError::new(&"an error without its fields");
        Ok(Self {
            severity: severity.or(local).ok_or_else(missing)?,
            sqlstate: sqlstate.filter(|code| code.is_ascii()).ok_or_else(missing)?,
            message: message.ok_or_else(missing)?,
            constraint,
            routine,
        })
    }

    /// The message with its SQLSTATE.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        format!("{} ({})", self.message, String::from_utf8_lossy(&self.sqlstate)).into()
    }
}

fn severity_of(word: &[u8]) -> Severity {
    match word {
        b"DEBUG" | b"LOG" | b"INFO" | b"NOTICE" => Severity::Notice,
        b"ERROR" => Severity::Error,
        b"FATAL" | b"PANIC" => Severity::Fatal,
        _ => Severity::Warning,
    }
}

impl From<&Notice> for QueryError {
    /// The class of an error, by its SQLSTATE. An error that ends the connection is never one that
    /// another try on this connection could repair.
    fn from(notice: &Notice) -> Self {
        let text = notice.text();
        match &notice.sqlstate {
            // serialization_failure, deadlock_detected, query_canceled.
            b"40001" | b"40P01" | b"57014" => match notice.severity {
                Severity::Fatal => Self::Reconnect(text),
                _ => Self::Repeat(text),
            },
            // statement_completion_unknown, the shutdowns, read_only_sql_transaction, timeouts.
            b"40003" | b"57P01" | b"57P02" | b"57P03" | b"57P05" | b"25006" | b"25P03"
            | b"25P04" => Self::Reconnect(text),
            [b'0', b'8', ..] => Self::Reconnect(text),
            // An upgrade changed the columns of a statement that this connection has prepared.
            b"0A000" if notice.routine == "RevalidateCachedQuery" => Self::Reconnect(text),
            // insufficient_resources, io_error.
            [b'5', b'3', ..] | b"58030" => Self::Unavailable(text),
            // data_exception, integrity_constraint_violation, program_limit_exceeded,
            // lock_not_available: one job's values are the cause, or its size.
            [b'2', b'2' | b'3', ..] | [b'5', b'4', ..] | b"55P03" => Self::Refused {
                sqlstate: notice.sqlstate,
                constraint: notice.constraint.as_deref().map(Arc::from),
                text,
            },
            _ => Self::Fatal(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(severity: Severity, sqlstate: &str, routine: &str) -> Notice {
        Notice {
            severity,
            sqlstate: sqlstate.as_bytes().try_into().unwrap(),
            message: "it failed".to_owned(),
            constraint: Some("verdict_pkey".to_owned()),
            routine: routine.to_owned(),
        }
    }

    fn class(sqlstate: &str) -> &'static str {
        match QueryError::from(&notice(Severity::Error, sqlstate, "")) {
            QueryError::Repeat(_) => "repeat",
            QueryError::Reconnect(_) => "reconnect",
            QueryError::Unavailable(_) => "unavailable",
            QueryError::Refused { .. } => "refused",
            QueryError::Fatal(_) => "fatal",
        }
    }

    #[test]
    fn errors_have_the_class_of_their_sqlstate() {
        for (sqlstates, expected) in [
            (&["40001", "40P01", "57014"][..], "repeat"),
            (&["57P01", "57P02", "57P03", "08006", "08P01", "25006", "25P03"], "reconnect"),
            (&["53000", "53100", "53200", "53300", "58030"], "unavailable"),
            (&["22021", "22003", "23505", "23502", "54000", "55P03"], "refused"),
            (&["XX000", "XX001", "XX002", "42P01", "42601", "0A000"], "fatal"),
        ] {
            for sqlstate in sqlstates {
                assert_eq!(class(sqlstate), expected, "{sqlstate}");
            }
        }
    }

    #[test]
    fn an_error_that_ends_the_connection_is_not_repeated_on_it() {
        let error = QueryError::from(&notice(Severity::Fatal, "40001", ""));
        assert!(matches!(error, QueryError::Reconnect(_)));
    }

    #[test]
    fn a_statement_whose_plan_is_old_is_prepared_anew_on_another_connection() {
        let error = QueryError::from(&notice(Severity::Error, "0A000", "RevalidateCachedQuery"));
        assert!(matches!(error, QueryError::Reconnect(_)));
    }

    #[test]
    fn a_broken_unique_constraint_is_named() {
        let broken = QueryError::from(&notice(Severity::Error, "23505", ""));
        assert_eq!(broken.broken_unique(), Some("verdict_pkey"));
        assert_eq!(broken.to_string(), "it failed (23505)");
        let other = QueryError::from(&notice(Severity::Error, "23514", ""));
        assert_eq!(other.broken_unique(), None);
    }

    #[test]
    fn a_word_that_is_not_known_counts_as_a_warning() {
        assert_eq!(severity_of(b"WARNUNG"), Severity::Warning);
        assert_eq!(severity_of(b"NOTICE"), Severity::Notice);
    }
}

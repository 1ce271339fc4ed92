//! The places of a migration: a data directory and a database.

use std::{ffi::OsStr, path::PathBuf};

use crate::store::postgres::{DatabaseUrl, DatabaseUrlError};

/// Beginnings of the address of a database.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The two places of a migration, and the direction of the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// The store of a data directory, into a database.
    ToDatabase {
        /// The data directory.
        from: PathBuf,
        /// The database.
        to: Box<DatabaseUrl>,
    },
    /// The store of a database, into a data directory.
    ToDirectory {
        /// The database.
        from: Box<DatabaseUrl>,
        /// The data directory.
        to: PathBuf,
    },
}

/// Why a store cannot be copied from one of two places to the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum MigrationParseError {
    #[error(
        "one of --from and --to is a data directory, and the other one the address of a database, which begins with postgres://"
    )]
    SameKind,
    #[error("{place} is no directory: the address of a database begins with postgres://")]
    Scheme { place: String },
    #[error("the address of the database: {0}")]
    Database(DatabaseUrlError),
}

impl Migration {
    /// Reads the two places of a command line.
    ///
    /// # Errors
    ///
    /// See [`MigrationParseError`].
    pub fn parse(from: &OsStr, to: &OsStr) -> Result<Self, MigrationParseError> {
        let address = |place: &OsStr| {
            let text = place.to_str()?;
            SCHEMES.iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
        };
        for place in [from, to] {
            let shown = place.to_string_lossy();
            if address(place).is_none()
                && let Some((scheme, _)) = shown.split_once("://")
            {
                return Err(MigrationParseError::Scheme { place: format!("{scheme}://…") });
            }
        }
        let parse =
            |text: String| text.parse().map(Box::new).map_err(MigrationParseError::Database);
        match (address(from), address(to)) {
            (None, Some(to)) => Ok(Self::ToDatabase { from: from.into(), to: parse(to)? }),
            (Some(from), None) => Ok(Self::ToDirectory { from: parse(from)?, to: to.into() }),
            (None, None) | (Some(_), Some(_)) => Err(MigrationParseError::SameKind),
        }
    }

    /// The place of the target, for a person; without a password.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::ToDatabase { to, .. } => to.to_string(),
            Self::ToDirectory { to, .. } => to.display().to_string(),
        }
    }

    /// The place of the source, for a person; without a password.
    #[must_use]
    pub fn source(&self) -> String {
        match self {
            Self::ToDatabase { from, .. } => from.display().to_string(),
            Self::ToDirectory { from, .. } => from.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str = "postgres://correio:secret@localhost/correio";

    fn parse(from: &str, to: &str) -> Result<Migration, String> {
        Migration::parse(OsStr::new(from), OsStr::new(to)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_migration_is_from_one_kind_of_store_to_the_other() {
        let there = parse("./mail", DATABASE).unwrap();
        assert!(matches!(there, Migration::ToDatabase { .. }));
        assert_eq!(there.source(), "./mail");
        let back = parse(&DATABASE.replace("postgres:", "postgresql:"), "./mail").unwrap();
        assert!(matches!(back, Migration::ToDirectory { .. }));
        assert_eq!(back.target(), "./mail");
        for text in [there.target(), back.source()] {
            assert!(text.contains("localhost") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn places_that_are_no_migration_are_refused_without_a_password() {
        for (from, to, text) in [
            ("./mail", "./other", "one of --from and --to is a data directory"),
            (DATABASE, DATABASE, "one of --from and --to is a data directory"),
            ("./mail", "postgres:/correio:secret@localhost/correio", "one of --from and --to"),
            ("./mail", "mysql://correio:secret@localhost/correio", "mysql://… is no directory"),
            (DATABASE, "postgress://correio:secret@localhost/correio", "postgress://… is no"),
            ("./mail", "postgres://localhost/secret", "names no user"),
            (
                "./mail",
                &format!("{DATABASE}#x"),
                "the address of the database: the address has a #",
            ),
        ] {
            let refusal = parse(from, to).unwrap_err();
            assert!(refusal.contains(text), "{from} {to}: {refusal}");
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}

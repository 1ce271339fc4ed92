//! Reading and writing a whole store for `correiod migrate`.

pub use self::{
    error::PostgresMigrationError,
    read::PostgresMigrationReader,
    source::PostgresMigrationSource,
    target::{PostgresMigrationTarget, PostgresTargetState},
};

mod error;
mod read;
mod rights;
mod running;
mod select;
mod source;
mod target;
mod write;

//! Reading and writing a whole store for `correiod migrate`.

pub use self::{
    error::SqliteMigrationError,
    source::SqliteMigrationSource,
    target::{SqliteMigrationTarget, SqliteTargetState},
};

mod error;
mod read;
mod source;
mod target;
mod texture;
mod write;

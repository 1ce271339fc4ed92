//! The format of a backup: a tar archive, compressed by gzip.
//!
//! The first entry is `manifest.json`; the files that it lists follow in its order. Nothing that an
//! archive says is trusted: an entry must have the name and the size that the manifest states, and
//! the manifest may state only the names of a data directory's files.

mod copy;
mod error;
mod manifest;
mod read;
mod write;

pub use self::{
    error::ArchiveError,
    manifest::{ArchivedFile, FORMAT, FileEntry, KEY_BYTES_MAX, MANIFEST, Manifest},
    read::unpack,
    write::{Source, digest, pack},
};

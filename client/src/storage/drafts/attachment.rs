//! A file that is attached to a draft: its path, and its size and time of change, which tell
//! whether the file was changed.

use std::{
    fs, io,
    path::{self, Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use crate::message::{AttachmentFile, MakeError};

/// A file that is attached to a draft. Its bytes are read when the draft's message is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAttachment {
    #[serde(with = "path_text")]
    path: PathBuf,
    /// Bytes of the file.
    size: u64,
    /// When the file was changed last, in nanoseconds since 1970, if the file system tells that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
}

impl DraftAttachment {
    /// Checks that a file can be attached, and notes its size and the time of its last change.
    ///
    /// # Errors
    ///
    /// [`MakeError::Attachment`] if it cannot be read, or is a directory, a pipe or a device.
    pub fn open(path: &Path) -> Result<Self, MakeError> {
        let failed = |source| MakeError::Attachment { path: path.to_owned(), source };
        // The draft may be opened again from another directory.
        let path = path::absolute(path).map_err(failed)?;
        let size = AttachmentFile::open(&path)?.size();
        Ok(Self { size, modified: modified(&path), path })
    }

    /// The absolute path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the recipients see.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Bytes of the file when it was attached.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Opens the file, unless it was changed since it was attached.
    ///
    /// # Errors
    ///
    /// [`MakeError::Attachment`] if it cannot be read any more, [`MakeError::Changed`] if its size
    /// or the time of its last change is another one.
    pub fn file(&self) -> Result<AttachmentFile, MakeError> {
        let file = AttachmentFile::open(&self.path)?;
        let is_same = file.size() == self.size && modified(&self.path) == self.modified;
        is_same.then_some(file).ok_or_else(|| MakeError::Changed { path: self.path.clone() })
    }
}

fn modified(path: &Path) -> Option<u64> {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    let since_1970 = modified.duration_since(UNIX_EPOCH).map_err(io::Error::other).ok()?;
    u64::try_from(since_1970.as_nanos()).ok()
}

/// Serializes a path as text, since users may read the file; a path that is not UTF-8, as its
/// bytes.
mod path_text {
    use std::{
        ffi::OsString,
        os::unix::ffi::{OsStrExt, OsStringExt},
        path::{Path, PathBuf},
    };

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => path.as_os_str().as_bytes().serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(input)? {
            Written::Text(text) => text.into(),
            Written::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

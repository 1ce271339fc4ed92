//! Directories with files that belong to drafts alone: the attachments of a mail that is forwarded.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use super::{
    directory::Drafts,
    draft::Draft,
    error::{DraftError, failed},
    extension::{ATTACHED, EXTENSION, MAKING, MESSAGE, TEMPORARY, has_extension},
};
use crate::{clock, files::durable, id::new_mail_id};

/// How long a file that belongs to no draft is kept: a program may be about to save the draft.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Drafts {
    /// Makes a directory for files that are attached to one draft and exist nowhere else.
    /// [`Drafts::delete_draft`] deletes those of the draft, and the directory.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn attached_directory(&self) -> Result<PathBuf, DraftError> {
        let path = self.directory().join(format!("{}.{ATTACHED}", new_mail_id()));
        durable::create_directories(&path).map_err(|error| failed(&path, error))?;
        Ok(path)
    }

    /// Deletes a draft, and the files that exist for it alone. A missing draft is no error.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete_draft(&self, draft: &Draft) -> Result<(), DraftError> {
        self.delete(draft.id)?;
        self.delete_attached(draft);
        Ok(())
    }

    /// Deletes the files that exist for one draft alone. What stays is deleted later.
    pub(super) fn delete_attached(&self, draft: &Draft) {
        for attachment in &draft.attachments {
            let Some(directory) = self.own_directory(attachment.path()) else { continue };
            let _ = fs::remove_file(attachment.path());
            // Another file of the draft may be there still.
            let _ = fs::remove_dir(directory);
        }
    }

    /// The directory of a file, if it is one of [`Drafts::attached_directory`]. The path may lead
    /// to it in another way than when the file was attached, such as through a symbolic link.
    fn own_directory<'a>(&self, file: &'a Path) -> Option<&'a Path> {
        let directory = file.parent().filter(|directory| has_extension(directory, ATTACHED))?;
        // Not through a link in place of the directory: the file is another's.
        let is_directory = fs::symlink_metadata(directory).ok()?.is_dir();
        let is_own = is_directory && is_same_directory(directory.parent()?, self.directory());
        is_own.then_some(directory)
    }

    /// Deletes messages and directories that belong to none of these drafts and are a day old. A
    /// program that was killed has left them.
    pub(super) fn delete_left(&self, drafts: &[&Draft], files: &[PathBuf]) {
        for path in files {
            let is_draft_there =
                || [EXTENSION, TEMPORARY].iter().any(|it| path.with_extension(it).exists());
            if has_extension(path, MESSAGE) || has_extension(path, MAKING) {
                if !is_draft_there() && is_old(path) {
                    let _ = fs::remove_file(path);
                }
            } else if has_extension(path, ATTACHED) && is_old(path) {
                // Names of these directories are unique. Paths are not: a symbolic link may lead
                // here.
                let attached = drafts.iter().flat_map(|draft| &draft.attachments);
                let mut directories = attached.filter_map(|attached| attached.path().parent());
                if !directories.any(|directory| directory.file_name() == path.file_name()) {
                    let _ = delete_directory(path);
                }
            }
        }
    }
}

/// Whether two paths lead to one directory.
fn is_same_directory(a: &Path, b: &Path) -> bool {
    let identity = |path| {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
        Some((metadata.dev(), metadata.ino()))
    };
    identity(a).is_some_and(|a| identity(b) == Some(a))
}

/// Deletes a directory and the files in it, and no directory within it.
fn delete_directory(path: &Path) -> io::Result<()> {
    for name in durable::names(path)? {
        fs::remove_file(path.join(name))?;
    }
    fs::remove_dir(path)
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.is_some_and(|modified| clock::since_1970().saturating_sub(modified) > KEPT)
}

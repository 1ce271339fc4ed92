//! The extensions of the names in a directory of drafts.

use std::path::Path;

/// The extension of a draft's file, and of the file in which its next version is written.
pub(super) const EXTENSION: &str = "json";
pub(super) const TEMPORARY: &str = "tmp";

/// The extension of the message that was made of a draft, and of one that is being made.
pub(super) const MESSAGE: &str = "message";
pub(super) const MAKING: &str = "making";

/// The extension of a directory with files of one draft.
pub(super) const ATTACHED: &str = "attached";

/// Whether a path has this extension.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

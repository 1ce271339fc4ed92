//! The user's own editor, for texts of several lines.
//!
//! The text is in a file of the data directory while the editor has it, so that it is still there
//! whatever ends the editor or this program. It is taken from there the next time the draft is
//! opened.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use correio_client::{Shown, show};
use correio_proto::mail::MailId;

use crate::compose::{Composition, Part};

/// Editors that are tried where the user has not chosen one, the easier ones first.
const COMMON: [&str; 5] = ["nano", "micro", "vim", "vi", "emacs"];

/// Directory in the data directory with the texts that editors have now.
const DIRECTORY: &str = "editing";

/// A command line, as `VISUAL` or `EDITOR` has it.
pub(crate) struct Editor(OsString);

/// What came of editing.
#[derive(Debug, PartialEq, Eq)]
struct Edited {
    /// The text, without line ends after its last line.
    text: String,
    /// What the editor said of its end, unless it was a success.
    problem: Option<String>,
}

impl Editor {
    /// The editor that the user has chosen, or a common one that is there.
    pub(crate) fn of_user() -> Option<Self> {
        let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(env::var_os);
        let chosen = chosen.filter(|name| !name.is_empty()).map(Self).next();
        chosen.or_else(|| {
            COMMON.into_iter().find(|name| is_there(name)).map(|name| Self(name.into()))
        })
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        show(&self.0.to_string_lossy(), Shown::OneLine)
    }

    /// Has the body of a mail changed. What the editor saved is used, whatever status it ended
    /// with.
    ///
    /// # Errors
    ///
    /// A file that cannot be written or read, an editor that cannot be run, or a text that is not
    /// UTF-8. That text is kept in a file of its own, which the error names.
    fn edit(&self, data: &Path, id: MailId, before: &str) -> Result<Edited, String> {
        let path = file(data, id);
        let named = |error: io::Error| format!("{}: {error}", path.display());
        // A killed program may have left a text that could not be taken up.
        set_aside(&path).map_err(named)?;
        write(&path, before).map_err(named)?;
        // As git does it: what stands in the variable may have arguments.
        let mut script = self.0.clone();
        script.push(OsStr::new(r#" "$@""#));
        let status = Command::new("sh").arg("-c").arg(script).arg("sh").arg(&path).status();
        let problem = match status {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        // By its name: many editors put another file in its place.
        let text = fs::read_to_string(&path).map_err(|error| match set_aside(&path) {
            Ok(Some(kept)) => format!("{}: {error}", kept.display()),
            Ok(None) | Err(_) => named(error),
        })?;
        let edited = trimmed(&text);
        // An editor that failed after it had emptied its file has saved nothing.
        match problem.is_some() && edited.is_empty() {
            true => Ok(Edited { text: before.to_owned(), problem }),
            false => Ok(Edited { text: edited, problem }),
        }
    }

    /// Has the body of a mail that is being written changed; it is kept before and after.
    ///
    /// # Errors
    ///
    /// What is to be said of the editor, or of the file; the text is kept all the same.
    pub(crate) fn edit_mail(
        &self,
        data: &Path,
        composition: &mut Composition,
    ) -> Result<(), String> {
        // An editor may take the whole program with it. Where this fails, the editor's own file
        // still has the text.
        let _ = composition.save();
        let id = composition.mail.id;
        let Edited { text, problem } = self.edit(data, id, &composition.mail.body)?;
        composition.set(Part::Body, &text);
        if composition.save().is_ok() {
            Self::forget(data, id);
        }
        problem.map_or(Ok(()), |problem| Err(show(&problem, Shown::OneLine)))
    }

    /// The text that an editor had when the program was killed, if it is one and was saved after
    /// the draft.
    pub(crate) fn left_behind(data: &Path, id: MailId, draft: &Path) -> Option<String> {
        let path = file(data, id);
        let saved = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
        let is_newer = match (saved(&path), saved(draft)) {
            (Ok(text), Ok(draft)) => text >= draft,
            (text, _) => text.is_ok(),
        };
        let text = is_newer.then(|| fs::read_to_string(path).ok()).flatten();
        text.map(|text| trimmed(&text)).filter(|text| !text.is_empty())
    }

    /// Removes a text that is kept elsewhere.
    pub(crate) fn forget(data: &Path, id: MailId) {
        // Should it stay, it is the text that is kept.
        let _ = fs::remove_file(file(data, id));
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches(['\r', '\n']).to_owned()
}

fn file(data: &Path, id: MailId) -> PathBuf {
    data.join(DIRECTORY).join(format!("{id}.txt"))
}

/// Renames a file that is not UTF-8, so that the next text does not overwrite it. Returns its new
/// name; `None` where there is no such file.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
        _ => return Ok(None),
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = (1..).map(|number: u64| path.with_file_name(format!("{stem}-{number}.txt")));
    let Some(kept) = names.find(|name| !name.exists()) else {
        return Ok(None);
    };
    fs::rename(path, &kept)?;
    Ok(Some(kept))
}

/// Writes a file that its owner alone can read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use correio_client::new_mail_id;

    use super::*;

    fn edit(editor: &str, text: &str) -> (Result<Edited, String>, Option<String>) {
        let data = tempfile::tempdir().unwrap();
        let id = new_mail_id();
        let edited = Editor(editor.into()).edit(data.path(), id, text);
        (edited, Editor::left_behind(data.path(), id, data.path()))
    }

    #[test]
    fn an_editor_may_have_arguments() {
        let edited = edit("sed -i -e 's/um/dois/'", "um\n").0.unwrap();
        assert_eq!(edited, Edited { text: "dois".to_owned(), problem: None });
    }

    #[test]
    fn what_an_editor_saved_is_used_however_it_ends() {
        for editor in ["printf dois >\"$1\"; false", "printf dois >\"$1\"; kill -9 $$"] {
            let edited = edit(&format!("f() {{ {editor}; }}; f"), "um").0.unwrap();
            assert_eq!(edited.text, "dois", "{editor}");
            assert!(edited.problem.is_some(), "{editor}");
        }
    }

    #[test]
    fn an_editor_that_is_killed_after_it_emptied_the_file_changes_nothing() {
        let edited = edit(r#"f() { : >"$1"; kill -9 $$; }; f"#, "um").0.unwrap();
        assert_eq!(edited.text, "um");
        assert!(edited.problem.is_some());
        // A text that was deleted on purpose is deleted.
        assert_eq!(edit(r#"f() { : >"$1"; }; f"#, "um").0.unwrap().text, "");
    }

    #[test]
    fn an_editor_that_does_not_run_changes_nothing() {
        for editor in ["false", "/nowhere/editor", "'"] {
            let edited = edit(editor, "um").0.unwrap();
            assert_eq!(edited.text, "um", "{editor}");
            assert!(edited.problem.is_some(), "{editor}");
        }
    }

    #[test]
    fn a_text_that_is_not_utf8_stays_in_its_file() {
        let data = tempfile::tempdir().unwrap();
        let id = new_mail_id();
        let editor = Editor(r#"f() { printf 'caf\351' >"$1"; }; f"#.into());
        let error = editor.edit(data.path(), id, "um").unwrap_err();
        // The next text does not overwrite it.
        let again = editor.edit(data.path(), id, "dois").unwrap_err();
        for (number, error) in [(1, error), (2, again)] {
            let path = data.path().join(DIRECTORY).join(format!("{id}-{number}.txt"));
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert_eq!(fs::read(path).unwrap(), b"caf\xe9");
        }
        assert_eq!(Editor::left_behind(data.path(), id, data.path()), None);
    }
}

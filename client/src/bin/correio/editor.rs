//! The user's editor, for bodies.
//!
//! While the editor runs, the text is in a file of the data directory, so that it survives the
//! editor and this program. If this program is killed, the text is taken from the file the next
//! time the draft is opened.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use correio_client::{WhiteSpace, sanitize};
use correio_proto::mail::MailId;

use crate::{
    compose::{Composition, DraftField},
    config::{Config, Key},
    private_file, program,
};

/// Editors that are tried if the user has chosen none, the easiest first.
const COMMON: [&str; 5] = ["nano", "micro", "vim", "vi", "emacs"];

/// Directory in the data directory with the texts that are open in editors.
const DIRECTORY: &str = "editing";

/// An editor's command line, as in `VISUAL` or `EDITOR`.
pub(crate) struct Editor(OsString);

/// Result of editing.
#[derive(Debug, PartialEq, Eq)]
struct Edited {
    /// The text, without line ends after its last line, unless it is the text from before.
    text: String,
    /// How the editor failed, if it did.
    problem: Option<String>,
}

impl Editor {
    /// The editor that the user has chosen: for correio, in `CORREIO_EDITOR` or in the
    /// configuration file, or for all programs. Otherwise the first common editor that is
    /// installed.
    pub(crate) fn of_user(config: &Config) -> Option<Self> {
        let variable = |name| env::var_os(name).filter(|name| !name.is_empty());
        let configured = || config.get(Key::Editor).map(OsString::from);
        let chosen = variable("CORREIO_EDITOR").or_else(configured);
        let chosen =
            chosen.or_else(|| ["VISUAL", "EDITOR"].into_iter().find_map(variable)).map(Self);
        chosen.or_else(|| {
            COMMON.into_iter().find(|name| is_there(name)).map(|name| Self(name.into()))
        })
    }

    /// The command line, sanitized for the terminal.
    pub(crate) fn shown(&self) -> String {
        sanitize(&self.0.to_string_lossy(), WhiteSpace::OneLine)
    }

    /// Edits the body of a mail. The text that the editor saved is used, whatever its exit status.
    ///
    /// # Errors
    ///
    /// A file that cannot be written or read, or a text that is not UTF-8. Such a text is kept in a
    /// file of its own, which the error names.
    fn edit(&self, data: &Path, id: MailId, before: &str) -> Result<Edited, String> {
        let path = file(data, id);
        let named = |error: io::Error| format!("{}: {error}", path.display());
        // A killed program may have left a text that is not UTF-8.
        set_aside(&path).map_err(named)?;
        private_file::write(&path, before).map_err(named)?;
        let problem = match self.command(&path).status() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        // The file is read by its name, because many editors replace the file.
        let text = fs::read_to_string(&path).map_err(|error| match set_aside(&path) {
            Ok(Some(kept)) => format!("{}: {error}", kept.display()),
            Ok(None) | Err(_) => named(error),
        })?;
        let edited = match is_same(before, &text) {
            true => before.to_owned(),
            false => trimmed(&text),
        };
        // An editor that failed after it had emptied the file has saved nothing.
        match problem.is_some() && edited.is_empty() {
            true => Ok(Edited { text: before.to_owned(), problem }),
            false => Ok(Edited { text: edited, problem }),
        }
    }

    /// The command that edits a file. The command line may contain arguments, as git allows.
    fn command(&self, path: &Path) -> Command {
        let mut script = self.0.clone();
        script.push(OsStr::new(r#" "$@""#));
        let mut shell = program::shell(script);
        shell.arg("sh").arg(path);
        shell
    }

    /// Edits the body of a mail that is being written. The draft is saved before and after.
    ///
    /// # Errors
    ///
    /// The message about the editor or the file. The text is kept all the same.
    pub(crate) fn edit_mail(
        &self,
        data: &Path,
        composition: &mut Composition,
    ) -> Result<(), String> {
        // The program may be killed while the editor runs. If the draft cannot be saved, the
        // editor's file has the text.
        let _ = composition.save();
        let id = composition.mail.id;
        let Edited { text, problem } = self.edit(data, id, &composition.mail.body)?;
        composition.set(DraftField::Body, &text);
        if composition.save().is_ok() {
            Self::forget(data, id);
        }
        problem.map_or(Ok(()), |problem| Err(sanitize(&problem, WhiteSpace::OneLine)))
    }

    /// The text that was open in an editor when the program was killed, if it was saved after the
    /// draft, is UTF-8, and is not `before`, the text of the draft.
    pub(crate) fn unsaved_text(
        data: &Path,
        id: MailId,
        draft: &Path,
        before: &str,
    ) -> Option<String> {
        let path = file(data, id);
        let saved = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
        let is_newer = match (saved(&path), saved(draft)) {
            (Ok(text), Ok(draft)) => text >= draft,
            (text, _) => text.is_ok(),
        };
        let text = is_newer.then(|| fs::read_to_string(path).ok()).flatten();
        let text = text.filter(|text| !is_same(before, text)).map(|text| trimmed(&text));
        text.filter(|text| !text.is_empty())
    }

    /// Removes the editor's file of a text that is saved elsewhere.
    pub(crate) fn forget(data: &Path, id: MailId) {
        // A file that stays has the same text as the draft.
        let _ = fs::remove_file(file(data, id));
    }

    /// Removes all files of a mail that the user discards: the editor's file, texts that were set
    /// aside, and backups and swap files of the editor. Their names contain the mail's id.
    ///
    /// # Errors
    ///
    /// A file that cannot be removed, which the message names. The other files are removed.
    pub(crate) fn discard(data: &Path, id: MailId) -> Result<(), String> {
        let directory = data.join(DIRECTORY);
        let named = |path: &Path, error: io::Error| {
            sanitize(&format!("{}: {error}", path.display()), WhiteSpace::OneLine)
        };
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(named(&directory, error)),
        };
        let id = id.to_string();
        let mut removed = Ok(());
        for entry in entries {
            let path = entry.map_err(|error| named(&directory, error))?.path();
            let is_of_mail =
                path.file_name().is_some_and(|name| name.to_string_lossy().contains(&id));
            if is_of_mail && let Err(error) = fs::remove_file(&path) {
                removed = Err(named(&path, error));
            }
        }
        removed
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches(['\r', '\n']).to_owned()
}

/// Whether two texts differ at most by line ends after the last line, which editors add.
fn is_same(before: &str, after: &str) -> bool {
    before.trim_end_matches(['\r', '\n']) == after.trim_end_matches(['\r', '\n'])
}

fn file(data: &Path, id: MailId) -> PathBuf {
    data.join(DIRECTORY).join(format!("{id}.txt"))
}

/// Renames the file if it is not UTF-8, so that the next text does not overwrite it. Returns its
/// new name, or `None` if it was not renamed.
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
        (edited, Editor::unsaved_text(data.path(), id, data.path(), ""))
    }

    #[test]
    fn an_editor_may_have_arguments() {
        let edited = edit("sed -i -e 's/um/dois/'", "um\n").0.unwrap();
        assert_eq!(edited, Edited { text: "dois".to_owned(), problem: None });
    }

    #[test]
    fn an_editor_does_not_get_the_password() {
        let command = Editor("nano".into()).command(Path::new("x"));
        let password = OsStr::new("CORREIO_PASSWORD");
        assert!(command.get_envs().any(|variable| variable == (password, None)));
    }

    #[test]
    fn a_text_that_is_not_changed_keeps_its_line_ends() {
        for text in ["um\n", "um\r\n\r\n", "um"] {
            for editor in ["true", "f() { echo >>\"$1\"; }; f"] {
                assert_eq!(edit(editor, text).0.unwrap().text, text, "{editor}");
            }
        }
        let data = tempfile::tempdir().unwrap();
        let id = new_mail_id();
        fs::create_dir(data.path().join(DIRECTORY)).unwrap();
        fs::write(file(data.path(), id), "um\n").unwrap();
        let unsaved = |before| Editor::unsaved_text(data.path(), id, data.path(), before);
        assert_eq!(unsaved("um\n\n"), None);
        assert_eq!(unsaved("dois").as_deref(), Some("um"));
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
        // A text that the user has deleted is deleted.
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
        assert_eq!(Editor::unsaved_text(data.path(), id, data.path(), ""), None);
    }

    #[test]
    fn discarding_removes_the_files_of_one_mail() {
        let data = tempfile::tempdir().unwrap();
        let (id, other) = (new_mail_id(), new_mail_id());
        Editor::discard(data.path(), id).unwrap();
        let directory = data.path().join(DIRECTORY);
        fs::create_dir(&directory).unwrap();
        for name in [format!("{id}.txt"), format!("{id}-1.txt"), format!(".{id}.txt.swp")] {
            fs::write(directory.join(name), "um").unwrap();
        }
        fs::write(file(data.path(), other), "dois").unwrap();
        // A directory is not removed.
        let stays = directory.join(format!("{id}-2.txt"));
        fs::create_dir(&stays).unwrap();
        let error = Editor::discard(data.path(), id).unwrap_err();
        assert!(error.contains(&stays.display().to_string()), "{error}");
        fs::remove_dir(stays).unwrap();
        Editor::discard(data.path(), id).unwrap();
        let left: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].path(), file(data.path(), other));
    }
}

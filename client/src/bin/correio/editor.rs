//! The person's own editor, for texts of several lines.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    process::Command,
};

use correio_client::{Shown, show};

/// A command line, as `VISUAL` or `EDITOR` has it.
pub(crate) struct Editor(OsString);

impl Editor {
    /// The editor that the person has chosen, if any.
    pub(crate) fn of_person() -> Option<Self> {
        ["VISUAL", "EDITOR"]
            .into_iter()
            .filter_map(env::var_os)
            .find(|name| !name.is_empty())
            .map(Self)
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        show(&self.0.to_string_lossy(), Shown::OneLine)
    }

    /// Has a text changed and returns it, without line ends behind its last line.
    ///
    /// # Errors
    ///
    /// An editor that cannot be run or says that it failed; a text that is not UTF-8. The text
    /// is then as it was.
    pub(crate) fn edit(&self, text: &str) -> io::Result<String> {
        // Readable by its owner alone, as all that tempfile makes.
        let mut file = tempfile::Builder::new().prefix("correio-").suffix(".txt").tempfile()?;
        file.write_all(text.as_bytes())?;
        file.flush()?;
        // As git does it: what stands in the variable may have arguments.
        let mut script = self.0.clone();
        script.push(OsStr::new(r#" "$@""#));
        let status =
            Command::new("sh").arg("-c").arg(script).arg("sh").arg(file.path()).status()?;
        if !status.success() {
            return Err(io::Error::other(status.to_string()));
        }
        // By its name: many editors put another file in its place.
        let edited = fs::read_to_string(file.path())?;
        Ok(edited.trim_end_matches(['\r', '\n']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(editor: &str, text: &str) -> io::Result<String> {
        Editor(editor.into()).edit(text)
    }

    #[test]
    fn an_editor_may_have_arguments() {
        assert_eq!(edit("sed -i -e 's/um/dois/'", "um\n").unwrap(), "dois");
    }

    #[test]
    fn an_editor_that_fails_changes_nothing() {
        for editor in ["false", "/nowhere/editor", "'"] {
            assert!(edit(editor, "um").is_err(), "{editor}");
        }
    }
}

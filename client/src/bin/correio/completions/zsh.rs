//! Completion in zsh: its script, and candidates as zsh's `_describe` takes them.
//!
//! zsh quotes a candidate itself when it puts it into the command line.

use std::{
    ffi::OsString,
    io::{Error, Write},
    path::Path,
};

use clap::Command;
use clap_complete::env::EnvCompleter;

use super::word::{candidates, filled, help, index};

/// The script defines the function `_correio`. A package puts the script into a file of this name,
/// which zsh reads as the body of that function at the first completion: the script then calls the
/// function that it has defined, so that the first completion has candidates, too. A directory keeps
/// its slash apart, which zsh takes away again before a space.
const SCRIPT: &str = r#"#compdef BINARY
_correio() {
    local answer candidate value none=1
    local -a directories others
    answer=$(INDEX=$((CURRENT - 1)) VARIABLE=zsh COMPLETER -- "${words[@]}" 2> /dev/null) || return
    for candidate in "${(@f)answer}"; do
        value="${candidate%%:*}"
        if [[ "$value" == */ ]]; then
            directories+=("${value%/}${candidate#"$value"}")
        elif [[ -n "$candidate" ]]; then
            others+=("$candidate")
        fi
    done
    (( $#directories )) && _describe -V values directories -S / -r / && none=0
    (( $#others )) && _describe -V values others && none=0
    return none
}
if [[ "${funcstack[1]}" == _correio ]]; then
    _correio "$@"
else
    compdef _correio BINARY
fi
"#;

/// Completes in zsh.
pub(super) struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        "zsh"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        binary: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        out.write_all(filled(SCRIPT, variable, binary, completer).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        for (value, candidate) in candidates(command, words, index(), directory)? {
            // A colon ends the word and begins its description.
            write!(out, "{}", value.replace('\\', r"\\").replace(':', r"\:"))?;
            match help(&candidate) {
                Some(help) => writeln!(out, ":{}", help.replace('\\', r"\\"))?,
                None => writeln!(out)?,
            }
        }
        Ok(())
    }
}

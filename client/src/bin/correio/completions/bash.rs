//! Completion in bash: its script, and candidates in the quoting of bash.
//!
//! Bash puts a candidate into the command line as it is, and runs what the line contains. The name of
//! a file may come from a mail, so each character that bash could read as more than itself is quoted.

use std::{
    ffi::OsString,
    io::{Error, Write},
    path::Path,
};

use clap::Command;
use clap_complete::env::EnvCompleter;

use super::word::{candidates, filled, index, quoted};

/// The script splits the answer at lines alone: it neither splits at spaces nor expands patterns.
const SCRIPT: &str = r#"
_correio_complete() {
    local answer candidate
    local words=("${COMP_WORDS[@]}")
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        words[COMP_CWORD]="$2"
    fi
    COMPREPLY=()
    answer=$(INDEX="$COMP_CWORD" VARIABLE=bash COMPLETER -- "${words[@]}") || return
    while IFS= read -r candidate; do
        if [[ -n "$candidate" ]]; then
            COMPREPLY+=("$candidate")
        fi
    done <<< "$answer"
    if compopt +o nospace 2> /dev/null && [[ "${COMPREPLY-}" =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _correio_complete BINARY
else
    complete -o nospace -o bashdefault -F _correio_complete BINARY
fi
"#;

/// Completes in bash.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
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
        for (value, _) in candidates(command, words, index(), directory)? {
            writeln!(out, "{}", quoted(&value))?;
        }
        Ok(())
    }
}

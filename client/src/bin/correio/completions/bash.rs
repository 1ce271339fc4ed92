//! Completion in bash: its script, and candidates in the quoting of bash.
//!
//! Bash puts a candidate into the command line as it is, and runs what the line contains. The name of
//! a file may come from a mail, so each character that bash could read as more than itself is quoted.

use std::{
    env,
    ffi::OsString,
    io::{Error, Write},
    path::Path,
};

use clap::Command;
use clap_complete::{engine, env::EnvCompleter};

/// The variable in which the script passes the position of the word that is completed.
const INDEX: &str = "CORREIO_COMPLETE_INDEX";

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
pub(crate) struct Bash;

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
        let script = SCRIPT
            .replace("INDEX", INDEX)
            .replace("VARIABLE", variable)
            .replace("COMPLETER", &quoted(completer))
            .replace("BINARY", &quoted(binary));
        out.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        mut words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let index = env::var(INDEX).ok().and_then(|index| index.parse().ok()).unwrap_or(0_usize);
        if let Some(word) = words.get_mut(index)
            && let Some(typed) = word.to_str()
        {
            *word = unquoted(typed).into();
        }
        for candidate in engine::complete(command, words, index, directory)? {
            let candidate = candidate.get_value().to_string_lossy();
            // A terminal would obey some of these characters, and a line ends the candidate.
            if !candidate.contains(char::is_control) {
                writeln!(out, "{}", quoted(&candidate))?;
            }
        }
        Ok(())
    }
}

/// A word with a backslash before each character that bash could read as more than itself.
fn quoted(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len());
    for c in word.chars() {
        // Letters of all scripts stand for themselves.
        if !c.is_alphanumeric() && c.is_ascii() && !"@%+=:,./_-".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// The text of a word that was typed or completed in part, without its backslashes and the mark of
/// quotation at its start.
fn unquoted(word: &str) -> String {
    let word = word.strip_prefix(['"', '\'']).unwrap_or(word);
    let mut unquoted = String::with_capacity(word.len());
    let mut characters = word.chars();
    while let Some(c) = characters.next() {
        unquoted.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    unquoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bash_could_read_as_more_than_itself_is_quoted() {
        assert_eq!(quoted("notas$(touch x).pdf"), r"notas\$\(touch\ x\).pdf");
        assert_eq!(quoted("`a`;b'c\"d*~!\\"), r#"\`a\`\;b\'c\"d\*\~\!\\"#);
        for whole in ["--attach", "tony,@família", "steve.rogers", "dir/", "key=value", "x+1"] {
            assert_eq!(quoted(whole), whole);
        }
    }

    #[test]
    fn a_quoted_word_that_is_completed_further_is_read_as_its_text() {
        for word in ["notas$(touch x).pdf", "a\\b", "família", "`;'\"*"] {
            assert_eq!(unquoted(&quoted(word)), word);
        }
        assert_eq!(unquoted("\"not"), "not");
        assert_eq!(unquoted("not\\"), "not");
    }
}

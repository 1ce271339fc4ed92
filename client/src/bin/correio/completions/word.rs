//! The word that a shell completes: how its script passes it, its text without the shell's quoting,
//! and the candidates for it.

use std::{env, ffi::OsString, io::Error, path::Path};

use clap::Command;
use clap_complete::{CompletionCandidate, engine};

/// The variable in which a script passes the position of the word that is completed.
const INDEX: &str = "CORREIO_COMPLETE_INDEX";

/// A script with the names of its variables and of the program.
pub(super) fn filled(script: &str, variable: &str, binary: &str, completer: &str) -> String {
    script
        .replace("INDEX", INDEX)
        .replace("VARIABLE", variable)
        .replace("COMPLETER", &quoted(completer))
        .replace("BINARY", &quoted(binary))
}

/// The position of the word, as a script of [`filled`] passes it. `None` if it passes none.
pub(super) fn index() -> Option<usize> {
    env::var(INDEX).ok()?.parse().ok()
}

/// The candidates for the word at a position. The word may be quoted: it was typed or completed in
/// part.
///
/// A candidate with a control character is left out, because a line or a tab would end it in the
/// answer to the script, and a terminal would obey others. So is one that is not UTF-8, whose
/// replacement would be another word.
pub(super) fn candidates(
    command: &mut Command,
    mut words: Vec<OsString>,
    index: usize,
    directory: Option<&Path>,
) -> Result<Vec<(String, CompletionCandidate)>, Error> {
    if let Some(word) = words.get_mut(index)
        && let Some(typed) = word.to_str()
    {
        *word = unquoted(typed).into();
    }
    let candidates = engine::complete(command, words, index, directory)?;
    let plain = |candidate: CompletionCandidate| {
        let value = candidate.get_value().to_str()?.to_owned();
        (!value.contains(char::is_control)).then_some((value, candidate))
    };
    Ok(candidates.into_iter().filter_map(plain).collect())
}

/// The first line of a candidate's help.
pub(super) fn help(candidate: &CompletionCandidate) -> Option<String> {
    candidate.get_help()?.to_string().lines().next().map(str::to_owned)
}

/// A word with a backslash before each character that bash or zsh could read as more than itself.
pub(super) fn quoted(word: &str) -> String {
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
    fn what_a_shell_could_read_as_more_than_itself_is_quoted() {
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

//! Completion in bash: its script, and candidates in the quoting of bash.
//!
//! Bash puts a candidate into the command line as it is, and runs what the line contains. The name
//! of a file may come from a mail, so each character that bash could read as more than itself is
//! quoted.

use super::word::quoted;

/// The script splits the answer at lines alone: it neither splits at spaces nor expands patterns.
pub(super) const SCRIPT: &str = r#"
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

/// A line of the answer to the script.
pub(super) fn line(value: &str) -> String {
    quoted(value)
}

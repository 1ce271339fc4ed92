//! Completion in zsh: its script, and candidates as zsh's `_describe` takes them.
//!
//! zsh quotes a candidate itself when it puts it into the command line.

/// The script defines the function `_correio`. A package puts the script into a file of this name,
/// which zsh reads as the body of that function at the first completion: the script then calls the
/// function that it has defined, so that the first completion has candidates, too. A directory,
/// which has no description, keeps its slash apart, which zsh takes away again before a space.
pub(super) const SCRIPT: &str = r#"#compdef BINARY
_correio() {
    local answer candidate none=1
    local -a directories others
    answer=$(INDEX=$((CURRENT - 1)) VARIABLE=zsh COMPLETER -- "${words[@]}" 2> /dev/null) || return
    for candidate in "${(@f)answer}"; do
        if [[ "$candidate" == */ ]]; then
            directories+=("${candidate%/}")
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

/// A line of the answer to the script. A colon ends the word and begins its description.
pub(super) fn line(value: &str, help: Option<&str>) -> String {
    let word = value.replace('\\', r"\\").replace(':', r"\:");
    match help {
        Some(help) => format!("{word}:{}", help.replace('\\', r"\\")),
        None => word,
    }
}

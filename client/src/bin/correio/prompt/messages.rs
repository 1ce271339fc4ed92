//! The prompts' own messages, and the form of a question.

use crate::text::Text;

/// Messages of the prompts about an answer.
pub(super) struct Messages {
    /// The input is not UTF-8.
    pub(super) not_text: String,
    /// A password has one line.
    pub(super) one_line: String,
    /// Of a paste before a password, only the first line was used.
    pub(super) first_line: String,
    /// The line is longer than the terminal passes on.
    pub(super) line_cut: String,
    pub(super) completion: CompletionMessages,
}

/// Messages below the candidates of a completion.
pub(super) struct CompletionMessages {
    /// What the keys do.
    pub(super) keys: String,
    /// More candidates may come.
    pub(super) searching: String,
    /// There are more candidates than can be shown.
    pub(super) more: String,
    /// There are no candidates.
    pub(super) none: String,
    /// As `more` and `none`, for names of files.
    pub(super) more_files: String,
    pub(super) no_file: String,
}

impl CompletionMessages {
    fn new(text: &Text) -> Self {
        let (keys, searching) = (text.of("completion-keys"), text.of("completion-searching"));
        let (more, none) = (text.of("completion-more"), text.of("completion-none"));
        let more_files = text.of("completion-more-files");
        let no_file = text.of("completion-no-file");
        Self { keys, searching, more, none, more_files, no_file }
    }
}

impl Messages {
    pub(super) fn new(text: &Text) -> Self {
        let (not_text, one_line) = (text.of("prompt-not-text"), text.of("prompt-one-line"));
        let (first_line, line_cut) = (text.of("prompt-first-line"), text.of("prompt-line-cut"));
        let completion = CompletionMessages::new(text);
        Self { not_text, one_line, first_line, line_cut, completion }
    }
}

/// A question as it stands before its answer: with a colon, unless it has one.
pub(super) fn with_colon(question: &str) -> String {
    let colon = if question.contains(':') { "" } else { ":" };
    format!("{question}{colon} ")
}

//! The marks of a mail's flags in a list.

use correio_client::{Flag, Flags};

/// The flags that a list shows, and their marks. The letters are the keys of the menus that answer
/// and forward a mail.
const MARKS: [(Flag, char); 3] =
    [(Flag::Important, '!'), (Flag::Replied, 'r'), (Flag::Forwarded, 'f')];

/// The marks of flags, and a space after them; nothing without such flags. They stand before all
/// that the sender chose: after a subject, a subject could imitate them.
pub(crate) fn flag_marks(flags: Flags) -> String {
    let has = MARKS.into_iter().filter(|(flag, _)| flags.has(*flag));
    let mut marks: String = has.map(|(_, mark)| mark).collect();
    if !marks.is_empty() {
        marks.push(' ');
    }
    marks
}

/// Whether a word consists of such marks.
pub(crate) fn is_flag_marks(word: &str) -> bool {
    word.chars().all(|c| MARKS.iter().any(|(_, mark)| *mark == c))
}

//! The result of a prompt: an answer, or the reason why there is none.

use crate::exit::ExitStatus;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The user goes back: Esc, or an empty line if an answer is needed.
    Back,
    /// The input has ended: leave the program.
    Leave,
    /// Ctrl-C: leave the program at once.
    Interrupted,
    /// The signal of this number ends the program.
    Signal(i32),
    /// A script cannot go on after a failure; the program ends with this status.
    Failed(ExitStatus),
}

/// An answer, or why there is none.
pub(crate) type Answer<T> = Result<T, Stop>;

/// Where the cursor is when the input of a body begins. Without keys, lines are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CursorAt {
    Start,
    End,
}

/// How the input of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// The body is complete.
    Complete,
    /// The user goes on in the editor.
    Editor,
    /// The user attaches a file, and goes on afterwards.
    Attach,
}

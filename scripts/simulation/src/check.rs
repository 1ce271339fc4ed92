//! The properties that must hold, each with a letter.

use std::fmt;

/// A property that must hold at every step and at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// (a) Every acknowledged mail is in the recipient's mailbox on the server or on a client's
    /// disk.
    Acknowledged,
    /// (b) Mails keep their sender and content, and reach only their recipients.
    Intact,
    /// (c) Nothing is read or changed before a login, and only the right password logs in.
    LoggedIn,
    /// (d) A client keeps one copy of each mail.
    OneCopy,
    /// (e) The server deletes a mail only after its owner's confirmation.
    Confirmed,
    /// (f) Memory and queues stay within the documented formula.
    Bounded,
    /// (g) Every request is answered, or its connection closed by its deadline.
    Answered,
    /// (h) The loop does not spin when nothing happens.
    Idle,
    /// (i) Known and unknown usernames cause the same jobs and answers.
    Alike,
    /// (j) A large content is kept as long as a mail names it, and no longer; an upload that no
    /// mail names is kept for its time, unless its account begins others, and no longer.
    Contents,
    /// (k) In a mailbox, a mail that comes later has a larger number, and a client that asks for
    /// the mails after a number misses none.
    Ordered,
    /// (l) No session of an account outlives a new password.
    SessionsEnd,
    /// An attacker can guess exactly as many passwords as the throttle allows.
    Throttled,
    /// After the faults end, all mail reaches its recipients.
    Drained,
    /// Nothing panics.
    Sound,
}

impl Check {
    /// The property's letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Acknowledged => 'a',
            Self::Intact => 'b',
            Self::LoggedIn => 'c',
            Self::OneCopy => 'd',
            Self::Confirmed => 'e',
            Self::Bounded => 'f',
            Self::Answered => 'g',
            Self::Idle => 'h',
            Self::Alike => 'i',
            Self::Contents => 'j',
            Self::Ordered => 'k',
            Self::SessionsEnd => 'l',
            Self::Throttled => 't',
            Self::Drained => 'z',
            Self::Sound => '!',
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged mail is kept",
            Self::Intact => "mail arrives unchanged, at its recipients only",
            Self::LoggedIn => "nothing happens before a login with the right password",
            Self::OneCopy => "one copy of each mail",
            Self::Confirmed => "mail is deleted only after a confirmation",
            Self::Bounded => "memory and queues are bounded",
            Self::Answered => "every request is answered in time",
            Self::Idle => "the loop does not spin",
            Self::Alike => "unknown and known usernames are alike",
            Self::Contents => "large contents are kept as long as mails name them, and no longer",
            Self::Ordered => {
                "mails are numbered in the order in which they come, and none is missed"
            }
            Self::SessionsEnd => "no session outlives a new password",
            Self::Throttled => "passwords are guessed as often as the throttle allows",
            Self::Drained => "all mail arrives in the end",
            Self::Sound => "nothing panics",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) {}", self.letter(), self.text())
    }
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The failed check.
    pub check: Check,
    /// The observation that contradicts it.
    pub text: String,
}

impl Violation {
    pub(crate) fn new(check: Check, text: impl Into<String>) -> Self {
        Self { check, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.text)
    }
}

/// Fails a check unless `holds`.
pub(crate) fn require(
    holds: bool,
    check: Check,
    text: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(check, text())) }
}

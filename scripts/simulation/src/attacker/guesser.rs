//! The memory of an attacker that tries passwords.

use correio_proto::mail::Username;

use crate::rng::Rng;

/// A guesser's memory.
#[derive(Debug)]
pub(super) struct Guesser {
    /// The username under attack; no account has it.
    pub(super) unknown_username: Option<Username>,
    /// The guesser attacks an existing user instead.
    pub(super) attacks_user: bool,
    /// Attempts that the server has checked.
    pub(super) failures: u32,
    pub(super) first_at: u64,
    /// Times of the attempt under way and of the last checked attempt.
    pub(super) asked_at: u64,
    pub(super) last_judged_at: u64,
    /// An attempt is under way.
    pub(super) is_waiting: bool,
    /// An attempt had no result: the server may or may not have counted it.
    pub(super) is_unsure: bool,
    pub(super) server_starts: u32,
    pub(super) greeted: bool,
    pub(super) is_done: bool,
}

impl Guesser {
    pub(super) fn new(number: u32, rng: &mut Rng) -> Self {
        Self {
            unknown_username: format!("ghost{number}").parse().ok(),
            attacks_user: rng.one_in(2),
            failures: 0,
            first_at: 0,
            asked_at: 0,
            last_judged_at: 0,
            is_waiting: false,
            is_unsure: false,
            server_starts: 0,
            greeted: false,
            is_done: false,
        }
    }

    pub(super) fn connected(&mut self) {
        self.greeted = false;
        self.is_unsure |= std::mem::take(&mut self.is_waiting);
    }
}

//! Seals what servers tell each other by NOTIFY: any role that may connect to the database can
//! listen to it, and send texts of its own.
//!
//! A sealed text is a nonce, and the number, the server and the text encrypted with
//! ChaCha20-Poly1305 (RFC 8439), in base64. The key is in the database, where only the store's role
//! can read it. Numbers rise, and follow the clock, so that a text that was heard and is sent again
//! is recognised.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Length of the key, in bytes.
pub const KEY: usize = 32;

/// Longest text, in bytes: PostgreSQL takes less than 8000 bytes of a sealed one.
pub const TEXT_MAX: usize = 5_900;

/// Bytes of a server's id, and of a number.
const NODE: usize = 16;
const NUMBER: usize = 8;

/// Longest difference between a number and the time at which the text is read, in milliseconds. The
/// clocks of servers are within five seconds of the database's.
const APART_MAX: u64 = 60_000;

/// Servers whose last numbers are remembered; with more, all are forgotten.
const NODES_MAX: usize = 10_000;

/// Seals and opens texts of one server.
pub struct Sealer {
    node: [u8; NODE],
    key: LessSafeKey,
    /// The last number that this server has given.
    given: u64,
    /// The last number that was heard of each other server.
    heard: HashMap<[u8; NODE], u64>,
}

impl Sealer {
    /// The sealer of a server. `None` if the key has another length.
    #[must_use]
    pub fn new(node: [u8; NODE], key: &[u8]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
        Some(Self { node, key, given: 0, heard: HashMap::new() })
    }

    /// Seals a text at a time in milliseconds. `None` if the text is longer than [`TEXT_MAX`], or
    /// the machine has no random bytes.
    #[must_use]
    pub fn seal(&mut self, text: &str, now: u64) -> Option<String> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        self.given = now.max(self.given.saturating_add(1));
        let mut bytes = [&self.given.to_be_bytes()[..], &self.node, text.as_bytes()].concat();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, Aad::empty(), &mut bytes).ok()?;
        Some(STANDARD_NO_PAD.encode([&nonce[..], &bytes].concat()))
    }

    /// Opens what was heard at a time in milliseconds. `None` if no other server has sealed it with
    /// this key lately, or if it was heard before.
    #[must_use]
    pub fn open(&mut self, heard: &str, now: u64) -> Option<String> {
        let sealed = STANDARD_NO_PAD.decode(heard).ok()?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = rest.to_vec();
        let unique = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(unique, Aad::empty(), &mut bytes).ok()?;
        let (number, rest) = opened.split_first_chunk::<NUMBER>()?;
        let (node, text) = rest.split_first_chunk::<NODE>()?;
        let number = u64::from_be_bytes(*number);
        if *node == self.node || number.abs_diff(now) > APART_MAX {
            return None;
        }
        if self.heard.len() >= NODES_MAX {
            self.heard.clear();
        }
        let last = self.heard.entry(*node).or_default();
        if number <= *last {
            return None;
        }
        *last = number;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn pair() -> (Sealer, Sealer) {
        let of = |node| Sealer::new([node; NODE], &[7; KEY]).unwrap();
        (of(1), of(2))
    }

    #[test]
    fn another_server_opens_what_a_server_has_sealed_and_nobody_else_does() {
        let (mut one, mut other) = pair();
        let text = "x".repeat(TEXT_MAX);
        let sealed = one.seal(&text, NOW).unwrap();
        assert!(sealed.len() < 8000, "{}", sealed.len());
        assert!(!sealed.contains("xxxx"));
        let mut foreign = Sealer::new([3; NODE], &[8; KEY]).unwrap();
        assert_eq!(foreign.open(&sealed, NOW), None);
        assert_eq!(one.open(&sealed, NOW), None, "its own");
        assert_eq!(other.open(&sealed, NOW).as_deref(), Some(text.as_str()));
        assert_eq!(one.seal(&"x".repeat(TEXT_MAX + 1), NOW), None);
        assert!(Sealer::new([1; NODE], b"short").is_none());
    }

    #[test]
    fn a_text_that_was_heard_or_is_old_or_is_changed_is_not_opened() {
        let (mut one, mut other) = pair();
        let first = one.seal("first", NOW).unwrap();
        let second = one.seal("second", NOW).unwrap();
        assert_eq!(other.open(&first, NOW).as_deref(), Some("first"));
        assert_eq!(other.open(&first, NOW), None, "again");
        assert_eq!(other.open(&second, NOW + APART_MAX + 2), None, "late");
        assert_eq!(other.open(&second, NOW).as_deref(), Some("second"));
        let third = one.seal("third", NOW).unwrap();
        for place in 0..third.len() {
            let mut changed = third.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(other.open(&changed, NOW), None, "{place}");
        }
        for foreign in ["", "{}", "AAAA", "\u{1f680}"] {
            assert_eq!(other.open(foreign, NOW), None);
        }
        assert_eq!(other.open(&third, NOW).as_deref(), Some("third"));
    }
}

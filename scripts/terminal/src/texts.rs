//! Texts to type and to paste.

use fastrand::Rng;

/// Pastes that would do harm as keys: lines that end a mail, choices of every menu, the password.
const HOSTILE: [&str; 8] = [
    "intro\n.\n9\n1\nMister Evil\n",
    "ola\n.\n6\n",
    "9\n3\ny\njarvis-is-here\n",
    "9\n2\njarvis-is-here\nmister-evil\nmister-evil\n",
    ".\n.\n4\npepper\nx\ny\n.\n",
    "0\n0\n0\n",
    "8\n1\n1\n8\n1\n3\n",
    "5\n1\n0\n6\n3\ntony\n",
];

/// Texts typed in one burst, each a word with a digit in it: no choice.
const MIXED: [&str; 4] = ["hello 6 world", "a4b", "no 9 nao", "x0"];

pub(crate) fn hostile(rng: &mut Rng) -> &'static str {
    pick(rng, &HOSTILE).copied().unwrap_or_default()
}

pub(crate) fn mixed(rng: &mut Rng) -> &'static str {
    pick(rng, &MIXED).copied().unwrap_or_default()
}

/// Random letters, some of several bytes, without y and s, which answer questions.
pub(crate) fn letters(rng: &mut Rng) -> String {
    let all: Vec<char> = "abcdefghijklmnortuvwxzãçéñ€😀".chars().collect();
    let length = rng.usize(1..=8);
    (0..length).filter_map(|_| pick(rng, &all).copied()).collect()
}

/// A random item.
pub(crate) fn pick<'a, T>(rng: &mut Rng, all: &'a [T]) -> Option<&'a T> {
    (!all.is_empty()).then(|| rng.usize(..all.len())).and_then(|at| all.get(at))
}

/// Puts a text between the marks of a bracketed paste.
pub(crate) fn bracketed(text: &str) -> Vec<u8> {
    format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")).into_bytes()
}

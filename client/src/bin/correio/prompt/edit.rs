//! A line of text while it is typed: the characters and the cursor, without the terminal.

use console::Key;
use zeroize::Zeroize;

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// The line may look different.
    Changed,
    /// The line is finished.
    Done,
    /// The person wants back.
    Back,
    /// The end of the input: Ctrl-D where nothing was typed.
    End,
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line {
    characters: Vec<char>,
    cursor: usize,
    /// Whether it is as it was offered: the first character that is typed replaces it.
    offered: bool,
    /// Whether it must not be seen.
    secret: bool,
}

/// Characters of a secret line that are typed without its moving in memory.
const SECRET_ROOM: usize = 1024;

impl Line {
    pub(super) fn new(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let cursor = characters.len();
        Self { characters, cursor, offered: cursor > 0, secret: false }
    }

    /// An empty line that is not shown and is wiped from memory when dropped.
    pub(super) fn secret() -> Self {
        Self { characters: Vec::with_capacity(SECRET_ROOM), secret: true, ..Self::default() }
    }

    /// Whether nothing of it was typed yet.
    pub(super) fn is_offered(&self) -> bool {
        self.offered
    }

    pub(super) fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// What is seen before and behind the cursor.
    pub(super) fn halves(&self) -> (String, String) {
        if self.secret {
            return (String::new(), String::new());
        }
        let (before, behind) = self.characters.split_at(self.cursor);
        (before.iter().collect(), behind.iter().collect())
    }

    pub(super) fn take(&mut self, key: &Key) -> Edited {
        let offered = std::mem::take(&mut self.offered);
        match key {
            Key::Enter => return Edited::Done,
            Key::Escape => return Edited::Back,
            Key::Char('\u{4}') if offered || self.characters.is_empty() => return Edited::End,
            Key::Char('\u{1}') | Key::Home => self.cursor = 0,
            Key::Char('\u{5}') | Key::End => self.cursor = self.characters.len(),
            Key::Char('\u{15}') => {
                self.characters.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Char('\u{17}') => self.delete_word(),
            Key::Char(c) if !c.is_control() => self.insert(*c, offered),
            Key::Tab => self.insert('\t', offered),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.characters.remove(self.cursor);
            }
            Key::Del if self.cursor < self.characters.len() => {
                self.characters.remove(self.cursor);
            }
            Key::ArrowLeft => self.cursor = self.cursor.saturating_sub(1),
            Key::ArrowRight => self.cursor = (self.cursor + 1).min(self.characters.len()),
            _ => {}
        }
        Edited::Changed
    }

    fn insert(&mut self, c: char, replaces: bool) {
        if replaces {
            self.characters.clear();
            self.cursor = 0;
        }
        self.characters.insert(self.cursor, c);
        self.cursor += 1;
    }

    fn delete_word(&mut self) {
        let before = self.characters.iter().take(self.cursor);
        let end = self.cursor;
        let spaces = before.clone().rev().take_while(|c| c.is_whitespace()).count();
        let word = before.rev().skip(spaces).take_while(|c| !c.is_whitespace()).count();
        self.cursor -= spaces + word;
        self.characters.drain(self.cursor..end);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.secret {
            self.characters.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(initial: &str, keys: &[Key]) -> (Edited, String) {
        let mut line = Line::new(initial);
        let mut last = Edited::Changed;
        for key in keys {
            last = line.take(key);
        }
        (last, line.text())
    }

    #[test]
    fn keys_change_the_line() {
        let c = Key::Char;
        assert_eq!(typed("", &[c('o'), c('i'), Key::Enter]), (Edited::Done, "oi".to_owned()));
        assert_eq!(typed("mãe", &[Key::ArrowLeft, Key::Backspace]).1, "me");
        assert_eq!(typed("abc", &[Key::Home, Key::Del, Key::End, c('d')]).1, "bcd");
        assert_eq!(typed("abc", &[c('d'), c('e')]).1, "de");
        assert_eq!(typed("abc", &[Key::End, c('d')]).1, "abcd");
        assert_eq!(typed("abc", &[Key::Enter]).1, "abc");
        assert_eq!(typed("um dois ", &[c('\u{17}')]).1, "um ");
        assert_eq!(typed("abc", &[c('\u{15}'), Key::Backspace, Key::Del]).1, "");
        assert_eq!(typed("a", &[Key::Escape]).0, Edited::Back);
        let mut secret = Line::secret();
        secret.take(&c('a'));
        assert_eq!(secret.halves(), (String::new(), String::new()));
        assert_eq!(secret.text(), "a");
        assert_eq!(typed("", &[c('\u{4}')]).0, Edited::End);
        assert_eq!(typed("offered", &[c('\u{4}')]).0, Edited::End);
        assert_eq!(typed("", &[c('a'), c('\u{4}'), c('\u{7}')]), (Edited::Changed, "a".to_owned()));
    }
}

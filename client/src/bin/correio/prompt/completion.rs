//! Completion of an answer: Tab looks for candidates of the part at the cursor, which are shown
//! below the question. The beginning that all candidates for a path share is inserted first, as
//! shells do. A candidate is taken with Enter after it was chosen with Tab or the arrows; otherwise
//! Enter ends the answer as it was typed.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use correio_client::keys::{Code, Key, Modifiers};

use super::{
    buffer::Buffer,
    keys::{ENTER, ESCAPE},
    messages::CompletionMessages,
};

/// Interval at which candidates are asked for while more may come.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Most candidates that are shown at once; fewer on a low screen.
const SHOWN_MAX: usize = 8;

/// A text that may complete a part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The text that takes the place of the part.
    pub(crate) insert: String,
    /// The line that shows the candidate, sanitized.
    pub(crate) label: String,
}

/// The candidates that are known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// Candidates keep their places: later ones come after them.
    pub(crate) list: Vec<Candidate>,
    pub(crate) search: Search,
}

impl Candidates {
    /// The longest text that all candidates begin with. `None` if not all of them are known, or
    /// there are none.
    fn common_start(&self) -> Option<&str> {
        let (first, rest) = self.list.split_first()?;
        let mut start = first.insert.as_str();
        for candidate in rest {
            let mut pairs = start.char_indices().zip(candidate.insert.chars());
            let end = pairs.find(|((_, a), b)| a != b).map(|((at, _), _)| at);
            let end = end.unwrap_or(start.len().min(candidate.insert.len()));
            start = start.get(..end).unwrap_or_default();
        }
        (self.search == Search::Complete).then_some(start)
    }
}

/// How far a search for candidates is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// More candidates may come.
    Running,
    /// These are all.
    Complete,
    /// There are more than can be shown.
    Partial,
}

/// What an answer is completed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompletionKind {
    /// People, of whom several may stand between commas.
    People,
    /// The path of one file.
    Path,
}

/// Looks for candidates, without waiting.
pub(crate) trait Completer {
    /// What the candidates are.
    fn kind(&self) -> CompletionKind {
        CompletionKind::People
    }

    /// Begins to look for candidates of a part, which may be empty. A search before it ends.
    fn begin(&mut self, part: &str) -> Candidates;

    /// The candidates of the search that was begun last.
    fn poll(&mut self) -> Candidates;

    /// Ends the search.
    fn end(&mut self);
}

/// Effect of a key on a completion.
pub(super) enum CompletionAction {
    /// The key was for the completion; the answer is unchanged.
    Taken,
    /// The key has put a candidate into the answer.
    Inserted,
    /// The key is for the answer.
    NotTaken,
}

/// The completion of a question.
pub(super) struct Completion<'a> {
    completer: &'a mut dyn Completer,
    open: Option<OpenList>,
}

/// Candidates that are shown.
struct OpenList {
    /// The part of the answer that a candidate replaces.
    part: Range<usize>,
    candidates: Candidates,
    chosen: Option<usize>,
    polled_at: Instant,
}

impl<'a> Completion<'a> {
    pub(super) fn new(completer: &'a mut dyn Completer) -> Self {
        Self { completer, open: None }
    }

    /// Takes a key. Other input closes the list with [`Self::close`].
    pub(super) fn take(&mut self, key: Key, buffer: &mut Buffer) -> CompletionAction {
        let is_plain = key.modifiers == Modifiers::NONE;
        let Some(open) = &mut self.open else {
            if key == Key::plain(Code::Tab) {
                return self.begin(buffer);
            }
            return CompletionAction::NotTaken;
        };
        match key.code {
            Code::Tab | Code::Down if is_plain => open.choose(1),
            Code::Up if is_plain => open.choose(-1),
            Code::BackTab => open.choose(-1),
            _ if key == ESCAPE => self.close(),
            _ if key == ENTER => {
                let inserted = self.insert(buffer);
                self.close();
                return inserted;
            }
            _ => {
                self.close();
                return CompletionAction::NotTaken;
            }
        }
        CompletionAction::Taken
    }

    fn begin(&mut self, buffer: &mut Buffer) -> CompletionAction {
        let kind = self.completer.kind();
        let part = match kind {
            CompletionKind::People => buffer.part(),
            CompletionKind::Path => buffer.before_cursor(),
        };
        let typed = buffer.text().get(part.clone()).unwrap_or_default();
        let candidates = self.completer.begin(typed);
        let chosen = match kind {
            CompletionKind::People => (!candidates.list.is_empty()).then_some(0),
            CompletionKind::Path => {
                if let Some(start) = candidates.common_start().filter(|start| *start != typed) {
                    buffer.replace(part, start);
                    self.completer.end();
                    return CompletionAction::Inserted;
                }
                if candidates.list.len() == 1 {
                    self.completer.end();
                    return CompletionAction::Taken;
                }
                None
            }
        };
        self.open = Some(OpenList { part, candidates, chosen, polled_at: Instant::now() });
        CompletionAction::Taken
    }

    /// The message that there are no candidates.
    pub(super) fn nothing<'m>(&self, messages: &'m CompletionMessages) -> &'m str {
        match self.completer.kind() {
            CompletionKind::People => &messages.none,
            CompletionKind::Path => &messages.no_file,
        }
    }

    /// Puts the chosen candidate into the answer, if one is chosen.
    fn insert(&self, buffer: &mut Buffer) -> CompletionAction {
        let Some((open, candidate)) = self
            .open
            .as_ref()
            .and_then(|open| Some((open, open.candidates.list.get(open.chosen?)?)))
        else {
            return CompletionAction::NotTaken;
        };
        buffer.replace(open.part.clone(), &candidate.insert);
        CompletionAction::Inserted
    }

    /// Closes the list and ends the search.
    pub(super) fn close(&mut self) {
        if self.open.take().is_some() {
            self.completer.end();
        }
    }

    /// Takes candidates that have come meanwhile. Returns false if the list was closed because
    /// there are none.
    pub(super) fn update(&mut self) -> bool {
        let Some(open) = &mut self.open else { return true };
        if open.candidates.search == Search::Running {
            open.candidates = self.completer.poll();
            open.polled_at = Instant::now();
        }
        let is_empty = open.candidates.list.is_empty() && open.candidates.search != Search::Running;
        if is_empty {
            self.close();
        }
        !is_empty
    }

    /// When [`Self::update`] may find something new; `None` if it cannot.
    pub(super) fn update_at(&self) -> Option<Instant> {
        let open = self.open.as_ref()?;
        (open.candidates.search == Search::Running).then(|| open.polled_at + POLL_EVERY)
    }

    /// The lines below the question: as many candidates around the chosen one as fit, and what the
    /// keys do. `item` draws a candidate, which may be the chosen one.
    pub(super) fn lines(
        &self,
        height: usize,
        messages: &CompletionMessages,
        item: impl Fn(&str, bool) -> String,
    ) -> Vec<String> {
        let Some(open) = &self.open else { return Vec::new() };
        let room = SHOWN_MAX.min((height / 2).max(1));
        let first = (open.chosen.unwrap_or_default() + 1).saturating_sub(room);
        let numbered = open.candidates.list.iter().enumerate().skip(first).take(room);
        let mut lines: Vec<String> = numbered
            .map(|(index, candidate)| item(&candidate.label, Some(index) == open.chosen))
            .collect();
        let count = open.candidates.list.len();
        let said = match open.candidates.search {
            Search::Running => &messages.searching,
            Search::Partial => match self.completer.kind() {
                CompletionKind::People => &messages.more,
                CompletionKind::Path => &messages.more_files,
            },
            Search::Complete => &messages.keys,
        };
        let place =
            (count > room).then(|| format!(" ({}/{count})", open.chosen.map_or(0, |at| at + 1)));
        lines.push(format!("{said}{}", place.unwrap_or_default()));
        lines
    }
}

impl OpenList {
    fn choose(&mut self, step: isize) {
        let count = self.candidates.list.len();
        self.chosen = match (self.chosen, count) {
            (_, 0) => None,
            (None, _) if step > 0 => Some(0),
            (None, _) => Some(count - 1),
            (Some(at), _) if step > 0 => Some((at + 1) % count),
            (Some(at), _) => Some((at + count - 1) % count),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Candidates that come at once, and candidates that come after a number of polls.
    struct Scripted {
        now: Vec<&'static str>,
        later: Vec<&'static str>,
        polls: usize,
        begun: Vec<String>,
        ended: usize,
    }

    impl Scripted {
        fn new(now: &[&'static str], later: &[&'static str], polls: usize) -> Self {
            let (now, later) = (now.to_vec(), later.to_vec());
            Self { now, later, polls, begun: Vec::new(), ended: 0 }
        }

        fn candidates(&self) -> Candidates {
            let (later, search) = match self.polls {
                0 => (&self.later[..], Search::Complete),
                _ => (&[][..], Search::Running),
            };
            let candidate =
                |text: &&str| Candidate { insert: (*text).to_owned(), label: format!("{text}!") };
            Candidates { list: self.now.iter().chain(later).map(candidate).collect(), search }
        }
    }

    impl Completer for Scripted {
        fn begin(&mut self, part: &str) -> Candidates {
            self.begun.push(part.to_owned());
            self.candidates()
        }

        fn poll(&mut self) -> Candidates {
            self.polls = self.polls.saturating_sub(1);
            self.candidates()
        }

        fn end(&mut self) {
            self.ended += 1;
        }
    }

    const TAB: Key = Key::plain(Code::Tab);
    const DOWN: Key = Key::plain(Code::Down);

    /// The text after these keys, and whether the last one was for the answer.
    fn typed(completer: &mut Scripted, text: &str, keys: &[Key]) -> (String, bool) {
        let mut buffer = Buffer::begun(text);
        let mut completion = Completion::new(completer);
        let mut is_for_answer = false;
        for key in keys {
            completion.update();
            is_for_answer =
                matches!(completion.take(*key, &mut buffer), CompletionAction::NotTaken);
        }
        (buffer.text().to_owned(), is_for_answer)
    }

    #[test]
    fn the_part_at_the_cursor_is_completed() {
        let mut people = Scripted::new(&["steve", "stella"], &[], 0);
        let done = typed(&mut people, "tony,  ste", &[TAB, ENTER]);
        assert_eq!(done, ("tony,  steve".to_owned(), false));
        let done = typed(&mut people, "ste", &[TAB, TAB, ENTER]);
        assert_eq!(done, ("stella".to_owned(), false));
        let done = typed(&mut people, "ste", &[TAB, DOWN, DOWN, ENTER]);
        assert_eq!(done, ("steve".to_owned(), false));
        assert_eq!(people.begun, ["ste", "ste", "ste"]);
        assert_eq!(people.ended, 3);
    }

    #[test]
    fn enter_takes_no_candidate_that_was_not_chosen() {
        // Without a list, and where only the directory may know somebody.
        for keys in [&[ENTER][..], &[TAB, ENTER]] {
            let mut people = Scripted::new(&[], &["steve"], 1_000);
            assert_eq!(typed(&mut people, "ste", keys), ("ste".to_owned(), true));
        }
        // A candidate that comes later is not chosen by itself.
        let mut people = Scripted::new(&[], &["steve"], 1);
        assert_eq!(typed(&mut people, "ste", &[TAB, ENTER]), ("ste".to_owned(), true));
        let mut people = Scripted::new(&[], &["steve"], 1);
        assert_eq!(typed(&mut people, "ste", &[TAB, TAB, ENTER]), ("steve".to_owned(), false));
        // Esc closes the list only, and the next Enter is the answer's.
        let mut people = Scripted::new(&["steve"], &[], 0);
        assert_eq!(typed(&mut people, "ste", &[TAB, ESCAPE]), ("ste".to_owned(), false));
        assert_eq!(typed(&mut people, "ste", &[TAB, ESCAPE, ENTER]), ("ste".to_owned(), true));
        assert_eq!(people.ended, 2);
    }

    #[test]
    fn a_chosen_candidate_keeps_its_place_when_others_come() {
        let mut people = Scripted::new(&["steve", "stella"], &["stark"], 1);
        let done = typed(&mut people, "st", &[TAB, TAB, DOWN, ENTER]);
        assert_eq!(done, ("stark".to_owned(), false));
        let mut people = Scripted::new(&["steve", "stella"], &["stark"], 3);
        let keys = [TAB, DOWN, Key::plain(Code::Up), DOWN, ENTER];
        assert_eq!(typed(&mut people, "st", &keys), ("stella".to_owned(), false));
    }

    /// Names of files. Each begins with the typed text.
    struct Names(&'static [&'static str]);

    impl Completer for Names {
        fn kind(&self) -> CompletionKind {
            CompletionKind::Path
        }

        fn begin(&mut self, part: &str) -> Candidates {
            let known = self.0.iter().filter(|name| name.starts_with(part));
            let candidate =
                |name: &&str| Candidate { insert: (*name).to_owned(), label: (*name).to_owned() };
            Candidates { list: known.map(candidate).collect(), search: Search::Complete }
        }

        fn poll(&mut self) -> Candidates {
            self.begin("")
        }

        fn end(&mut self) {}
    }

    #[test]
    fn a_path_gets_the_beginning_that_all_names_share_before_they_are_listed() {
        let mut names = Names(&["foto, 1.png", "foto, 2.png", "férias/", "único.txt"]);
        let mut completion = Completion::new(&mut names);
        for (typed, keys, text, is_open) in [
            ("f", &[TAB][..], "f", true),
            ("fo", &[TAB], "foto, ", false),
            ("  fo", &[TAB, TAB], "  foto, ", true),
            ("fo", &[TAB, TAB, ENTER], "foto, ", false),
            ("fo", &[TAB, TAB, TAB, TAB, ENTER], "foto, 2.png", false),
            ("fé", &[TAB], "férias/", false),
            ("único.txt", &[TAB], "único.txt", false),
            ("nada", &[TAB], "nada", false),
        ] {
            let mut buffer = Buffer::begun(typed);
            for key in keys {
                completion.take(*key, &mut buffer);
                completion.update();
            }
            assert_eq!((buffer.text(), completion.open.is_some()), (text, is_open), "{typed}");
            completion.close();
        }
    }

    #[test]
    fn a_search_that_finds_nobody_closes_the_list() {
        let mut people = Scripted::new(&[], &[], 0);
        let mut completion = Completion::new(&mut people);
        let mut buffer = Buffer::begun("xyz");
        completion.take(TAB, &mut buffer);
        assert!(!completion.update());
        assert!(completion.update());
        assert_eq!(completion.update_at(), None);
        assert_eq!(buffer.text(), "xyz");
    }
}

//! Paths that are typed at a question, and their completion.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use correio_client::{WhiteSpace, sanitize};

use crate::prompt::{Candidate, Candidates, Completer, CompletionKind, Search};

/// Most names that are shown. Of a directory with more, a longer beginning must be typed.
const NAMES_MAX: usize = 1000;

/// A typed path, in which `~` is the home directory.
pub(crate) fn expanded(typed: &str) -> PathBuf {
    let path = match typed.strip_prefix("~/") {
        Some(rest) => env::var_os("HOME").map(|home| Path::new(&home).join(rest)),
        None if typed == "~" => env::var_os("HOME").map(PathBuf::from),
        None => None,
    };
    path.unwrap_or_else(|| PathBuf::from(typed))
}

/// Completes names of files and directories, from one directory at a time.
#[derive(Debug, Default)]
pub(crate) struct PathCompleter {
    found: Vec<Candidate>,
    /// Whether there are more than [`NAMES_MAX`].
    is_cut: bool,
}

impl PathCompleter {
    /// Finds the names that a path may end with.
    fn find(&mut self, typed: &str) -> io::Result<()> {
        let at = typed.rfind('/').map_or(0, |at| at + 1);
        let (directory, start) = typed.split_at_checked(at).unwrap_or((typed, ""));
        let path = match directory {
            "" => PathBuf::from("."),
            directory => expanded(directory),
        };
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no text, or has a line end, cannot be typed.
            let Some(name) = name.to_str().filter(|name| !name.contains(['\n', '\r'])) else {
                continue;
            };
            let is_hidden = name.starts_with('.') && !start.starts_with('.');
            if is_hidden || !name.starts_with(start) {
                continue;
            }
            if self.found.len() == NAMES_MAX {
                self.is_cut = true;
                break;
            }
            // A link to a directory is one, too.
            let end = if entry.path().is_dir() { "/" } else { "" };
            self.found.push(Candidate {
                insert: format!("{directory}{name}{end}"),
                label: format!("{}{end}", sanitize(name, WhiteSpace::OneLine)),
            });
        }
        Ok(())
    }
}

impl Completer for PathCompleter {
    fn kind(&self) -> CompletionKind {
        CompletionKind::Path
    }

    fn begin(&mut self, part: &str) -> Candidates {
        self.end();
        match part {
            "~" | "." | ".." => {
                let insert = format!("{part}/");
                self.found.push(Candidate { label: insert.clone(), insert });
            }
            // A directory that cannot be read has no names to offer.
            _ => _ = self.find(part),
        }
        self.found.sort_by(|a, b| a.insert.cmp(&b.insert));
        self.poll()
    }

    fn poll(&mut self) -> Candidates {
        let search = if self.is_cut { Search::Partial } else { Search::Complete };
        Candidates { list: self.found.clone(), search }
    }

    fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// The names after the directory, and their labels.
    fn found(directory: &TempDir, start: &str) -> Vec<(String, String)> {
        let base = format!("{}/", directory.path().display());
        let candidates = PathCompleter::default().begin(&format!("{base}{start}"));
        assert_eq!(candidates.search, Search::Complete);
        let name = |candidate: &Candidate| candidate.insert.strip_prefix(&base).unwrap().to_owned();
        candidates.list.iter().map(|one| (name(one), one.label.clone())).collect()
    }

    #[test]
    fn names_of_a_directory_are_completed_in_order_and_shown_harmless() {
        let directory = TempDir::new().unwrap();
        for name in ["b.txt", "a.txt", ".hidden", "new\nline", "\u{1b}[31mred", "ção.txt"] {
            fs::write(directory.path().join(name), "x").unwrap();
        }
        fs::create_dir(directory.path().join("album")).unwrap();
        let pair = |name: &str| (name.to_owned(), name.to_owned());
        assert_eq!(found(&directory, "a"), [pair("a.txt"), pair("album/")]);
        assert_eq!(found(&directory, "ç"), [pair("ção.txt")]);
        assert_eq!(found(&directory, "."), [pair(".hidden")]);
        let home = PathCompleter::default().begin("~");
        assert_eq!(home.list.first().map(|one| &*one.insert), Some("~/"));
        assert_eq!(found(&directory, "x"), []);
        assert_eq!(found(&directory, "no/such"), []);
        let all = found(&directory, "");
        assert_eq!(all.len(), 5, "{all:?}");
        let red = all.iter().find(|(name, _)| name.ends_with("red")).unwrap();
        assert!(red.0.contains('\u{1b}') && !red.1.contains('\u{1b}'), "{red:?}");
    }

    #[test]
    fn of_too_many_names_some_are_shown() {
        let directory = TempDir::new().unwrap();
        (0..=NAMES_MAX).for_each(|number| {
            fs::write(directory.path().join(format!("{number}")), "").unwrap();
        });
        let typed = format!("{}/", directory.path().display());
        let candidates = PathCompleter::default().begin(&typed);
        assert_eq!((candidates.list.len(), candidates.search), (NAMES_MAX, Search::Partial));
    }
}

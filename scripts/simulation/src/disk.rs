//! A client's disk: the files that programs see, and the files that would survive a power failure.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use correio_client::Disk;

use crate::rng::Rng;

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk(Rc<RefCell<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Files by name, as programs see them.
    seen: Names,
    /// Files by name, as they are on the disk.
    synced: Names,
    /// Changes of names that are not on the disk yet, in order.
    unsynced: Vec<Change>,
    /// Operations left until the program is killed in the middle of one.
    dies_in: Option<u32>,
    full: bool,
}

/// A file's content is shared by its names.
type Names = BTreeMap<PathBuf, Rc<[u8]>>;

#[derive(Clone, Debug)]
enum Change {
    Made(PathBuf, Rc<[u8]>),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
}

impl Change {
    fn is_in(&self, directory: &Path) -> bool {
        let is_in = |path: &Path| path.parent() == Some(directory);
        match self {
            Self::Made(path, _) | Self::Removed(path) => is_in(path),
            Self::Renamed(from, to) => is_in(from) || is_in(to),
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Made(path, content) => {
                names.insert(path.clone(), content.clone());
            }
            Self::Renamed(from, to) => {
                if let Some(content) = names.remove(from) {
                    names.insert(to.clone(), content);
                }
            }
            Self::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

impl SimDisk {
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(Inner {
            seen: Names::new(),
            synced: Names::new(),
            unsynced: Vec::new(),
            dies_in: None,
            full: false,
        })))
    }

    /// Kills the program in the middle of its `operations`-th operation from now.
    pub(crate) fn die_in(&self, operations: u32) {
        self.0.borrow_mut().dies_in = Some(operations);
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }

    /// Whether the program was killed in an operation.
    pub(crate) fn has_died(&self) -> bool {
        self.0.borrow().dies_in == Some(0)
    }

    /// The program starts again and finds what it wrote.
    pub(crate) fn restart(&self) {
        self.0.borrow_mut().dies_in = None;
    }

    /// The power fails: a prefix of the unsynced changes survives.
    pub(crate) fn crash(&self, rng: &mut Rng) {
        let inner = &mut *self.0.borrow_mut();
        let kept = rng.below(inner.unsynced.len() + 1);
        for change in inner.unsynced.drain(..).take(kept) {
            change.apply(&mut inner.synced);
        }
        inner.seen = inner.synced.clone();
        inner.dies_in = None;
    }

    /// Calls `look` for each file that would survive a power failure that loses all unsynced
    /// changes.
    pub(crate) fn look_at_synced(&self, mut look: impl FnMut(&Path, &Rc<[u8]>)) {
        self.0.borrow().synced.iter().for_each(|(path, content)| look(path, content));
    }

    /// The files as programs see them.
    pub(crate) fn seen(&self) -> Vec<(PathBuf, Rc<[u8]>)> {
        self.0.borrow().seen.iter().map(|(path, file)| (path.clone(), file.clone())).collect()
    }
}

impl Inner {
    /// Counts an operation, which fails if the program is killed in it.
    fn begin(&mut self) -> io::Result<()> {
        match &mut self.dies_in {
            None => Ok(()),
            Some(0) => Err(io::Error::other("simulated: the program has died")),
            Some(left) => {
                *left -= 1;
                match left {
                    0 => Err(io::Error::other("simulated: the program dies")),
                    _ => Ok(()),
                }
            }
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

impl Disk for SimDisk {
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        let names = inner.seen.keys().filter(|path| path.parent() == Some(directory));
        Ok(names.filter_map(|path| path.file_name()).map(OsString::from).collect())
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        if inner.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.change(Change::Made(path.to_owned(), content.into()));
        Ok(())
    }

    fn create(&mut self, path: &Path) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        inner.seen.insert(path.to_owned(), [].into());
        Ok(())
    }

    /// Appends to a file. The appended bytes are on the disk only after a sync of the file.
    fn append(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        if inner.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let Some(file) = inner.seen.get_mut(path) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        *file = [&**file, content].concat().into();
        Ok(())
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        let Some(content) = inner.seen.get(path).cloned() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        inner.change(Change::Made(path.to_owned(), content));
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        if !inner.seen.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.change(Change::Renamed(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        inner.change(Change::Removed(path.to_owned()));
        Ok(())
    }

    fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        inner.begin()?;
        let (synced, unsynced): (Vec<Change>, Vec<Change>) =
            std::mem::take(&mut inner.unsynced).into_iter().partition(|c| c.is_in(directory));
        // A rename needs the file under its old name, which another directory's change created: the
        // content was synced when it was written.
        for change in &synced {
            if let Change::Renamed(from, _) = change
                && let Some(content) = unsynced.iter().rev().find_map(|made| match made {
                    Change::Made(path, content) if path == from => Some(content.clone()),
                    _ => None,
                })
            {
                inner.synced.insert(from.clone(), content);
            }
            change.apply(&mut inner.synced);
        }
        inner.unsynced = unsynced;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        Path::new("mail").join(name)
    }

    /// A disk with a mail saved as the client saves it, up to the sync of its directory.
    fn saved() -> SimDisk {
        let mut disk = SimDisk::new();
        disk.write(&path("tmp/a"), b"a").unwrap();
        disk.rename(&path("tmp/a"), &path("new/a")).unwrap();
        disk
    }

    fn names(disk: &SimDisk) -> Vec<PathBuf> {
        disk.seen().into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn what_was_synced_survives_every_crash() {
        for seed in 0..50 {
            let mut disk = saved();
            disk.sync_directory(&path("new")).unwrap();
            disk.crash(&mut Rng::new(seed));
            assert!(names(&disk).contains(&path("new/a")), "{seed}");
        }
    }

    #[test]
    fn what_was_not_synced_is_there_after_some_crashes_only() {
        let survivors = (0..50).filter(|seed| {
            let disk = saved();
            disk.crash(&mut Rng::new(*seed));
            names(&disk).contains(&path("new/a"))
        });
        let survivors = survivors.count();
        assert!(0 < survivors && survivors < 50, "{survivors}");
    }

    #[test]
    fn a_program_that_is_killed_loses_nothing_but_the_operation_it_is_killed_in() {
        let mut disk = saved();
        disk.die_in(1);
        assert!(disk.write(&path("tmp/b"), b"b").is_err());
        assert!(disk.has_died());
        assert!(disk.sync_directory(&path("new")).is_err(), "the dead do nothing");
        disk.restart();
        assert_eq!(names(&disk), [path("new/a")]);
    }
}

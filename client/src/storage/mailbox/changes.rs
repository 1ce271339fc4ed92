//! Notices which mails come into a folder and leave it, without a scan of its directories.
//!
//! Linux tells of each name that is made, renamed or deleted in a directory. A file that is renamed
//! within the folder, as flags are changed, is the same mail: it has left as often as it has come.

#[cfg(target_os = "linux")]
pub(super) use linux::Changes;
#[cfg(not(target_os = "linux"))]
pub(super) use unwatched::Changes;

/// Whether mails have come or gone since the last question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// Mails have come or gone, or some may have.
    Possible,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{collections::HashMap, mem::MaybeUninit, os::fd::OwnedFd, path::Path};

    use correio_proto::rfc5322::FileName;
    use rustix::{
        fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
        io::Errno,
    };

    use crate::storage::mailbox::{changes::Change, scan::Subdirectory};

    /// Bytes of events that are read at once: one event takes less than 300.
    const BUFFER: usize = 16 * 1024;

    /// Events after which names come into a directory.
    const COME: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);

    /// Events after which names are gone from a directory.
    const GONE: ReadFlags = ReadFlags::DELETE.union(ReadFlags::MOVED_FROM);

    /// Watches the directories of a folder.
    #[derive(Debug)]
    pub(crate) struct Changes {
        inotify: OwnedFd,
    }

    impl Changes {
        /// Begins to watch. `None` if the system allows no watch.
        pub(crate) fn watch(mailbox: &Path) -> Option<Self> {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            let events = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF;
            for subdirectory in [Subdirectory::New, Subdirectory::Cur] {
                let directory = mailbox.join(subdirectory.directory());
                inotify::add_watch(&inotify, &directory, events).ok()?;
            }
            Some(Self { inotify })
        }

        /// Whether mails have come or gone since the last call.
        pub(crate) fn take(&self) -> Change {
            let mut buffer = [MaybeUninit::uninit(); BUFFER];
            let mut reader = Reader::new(&self.inotify, &mut buffer);
            let mut balances: HashMap<FileName, i64> = HashMap::new();
            loop {
                let event = match reader.next() {
                    Ok(event) => event,
                    Err(Errno::AGAIN) => break,
                    Err(Errno::INTR) => continue,
                    Err(_) => return Change::Possible,
                };
                let step = match event.events() {
                    events if events.intersects(COME) => 1,
                    events if events.intersects(GONE) => -1,
                    // Events were lost, or a directory was replaced.
                    _ => return Change::Possible,
                };
                let name = event.file_name().and_then(|name| name.to_str().ok());
                if let Some(name) = name.and_then(FileName::parse) {
                    *balances.entry(name).or_default() += step;
                }
            }
            match balances.values().all(|balance| *balance == 0) {
                true => Change::Nothing,
                false => Change::Possible,
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod unwatched {
    use std::path::Path;

    use crate::storage::mailbox::changes::Change;

    /// This system has no watch that is used here.
    #[derive(Debug)]
    pub(crate) enum Changes {}

    impl Changes {
        pub(crate) fn watch(_: &Path) -> Option<Self> {
            None
        }

        pub(crate) fn take(&self) -> Change {
            match *self {}
        }
    }
}

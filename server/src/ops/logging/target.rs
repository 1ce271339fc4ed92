//! The targets of the log's lines: standard error, or a file.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{error::LoggingError, style::Style};
use crate::event::Event;

/// The target of a sink's lines.
pub(super) enum Target {
    Stderr,
    File {
        file: fs::File,
        path: PathBuf,
    },
    #[cfg(test)]
    Test(Box<dyn Write + Send>),
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, LoggingError> {
        match append(path) {
            Ok(file) => Ok(Self::File { file, path: path.to_owned() }),
            Err(source) => Err(LoggingError::File { path: path.to_owned(), source }),
        }
    }

    /// Whether the file was deleted, so that further lines in it would be lost.
    pub(super) fn is_deleted(&self) -> bool {
        match self {
            Self::File { file, .. } => file.metadata().is_ok_and(|metadata| metadata.nlink() == 0),
            _ => false,
        }
    }

    /// Reopens the file by its name. Returns the line that reports the result.
    pub(super) fn reopen(&mut self, style: Style) -> Option<String> {
        let Self::File { file, path } = self else {
            return None;
        };
        Some(match append(path) {
            Ok(opened) => {
                *file = opened;
                line(style, Event::LogReopened)
            }
            Err(error) => line(style, Event::LogReopenFailed { text: &error.to_string() }),
        })
    }

    /// Writes a line. If `is_cut`, the previous write stopped in mid-line (disk full): ends that
    /// line first.
    pub(super) fn write(&mut self, text: &str, is_cut: &mut bool) -> io::Result<()> {
        let out: &mut dyn Write = match self {
            Self::Stderr => &mut io::stderr(),
            Self::File { file, .. } => file,
            #[cfg(test)]
            Self::Test(target) => target,
        };
        if *is_cut {
            out.write_all(b"\n")?;
            *is_cut = false;
        }
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            *is_cut = !rest.is_empty();
        }
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<fs::File> {
    // Not readable by others: the log tells which accounts exchange mail.
    fs::OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

/// The line of an event that the log itself reports.
pub(super) fn line(style: Style, event: Event<'_>) -> String {
    event.with_record(|record| style.line(record)) + "\n"
}

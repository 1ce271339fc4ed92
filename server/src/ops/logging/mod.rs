//! The log: lines go through fern into queues that never block the event loop.
//!
//! Standard error and the log file have a queue and a thread each, so that neither waits for the
//! other and the event loop waits for neither. A full queue drops the line and counts it; the count
//! is reported as soon as there is room again.

use std::{
    collections::VecDeque,
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use log::{LevelFilter, Log, Record};

use self::limiter::{LimitedLog, Limiter};
pub use self::style::Style;
use crate::{
    event::{Event, is_obeyed},
    mutex::lock,
};

mod limiter;
mod rate_limit;
mod style;

/// Lines that may wait for one sink.
const LINES_MAX: usize = 8192;

/// Bytes of lines that may wait for one sink.
const BYTES_MAX: usize = 4 << 20;

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The log file cannot be written.
    #[error("cannot write the log file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start the log's thread: {0}")]
    Thread(io::Error),
    /// There is a log already.
    #[error("this process has a log already")]
    Twice,
}

/// The handle of the log, to reopen its file and to flush it.
#[derive(Clone, Debug)]
pub struct Logging {
    terminal: Sink,
    file: Option<Sink>,
    limiter: Option<Arc<Limiter>>,
}

impl Logging {
    /// Starts the process's log, on standard error and, if a file is named, in it.
    ///
    /// # Errors
    ///
    /// See [`LoggingError`].
    pub fn start(level: LevelFilter, file: Option<&Path>) -> Result<Self, LoggingError> {
        let style = Style::of_stderr();
        let terminal = Sink::start("log-stderr", Target::Stderr, style)?;
        let file = match file {
            Some(path) => Some(Sink::start("log-file", Target::open(path)?, Style::Plain)?),
            None => None,
        };
        let mut dispatch = fern::Dispatch::new().level(level).chain(output(&terminal));
        if let Some(file) = &file {
            dispatch = dispatch.chain(output(file));
        }
        let (level, sinks) = dispatch.into_log();
        let limiter = Arc::new(Limiter::new(sinks));
        // With log-level debug or trace every line is written, to help find a fault.
        let is_limited = level <= LevelFilter::Info;
        let log: Box<dyn Log> = Box::new(LimitedLog { limiter: limiter.clone(), is_limited });
        log::set_boxed_logger(log).map_err(|_| LoggingError::Twice)?;
        log::set_max_level(level);
        Ok(Self { terminal, file, limiter: Some(limiter) })
    }

    /// Reopens the log file, as after it was renamed. If that fails, the old file stays in use.
    pub fn reopen(&self) {
        // A reopening that waits at the end of the queue serves this request, too.
        if let Some(file) = &self.file
            && !matches!(file.queue().entries.back(), Some(Entry::Reopen))
        {
            file.put(Entry::Reopen);
        }
    }

    /// Waits until all lines are written, but no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        if let Some(limiter) = &self.limiter {
            limiter.finish();
        }
        let deadline = Instant::now() + patience;
        self.terminal.flush(deadline);
        if let Some(file) = &self.file {
            file.flush(deadline);
        }
    }
}

/// fern's output to a sink, with its formatting.
fn output(sink: &Sink) -> fern::Dispatch {
    let style = sink.style;
    fern::Dispatch::new()
        .format(move |out, message, record: &Record<'_>| {
            out.finish(format_args!("{}", style.line(record.level(), Escaped(message))));
        })
        .chain(fern::Output::writer(
            Box::new(Line { sink: sink.clone(), text: String::new() }),
            "\n",
        ))
}

/// A message with its control characters escaped, so that it stays on one line.
struct Escaped<'a>(&'a fmt::Arguments<'a>);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match is_obeyed(c) {
                    true => write!(self.0, "{}", c.escape_unicode()),
                    false => self.0.write_char(c),
                })
            }
        }
        use fmt::Write as _;
        write!(Escaping(f), "{}", self.0)
    }
}

/// Collects fern's writes until a line is complete.
struct Line {
    sink: Sink,
    text: String,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        if self.text.ends_with('\n') {
            self.sink.push(std::mem::take(&mut self.text));
        }
        // Never returns an error: fern panics when no output can be written.
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The target of a sink's lines.
enum Target {
    Stderr,
    File {
        file: fs::File,
        path: PathBuf,
    },
    #[cfg(test)]
    Test(Box<dyn Write + Send>),
}

impl Target {
    fn open(path: &Path) -> Result<Self, LoggingError> {
        match append(path) {
            Ok(file) => Ok(Self::File { file, path: path.to_owned() }),
            Err(source) => Err(LoggingError::File { path: path.to_owned(), source }),
        }
    }

    /// Whether the file was deleted, so that further lines in it would be lost.
    fn is_deleted(&self) -> bool {
        match self {
            Self::File { file, .. } => file.metadata().is_ok_and(|metadata| metadata.nlink() == 0),
            _ => false,
        }
    }

    /// Reopens the file by its name. Returns the line that reports the result.
    fn reopen(&mut self, style: Style) -> Option<String> {
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
    fn write(&mut self, text: &str, is_cut: &mut bool) -> io::Result<()> {
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
fn line(style: Style, event: Event<'_>) -> String {
    style.line(event.level(), event) + "\n"
}

/// A bounded queue of lines and the thread that writes them.
#[derive(Clone, Debug)]
struct Sink {
    shared: Arc<Shared>,
    style: Style,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Lines that were lost since the last report.
    dropped: u64,
    /// Whether the thread writes entries that it has taken.
    writing: bool,
}

/// An entry in the queue of a sink's thread.
#[derive(Debug)]
enum Entry {
    /// A line to be written.
    Line(String),
    /// The file is to be reopened; earlier lines go into the old one.
    Reopen,
}

impl Sink {
    fn start(name: &str, target: Target, style: Style) -> Result<Self, LoggingError> {
        let shared = Arc::new(Shared::default());
        let sink = Self { shared: shared.clone(), style };
        // The thread is never joined: it may be blocked by its target for ever.
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || shared.serve(target, style)).map_err(LoggingError::Thread)?;
        Ok(sink)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue()
    }

    fn push(&self, line: String) {
        let mut queue = self.queue();
        if queue.entries.len() >= LINES_MAX || queue.bytes + line.len() > BYTES_MAX {
            queue.dropped += 1;
            return;
        }
        queue.bytes += line.len();
        drop(queue);
        self.put(Entry::Line(line));
    }

    fn put(&self, entry: Entry) {
        self.queue().entries.push_back(entry);
        self.shared.changed.notify_all();
    }

    fn flush(&self, deadline: Instant) {
        let mut queue = self.queue();
        while !queue.entries.is_empty() || queue.writing {
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return;
            }
            queue = match self.shared.changed.wait_timeout(queue, patience) {
                Ok((queue, _)) => queue,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Runs a sink's thread.
    fn serve(&self, mut target: Target, style: Style) {
        let mut is_cut = false;
        loop {
            let (entries, dropped) = self.take();
            let mut lost = 0;
            let mut write = |target: &mut Target, text: &str, lines: u64| {
                if target.write(text, &mut is_cut).is_err() {
                    lost += lines;
                }
            };
            if target.is_deleted()
                && let Some(said) = target.reopen(style)
            {
                write(&mut target, &said, 0);
            }
            for entry in entries {
                match entry {
                    Entry::Line(text) => write(&mut target, &text, 1),
                    Entry::Reopen => {
                        if let Some(said) = target.reopen(style) {
                            write(&mut target, &said, 0);
                        }
                    }
                }
            }
            if dropped > 0 {
                let said = line(style, Event::LogDropped { count: dropped });
                write(&mut target, &said, dropped);
            }
            let mut queue = self.queue();
            queue.dropped += lost;
            queue.writing = false;
            drop(queue);
            self.changed.notify_all();
        }
    }

    /// Waits for entries and takes them, with the number of lost lines. Lost lines are reported
    /// only together with the next entries: a target that fails would otherwise be retried without
    /// end.
    fn take(&self) -> (VecDeque<Entry>, u64) {
        let mut queue = self.queue();
        while queue.entries.is_empty() {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.writing = true;
        queue.bytes = 0;
        (std::mem::take(&mut queue.entries), std::mem::take(&mut queue.dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use log::{Level, Log};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A target whose writes wait for the test.
    struct Held {
        begun: Sender<()>,
        go_on: Receiver<io::Result<()>>,
        texts: Sender<String>,
    }

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(()).expect("the test listens");
            self.go_on.recv_timeout(PATIENCE).expect("the test goes on")?;
            let text = String::from_utf8(bytes.to_vec()).expect("text");
            self.texts.send(text).expect("the test listens");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Test {
        sink: Sink,
        log: Box<dyn Log>,
        begun: Receiver<()>,
        go_on: Sender<io::Result<()>>,
        texts: Receiver<String>,
    }

    fn test() -> Test {
        let (begun_sender, begun) = mpsc::channel();
        let (go_on, go_on_receiver) = mpsc::channel();
        let (text_sender, texts) = mpsc::channel();
        let held = Held { begun: begun_sender, go_on: go_on_receiver, texts: text_sender };
        let sink = Sink::start("test", Target::Test(Box::new(held)), Style::Plain).unwrap();
        let (_, log) = fern::Dispatch::new().chain(output(&sink)).into_log();
        Test { sink, log, begun, go_on, texts }
    }

    fn log(log: &dyn Log, text: &str) {
        log.log(&Record::builder().level(Level::Info).args(format_args!("{text}")).build());
    }

    #[test]
    fn a_stuck_target_costs_lines_and_not_the_caller() {
        let test = test();
        log(&*test.log, "first");
        test.begun.recv_timeout(PATIENCE).unwrap();
        for number in 0..LINES_MAX + 5 {
            log(&*test.log, &format!("line {number}"));
        }
        assert_eq!(test.sink.queue().dropped, 5);
        for _ in 0..LINES_MAX + 2 {
            test.go_on.send(Ok(())).unwrap();
        }
        let texts: Vec<String> = test.texts.iter().take(LINES_MAX + 2).collect();
        assert!(texts[0].ends_with("INFO  first\n"), "{:?}", texts[0]);
        assert!(texts[LINES_MAX].ends_with(&format!("line {}\n", LINES_MAX - 1)));
        assert!(texts[LINES_MAX + 1].ends_with("log.dropped count=5\n"));
    }

    #[test]
    fn a_target_that_fails_is_tried_again() {
        let test = test();
        test.go_on.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        log(&*test.log, "lost");
        test.sink.flush(Instant::now() + PATIENCE);
        for _ in 0..2 {
            test.go_on.send(Ok(())).unwrap();
        }
        log(&*test.log, "kept");
        let texts: Vec<String> = test.texts.iter().take(2).collect();
        assert!(texts[0].ends_with("kept\n"));
        assert!(texts[1].ends_with("log.dropped count=1\n"));
    }

    /// A disk with room for a number of bytes.
    struct Disk {
        room: Arc<Mutex<usize>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = &mut *self.room.lock().unwrap();
            let count = bytes.len().min(*room);
            *room -= count;
            self.written.lock().unwrap().extend(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_off_is_ended_before_the_next() {
        let (room, written) = (Arc::new(Mutex::new(10)), Arc::default());
        let disk = Disk { room: Arc::clone(&room), written: Arc::clone(&written) };
        let sink = Sink::start("test", Target::Test(Box::new(disk)), Style::Plain).unwrap();
        for text in ["whole\n", "cut off\n", "lost\n"] {
            sink.push(text.to_owned());
            sink.flush(Instant::now() + PATIENCE);
        }
        *room.lock().unwrap() = 1000;
        sink.push("kept\n".to_owned());
        sink.flush(Instant::now() + PATIENCE);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("whole\ncut \nkept\n"), "{text:?}");
        assert!(text.ends_with("log.dropped count=2\n"), "{text:?}");
    }

    #[test]
    fn a_record_is_one_line() {
        let test = test();
        test.go_on.send(Ok(())).unwrap();
        log(&*test.log, "a\nb\u{1b}[2J\u{202e}c");
        let text = test.texts.recv_timeout(PATIENCE).unwrap();
        assert!(text.ends_with("a\\u{a}b\\u{1b}[2J\\u{202e}c\n"), "{text:?}");
    }

    #[test]
    fn a_file_that_was_deleted_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let sink = Sink::start("test", Target::open(&path).unwrap(), Style::Plain).unwrap();
        fs::remove_file(&path).unwrap();
        sink.push("after\n".to_owned());
        sink.flush(Instant::now() + PATIENCE);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("after\n") && text.contains("log.reopened"), "{text:?}");
    }

    #[test]
    fn the_file_is_opened_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (path, moved) = (directory.path().join("log"), directory.path().join("log.1"));
        let sink = Sink::start("test", Target::open(&path).unwrap(), Style::Plain).unwrap();
        let flush = || sink.flush(Instant::now() + PATIENCE);
        sink.push("before\n".to_owned());
        flush();
        fs::rename(&path, &moved).unwrap();
        let logging = Logging { terminal: sink.clone(), file: Some(sink.clone()), limiter: None };
        logging.reopen();
        sink.push("after\n".to_owned());
        flush();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\n");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("after\n") && text.contains("log.reopened"), "{text:?}");
    }
}

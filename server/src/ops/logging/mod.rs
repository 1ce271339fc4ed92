//! The log: lines go through fern into queues that never block the event loop.
//!
//! Standard error and the log file have a queue and a thread each, so that neither waits for the
//! other and the event loop waits for neither. A full queue drops the line and counts it; the count
//! is reported as soon as there is room again.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use log::{LevelFilter, Log, Record};

use crate::event::recent::RecentEvents;

pub use self::{
    error::LoggingError,
    style::{LogFormat, Style},
};
use self::{
    limiter::{LimitedLog, Limiter},
    recent::RecentLog,
    sink::{Entry, Sink},
    target::Target,
};
mod error;
mod limiter;
mod rate_limit;
mod recent;
mod sink;
mod style;
mod target;

/// The handle of the log, to reopen its file and to flush it.
#[derive(Clone, Debug)]
pub struct Logging {
    terminal: Sink,
    file: Option<Sink>,
    limiter: Option<Arc<Limiter>>,
    recent: Arc<RecentEvents>,
}

impl Logging {
    /// Starts the process's log, on standard error and, if a file is named, in it, in one format.
    ///
    /// # Errors
    ///
    /// See [`LoggingError`].
    pub fn start(
        level: LevelFilter,
        format: LogFormat,
        file: Option<&Path>,
    ) -> Result<Self, LoggingError> {
        let style = Style::of_log(format);
        let terminal = Sink::start("log-stderr", Target::Stderr, style)?;
        let file = match file {
            Some(path) => {
                Some(Sink::start("log-file", Target::open(path)?, Style::of_file(format))?)
            }
            None => None,
        };
        let mut dispatch = fern::Dispatch::new().level(level).chain(output(&terminal));
        if let Some(file) = &file {
            dispatch = dispatch.chain(output(file));
        }
        let recent: Arc<RecentEvents> = Arc::default();
        let log: Box<dyn Log> = Box::new(RecentLog(recent.clone()));
        let (level, sinks) = dispatch.chain(log).into_log();
        let limiter = Arc::new(Limiter::new(sinks));
        // With log-level debug or trace every line is written, to help find a fault.
        let is_limited = level <= LevelFilter::Info;
        let log: Box<dyn Log> = Box::new(LimitedLog { limiter: limiter.clone(), is_limited });
        log::set_boxed_logger(log).map_err(|_| LoggingError::Twice)?;
        log::set_max_level(level);
        Ok(Self { terminal, file, limiter: Some(limiter), recent })
    }

    /// The last events that were written.
    #[must_use]
    pub fn recent(&self) -> Arc<RecentEvents> {
        self.recent.clone()
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

    /// Lines that standard error and the log file have lost since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.terminal.lost() + self.file.as_ref().map_or(0, Sink::lost)
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
        .format(move |out, _, record: &Record<'_>| {
            out.finish(format_args!("{}", style.line(record)));
        })
        .chain(fern::Output::writer(
            Box::new(Line { sink: sink.clone(), text: String::new() }),
            "\n",
        ))
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

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{
            Mutex,
            mpsc::{self, Receiver, Sender},
        },
    };

    use log::{Level, Log};

    use super::{sink::LINES_MAX, *};

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
        let logging = Logging {
            terminal: sink.clone(),
            file: Some(sink.clone()),
            limiter: None,
            recent: Arc::default(),
        };
        logging.reopen();
        sink.push("after\n".to_owned());
        flush();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\n");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("after\n") && text.contains("log.reopened"), "{text:?}");
    }
}

//! The program as a process that runs beside the test.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use correio_testing::wait::{PATIENCE, eventually};
use rustix::process::{Pid, Signal, kill_process};

/// A running program. Dropping it kills it.
pub struct Background {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

/// The end of a program: its status and the lines that it wrote since the last one was taken.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub out: Vec<String>,
    pub err: Vec<String>,
}

impl Background {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// The next line of standard output.
    pub fn line(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("the program writes a line")
    }

    /// The next line of standard error.
    pub fn err_line(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("the program writes a line to standard error")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Sends a signal, and waits until the program's thread for signals has dealt with it and
    /// sleeps again.
    pub fn signal_and_wait(&self, signal: Signal) {
        let before = self.sleeps_of_signal_thread();
        self.signal(signal);
        eventually(|| self.sleeps_of_signal_thread() > before);
    }

    /// How often the program's thread for signals has gone to sleep.
    fn sleeps_of_signal_thread(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let status = |task: PathBuf| fs::read_to_string(task.join("status")).unwrap_or_default();
        let of_signals = tasks
            .map(|task| status(task.unwrap().path()))
            .find(|status| status.starts_with("Name:\tsignals\n"))
            .unwrap_or_default();
        let sleeps =
            of_signals.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sleeps.map_or(0, |sleeps| sleeps.trim().parse().unwrap())
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        // The lines end with the program and with the commands that it runs.
        let rest = |lines: &Receiver<String>| {
            let mut rest = Vec::new();
            loop {
                match lines.recv_timeout(PATIENCE) {
                    Ok(line) => rest.push(line),
                    Err(mpsc::RecvTimeoutError::Disconnected) => return rest,
                    Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end: {rest:?}"),
                }
            }
        };
        let (out, err) = (rest(&self.out), rest(&self.err));
        Ended { status: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(source: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    receiver
}

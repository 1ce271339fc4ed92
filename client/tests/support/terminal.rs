//! The program on a pseudo-terminal, below a shell that tells how it leaves the terminal.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use super::{Setup, clean};

/// Milliseconds after which something awaited is taken to be missing.
const PATIENCE: u64 = 20_000;

/// The shell script around the program: sets the terminal's size, and prints the program's process
/// id and exit status, and the terminal's settings before and after. Ctrl-C reaches the program
/// alone.
const AROUND: &str = r#"trap : INT
stty sane rows "$1" cols "$2"
shift 2
echo "before=$(stty -g)="
sh -c 'echo "pid=$$="
if [ -n "$PIPED" ]; then printf "%s" "$INPUT" | "$@"; else exec "$@"; fi' sh "$@"
echo "status=$?="
echo "after=$(stty -g)=""#;

/// A terminal with the program on it.
pub struct Terminal {
    session: PtySession,
    before: String,
    /// The program's process id.
    program: String,
}

impl Terminal {
    /// Starts the program on a terminal of 24 rows and 80 columns.
    pub fn start(setup: &Setup, arguments: &[&str]) -> Self {
        Self::start_in(setup, (24, 80), &[], arguments)
    }

    /// Starts the program with a pipe as its standard input, on a terminal all the same.
    pub fn start_piped(setup: &Setup, input: &str, arguments: &[&str]) -> Self {
        let set = [("INPUT", input), ("PIPED", "1")];
        Self::start_in(setup, (24, 80), &set, arguments)
    }

    pub fn start_sized(setup: &Setup, size: (u16, u16), arguments: &[&str]) -> Self {
        Self::start_in(setup, size, &[], arguments)
    }

    /// Starts the program with more in its environment.
    pub fn start_with(setup: &Setup, set: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::start_in(setup, (24, 80), set, arguments)
    }

    fn start_in(setup: &Setup, size: (u16, u16), set: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        clean(&mut command);
        command
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .envs(set.iter().copied())
            .args(["-c", AROUND, "sh"])
            .args([size.0.to_string(), size.1.to_string()])
            .arg(env!("CARGO_BIN_EXE_correio"))
            .arg("--data-dir")
            .arg(setup.data.path())
            .args(arguments);
        let mut session = spawn_command(command, Some(PATIENCE)).unwrap();
        session.exp_string("before=").unwrap();
        let before = session.exp_string("=\r\n").unwrap();
        session.exp_string("pid=").unwrap();
        let program = session.exp_string("=\r\n").unwrap();
        Self { session, before, program }
    }

    /// Waits for a text and returns what came before it.
    pub fn expect(&mut self, text: &str) -> String {
        // Output is handed out as one character for each byte.
        let bytes: String = text.bytes().map(char::from).collect();
        let before = self.session.exp_string(&bytes).unwrap_or_else(|error| {
            let error: Vec<u8> = error.to_string().chars().map(|c| c as u8).collect();
            panic!("waiting for {text:?}: {}", String::from_utf8_lossy(&error))
        });
        let before = before.chars().map(|c| c as u8).collect();
        String::from_utf8(before).unwrap()
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// Waits for a question and answers it.
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.expect(question);
        self.press(&format!("{answer}\r"));
    }

    /// Waits for the program's end, asserts that the terminal is as it was, and returns what was
    /// written until then and the status.
    pub fn end(mut self) -> (String, i32) {
        let written = self.expect("status=");
        let status = self.session.exp_string("=\r\n").unwrap();
        self.expect("after=");
        let after = self.session.exp_string("=\r\n").unwrap();
        assert_eq!(after, self.before, "the terminal is as it was");
        (written, status.parse().unwrap())
    }

    /// Sends SIGTERM to the program.
    pub fn terminate(&mut self) {
        let killed = Command::new("sh")
            .args(["-c", r#"kill -s TERM "$1""#, "sh", &self.program])
            .status()
            .unwrap();
        assert!(killed.success());
    }
}

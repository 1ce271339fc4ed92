//! Hands a mail over: writes it, or runs the user's command for it.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
};

use correio_client::{
    Mailbox, MailboxError, Marked, Numbers, Present, Stored, write_sanitized_json,
};

use crate::{
    commands::{
        context::Context,
        json::{add_resembled, mail_json, utc},
    },
    exit::{ExitStatus, Failure},
    names::Names,
    program, view,
};

/// Where mails go.
enum Target {
    Lines,
    Json,
    /// This command, in the shell.
    Command(String),
}

/// Hands mails over, one at a time.
pub(super) struct Handover<'a> {
    context: &'a Context<'a>,
    target: Target,
    /// The data directory as every program finds it.
    data: PathBuf,
}

/// Why a mail was not handed over.
pub(super) enum HandoverError {
    /// The reader of the output has gone.
    Closed,
    Failed(Box<Failure>),
}

impl From<Failure> for HandoverError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<io::Error> for HandoverError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Failure::new(ExitStatus::Local, "output", error.to_string()).into(),
        }
    }
}

impl<'a> Handover<'a> {
    pub(super) fn new(context: &'a Context<'a>, exec: Option<&str>) -> Result<Self, Failure> {
        let target = match exec {
            Some(command) => Target::Command(command.to_owned()),
            None if context.options.json => Target::Json,
            None => Target::Lines,
        };
        let data = std::path::absolute(&context.data)
            .map_err(|error| Failure::new(ExitStatus::Local, "data", error.to_string()))?;
        Ok(Self { context, target, data })
    }

    /// Whether [`Handover::hand_over`] uses the names that the reader may know.
    pub(super) fn needs_names(&self) -> bool {
        matches!(self.target, Target::Lines | Target::Json)
    }

    /// Hands a new mail over, and marks it as shown: a mail that was written, after that; a mail
    /// for a command, before that, so that the command never runs twice for one mail and finds the
    /// file where it stays.
    pub(super) fn hand_over(
        &self,
        mailbox: &Mailbox,
        stored: &Stored,
        numbers: &mut Numbers,
        names: &Names,
    ) -> Result<(), HandoverError> {
        match &self.target {
            Target::Lines => {
                let line = view::mail_line(self.context.text, stored.number, stored, names);
                writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush())?;
            }
            Target::Json => self.write_json(mailbox, stored, names)?,
            Target::Command(command) => {
                return match self.mark(mailbox, stored)? {
                    Marked::All => self.run(command, mailbox, stored, numbers),
                    // The mail stays new: its command would run again at each receiving.
                    Marked::NotAll => Err(self.not_marked(mailbox, stored).into()),
                };
            }
        }
        self.mark(mailbox, stored).map(drop)
    }

    fn mark(&self, mailbox: &Mailbox, stored: &Stored) -> Result<Marked, HandoverError> {
        let marked = mailbox.mark_shown(std::slice::from_ref(stored));
        Ok(marked.map_err(|error| self.failed(&error))?)
    }

    /// Writes why a mail is not marked to standard error.
    fn not_marked(&self, mailbox: &Mailbox, stored: &Stored) -> Failure {
        let text = self.context.text;
        for note in mailbox.take_notes() {
            let _ = writeln!(io::stderr(), "{}", text.mailbox_note(&note));
        }
        let said = text.of_mail("watch-not-marked", &stored.from, &stored.subject);
        Failure::new(ExitStatus::Local, "mailbox", said)
    }

    fn failed(&self, error: &MailboxError) -> Failure {
        Failure::mailbox(self.context.text, error)
    }

    /// Writes a JSON object in one line. A mail that cannot be read is reported, and does not hold
    /// up the others.
    fn write_json(
        &self,
        mailbox: &Mailbox,
        stored: &Stored,
        names: &Names,
    ) -> Result<(), HandoverError> {
        let mail = mailbox.read(stored).and_then(|mail| Ok((mail, mailbox.readable(stored)?)));
        let (mail, content) = match mail {
            Ok(mail) => mail,
            Err(error) => {
                let _ = writeln!(io::stderr(), "{}", self.context.text.mailbox(&error));
                return Ok(());
            }
        };
        let mut json = mail_json(stored.number, &mail, content);
        add_resembled(&mut json, &names.resembled_by(stored));
        let mut out = io::stdout().lock();
        write_sanitized_json(&json, &mut out)?;
        writeln!(out)?;
        Ok(out.flush()?)
    }

    /// Runs the command and waits for its end. A command that fails or does not start is reported;
    /// its mail counts as handed over.
    fn run(
        &self,
        command: &str,
        mailbox: &Mailbox,
        stored: &Stored,
        numbers: &mut Numbers,
    ) -> Result<(), HandoverError> {
        let text = self.context.text;
        // The commands before it, or other programs, may have deleted mails.
        let present = match mailbox.present(stored, numbers) {
            Ok(Some(present)) => present,
            Ok(None) => {
                let said = text.of_mail("watch-gone", &stored.from, &stored.subject);
                let _ = writeln!(io::stderr(), "{said}");
                return Ok(());
            }
            // Another program has damaged it meanwhile.
            Err(error @ MailboxError::Damaged(_)) => {
                let _ = writeln!(io::stderr(), "{}", text.mailbox(&error));
                return Ok(());
            }
            Err(error) => return Err(self.failed(&error).into()),
        };
        let reason = match self.shell(command, stored, &present).status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => status.to_string(),
            // The next command may start: the machine has too many processes at times.
            Err(error) => error.to_string(),
        };
        let values = [("number", present.number.to_string().into()), ("reason", reason.into())];
        let _ = writeln!(io::stderr(), "{}", text.with("watch-exec-failed", &values));
        Ok(())
    }

    /// The shell that runs the command. The fields of the mail, which its sender chose, are in the
    /// environment and never in the text that the shell reads.
    fn shell(&self, command: &str, stored: &Stored, present: &Present) -> Command {
        let options = self.context.options;
        let file = std::path::absolute(&present.file);
        let file = file.as_ref().unwrap_or(&present.file);
        let mut shell = program::shell_without_input(command);
        shell
            .env("CORREIO_FROM", stored.from.as_str())
            .env("CORREIO_FROM_NAME", stored.from_name.as_str())
            .env("CORREIO_SUBJECT", stored.subject.as_str())
            .env("CORREIO_ID", stored.id.to_string())
            .env("CORREIO_SENT_AT", utc(stored.sent_at).unwrap_or_default())
            .env("CORREIO_FILE", file)
            .env("CORREIO_NUMBER", present.number.to_string());
        // With these, `correio read "$CORREIO_NUMBER"` finds the same mailbox.
        shell.env("CORREIO_CLIENT_DATA_DIR", &self.data);
        for (name, value) in [("CORREIO_SERVER", &options.server), ("CORREIO_USER", &options.user)]
        {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        // A group of its own: Ctrl-C ends the watch after the command, not the command.
        shell.process_group(0);
        shell
    }
}

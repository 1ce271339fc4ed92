//! What is done without the menus: one answer on standard output, everything else on standard
//! error, and an exit status.

use std::{
    env,
    io::{self, BufRead, Read, Write},
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    sync::Arc,
};

use correio_client::{
    Address, Cancel, ConnectError, ConnectOptions, KnownServers, Mailbox, MailboxError, Service,
    Stored, Trust,
};
use correio_proto::{
    credential::Password,
    limits,
    mail::{Mail, Username},
    message::LoggedIn,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    app::bad_credentials,
    args::{Command, Options},
    exit::{Failure, Status},
    terminal::Terminal,
    text::Text,
    trust::TrustOption,
    tty::{Repeat, Tty},
};

mod local;
mod owners;
mod receive;
mod register;
mod send;
mod trust;

/// What a command has to say: the same for people and for programs.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// What is noted in the local mailbox once this is written.
    pub(crate) marks: Marks,
}

/// Mails that a person has in front of them once the output is written, not before.
pub(crate) enum Marks {
    Nothing,
    /// These are listed.
    Shown(Mailbox, Vec<Stored>),
    /// This one is read.
    Read(Mailbox, Stored),
}

impl Output {
    fn new(text: String, json: Value) -> Self {
        Self { text, json, marks: Marks::Nothing }
    }

    /// Notes that the output was written, and says what is noteworthy about the mailbox.
    pub(crate) fn written(&self, text: &Text) -> Result<(), MailboxError> {
        match &self.marks {
            Marks::Nothing => Ok(()),
            Marks::Shown(mailbox, mails) => {
                let marked = mailbox.mark_shown(mails);
                for note in mailbox.take_notes() {
                    let _ = writeln!(io::stderr(), "{}", text.mailbox_note(&note));
                }
                marked
            }
            // Only a mark for the next list: a mailbox that cannot be written can be read.
            Marks::Read(mailbox, mail) => {
                let _ = mailbox.mark_read(mail);
                Ok(())
            }
        }
    }
}

/// What commands work with.
pub(crate) struct Context<'a> {
    pub(crate) text: &'static Text,
    pub(crate) options: &'a Options,
    pub(crate) data: PathBuf,
    pub(crate) cancel: Cancel,
}

/// Longest line that a password is read from, in bytes: more than the longest password has.
const PASSWORD_LINE_MAX: usize = limits::PASSWORD_MAX * 16 + 2;

/// Does one command.
pub(crate) fn run(
    context: &Context<'_>,
    terminal: &Terminal,
    command: &Command,
) -> Result<Output, Failure> {
    terminal.set_busy(false);
    match command {
        Command::Ping => ping(context, terminal),
        Command::Register { name, invite } => {
            register::run(context, terminal, name, invite.as_ref())
        }
        Command::Send { to, subject, body, body_file } => {
            let body = send::BodySource::of(body.as_deref(), body_file.as_deref());
            send::run(context, terminal, to, subject, &body)
        }
        Command::Receive => receive::run(context, terminal),
        Command::List => local::list(context),
        Command::Read { number } => local::read(context, *number),
        Command::Trust { address, forget } => {
            let action = if *forget { trust::Action::Forget } else { trust::Action::Accept };
            trust::run(context, terminal, address.as_deref(), action)
        }
    }
}

fn ping(context: &Context<'_>, terminal: &Terminal) -> Result<Output, Failure> {
    let address = context.address()?;
    let service = context.connect(terminal)?;
    let trip =
        service.ping(&context.cancel).map_err(|error| Failure::request(context.text, &error))?;
    let (welcome, milliseconds) = (service.welcome(), trip.as_secs_f64() * 1000.0);
    let (name, version) = (welcome.software.name.as_str(), welcome.software.version.as_str());
    let values = [
        ("name", name.to_owned().into()),
        ("version", version.to_owned().into()),
        ("address", address.to_string().into()),
        ("milliseconds", format!("{milliseconds:.1}").into()),
    ];
    Ok(Output::new(
        context.text.with("command-available", &values),
        json!({
            "server": address.to_string(),
            "name": name,
            "version": version,
            "round_trip_ms": (milliseconds * 1000.0).round() / 1000.0,
        }),
    ))
}

impl Context<'_> {
    fn address(&self) -> Result<Address, Failure> {
        self.options.address(self.text)
    }

    fn username(&self) -> Result<Username, Failure> {
        self.options.username(self.text)
    }

    fn known(&self) -> KnownServers {
        KnownServers::in_directory(&self.data).cancelled_by(&self.cancel)
    }

    /// Connects. A certificate that is not known yet is the person's to accept.
    fn connect(&self, terminal: &Terminal) -> Result<Service, Failure> {
        let address = self.address()?;
        let unknown = |error| Failure::known_servers(self.text, &error);
        let known = self.known();
        let trust = TrustOption::of(self.options).trust(&known, &address).map_err(unknown)?;
        let connected = match self.connect_trusting(terminal, &address, trust) {
            Err(ConnectError::Untrusted(untrusted))
                if self.accepts_first(terminal, &untrusted)? =>
            {
                known.remember(&address, untrusted.found).map_err(unknown)?;
                self.connect_trusting(terminal, &address, Trust::Fingerprint(untrusted.found))
            }
            other => other,
        };
        connected.map_err(|error| self.distrusted(&error))
    }

    fn connect_trusting(
        &self,
        terminal: &Terminal,
        address: &Address,
        trust: Trust,
    ) -> Result<Service, ConnectError> {
        terminal.set_busy(true);
        let known = Some(self.known());
        let options = ConnectOptions { trust, known, ..ConnectOptions::default() };
        Service::connect(address, &options, &self.cancel)
    }

    /// The password that an account has. One that no account can have is refused as the server
    /// would refuse it.
    fn password(&self, terminal: &Terminal) -> Result<Arc<Password>, Failure> {
        let typed = self.typed_password(terminal, "login-password", &Repeat::No)?;
        Password::new(&typed)
            .map(Arc::new)
            .map_err(|_| Failure::request(self.text, &bad_credentials()))
    }

    /// The password that an account gets.
    fn new_password(&self, terminal: &Terminal) -> Result<Arc<Password>, Failure> {
        let question = &self.text.of("register-password-again");
        let differ = &self.text.of("register-passwords-differ");
        let again = Repeat::Yes { question, differ };
        let typed = self.typed_password(terminal, "register-password", &again)?;
        Password::new(&typed).map(Arc::new).map_err(|invalid| Failure::invalid(self.text, invalid))
    }

    /// The password from where it is given, or from the person.
    fn typed_password(
        &self,
        terminal: &Terminal,
        question: &str,
        again: &Repeat<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        if self.options.password_stdin {
            let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_LINE_MAX));
            let read =
                io::stdin().lock().take(PASSWORD_LINE_MAX as u64).read_until(b'\n', &mut line);
            read.map_err(|error| self.no_password(&error.to_string()))?;
            return self.password_text(&line);
        }
        if let Some(password) = password_variable() {
            return self.password_text(&password);
        }
        // Ctrl-C ends the program here, whatever is going on besides.
        terminal.set_busy(false);
        let tty = Tty::find(terminal).ok_or_else(|| self.no_password(""))?;
        let typed = tty.secret(&self.text.of(question), again);
        terminal.set_busy(true);
        typed.map_err(|error| self.no_password(&error.to_string()))
    }

    /// The password in a line that a program or a file gives. A byte-order mark before it is the
    /// file's and not the password's: nobody can type one at a terminal.
    fn password_text(&self, line: &[u8]) -> Result<Zeroizing<String>, Failure> {
        let Ok(line) = str::from_utf8(line) else {
            let said = self.text.of("password-not-text");
            return Err(Failure::new(Status::BadData, "password", said));
        };
        let line = line.trim_end_matches(['\n', '\r']);
        let password = line.trim_start_matches('\u{feff}');
        if password.len() < line.len() {
            let _ = writeln!(io::stderr(), "{}", self.text.of("password-byte-order-mark"));
        }
        Ok(Zeroizing::new(password.to_owned()))
    }

    /// Says so where there is nothing to take a password from, before anything is done.
    fn needs_password(&self, terminal: &Terminal) -> Result<(), Failure> {
        let is_given = self.options.password_stdin || password_variable().is_some();
        if is_given || Tty::find(terminal).is_some() {
            return Ok(());
        }
        Err(self.no_password(""))
    }

    fn no_password(&self, detail: &str) -> Failure {
        let text = format!("{} {detail}", self.text.of("needs-password"));
        Failure::new(Status::Configuration, "no_password", text.trim_end().to_owned())
    }

    /// Connects and logs in.
    fn log_in(&self, terminal: &Terminal) -> Result<(Service, LoggedIn), Failure> {
        // What is missing is said before anything is asked or sent.
        self.address()?;
        let username = self.username()?;
        self.needs_password(terminal)?;
        // The server is known before a password is asked for.
        let service = self.connect(terminal)?;
        let password = self.password(terminal)?;
        let logged_in = service
            .login(&username, &password, &self.cancel)
            .map_err(|error| Failure::request(self.text, &error))?;
        Ok((service, logged_in))
    }

    /// The server that was named, in all its spellings.
    fn spellings(&self) -> Result<Vec<Address>, Failure> {
        let address = self.address()?;
        let same = self.known().same_server(&address);
        let mut spellings = same.map_err(|error| Failure::known_servers(self.text, &error))?;
        spellings.push(address);
        Ok(spellings)
    }

    /// The local mailbox of the server and user that were named, or the only one there is.
    fn mailbox(&self) -> Result<Mailbox, Failure> {
        let options = self.options;
        let (address, username) = match (&options.server, &options.user) {
            (Some(_), Some(_)) => (self.address()?, self.username()?),
            (server, user) => {
                let server = server.is_some().then(|| self.spellings()).transpose()?;
                let user = user.is_some().then(|| self.username()).transpose()?;
                let owners = owners::of_mailboxes(&self.data);
                let mut owners = owners.into_iter().filter(|(address, username)| {
                    server.as_ref().is_none_or(|server| server.contains(address))
                        && user.as_ref().is_none_or(|user| user == username)
                });
                match (owners.next(), owners.next()) {
                    (Some(owner), None) => owner,
                    // Of none and of several, what was not said is what is missing.
                    _ => (self.address()?, self.username()?),
                }
            }
        };
        Ok(Mailbox::open(&self.data, &address, &username))
    }
}

/// The password in the environment. A variable that is set to nothing says nothing.
fn password_variable() -> Option<Zeroizing<Vec<u8>>> {
    let password = env::var_os("CORREIO_PASSWORD").filter(|password| !password.is_empty())?;
    Some(Zeroizing::new(password.into_vec()))
}

/// A mail as JSON, with everything it has.
fn mail_json(number: usize, mail: &Mail) -> Value {
    json!({
        "number": number,
        "id": mail.id.to_string(),
        "from": mail.from.as_str(),
        "from_name": mail.from_name.as_str(),
        "to": mail.to.iter().map(Username::as_str).collect::<Vec<_>>(),
        "sent_at": utc(mail.sent_at),
        "subject": mail.subject.as_str(),
        "body": mail.body.as_str(),
    })
}

/// A moment for programs: UTC, as RFC 3339 writes it.
fn utc(time: correio_proto::mail::Timestamp) -> Option<String> {
    let milliseconds = i64::try_from(time.0).ok()?;
    Some(jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_string())
}

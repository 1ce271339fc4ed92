//! What is done without the menus: one answer on standard output, everything else on standard
//! error, and an exit status.

use std::{
    env,
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
    sync::Arc,
};

use correio_client::{Address, Cancel, ConnectOptions, Mailbox, Service};
use correio_proto::{
    credential::Password,
    mail::{Mail, Username},
    message::LoggedIn,
};
use dialoguer::console::Term;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    args::{Command, Options},
    exit::{Failure, Status},
    terminal::Guard,
    text::Text,
};

mod local;
mod receive;
mod register;
mod send;

/// What a command has to say: the same for people and for programs.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// What commands work with.
pub(crate) struct Context<'a> {
    pub(crate) text: &'a Text,
    pub(crate) options: &'a Options,
    pub(crate) data: PathBuf,
    pub(crate) cancel: Cancel,
}

/// Does one command.
pub(crate) fn run(
    context: &Context<'_>,
    guard: &Guard,
    command: &Command,
) -> Result<Output, Failure> {
    guard.set_busy(false);
    match command {
        Command::Ping => ping(context, guard),
        Command::Register { name } => register::run(context, guard, name),
        Command::Send {
            to,
            subject,
            body,
            body_file,
        } => {
            let body = send::Source::of(body.as_deref(), body_file.as_deref());
            send::run(context, guard, to, subject, &body)
        }
        Command::Receive => receive::run(context, guard),
        Command::List => local::list(context),
        Command::Read { number } => local::read(context, *number),
    }
}

fn ping(context: &Context<'_>, guard: &Guard) -> Result<Output, Failure> {
    let address = context.address()?;
    let service = context.connect(guard)?;
    let trip = service
        .ping(&context.cancel)
        .map_err(|error| Failure::request(context.text, &error))?;
    let (welcome, milliseconds) = (service.welcome(), trip.as_secs_f64() * 1000.0);
    let (name, version) = (
        welcome.software.name.as_str(),
        welcome.software.version.as_str(),
    );
    let values = [
        ("name", name.to_owned().into()),
        ("version", version.to_owned().into()),
        ("address", address.to_string().into()),
        ("milliseconds", format!("{milliseconds:.1}").into()),
    ];
    Ok(Output {
        text: context.text.with("command-available", &values),
        json: json!({
            "server": address.to_string(),
            "name": name,
            "version": version,
            "round_trip_ms": milliseconds,
        }),
    })
}

impl Context<'_> {
    /// The server that was named.
    fn address(&self) -> Result<Address, Failure> {
        let Some(server) = &self.options.server else {
            let text = self.text.of("needs-server-option");
            return Err(Failure::new(Status::Configuration, "no_server", text));
        };
        server.parse().map_err(|invalid| {
            Failure::new(
                Status::Configuration,
                "invalid",
                self.text.address(&invalid),
            )
        })
    }

    /// The user that was named.
    fn username(&self) -> Result<Username, Failure> {
        let Some(user) = &self.options.user else {
            let text = self.text.of("needs-user-option");
            return Err(Failure::new(Status::Configuration, "no_user", text));
        };
        user.parse().map_err(|invalid| {
            Failure::new(Status::Configuration, "invalid", self.text.invalid(invalid))
        })
    }

    fn connect(&self, guard: &Guard) -> Result<Service, Failure> {
        let address = self.address()?;
        guard.set_busy(true);
        Service::connect(&address, &ConnectOptions::default(), &self.cancel)
            .map_err(|error| Failure::connect(self.text, &error))
    }

    /// The password from where it is given, or from the person.
    fn password(&self) -> Result<Arc<Password>, Failure> {
        let typed = if self.options.password_stdin {
            let mut line = Zeroizing::new(String::new());
            let read = io::stdin().lock().read_line(&mut line);
            read.map_err(|error| self.no_password(&error.to_string()))?;
            Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())
        } else if let Ok(password) = env::var("CORREIO_PASSWORD") {
            Zeroizing::new(password)
        } else if io::stdin().is_terminal() {
            let asked = dialoguer::Password::new().with_prompt(self.text.of("login-password"));
            let typed = asked
                .allow_empty_password(true)
                .interact_on(&Term::stderr());
            Zeroizing::new(typed.map_err(|error| self.no_password(&error.to_string()))?)
        } else {
            return Err(self.no_password(""));
        };
        let password = Password::new(&typed);
        Ok(Arc::new(
            password.map_err(|invalid| Failure::invalid(self.text, invalid))?,
        ))
    }

    fn no_password(&self, detail: &str) -> Failure {
        let text = format!("{} {detail}", self.text.of("needs-password"));
        Failure::new(
            Status::Configuration,
            "no_password",
            text.trim_end().to_owned(),
        )
    }

    /// Connects and logs in.
    fn log_in(&self, guard: &Guard) -> Result<(Service, LoggedIn), Failure> {
        // What is missing is said before anything is asked or sent.
        self.address()?;
        let username = self.username()?;
        let password = self.password()?;
        let service = self.connect(guard)?;
        let logged_in = service
            .login(&username, &password, &self.cancel)
            .map_err(|error| Failure::request(self.text, &error))?;
        Ok((service, logged_in))
    }

    fn mailbox(&self) -> Result<Mailbox, Failure> {
        let (address, username) = (self.address()?, self.username()?);
        Mailbox::open(&self.data, &address, &username)
            .map_err(|error| Failure::mailbox(self.text, &error))
    }
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
    Some(
        jiff::Timestamp::from_millisecond(milliseconds)
            .ok()?
            .to_string(),
    )
}

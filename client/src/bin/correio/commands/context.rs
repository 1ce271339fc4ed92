//! State and steps that all commands share: the options, the connection, the login, the local
//! mailbox.

use std::{io, path::PathBuf};

use correio_client::{
    Address, Cancel, ConnectError, ConnectOptions, Folder, KnownServers, KnownServersError,
    Mailbox, Service, Trust, Untrusted,
};
use correio_proto::{mail::Username, message::LoggedIn};

use crate::{
    args::Options,
    config::Key,
    connect::{self, Connector, TrustOption},
    exit::{ExitStatus, Failure},
    owners,
    terminal::Terminal,
    text::Text,
    tty::Tty,
};

/// The environment of a command.
pub(crate) struct Context<'a> {
    pub(crate) text: &'static Text,
    pub(crate) options: &'a Options,
    pub(crate) data: PathBuf,
    pub(crate) cancel: Cancel,
    pub(crate) terminal: Terminal,
}

impl Context<'_> {
    pub(super) fn address(&self) -> Result<Address, Failure> {
        self.options.address(self.text)
    }

    pub(super) fn username(&self) -> Result<Username, Failure> {
        self.options.username(self.text)
    }

    pub(super) fn known(&self) -> KnownServers {
        KnownServers::in_directory(&self.data).cancelled_by(&self.cancel)
    }

    /// Connects to the server that was named.
    pub(super) fn connect(&self) -> Result<Service, Failure> {
        let address = self.address()?;
        let option = TrustOption::of(self.options);
        let mut connector = self;
        connect::connect(&mut connector, option, &self.known(), &address)?
            .map_err(|error| error.failure(self.text, option))
    }

    pub(super) fn connect_once(
        &self,
        address: &Address,
        trust: Trust,
    ) -> Result<Service, ConnectError> {
        self.terminal.set_busy(true);
        let known = Some(self.known());
        let options = ConnectOptions { trust, known, ..ConnectOptions::default() };
        Service::connect(address, &options, &self.cancel)
    }

    /// Connects and logs in.
    pub(super) fn log_in(&self) -> Result<(Service, LoggedIn), Failure> {
        // A missing option is reported before anything is asked or sent.
        self.address()?;
        let username = self.username()?;
        self.needs_password()?;
        // The connection comes first: no password is typed for a server that is not there.
        let service = self.connect()?;
        let password = self.password()?;
        let logged_in = service
            .login(&username, &password, &self.cancel)
            .map_err(|error| Failure::login(self.text, &error, &password))?;
        Ok((service, logged_in))
    }

    /// Whether a user can be asked: there is a terminal, and standard input is not the password's.
    pub(super) fn may_ask(&self) -> bool {
        !self.options.password_stdin && Tty::find(&self.terminal).is_some()
    }

    /// The signature of the configuration file, if the command asks for it.
    pub(super) fn signature(&self, is_wanted: bool) -> Result<Option<&str>, Failure> {
        match (is_wanted, self.options.config.get(Key::Signature)) {
            (false, _) => Ok(None),
            (true, Some(signature)) => Ok(Some(signature)),
            (true, None) => {
                let said = self.text.of("needs-signature");
                Err(Failure::new(ExitStatus::Configuration, "no_signature", said))
            }
        }
    }

    /// Asks the user whether to trust a certificate.
    pub(super) fn accepts(&self, untrusted: &Untrusted) -> Result<bool, Failure> {
        let Some(mut tty) = Tty::find(&self.terminal) else {
            return Ok(false);
        };
        self.terminal.set_busy(false);
        let failed =
            |error: io::Error| Failure::new(ExitStatus::Local, "terminal", error.to_string());
        let offer = self.text.offer(untrusted);
        let question = self.text.yes_no(&self.text.of("trust-question"));
        let answer = tty.line(&format!("{offer}\n{question}")).map_err(failed)?;
        Ok(self.text.is_yes(&answer))
    }

    /// The server from the options, in all its known spellings.
    pub(super) fn spellings(&self) -> Result<Vec<Address>, Failure> {
        let address = self.address()?;
        let same = self.known().same_server(&address);
        let mut spellings = same.map_err(|error| Failure::known_servers(self.text, &error))?;
        spellings.push(address);
        Ok(spellings)
    }

    /// The local mailbox of the server and user from the options; if one of them is missing, the
    /// only mailbox that matches and has one of these folders.
    pub(super) fn mailbox(&self, folders: &[Folder]) -> Result<Mailbox, Failure> {
        let (address, username) = self.account(folders)?;
        Ok(Mailbox::open(&self.data, &address, &username))
    }

    /// The server and user from the options; if one of them is missing, those of the only local
    /// mailbox that matches and has one of these folders.
    pub(super) fn account(&self, folders: &[Folder]) -> Result<(Address, Username), Failure> {
        let options = self.options;
        match (&options.server, &options.user) {
            (Some(_), Some(_)) => Ok((self.address()?, self.username()?)),
            (server, user) => {
                let server = server.is_some().then(|| self.spellings()).transpose()?;
                let user = user.is_some().then(|| self.username()).transpose()?;
                let owners = owners::of_mailboxes(&self.data);
                let mut owners = owners.into_iter().filter(|(address, username)| {
                    let mailbox = Mailbox::open(&self.data, address, username);
                    server.as_ref().is_none_or(|server| server.contains(address))
                        && user.as_ref().is_none_or(|user| user == username)
                        && folders.iter().any(|folder| mailbox.in_folder(*folder).exists())
                });
                match (owners.next(), owners.next()) {
                    (Some(owner), None) => Ok(owner),
                    // No mailbox or several match: the missing option is the error.
                    _ => Ok((self.address()?, self.username()?)),
                }
            }
        }
    }
}

impl Connector for &Context<'_> {
    type Stop = Failure;

    fn attempt(&mut self, address: &Address, trust: Trust) -> Result<Service, ConnectError> {
        self.connect_once(address, trust)
    }

    /// Without a terminal, nobody is asked.
    fn accepts(&mut self, untrusted: &Untrusted) -> Result<bool, Failure> {
        Ok(self.may_ask() && Context::accepts(self, untrusted)?)
    }

    fn remember(&mut self, accepted: &Untrusted) -> Result<(), KnownServersError> {
        self.known().remember(&accepted.address, accepted.found)
    }
}

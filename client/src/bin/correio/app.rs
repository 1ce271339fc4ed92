//! State that the screens share: the catalogue, the prompt, the chosen server.

use std::{path::PathBuf, sync::Arc};

use correio_client::{
    Address, Cancel, ConnectError, ConnectOptions, KnownServers, KnownServersError, RequestError,
    Service, Trust, Untrusted, WhiteSpace, sanitize,
};
use correio_proto::{credential::Password, mail::Username};
use indicatif::ProgressBar;

use crate::{
    config::Config,
    connect::{Connector, TrustOption},
    exit::ExitStatus,
    last_used, password,
    prompt::{Answer, Autosave, Completer, Prompt, Stop},
    spinner::Spinner,
    terminal::Terminal,
    text::Text,
    typed_path::PathCompleter,
};

/// The state of the menus.
pub(crate) struct App {
    pub(crate) text: &'static Text,
    pub(crate) prompt: Prompt,
    pub(crate) data: PathBuf,
    /// Shared with the thread that completes recipients.
    pub(crate) service: Option<Arc<Service>>,
    /// The username that a login offers.
    pub(crate) user: String,
    /// The last server that the user chose, whether it answered or not.
    pub(crate) tried: Option<Address>,
    /// The username whose password was refused: the next login asks for the password only.
    pub(crate) refused: Option<Username>,
    /// The username whose password was wrong: a code of the operator may set a new one.
    pub(crate) forgotten: Option<Username>,
    /// The status with which a script ends because no server has answered.
    pub(crate) failed: Option<ExitStatus>,
    pub(crate) trust_option: TrustOption,
    /// The user's defaults.
    pub(crate) config: Config,
    terminal: Terminal,
    cancel: Cancel,
}

impl App {
    pub(crate) fn new(
        text: &'static Text,
        data: PathBuf,
        trust_option: TrustOption,
        terminal: Terminal,
        cancel: Cancel,
    ) -> Self {
        let prompt = Prompt::new(&terminal, text);
        let (service, user, tried) = (None, String::new(), None);
        let (refused, forgotten, failed) = (None, None, None);
        Self {
            text,
            prompt,
            data,
            service,
            user,
            tried,
            refused,
            forgotten,
            failed,
            trust_option,
            config: Config::default(),
            terminal,
            cancel,
        }
    }

    /// Shows lines.
    pub(crate) fn say(&mut self, line: &str) {
        self.prompt.say(line);
    }

    /// Whether the input is a script, which cannot react to a failure.
    pub(crate) fn is_script(&self) -> bool {
        !self.terminal.is_terminal()
    }

    /// Runs an action that waits for the server, with a spinner on a terminal. Ctrl-C cancels the
    /// action.
    pub(crate) fn wait<R>(
        &self,
        doing: &str,
        action: impl FnOnce(&Cancel, &ProgressBar) -> R,
    ) -> R {
        let is_shown = self.prompt.is_interactive();
        // Keys that are typed meanwhile are meant for no prompt.
        let _mode = is_shown.then(|| self.terminal.hold_keys());
        let spinner = Spinner::new(self.text, doing, is_shown);
        spinner.run(self.service.as_deref(), |bar| self.cancellable(|cancel| action(cancel, bar)))
    }

    /// Runs an action that starts another program on the terminal. Ctrl-C is that program's.
    pub(crate) fn run_in_terminal<R>(&self, action: impl FnOnce() -> R) -> R {
        let mode = self.terminal.release();
        let result = self.cancellable(|_| action());
        drop(mode);
        self.terminal.redraw();
        result
    }

    /// Runs an action during which Ctrl-C does not end the program: it cancels the action's
    /// [`Cancel`], or the action handles it as a key.
    pub(crate) fn cancellable<R>(&self, action: impl FnOnce(&Cancel) -> R) -> R {
        self.cancel.reset();
        self.terminal.set_busy(true);
        let result = action(&self.cancel);
        self.terminal.set_busy(false);
        result
    }

    /// The file of servers whose certificates were accepted.
    pub(crate) fn known(&self) -> KnownServers {
        KnownServers::in_directory(&self.data).cancelled_by(&self.cancel)
    }

    /// Takes a connection as the server of the menus, and remembers its address.
    pub(crate) fn set_service(&mut self, service: Service) {
        last_used::set_server(&self.data, service.address());
        self.service = Some(Arc::new(service));
    }

    /// Remembers the username of a login, to offer it the next time.
    pub(crate) fn remember_user(&mut self, username: &Username) {
        username.as_str().clone_into(&mut self.user);
        last_used::set_user(&self.data, username);
    }

    /// The username of the last login.
    pub(crate) fn last_user(&self) -> Option<Username> {
        last_used::user(&self.data)
    }

    /// The server's name and version as it states them, sanitized, and the round trip.
    pub(crate) fn server_details(&self, service: &Service) -> String {
        let welcome = service.welcome();
        let milliseconds = self.text.milliseconds(service.round_trip());
        self.text.with(
            "server-details",
            &[
                ("name", sanitize(welcome.software.name.as_str(), WhiteSpace::OneLine).into()),
                (
                    "version",
                    sanitize(welcome.software.version.as_str(), WhiteSpace::OneLine).into(),
                ),
                ("milliseconds", milliseconds.into()),
            ],
        )
    }

    /// The last server that answered.
    pub(crate) fn last_server(&self) -> Option<Address> {
        last_used::server(&self.data)
    }

    /// Asks for a text until it parses. A refused text is offered again.
    pub(crate) fn ask<T>(
        &mut self,
        question: &str,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
    ) -> Answer<T> {
        self.ask_until(initial, parse, |prompt, typed| prompt.line(question, typed))
    }

    /// As [`Self::ask`], for a path, which Tab completes.
    pub(crate) fn ask_path<T>(
        &mut self,
        question: &str,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
    ) -> Answer<T> {
        let mut completer = PathCompleter::default();
        self.ask_until(initial, parse, |prompt, typed| prompt.path(question, typed, &mut completer))
    }

    /// As [`Self::ask`], before a question for a password.
    pub(crate) fn ask_before_password<T>(
        &mut self,
        question: &str,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
    ) -> Answer<T> {
        let ask = |prompt: &mut Prompt, typed: &str| prompt.line_before_password(question, typed);
        self.ask_until(initial, parse, ask)
    }

    /// As [`Self::ask`]; the text is saved while it is typed.
    pub(crate) fn ask_autosaved<T>(
        &mut self,
        question: &str,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
        autosave: &mut dyn Autosave,
    ) -> Answer<T> {
        self.ask_until(initial, parse, |prompt, typed| {
            prompt.autosaved_line(question, typed, autosave)
        })
    }

    /// As [`Self::ask_autosaved`], with completion.
    pub(crate) fn ask_completed<T>(
        &mut self,
        question: &str,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
        autosave: &mut dyn Autosave,
        completer: &mut dyn Completer,
    ) -> Answer<T> {
        self.ask_until(initial, parse, |prompt, typed| {
            prompt.completed_line(question, typed, autosave, completer)
        })
    }

    /// Asks until the answer parses. A refused text is offered again.
    fn ask_until<T>(
        &mut self,
        initial: &str,
        parse: impl Fn(&Text, &str) -> Result<T, String>,
        mut ask: impl FnMut(&mut Prompt, &str) -> Answer<String>,
    ) -> Answer<T> {
        let mut typed = initial.to_owned();
        loop {
            typed = ask(&mut self.prompt, &typed)?;
            match parse(self.text, &typed) {
                Ok(value) => return Ok(value),
                Err(why) => {
                    self.prompt.drop_typed_ahead();
                    self.say(&why);
                }
            }
        }
    }

    /// Asks for the password of an account. The inner error: no account can have this password.
    pub(crate) fn ask_password(
        &mut self,
        question: &str,
    ) -> Answer<Result<Arc<Password>, RequestError>> {
        let typed = self.prompt.password(question)?;
        Ok(password::existing(&typed))
    }

    /// Asks for a new password, twice.
    pub(crate) fn ask_new_password(&mut self, question: &str) -> Answer<Arc<Password>> {
        loop {
            let typed = self.prompt.password(question)?;
            let password = match Password::new(&typed) {
                Ok(password) => Arc::new(password),
                Err(invalid) => {
                    self.prompt.drop_typed_ahead();
                    self.say(&self.text.invalid(invalid));
                    continue;
                }
            };
            let again = self.prompt.password(&self.text.of("register-password-again"))?;
            if *again == *typed {
                return Ok(password);
            }
            self.prompt.drop_typed_ahead();
            self.say(&self.text.of("register-passwords-differ"));
        }
    }
}

impl Connector for App {
    type Stop = Stop;

    fn attempt(&mut self, address: &Address, trust: Trust) -> Result<Service, ConnectError> {
        let values = [("address", address.to_string().into())];
        let doing = self.text.with("server-connecting", &values);
        let known = Some(self.known());
        let options = ConnectOptions { trust, known, ..ConnectOptions::default() };
        self.wait(&doing, |cancel, _| Service::connect(address, &options, cancel))
    }

    fn accepts(&mut self, untrusted: &Untrusted) -> Answer<bool> {
        self.say(&self.text.offer(untrusted));
        self.prompt.confirm(&self.text.of("trust-question"), self.text)
    }

    fn remember(&mut self, accepted: &Untrusted) -> Result<(), KnownServersError> {
        self.cancellable(|_| self.known().remember(&accepted.address, accepted.found))
    }
}

/// Parses one of the protocol's texts. The error is a message for the user.
pub(crate) fn parse<T>(text: &Text, typed: &str) -> Result<T, String>
where
    T: std::str::FromStr<Err = correio_proto::mail::Invalid>,
{
    typed.trim().parse().map_err(|invalid| text.invalid(invalid))
}

//! The server's process, and the library client that inspects its two accounts.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use correio_client::{
    Address, Cancel, ConnectOptions, Mailbox, NewAccount, Service, Trust, new_mail_id,
};
use correio_proto::{credential::Password, mail::Mail, message::Send};
use correio_testing::guard;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::options::Programs;

/// The password of both accounts.
pub(crate) const PASSWORD: &str = "jarvis-is-here";

/// The accounts: the client's, and the recipient's.
pub(crate) const ACCOUNTS: [(&str, &str); 2] = [("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

/// The server.
pub(crate) struct Server {
    programs: Programs,
    data: TempDir,
    child: Child,
    pub(crate) address: SocketAddr,
    /// Mails that the recipient has received, and those left for tony at the end.
    taken: TempDir,
}

impl Server {
    /// Starts a server and registers the accounts.
    pub(crate) fn start(programs: Programs) -> Result<Self> {
        let data = TempDir::new()?;
        let (child, address) = spawn(&programs, &data)?;
        let server = Self { programs, data, child, address, taken: TempDir::new()? };
        for (username, full_name) in ACCOUNTS {
            let registration = NewAccount {
                id: new_mail_id(),
                username: username.parse()?,
                full_name: full_name.parse()?,
                password: password()?,
                invite: None,
            };
            server.connect()?.register(&registration, &Cancel::new())?;
        }
        Ok(server)
    }

    /// Ends the server with a signal and starts it again on the same data.
    pub(crate) fn restart(&mut self, signal: Signal) -> Result<()> {
        let _ = kill_process(Pid::from_child(&self.child), signal);
        let _ = self.child.wait();
        (self.child, self.address) = spawn(&self.programs, &self.data)?;
        Ok(())
    }

    fn connect(&self) -> Result<Service> {
        let address: Address = self.address.to_string().parse()?;
        let options = ConnectOptions { trust: Trust::Plaintext, ..ConnectOptions::default() };
        Ok(Service::connect(&address, &options, &Cancel::new())?)
    }

    /// Logs in with the original password and checks the full name.
    fn login(&self, username: &str) -> Result<Service> {
        let (service, name) = (self.connect()?, username.parse()?);
        let logged_in = service
            .login(&name, &password()?, &Cancel::new())
            .with_context(|| format!("{username}'s account is not as it was"))?;
        let expected = ACCOUNTS.iter().find(|(known, _)| *known == username);
        let found = logged_in.full_name.as_str().to_owned();
        ensure!(
            expected.is_some_and(|(_, full_name)| *full_name == found),
            "a full name is {found}"
        );
        Ok(service)
    }

    /// Checks that both accounts are unchanged.
    pub(crate) fn look_at_accounts(&self) -> Result<()> {
        for (username, _) in ACCOUNTS {
            self.login(username)?.logout(&Cancel::new())?;
        }
        Ok(())
    }

    /// Sends a mail to the client's user.
    pub(crate) fn deliver(&self, subject: &str) -> Result<()> {
        let mail = Send {
            id: new_mail_id(),
            to: "tony".parse()?,
            subject: subject.parse()?,
            content: "Ol\u{e1}\n".repeat(40).parse()?,
        };
        self.login("pepper")?.send(&mail, &Cancel::new())?;
        Ok(())
    }

    /// Receives a user's mails from the server. Returns all that were ever received so.
    pub(crate) fn take(&self, username: &str) -> Result<Vec<Mail>> {
        let address: Address = "127.0.0.1:8888".parse()?;
        let mut mailbox = Mailbox::open(self.taken.path(), &address, &username.parse()?);
        let service = self.login(username)?;
        service.receive(&mut mailbox, &mut |_| {}, &Cancel::new())?;
        let list = mailbox.list(1, usize::MAX)?;
        ensure!(list.skipped.is_empty(), "{:?}", list.skipped);
        list.mails.iter().map(|stored| Ok(mailbox.read(stored)?)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn password() -> Result<Arc<Password>> {
    Ok(Arc::new(Password::new(PASSWORD)?))
}

fn spawn(programs: &Programs, data: &TempDir) -> Result<(Child, SocketAddr)> {
    let mut command = Command::new(&programs.server);
    command
        .args(["--config", "/dev/null", "--plaintext", "--bcrypt-cost", "4"])
        .args(["--listen", "127.0.0.1:0", "--failed-logins", "0", "--mails-per-hour", "0"])
        .args(["--registrations-per-hour", "0", "--drain-timeout", "1", "--data-dir"])
        .arg(data.path());
    let mut child = guard::guarded(&programs.guard, &command)?
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", programs.server.display()))?;
    let mut line = String::new();
    let output = child.stdout.take().context("the server's output")?;
    BufReader::new(output).read_line(&mut line)?;
    let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
    let address = address.with_context(|| format!("the server has not started: {line:?}"))?;
    Ok((child, address.parse()?))
}

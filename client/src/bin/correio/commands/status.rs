//! `correio status`: shows the server, the account, how full its mailbox is, and the mail on this
//! computer.

use correio_client::{
    Condition, Drafts, Folder, LoggedIn, Mailbox, MailboxError, MailboxUsage, Service, Trust,
    WhiteSpace, sanitize,
};
use correio_proto::message::{RegistrationPolicy, Welcome};
use serde_json::{Value, json};

use super::context::Context;
use crate::{
    exit::Failure,
    fullness::{self, Fullness},
    names::with_username,
    output::Output,
    text::Text,
};

pub(super) fn run(context: &Context<'_>) -> Result<Output, Failure> {
    let (service, account) = context.log_in()?;
    let local = Local::count(context, &service, &account)?;
    let (welcome, trust) = (service.welcome(), service.trust());
    let text = context.text;
    let mut lines = vec![server_line(text, &service, &welcome), account_line(text, &account)];
    lines.extend(account.usage.iter().map(|usage| {
        let used = fullness::line(text, usage);
        text.with("status-mailbox", &[("used", used.into())])
    }));
    lines.push(text.of(registration_key(&welcome.registration)));
    let names: Vec<_> = welcome.capabilities.iter().map(ToString::to_string).collect();
    lines.push(text.with("status-capabilities", &[("names", names.join(", ").into())]));
    lines.push(trust_line(text, trust));
    lines.push(local.line(text));
    let fullness = account.usage.as_ref().map(Fullness::of);
    lines.extend(fullness.and_then(|fullness| fullness.warning(text)));
    let json = json!({
        "server": service.address().to_string(),
        "name": welcome.software.name.as_str(),
        "version": welcome.software.version.as_str(),
        "registration": registration_name(&welcome.registration),
        "capabilities": names,
        "trust": trust_json(trust),
        "username": account.username.as_str(),
        "full_name": account.full_name.as_str(),
        "waiting": account.waiting,
        "usage": account.usage.as_ref().map(usage_json),
        "local": local.json(),
    });
    Ok(Output::new(lines.join("\n"), json))
}

/// Numbers of mails and drafts on this computer.
struct Local {
    received: usize,
    unread: usize,
    sent: usize,
    drafts: usize,
}

impl Local {
    fn count(
        context: &Context<'_>,
        service: &Service,
        account: &LoggedIn,
    ) -> Result<Self, Failure> {
        let (address, username) = (service.address(), &account.username);
        let mailbox = Mailbox::open(&context.data, address, username);
        let failed = |error: MailboxError| Failure::mailbox(context.text, &error);
        // Only the names of the files are read.
        let received = mailbox.select(&[Condition::Unread], &context.cancel).map_err(failed)?;
        let sent = mailbox.in_folder(Folder::Sent).entries().map_err(failed)?;
        let drafts = Drafts::open(&context.data, address, username)
            .count()
            .map_err(|error| Failure::draft(context.text, &error))?;
        let (unread, received) = (received.entries.len(), received.total);
        Ok(Self { received, unread, sent: sent.entries.len(), drafts })
    }

    fn line(&self, text: &Text) -> String {
        let values = [
            ("received", self.received.to_string().into()),
            ("unread", self.unread.to_string().into()),
            ("sent", self.sent.to_string().into()),
            ("drafts", self.drafts.to_string().into()),
        ];
        text.with("status-local", &values)
    }

    fn json(&self) -> Value {
        json!({
            "received": self.received,
            "unread": self.unread,
            "sent": self.sent,
            "drafts": self.drafts,
        })
    }
}

fn server_line(text: &Text, service: &Service, welcome: &Welcome) -> String {
    let values = [
        ("address", service.address().to_string().into()),
        ("name", sanitize(welcome.software.name.as_str(), WhiteSpace::OneLine).into()),
        ("version", sanitize(welcome.software.version.as_str(), WhiteSpace::OneLine).into()),
    ];
    text.with("status-server", &values)
}

fn account_line(text: &Text, account: &LoggedIn) -> String {
    let values = [
        ("name", with_username(&account.username, &account.full_name).into()),
        ("waiting", account.waiting.to_string().into()),
    ];
    text.with("status-account", &values)
}

fn trust_line(text: &Text, trust: Trust) -> String {
    match trust {
        Trust::Fingerprint(fingerprint) => {
            text.with("status-fingerprint", &[("fingerprint", fingerprint.to_string().into())])
        }
        Trust::Authorities => text.of("status-authorities"),
        Trust::Plaintext => text.of("status-plaintext"),
    }
}

fn trust_json(trust: Trust) -> Value {
    let (by, fingerprint) = match trust {
        Trust::Fingerprint(fingerprint) => ("fingerprint", Some(fingerprint.to_string())),
        Trust::Authorities => ("authorities", None),
        Trust::Plaintext => ("plaintext", None),
    };
    json!({ "by": by, "fingerprint": fingerprint })
}

fn usage_json(usage: &MailboxUsage) -> Value {
    let fullness = Fullness::of(usage);
    json!({
        "mails": usage.mails,
        "mails_max": usage.mails_max,
        "bytes": usage.bytes,
        "bytes_max": usage.bytes_max,
        "percent": fullness.percent,
        "nearly_full": fullness.is_nearly_full(),
    })
}

fn registration_name(policy: &RegistrationPolicy) -> &'static str {
    match policy {
        RegistrationPolicy::Open {} => "open",
        RegistrationPolicy::Invite {} => "invite",
        RegistrationPolicy::Closed {} => "closed",
    }
}

fn registration_key(policy: &RegistrationPolicy) -> &'static str {
    match policy {
        RegistrationPolicy::Open {} => "status-registration-open",
        RegistrationPolicy::Invite {} => "status-registration-invite",
        RegistrationPolicy::Closed {} => "status-registration-closed",
    }
}

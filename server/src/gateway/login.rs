//! The login of a mail program, which both gateways share. The throttle is charged with the name as
//! with a login of correio's own protocol, and the store looks the name and the app password up.
//!
//! An unknown username costs the same job as a wrong password, and gets the same answer.

use std::borrow::Cow;

use correio_proto::{mail::Username, message::ErrorCode};
use sha2::{Digest, Sha256};

use super::{address, domain::MailDomain, refusal, sasl::Credentials};
use crate::{
    auth::app_password,
    counted::Counted,
    event::Event,
    ids::{AccountSecret, AppPasswordDigest},
    limits::throttle::{SecretKind, Wait},
    session::{
        Charge, Done, Identity, QueueName, SessionContext, Settlement, delivery::UNEXPECTED_RESULT,
        effect::Effect, recent_ends::EndMark,
    },
    store::{
        AccountRecord, StoreDone, StoreJob,
        admin::AccountState,
        gateway::{GatewayDone, GatewayJob},
    },
};

/// The protocol of a gateway that programs log in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GatewayProtocol {
    /// SMTP submission.
    Submission,
    /// POP3.
    Pop3,
}

impl GatewayProtocol {
    /// The gateway's word in the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Pop3 => "pop3",
        }
    }

    /// The reason of a failed login in the log. It begins as the reason of correio's own protocol
    /// does, since fail2ban's filter looks for that beginning.
    fn wrong_password(self) -> &'static str {
        match self {
            Self::Submission => "wrong password of a program, or unknown username (submission)",
            Self::Pop3 => "wrong password of a program, or unknown username (pop3)",
        }
    }
}

/// A login that waits for the result of its job.
#[derive(Debug)]
pub(crate) struct PendingLogin {
    username: Username,
    gateway: GatewayProtocol,
    /// When the job was submitted.
    since: EndMark,
}

/// Why a program is not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginRefusal {
    /// No account has this username and this app password. Neither the answer nor its time tells
    /// whether the username exists.
    WrongPassword,
    /// The operator has disabled the account.
    Disabled,
    /// Too many logins failed: the program must wait this long.
    Limited(Wait),
    /// The store's queue is full.
    Busy,
    /// The store could not look the account up.
    Unavailable,
}

impl LoginRefusal {
    /// The equivalent error of correio's own protocol.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::WrongPassword => ErrorCode::BadCredentials,
            Self::Disabled => ErrorCode::Disabled,
            Self::Limited(_) => ErrorCode::RateLimited,
            Self::Busy => ErrorCode::Busy,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }

    /// The text for the program's user.
    pub(crate) fn text(self) -> Cow<'static, str> {
        match self {
            Self::WrongPassword => {
                "wrong username or app password; correio app-password create makes one".into()
            }
            Self::Disabled => "the operator has disabled this account".into(),
            Self::Limited(wait) => format!(
                "too many attempts; try again in {}",
                Counted(wait.seconds().into(), "second")
            )
            .into(),
            Self::Busy => refusal::BUSY.into(),
            Self::Unavailable => refusal::UNAVAILABLE.into(),
        }
    }
}

/// Begins a login: charges the throttle with it. Returns the job that the session must defer.
///
/// # Errors
///
/// The login is refused without a job, and the session must answer.
pub(crate) fn begin(
    context: &mut SessionContext<'_>,
    charge: &mut Option<Charge>,
    (gateway, domain): (GatewayProtocol, &MailDomain),
    credentials: &Credentials,
) -> Result<(StoreJob, PendingLogin), LoginRefusal> {
    let Ok(username) = address::parse(&credentials.name, domain) else {
        // Everybody knows that no account can have such a name: the time of the answer may tell it.
        let (connection, code) = (context.connection, ErrorCode::BadCredentials);
        let text = "a program gave a name that no account of this server can have";
        Event::RequestRefused { connection, code, text }.log();
        return Err(LoginRefusal::WrongPassword);
    };
    let (now, prefix, secret) = (context.now.uptime, context.prefix(), SecretKind::AppPassword);
    if let Err(wait) = context.throttle.login_attempt(now, prefix, &username, secret) {
        let (connection, address, wait_seconds) =
            (context.connection, context.peer, wait.seconds());
        let (username, limit) = (&username, "logins");
        Event::RequestLimited { username, connection, address, limit, wait: wait_seconds }.log();
        return Err(LoginRefusal::Limited(wait));
    }
    *charge = Some(Charge::Login(username.clone(), secret));
    let job = GatewayJob::LogIn {
        username: username.clone(),
        password: digest_of(&credentials.password).unwrap_or_else(|| no_password(credentials)),
        from: context.peer.ip(),
        now: context.now.wall,
    };
    let since = context.registry.mark();
    Ok((StoreJob::Gateway(job), PendingLogin { username, gateway, since }))
}

/// Continues with the job's result: settles the charge and logs the login. Returns the account and
/// its secret.
///
/// # Errors
///
/// The program is not logged in.
pub(crate) fn complete(
    context: &mut SessionContext<'_>,
    charge: &mut Option<Charge>,
    pending: &PendingLogin,
    done: Done,
) -> Result<(Identity, AccountSecret), LoginRefusal> {
    let (result, settlement) = judge(context, pending, done);
    if let Some(charge) = charge.take() {
        charge.settle(context, settlement);
    }
    let account = result?;
    let secret = AccountSecret::of(account.hash.as_ref());
    Ok((logged_in(context, pending, account), secret))
}

/// The result of the login, and how its charge is settled, by the job's result.
fn judge(
    context: &mut SessionContext<'_>,
    pending: &PendingLogin,
    done: Done,
) -> (Result<AccountRecord, LoginRefusal>, Settlement) {
    let (connection, address) = (context.connection, context.peer);
    let failed = |reason| {
        let username = &pending.username;
        Event::LoginFailed { username, connection, address, reason }.log();
    };
    match done {
        Done::Store(StoreDone::Gateway(GatewayDone::LoggedIn(account))) => match account.state {
            AccountState::Enabled => (Ok(*account), Settlement::Succeeded),
            AccountState::Disabled(_) => {
                failed("the account is disabled");
                (Err(LoginRefusal::Disabled), Settlement::Unanswered)
            }
        },
        Done::Store(StoreDone::Gateway(GatewayDone::WrongPassword) | StoreDone::NoAccount) => {
            failed(pending.gateway.wrong_password());
            (Err(LoginRefusal::WrongPassword), Settlement::Failed)
        }
        Done::Busy { queue, .. } => {
            report_full(context, queue);
            (Err(LoginRefusal::Busy), Settlement::Unanswered)
        }
        Done::Store(StoreDone::Unavailable(text)) => {
            report_unavailable(context, &text);
            (Err(LoginRefusal::Unavailable), Settlement::Unanswered)
        }
        Done::Store(_) | Done::Hash(_) => {
            report_unexpected(context);
            (Err(LoginRefusal::Unavailable), Settlement::Unanswered)
        }
    }
}

fn logged_in(
    context: &mut SessionContext<'_>,
    pending: &PendingLogin,
    account: AccountRecord,
) -> Identity {
    let AccountRecord { id: account, username, full_name, .. } = account;
    let (connection, address, protocol) =
        (context.connection, context.peer, pending.gateway.as_str());
    let by = "app_password";
    Event::LoginSucceeded { username: &username, connection, address, protocol, by }.log();
    context.counts.logins += 1;
    let since = pending.since;
    context.effects.push(Effect::LoggedIn { connection, account, since });
    Identity { account, username, full_name }
}

/// Logs and counts that a queue was full.
pub(crate) fn report_full(context: &mut SessionContext<'_>, queue: QueueName) {
    context.counts.queue_full.add(queue.as_str());
    Event::QueueFull { queue: queue.as_str() }.log();
}

/// Logs and counts that the store could not do a job.
pub(crate) fn report_unavailable(context: &mut SessionContext<'_>, text: &str) {
    context.counts.unavailable += 1;
    Event::StoreUnavailable { text }.log();
}

/// Logs and counts that a job came to a result of a wrong kind. The result is not logged, since it
/// may have mails in it.
pub(crate) fn report_unexpected(context: &mut SessionContext<'_>) {
    report_unavailable(context, UNEXPECTED_RESULT);
}

/// The digest of an app password, as the store has it. `None` if the text is not an app password.
fn digest_of(text: &str) -> Option<AppPasswordDigest> {
    text.parse().ok().map(|password| app_password::digest(&password))
}

/// A digest that no app password has, in place of the digest of a text that is not an app password:
/// the login then costs the same job, and fails as any other.
fn no_password(credentials: &Credentials) -> AppPasswordDigest {
    AppPasswordDigest(Sha256::digest(credentials.password.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::{
        super::harness::{CONNECTION, Harness, domain, name, tony},
        *,
    };
    use crate::{
        ids::AccountId,
        limits::throttle::{FailedLogin, FailureScope},
    };

    /// One app password in spellings that people use.
    const SPELLINGS: [&str; 3] = [
        "0123456789ABCDEFGHJKMNPQR1",
        "0123-4567-89AB-CDEF-GHJK-MNPQ-R1",
        "o123 4567 89ab cdef ghjk mnpq rl",
    ];

    fn credentials(name: &str) -> Credentials {
        Credentials { name: name.to_owned(), password: SPELLINGS[0].to_owned().into() }
    }

    /// Logs in as `name`; the store gives this result.
    fn log_in(harness: &mut Harness, name: &str, done: Done) -> Result<Identity, LoginRefusal> {
        let (mut charge, domain) = (None, domain());
        let gateway = (GatewayProtocol::Submission, &domain);
        let context = &mut harness.context();
        let (job, pending) = begin(context, &mut charge, gateway, &credentials(name))?;
        assert!(matches!(&job, StoreJob::Gateway(GatewayJob::LogIn { .. })), "{job:?}");
        assert!(charge.is_some());
        let result = complete(context, &mut charge, &pending, done).map(|(identity, _)| identity);
        assert_eq!(charge, None, "the charge is settled");
        result
    }

    fn gateway(done: GatewayDone) -> Done {
        Done::Store(StoreDone::Gateway(done))
    }

    #[test]
    fn spellings_of_an_app_password_have_one_digest() {
        let digests = SPELLINGS.map(digest_of);
        assert!(digests[0].is_some());
        assert_eq!(digests, [digests[0]; 3]);
        let long = SPELLINGS[0].to_owned() + "0";
        for text in ["", "secret", &SPELLINGS[0][1..], &long, "U123456789ABCDEFGHJKMNPQR1"] {
            assert_eq!(digest_of(text), None, "{text}");
        }
    }

    #[test]
    fn the_store_is_asked_for_the_name_and_the_digest() {
        let mut harness = Harness::new();
        let (mut charge, domain) = (None, domain());
        let gateway = (GatewayProtocol::Pop3, &domain);
        let context = &mut harness.context();
        let given = credentials("Tony@mail.example");
        let (job, _) = begin(context, &mut charge, gateway, &given).unwrap();
        let expected = GatewayJob::LogIn {
            username: name("tony"),
            password: digest_of(SPELLINGS[0]).unwrap(),
            from: "192.0.2.7".parse().unwrap(),
            now: context.now.wall,
        };
        assert_eq!(job, StoreJob::Gateway(expected));
    }

    #[test]
    fn the_account_is_logged_in() {
        let mut harness = Harness::new();
        let done = gateway(GatewayDone::LoggedIn(tony().into()));
        let identity = log_in(&mut harness, "tony", done).unwrap();
        assert_eq!(identity.username.as_str(), "tony");
        let (connection, account) = (CONNECTION, AccountId(1));
        let since = EndMark::default();
        assert_eq!(harness.effects, [Effect::LoggedIn { connection, account, since }]);
        assert_eq!(harness.counts.logins, 1);
    }

    #[test]
    fn a_login_is_refused_with_its_reason() {
        let mut disabled = tony();
        disabled.state = AccountState::Disabled(crate::store::admin::DisabledMail::Kept);
        let cases = [
            (gateway(GatewayDone::WrongPassword), LoginRefusal::WrongPassword),
            (Done::Store(StoreDone::NoAccount), LoginRefusal::WrongPassword),
            (gateway(GatewayDone::LoggedIn(disabled.into())), LoginRefusal::Disabled),
            (Done::Store(StoreDone::Unavailable("full".into())), LoginRefusal::Unavailable),
            (Done::Store(StoreDone::Created), LoginRefusal::Unavailable),
            (
                Done::Busy { queue: QueueName::Store, retry_after: Default::default() },
                LoginRefusal::Busy,
            ),
        ];
        for (done, refusal) in cases {
            let mut harness = Harness::new();
            assert_eq!(log_in(&mut harness, "tony", done), Err(refusal));
            let told = FailedLogin {
                address: "192.0.2.7".parse().unwrap(),
                username: name("tony"),
                secret: SecretKind::AppPassword,
                scope: FailureScope::PrefixAndPair,
            };
            let told = match refusal {
                LoginRefusal::WrongPassword => vec![Effect::LoginFailed(told)],
                _ => vec![],
            };
            assert_eq!((harness.effects, harness.counts.logins), (told, 0), "{refusal:?}");
        }
    }

    #[test]
    fn a_name_that_no_account_can_have_is_refused_as_a_wrong_password() {
        for name in ["tony@elsewhere.example", "tony stark", "tony+x", ""] {
            let mut harness = Harness::new();
            let done = gateway(GatewayDone::LoggedIn(tony().into()));
            assert_eq!(log_in(&mut harness, name, done), Err(LoginRefusal::WrongPassword));
        }
    }

    #[test]
    fn wrong_passwords_make_the_program_wait() {
        let mut harness = Harness::new();
        for _ in 0..3 {
            let result = log_in(&mut harness, "tony", gateway(GatewayDone::WrongPassword));
            assert_eq!(result, Err(LoginRefusal::WrongPassword));
        }
        let right = || gateway(GatewayDone::LoggedIn(tony().into()));
        let result = log_in(&mut harness, "tony", right());
        let Err(LoginRefusal::Limited(Wait(wait))) = result else { panic!("{result:?}") };
        assert!(!wait.is_zero());
        harness.now.uptime += wait;
        assert!(log_in(&mut harness, "tony", right()).is_ok());
    }

    #[test]
    fn programs_that_fail_do_not_make_the_owner_s_client_wait() {
        let mut harness = Harness::new();
        let right = gateway(GatewayDone::LoggedIn(tony().into()));
        assert!(log_in(&mut harness, "tony", right).is_ok());
        for _ in 0..3 {
            let result = log_in(&mut harness, "tony", gateway(GatewayDone::WrongPassword));
            assert_eq!(result, Err(LoginRefusal::WrongPassword));
        }
        let result = log_in(&mut harness, "tony", gateway(GatewayDone::WrongPassword));
        assert!(matches!(result, Err(LoginRefusal::Limited(_))), "{result:?}");
        let context = harness.context();
        let (now, prefix) = (context.now.uptime, context.prefix());
        let attempt =
            context.throttle.login_attempt(now, prefix, &name("tony"), SecretKind::Password);
        assert_eq!(attempt, Ok(()));
    }

    #[test]
    fn a_login_that_the_store_did_not_judge_is_no_failure() {
        let mut harness = Harness::new();
        for _ in 0..20 {
            let done = Done::Store(StoreDone::Unavailable("full".into()));
            let result = log_in(&mut harness, "tony", done);
            assert_eq!(result, Err(LoginRefusal::Unavailable));
        }
    }
}

//! Charges to the throttle.
//!
//! A request is charged before any work is done for it, so that concurrent requests count. The
//! charge is settled with the request's response: it stays, becomes a failure, or is refunded.

use correio_proto::mail::Username;

use crate::{
    ids::AccountId,
    limits::throttle::{FailedLogin, SecretKind, ToLists},
    session::{context::SessionContext, effect::Effect},
};

/// A charge of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// A check of a secret of this kind for this username.
    Login(Username, SecretKind),
    /// A registration of this username.
    Registration(Username),
    /// A mail of this account to this many recipients, which may go to lists or not.
    Mail(AccountId, u32, ToLists),
    /// A find of this account.
    Find(AccountId),
    /// A request of this account about lists or app passwords.
    List(AccountId),
}

/// How a charge is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// The request succeeded.
    Succeeded,
    /// The request was judged and refused.
    Failed,
    /// The same request had succeeded before, and was charged then.
    Repeated,
    /// The request was not judged, or the connection ended before the client learned the result:
    /// the charge is refunded.
    Unanswered,
    /// The connection ended while a worker was hashing. For a login, a failure is charged to the
    /// client's prefix and never to the account.
    Abandoned,
}

impl Charge {
    /// Settles the charge with the throttle.
    pub(crate) fn settle(self, context: &mut SessionContext<'_>, settlement: Settlement) {
        let (now, prefix) = (context.now.uptime, context.prefix());
        let throttle = &mut *context.throttle;
        match (self, settlement) {
            (Self::Login(username, secret), Settlement::Succeeded) => {
                throttle.login_succeeded(now, prefix, &username, secret);
            }
            (Self::Login(username, secret), Settlement::Failed) => {
                if let Some(scope) = throttle.login_failed(now, prefix, &username, secret) {
                    let address = context.peer.ip();
                    let login = FailedLogin { address, username, secret, scope };
                    context.effects.push(Effect::LoginFailed(login));
                }
            }
            (Self::Login(username, secret), Settlement::Repeated | Settlement::Unanswered) => {
                throttle.login_unanswered(now, prefix, &username, secret);
            }
            (Self::Login(username, secret), Settlement::Abandoned) => {
                throttle.login_abandoned(now, prefix, &username, secret);
            }
            (Self::Registration(username), Settlement::Succeeded) => {
                throttle.registered(now, prefix, &username);
            }
            (
                Self::Registration(_),
                Settlement::Failed | Settlement::Repeated | Settlement::Abandoned,
            ) => throttle.registration_failed(now, prefix),
            (Self::Registration(_), Settlement::Unanswered) => {
                throttle.registration_unanswered(now, prefix);
            }
            (Self::Mail(account, _, to_lists), Settlement::Succeeded | Settlement::Failed) => {
                throttle.mail_counted(account, to_lists);
            }
            (
                Self::Mail(account, recipients, to_lists),
                Settlement::Repeated | Settlement::Unanswered | Settlement::Abandoned,
            ) => throttle.mail_not_counted(now, account, recipients, to_lists),
            (
                Self::Find(_) | Self::List(_),
                Settlement::Succeeded | Settlement::Failed | Settlement::Repeated,
            ) => {}
            (Self::Find(account), Settlement::Unanswered | Settlement::Abandoned) => {
                throttle.find_unanswered(now, account);
            }
            (Self::List(account), Settlement::Unanswered | Settlement::Abandoned) => {
                throttle.list_unanswered(now, account);
            }
        }
    }
}

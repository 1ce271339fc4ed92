//! Charges to the throttle: made before a request's work, settled by its reply.
//!
//! A request is charged before any work is done for it, so that requests at the same time count,
//! and settled by its reply: what came to nothing is taken back.

use correio_proto::{
    mail::Username,
    message::{ErrorCode, Reply},
};

use crate::{ids::AccountId, session::context::SessionContext};

/// What [`crate::limits::throttle::Throttle`] was charged with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// A password that is checked for this username.
    Login(Username),
    /// A registration of this username.
    Registration(Username),
    /// A mail of this account, to so many recipients.
    Mail(AccountId, u32),
}

/// How a charge is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// It did what was asked.
    Succeeded,
    /// Its work was done, and it was refused or had been done before.
    Failed,
    /// No work was done for it, or the work failed: it was not judged.
    Unanswered,
    /// The client left while a worker was at it.
    Abandoned,
}

impl Charge {
    /// What became of the request that is answered like this.
    pub(crate) fn settlement(&self, reply: &Reply) -> Settlement {
        match (self, reply) {
            (Self::Login(_), Reply::LoggedIn(_) | Reply::AccountChanged {})
            | (Self::Registration(_), Reply::Registered {})
            | (Self::Mail(..), Reply::Sent { .. }) => Settlement::Succeeded,
            (charge, Reply::Error(error)) if charge.is_failure(error.code) => Settlement::Failed,
            _ => Settlement::Unanswered,
        }
    }

    /// Whether an error judges the request. The others say that the server could not.
    fn is_failure(&self, code: ErrorCode) -> bool {
        match self {
            Self::Login(_) => code == ErrorCode::BadCredentials,
            Self::Registration(_) => {
                matches!(code, ErrorCode::UsernameTaken | ErrorCode::NotAllowed)
            }
            Self::Mail(..) => false,
        }
    }

    /// Settles it with the throttle.
    pub(crate) fn settle(self, context: &mut SessionContext<'_>, settlement: Settlement) {
        let (now, prefix) = (context.now.uptime, context.prefix());
        let throttle = &mut *context.throttle;
        match (self, settlement) {
            (Self::Login(username), Settlement::Succeeded) => {
                throttle.login_succeeded(now, prefix, &username);
            }
            (Self::Login(username), Settlement::Failed) => {
                throttle.login_failed(now, prefix, &username);
            }
            (Self::Login(username), Settlement::Unanswered) => {
                throttle.login_unanswered(now, prefix, &username);
            }
            (Self::Login(username), Settlement::Abandoned) => {
                throttle.login_abandoned(now, prefix, &username);
            }
            (Self::Registration(username), Settlement::Succeeded) => {
                throttle.registered(now, prefix, &username);
            }
            (Self::Registration(_), Settlement::Failed | Settlement::Abandoned) => {
                throttle.registration_failed(now, prefix);
            }
            (Self::Registration(_), Settlement::Unanswered) => {
                throttle.registration_unanswered(now, prefix);
            }
            (Self::Mail(..), Settlement::Succeeded) => {}
            (
                Self::Mail(account, recipients),
                Settlement::Failed | Settlement::Unanswered | Settlement::Abandoned,
            ) => throttle.mail_not_sent(now, account, recipients),
        }
    }
}

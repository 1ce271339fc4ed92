//! `AUTH`: the login of a program to a session of submission.

use super::{Hello, Phase, SubmissionSession};
use crate::{
    gateway::{
        GatewayStep, Protection,
        common::AfterFailure,
        login::{GatewayProtocol, LoginRefusal, PendingLogin},
        sasl::{Credentials, Exchange, Mechanism, SaslStep},
        submission::reply::{Order, Refused, Reply},
    },
    session::{Done, SessionContext},
};

impl SubmissionSession {
    pub(super) fn auth(
        &mut self,
        context: &mut SessionContext<'_>,
        mechanism: &str,
        initial: Option<&str>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let refused = match (self.hello, self.common.protection, &self.identity, &self.envelope) {
            (_, Protection::Startable, _, _) => Some(Order::TlsFirst),
            (Hello::Due, _, _, _) => Some(Order::HelloFirst),
            (_, _, Some(_), _) => Some(Order::LoggedIn),
            (_, _, None, Some(_)) => Some(Order::MailBegun),
            (Hello::Said, Protection::Protected, None, None) => None,
        };
        if let Some(order) = refused {
            return self.refuse(context, &Refused::Order(order), output);
        }
        match Mechanism::named(mechanism) {
            Some(mechanism) => {
                let step = Exchange::begin(mechanism, initial);
                self.exchange(context, step, output)
            }
            None => self.refuse(context, &Refused::Mechanism, output),
        }
    }

    pub(super) fn exchange(
        &mut self,
        context: &mut SessionContext<'_>,
        step: SaslStep,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        match step {
            SaslStep::Challenge(exchange) => {
                Reply::Challenge(&exchange).write(output);
                self.phase = Phase::Sasl(exchange);
                GatewayStep::Continue
            }
            SaslStep::Credentials(credentials) => self.log_in(context, &credentials, output),
            SaslStep::Failed(error) => self.refuse(context, &Refused::Sasl(error), output),
        }
    }

    fn log_in(
        &mut self,
        context: &mut SessionContext<'_>,
        credentials: &Credentials,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let begun = self.common.log_in(context, GatewayProtocol::Submission, credentials);
        begun.unwrap_or_else(|refusal| self.login_refused(context, refusal, output))
    }

    pub(super) fn logged_in(
        &mut self,
        context: &mut SessionContext<'_>,
        pending: &PendingLogin,
        done: Done,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        match self.common.complete_login(context, pending, done) {
            Ok((identity, secret)) => {
                self.identity = Some(Box::new(identity));
                self.secret = Some(secret);
                Reply::LoggedIn.write(output);
                GatewayStep::Continue
            }
            Err(refusal) => self.login_refused(context, refusal, output),
        }
    }

    fn login_refused(
        &mut self,
        context: &mut SessionContext<'_>,
        refusal: LoginRefusal,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let step = self.refuse(context, &Refused::Login(refusal), output);
        match self.common.login_failed(refusal) {
            AfterFailure::Continue => step,
            AfterFailure::Close => self.close(),
        }
    }
}

//! The replies that requests about app passwords must get.

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordRequest},
    limits,
    mail::Username,
    message::{ErrorCode, Reply},
};
use correio_server::clock::Now;

use super::{list_replies::LISTS, model::Model, refusal::refuses};

impl Model {
    /// Checks the reply to a request about app passwords, which counts as one about lists.
    pub(super) fn answered_app_password(
        &mut self,
        username: &Username,
        request: &AppPasswordRequest,
        now: Now,
        reply: &Reply,
    ) {
        let account = self.accounts.get_mut(username).expect("a session has an account");
        if !LISTS.is_taken(&mut account.lists_full_at, now.uptime, reply) {
            return;
        }
        let present = &mut account.app_passwords;
        match request {
            AppPasswordRequest::List {} => {
                assert_eq!(reply, &Reply::AppPasswords { passwords: present.clone() });
            }
            AppPasswordRequest::Create { label } if present.iter().any(|it| it.label == *label) => {
                refuses(reply, ErrorCode::LabelTaken);
            }
            AppPasswordRequest::Create { .. } if present.len() >= limits::APP_PASSWORDS_MAX => {
                refuses(reply, ErrorCode::AppPasswordsFull);
            }
            AppPasswordRequest::Create { label } => {
                let Reply::AppPasswordCreated { id, password } = reply else { panic!("{reply:?}") };
                assert!(self.given_out.insert(password.to_string()));
                assert_eq!(*id, AppPasswordId(self.given_out.len() as u64));
                let (label, made_at) = (label.clone(), now.wall);
                present.push(AppPasswordOverview { id: *id, label, made_at, used: None });
            }
            AppPasswordRequest::Revoke { id } => {
                assert_eq!(reply, &Reply::AppPasswordRevoked {});
                present.retain(|it| it.id != *id);
            }
        }
    }
}

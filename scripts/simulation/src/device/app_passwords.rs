//! The requests of a device about app passwords: it makes them for its user's mail programs, and
//! revokes some of them.

use correio_proto::{
    app_password::{AppPassword, AppPasswordId, AppPasswordOverview, AppPasswordRequest, Label},
    message::Request,
};

use super::{Device, DeviceContext, Operation};
use crate::user::{AppPasswordState, KnownAppPassword};

impl Device {
    /// Makes an app password if the programs have none left. Now and then makes another one or
    /// revokes one.
    pub(super) fn manage_app_passwords(&mut self, context: &mut DeviceContext<'_>) {
        let has_live = context.user.has_live_app_password();
        let is_asking = self.program.as_ref().is_some_and(|program| {
            program.has(|operation| {
                matches!(
                    operation,
                    Operation::CreateAppPassword
                        | Operation::ListAppPasswords
                        | Operation::RevokeAppPassword(_)
                )
            })
        });
        if is_asking || (has_live && (context.is_healing || !self.rng.one_in(20))) {
            return;
        }
        let known =
            context.user.app_passwords.get(self.rng.below(context.user.app_passwords.len()));
        let revoked = known.map(|known| known.id).filter(|_| has_live && self.rng.one_in(2));
        match revoked {
            Some(id) => self.revoke_app_password(context, id),
            None => self.create_app_password(context),
        }
    }

    fn create_app_password(&mut self, context: &mut DeviceContext<'_>) {
        // The label of an app password whose password was lost with the reply stays taken.
        let label = format!("program {}", self.rng.within(0..=u64::MAX));
        if let Ok(label) = label.parse::<Label>() {
            let request = Request::AppPassword(AppPasswordRequest::Create { label });
            self.ask(context, Operation::CreateAppPassword, request);
        }
    }

    pub(super) fn list_app_passwords(&mut self, context: &mut DeviceContext<'_>) {
        let request = Request::AppPassword(AppPasswordRequest::List {});
        self.ask(context, Operation::ListAppPasswords, request);
    }

    fn revoke_app_password(&mut self, context: &mut DeviceContext<'_>, id: AppPasswordId) {
        let request = Request::AppPassword(AppPasswordRequest::Revoke { id });
        self.ask(context, Operation::RevokeAppPassword(id), request);
    }

    /// Revokes the first app password that no program uses, since the account has as many as it may
    /// have.
    pub(super) fn make_room_for_app_password(
        &mut self,
        context: &mut DeviceContext<'_>,
        present: &[AppPasswordOverview],
    ) {
        let is_used = |id: AppPasswordId| {
            let mut known = context.user.app_passwords.iter();
            known.any(|known| known.id == id && known.state == AppPasswordState::Live)
        };
        if let Some(unused) = present.iter().find(|overview| !is_used(overview.id)) {
            self.revoke_app_password(context, unused.id);
        }
    }
}

/// A new app password, as a device has received it.
pub(super) fn made(id: AppPasswordId, password: AppPassword, now: u64) -> KnownAppPassword {
    KnownAppPassword { id, password, made_at: now, state: AppPasswordState::Live }
}

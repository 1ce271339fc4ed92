//! Applies what other servers on the same store have changed to the connections here.

use super::{Server, connection::Transport};
use crate::{
    clock::Now,
    session::effect::{Arrival, Effect},
    store::news::{ArrivedMail, News},
};

impl<T: Transport> Server<T> {
    /// Gives the store the number of sessions, for other servers.
    pub(super) fn tell_sessions(&mut self) {
        let (_, sessions) = self.admission.counts();
        self.store.note_sessions(sessions);
    }

    /// Applies the news that the store has.
    pub(super) fn hear_news(&mut self, now: Now) {
        let mut heard = Vec::new();
        self.store.hear(&mut heard);
        for news in heard {
            match news {
                News::MailArrived { accounts, mail: ArrivedMail { from, from_name, subject } } => {
                    let arrival = Arrival { from, from_name, subject };
                    self.effects.push(Effect::MailArrived { accounts, arrival });
                }
                News::SessionsEnded { account } => {
                    self.effects.push(Effect::EndSessions { account, except: None });
                }
                News::GatewaySessionsEnded { account } => {
                    self.effects.push(Effect::EndGatewaySessions { account });
                }
                News::Logins(logins) => {
                    for login in &logins {
                        self.throttle.hear(now.uptime, login);
                    }
                }
                News::AllSessionsEnded => {
                    self.registry.ends.add_all();
                    let accounts = self.registry.accounts();
                    let end = |account: &_| Effect::EndSessions { account: *account, except: None };
                    self.effects.extend(accounts.iter().map(end));
                }
            }
        }
        self.apply_effects(now);
    }
}

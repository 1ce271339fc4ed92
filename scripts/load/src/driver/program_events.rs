//! Enters what the mail programs tell into the ledger and the results.

use super::Driver;
use crate::programs::ProgramEvent;

impl Driver {
    /// Takes what the programs have told so far. Called before an answer to another client is
    /// looked at: a mail is in the ledger before anybody can have received it.
    pub(super) fn take_program_events(&mut self) {
        while let Some(event) = self.programs.take() {
            let now = self.now();
            match event {
                ProgramEvent::Registered { user, group, username } => {
                    self.programs.registered.insert(user);
                    self.usernames
                        .get_mut(group)
                        .into_iter()
                        .for_each(|names| names.push(username.clone()));
                }
                ProgramEvent::Sending { from, mail, hidden } => {
                    self.ledger.begin_hiding(from, &mail, hidden, now);
                }
                ProgramEvent::Accepted(id) => {
                    self.recorder.acknowledged(now);
                    self.ledger.acknowledged(id, now);
                }
                ProgramEvent::Received { by, mail } => self.ledger.received(by, &mail),
                ProgramEvent::Deleting { by, ids } => self.ledger.confirming(by, &ids, now),
                ProgramEvent::Deleted { by, ids } => self.ledger.confirmed(by, &ids, now),
                ProgramEvent::Done(operation, took) => {
                    self.recorder.done(operation, took);
                    self.heard_at = now;
                }
                ProgramEvent::Failed(operation, code) => self.recorder.failed(operation, code),
                ProgramEvent::Settled(user) => drop(self.programs.settled.insert(user)),
                ProgramEvent::Drained(user) => drop(self.programs.drained.insert(user)),
            }
        }
    }
}

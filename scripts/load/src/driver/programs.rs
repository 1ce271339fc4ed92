//! The mail programs of a load, from their plans to their threads, and which of them have settled
//! and drained.

use std::{collections::HashSet, time::Instant};

use anyhow::{Context as _, Result};
use correio_proto::mail::Username;

use super::plan::Plan;
use crate::{
    ledger::UserId,
    programs::{ProgramEvent, ProgramPlan, ProgramThreads},
    results::UserCounts,
    scenario::Group,
    user::Phase,
};

/// The programs of a load.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// Those whose threads were not started yet.
    plans: Vec<ProgramPlan>,
    threads: Option<ProgramThreads>,
    expected: usize,
    pub(super) registered: HashSet<UserId>,
    pub(super) settled: HashSet<UserId>,
    pub(super) drained: HashSet<UserId>,
}

impl Programs {
    /// The programs of the scenario, whose users have the numbers from `first` on.
    ///
    /// # Errors
    ///
    /// A username is invalid, or the server has no listeners for mail programs.
    pub(super) fn of(plan: &Plan, first: UserId) -> Result<Self> {
        let mut plans = Vec::new();
        let clients = &plan.scenario.clients;
        for (group, settings) in clients.iter().enumerate().filter(|(_, group)| group.is_program())
        {
            let addresses =
                plan.programs.context("the server has no listeners for mail programs")?;
            let server = *plan.servers.first().context("there is no server")?;
            let to = settings.to.as_ref().unwrap_or(&settings.name);
            let to = clients.iter().filter(|group| group.name == *to);
            let to: Vec<Username> =
                to.flat_map(Group::usernames).map(|name| name.parse()).collect::<Result<_, _>>()?;
            for (number, username) in settings.usernames().enumerate() {
                let user = first + plans.len();
                plans.push(ProgramPlan {
                    user,
                    group,
                    username: username.parse()?,
                    settings: settings.clone(),
                    to: to.clone(),
                    server,
                    trust: plan.trust,
                    addresses,
                    arrival: settings.arrival(number),
                    seed: plan.seed ^ (user as u64) << 32,
                });
            }
        }
        Ok(Self { expected: plans.len(), plans, ..Self::default() })
    }

    /// Username and number of each program's user.
    pub(super) fn users(&self) -> impl Iterator<Item = (Username, UserId)> {
        self.plans.iter().map(|plan| (plan.username.clone(), plan.user))
    }

    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The machine has no room for a thread.
    pub(super) fn start(&mut self, started: Instant) -> Result<()> {
        if !self.plans.is_empty() {
            let plans = std::mem::take(&mut self.plans);
            self.threads = Some(ProgramThreads::start(plans, started)?);
        }
        Ok(())
    }

    /// Whether there are programs.
    pub(super) fn are_running(&self) -> bool {
        self.threads.is_some()
    }

    pub(super) fn enter(&self, phase: Phase) {
        if let Some(threads) = &self.threads {
            threads.enter(phase);
        }
    }

    /// Whether the phase has nothing left to do for any program. One that has no account has
    /// nothing.
    pub(super) fn are_done(&self, phase: Phase) -> bool {
        let done = match phase {
            Phase::Acting => return false,
            Phase::Settling => &self.settled,
            Phase::Draining => &self.drained,
        };
        self.registered.iter().all(|user| done.contains(user))
    }

    /// Adds what the programs did to the results. Returns the number of mailboxes that were not
    /// emptied.
    pub(super) fn count(&self, users: &mut UserCounts, drained: &mut HashSet<UserId>) -> u64 {
        users.expected += self.expected;
        users.came_in += self.registered.len();
        drained.extend(&self.drained);
        self.registered.difference(&self.drained).count() as u64
    }

    /// The next event, if there is one.
    pub(super) fn take(&self) -> Option<ProgramEvent> {
        self.threads.as_ref().and_then(ProgramThreads::take)
    }
}

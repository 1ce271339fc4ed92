//! Several servers on one store, as on one database. All work on the same two halves, and their
//! jobs interleave there; each has its own queue, answers and news.
//!
//! A server whose connection to the store is cut keeps its jobs, and runs them again afterwards:
//! whether those under way were done is unknown to it. A job that waits too long is answered
//! `Unavailable`. What a durable job means for the sessions of other servers comes to them later,
//! through [`SimStore::take_news`] and [`SimStore::tell`].

use std::rc::Rc;

use correio_server::store::{
    StoreDone, StoreJob,
    admin::{AccountState, AdminDone, AdminJob, postmaster},
    app_password::{AppPasswordDone, AppPasswordJob},
    news::{ArrivedMail, News},
};

use super::{
    Halves, SimStore,
    server_jobs::{OpenJobs, ServerJobs, SlowLane, WaitingJob},
};

impl SimStore {
    /// The handle of the server of this number, from 0 on.
    #[must_use]
    pub fn for_server(&self, server: usize) -> Self {
        let handle = Self { halves: Rc::clone(&self.halves), server };
        handle.own(|_| ());
        handle
    }

    /// Cuts this server's connection to the store. Its open jobs wait again.
    pub fn cut(&self, open: OpenJobs) {
        let halves = &mut *self.halves.borrow_mut();
        halves.abort(self.server, open);
        halves.server(self.server).is_cut = true;
    }

    /// Has this server reach the store again.
    pub fn mend(&self) {
        self.own(|own| {
            own.is_cut = false;
            for waiting in &mut own.queue {
                waiting.waits_until = None;
            }
        });
    }

    /// Whether this server has jobs that could be done now.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.own(|own| !own.is_cut && !own.queue.is_empty())
    }

    /// Whether this server has no waiting job, and no answer or news left.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let is_idle =
            self.own(|own| own.queue.is_empty() && own.delayed.is_empty() && own.late.is_empty());
        is_idle && !self.has_done()
    }

    /// While the connection is cut: gives up the jobs that have waited for this many ticks.
    pub fn give_up_late_jobs(&self, now: u64, patience: u64) {
        self.own(|own| {
            if !own.is_cut {
                return;
            }
            for waiting in std::mem::take(&mut own.queue) {
                let until = waiting.waits_until.unwrap_or(now + patience);
                if until > now {
                    own.queue.push_back(WaitingJob { waits_until: Some(until), ..waiting });
                    continue;
                }
                let text = "simulated: the store cannot be reached".into();
                own.done.push((waiting.ticket, StoreDone::Unavailable(text)));
            }
        });
    }

    /// Delays the answers of a lane, which news and answers of other lanes overtake. A lane that is
    /// slow already stays the only one.
    pub fn slow_down(&self, lane: u32, until: u64) {
        self.own(|own| own.slow = own.slow.or(Some(SlowLane { lane, until })));
    }

    /// Lets the delayed answers come that are due.
    pub fn hand_out_slow_answers(&self, now: u64) {
        self.own(|own| {
            if own.slow.is_some_and(|slow| slow.until <= now) {
                own.speed_up();
            }
        });
    }

    /// Time at which a waiting job is given up, or news or delayed answers come.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.own(|own| {
            let next = match own.is_cut {
                true => own.queue.iter().filter_map(|waiting| waiting.waits_until).min(),
                false => own.late.iter().map(|(due, _)| *due).min(),
            };
            next.into_iter().chain(own.slow.map(|slow| slow.until)).min()
        })
    }

    /// This server's process ends; the other servers go on.
    pub fn end_server(&self, open: OpenJobs) {
        let halves = &mut *self.halves.borrow_mut();
        halves.abort(self.server, open);
        *halves.server(self.server) = ServerJobs::default();
        halves.news.retain(|(server, _)| *server != self.server);
    }

    /// The store itself fails, and is there again at once: all servers' open jobs wait again.
    pub fn fail_over(&self, open: OpenJobs) {
        let halves = &mut *self.halves.borrow_mut();
        for server in 0..halves.servers.len() {
            halves.abort(server, open);
        }
    }

    /// Takes the news of jobs made durable since the last call, each with the number of the server
    /// that must hear it.
    #[must_use]
    pub fn take_news(&self) -> Vec<(usize, News)> {
        std::mem::take(&mut self.halves.borrow_mut().news)
    }

    /// Has this server hear news at a time.
    pub fn tell(&self, due: u64, news: News) {
        self.own(|own| own.late.push((due, news)));
    }

    /// Lets the news come that are due. While the connection is cut, ended sessions wait, and
    /// arrived mails are lost.
    pub fn hand_out_news(&self, now: u64) {
        self.own(|own| {
            for (due, news) in std::mem::take(&mut own.late) {
                match (due <= now, own.is_cut, &news) {
                    (true, false, _) => own.heard.push(news),
                    (true, true, News::MailArrived { .. }) => {}
                    _ => own.late.push((due, news)),
                }
            }
        });
    }
}

impl Halves {
    /// The own part of a server.
    pub(super) fn server(&mut self, server: usize) -> &mut ServerJobs {
        if self.servers.len() <= server {
            self.servers.resize_with(server + 1, ServerJobs::default);
        }
        // The vector was made long enough.
        #[allow(clippy::indexing_slicing)]
        &mut self.servers[server]
    }

    /// Ends a server's open jobs, which wait again, the oldest first.
    fn abort(&mut self, server: usize, open: OpenJobs) {
        for run in self.undurable.iter().filter(|run| run.server == server).rev() {
            if let Some(ticket) = run.ticket {
                let waiting = WaitingJob::new(ticket, run.job.clone());
                // The queue is one of the fields beside the jobs.
                if let Some(own) = self.servers.get_mut(server) {
                    own.queue.push_front(waiting);
                }
            }
        }
        match open {
            OpenJobs::Kept => {
                for run in self.undurable.iter_mut().filter(|run| run.server == server) {
                    run.ticket = None;
                }
            }
            OpenJobs::Undone => {
                self.pending = self.durable.clone();
                // Nobody knows the others' answers yet: they may be other ones now.
                for run in std::mem::take(&mut self.undurable) {
                    if run.server != server {
                        self.run(run.server, run.ticket, run.job);
                    }
                }
            }
        }
    }

    /// Records what a durable job means for the sessions of the other servers.
    pub(super) fn spread(&mut self, server: usize, job: &StoreJob, answer: &StoreDone) {
        if self.servers.len() < 2 {
            return;
        }
        let Some(news) = news(job, answer) else {
            return;
        };
        let others = (0..self.servers.len()).filter(|other| *other != server);
        self.news.extend(others.map(|other| (other, news.clone())));
    }
}

/// What a job with this answer means for sessions of other servers.
fn news(job: &StoreJob, answer: &StoreDone) -> Option<News> {
    match (job, answer) {
        (StoreJob::Send { mail, .. }, StoreDone::Sent { recipients, from, .. }) => {
            let (accounts, (from, from_name)) = (recipients.clone(), from.clone());
            let mail = ArrivedMail { from, from_name, subject: mail.subject.clone() };
            Some(News::MailArrived { accounts, mail })
        }
        (
            StoreJob::Admin(AdminJob::Announce { mail, .. }),
            StoreDone::Admin(AdminDone::Announced { accounts, .. }),
        ) => {
            let (accounts, (from, from_name)) = (accounts.clone(), postmaster());
            let mail = ArrivedMail { from, from_name, subject: mail.subject.clone() };
            Some(News::MailArrived { accounts, mail })
        }
        (StoreJob::SetHash { account, .. }, StoreDone::PasswordSet { .. })
        | (StoreJob::DeleteAccount { account, .. }, StoreDone::Changed)
        | (StoreJob::Recover { .. }, StoreDone::Recovered { account, .. })
        | (
            StoreJob::Admin(AdminJob::SetState { state: AccountState::Disabled(_), .. }),
            StoreDone::Admin(AdminDone::Changed(Some(account))),
        ) => Some(News::SessionsEnded { account: *account }),
        (
            StoreJob::AppPassword(AppPasswordJob::Revoke { account, .. }),
            StoreDone::AppPassword(AppPasswordDone::Revoked(Some(_))),
        )
        | (
            StoreJob::Admin(AdminJob::SetCode { .. }),
            StoreDone::Admin(AdminDone::CodeSet { account, .. }),
        ) => Some(News::GatewaySessionsEnded { account: *account }),
        _ => None,
    }
}

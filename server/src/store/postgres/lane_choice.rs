//! Chooses the lane of each job.
//!
//! A mail goes to the lane of its first recipient: otherwise each lane would wait for the mailboxes
//! that the others have locked until their commits. The jobs of a connection must be done in their
//! order: while one of them is under way, all further ones go to its lane.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::{ids::ConnId, store::StoreJob};

/// The lanes of the connections that have jobs under way.
#[derive(Debug)]
pub(super) struct LaneChoice {
    lanes: usize,
    under_way: HashMap<ConnId, UnderWay>,
}

/// The jobs of a connection that are under way.
#[derive(Debug)]
struct UnderWay {
    lane: usize,
    jobs: usize,
}

impl LaneChoice {
    /// Chooses among this number of lanes, at least one.
    pub(super) fn new(lanes: usize) -> Self {
        Self { lanes: lanes.max(1), under_way: HashMap::new() }
    }

    /// The index of a job's lane.
    pub(super) fn of(&self, client: ConnId, job: &StoreJob) -> usize {
        match (self.under_way.get(&client), job) {
            (Some(under_way), _) => under_way.lane,
            (None, StoreJob::Send { mail, .. }) => {
                let mut hasher = DefaultHasher::new();
                mail.to.as_slice().first().hash(&mut hasher);
                // The rest is smaller than the number of lanes.
                (hasher.finish() % self.lanes as u64) as usize
            }
            (None, _) => client.index as usize % self.lanes,
        }
    }

    /// Records that a job is under way in a lane.
    pub(super) fn begin(&mut self, client: ConnId, lane: usize) {
        self.under_way.entry(client).or_insert(UnderWay { lane, jobs: 0 }).jobs += 1;
    }

    /// Records that a job of a connection is done.
    pub(super) fn end(&mut self, client: ConnId) {
        if let Some(under_way) = self.under_way.get_mut(&client) {
            under_way.jobs -= 1;
            if under_way.jobs == 0 {
                self.under_way.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use correio_proto::mail::{Content, MailId, Timestamp};

    use super::*;
    use crate::{
        ids::AccountId,
        store::{NewMailRecord, ToLists},
    };

    fn mail(to: &str) -> StoreJob {
        let content = Content::Body("x".parse().unwrap());
        let (id, subject) = (
            "019b7a12-a180-71da-8ac7-2cc8e001ef7d".parse::<MailId>().unwrap(),
            "Oi".parse().unwrap(),
        );
        let mail = Arc::new(NewMailRecord::new(id, to.parse().unwrap(), subject, content));
        StoreJob::Send { sender: AccountId(1), mail, to_lists: ToLists::Allowed, now: Timestamp(1) }
    }

    fn client(index: u32) -> ConnId {
        ConnId { index, generation: 0 }
    }

    #[test]
    fn mails_to_one_recipient_have_one_lane_whoever_sends_them() {
        let choice = LaneChoice::new(4);
        let lane = choice.of(client(0), &mail("pepper"));
        assert!((1..100).all(|index| choice.of(client(index), &mail("pepper")) == lane));
        let lanes = (0..100).map(|number| choice.of(client(0), &mail(&format!("user{number}"))));
        let used: HashSet<usize> = lanes.collect();
        assert_eq!(used.len(), 4);
    }

    #[test]
    fn the_jobs_of_a_connection_stay_in_one_lane_until_all_are_done() {
        let mut choice = LaneChoice::new(4);
        let first = choice.of(client(1), &mail("pepper"));
        let other = (0..100).map(|number| mail(&format!("user{number}")));
        let other = other.into_iter().find(|job| choice.of(client(1), job) != first).unwrap();
        choice.begin(client(1), first);
        assert_eq!(choice.of(client(1), &other), first);
        choice.begin(client(1), first);
        choice.end(client(1));
        assert_eq!(choice.of(client(1), &other), first);
        choice.end(client(1));
        assert_ne!(choice.of(client(1), &other), first);
        // The end of a job that was not begun changes nothing.
        choice.end(client(1));
    }
}

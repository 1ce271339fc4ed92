//! Compares the mails that a backup holds with the history.
//!
//! A backup shows the server as of one moment between its begin and its end. Each mail and each
//! copy says something of that moment: a mail that is there was sent before it, a mail that is
//! missing was acknowledged after it. A backup is sound if one moment fits all of them: then it
//! holds the acknowledged operations up to that moment.

use std::{collections::HashSet, time::Duration};

use correio_proto::mail::{MailId, Username};

use super::mails::{History, OperationTimes, SentMail, UserId};

/// Most mails that are named.
const EXAMPLES_MAX: usize = 5;

/// When a backup began and ended, since the start of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Before its first step.
    pub began: Duration,
    /// After its last step.
    pub ended: Duration,
}

/// The mails that a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldMails {
    /// Mails that the server has accepted: the sender and the id of each idempotency record.
    pub accepted: HashSet<(Username, MailId)>,
    /// Copies that wait in mailboxes: the recipient and the id of each.
    pub waiting: HashSet<(Username, MailId)>,
}

/// How a backup differs from every server that the history allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Mails that are missing although they were acknowledged before the backup's moment.
    pub lost: u64,
    /// Mails that are there although they were sent after the backup's end.
    pub too_new: u64,
    /// Mails and copies that no user sent.
    pub foreign: u64,
    /// Copies that are missing although their recipients did not confirm them before the backup's
    /// end.
    pub lost_copies: u64,
    /// Copies that are there although their confirmation was acknowledged before the backup's
    /// moment.
    pub returned_copies: u64,
    /// Some of them, with their ids.
    pub examples: Vec<String>,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    fn note(&mut self, count: fn(&mut Self) -> &mut u64, what: &str, id: MailId) {
        *count(self) += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{what} {id}"));
        }
    }
}

/// The mails of a backup, by the users' numbers.
#[derive(Default)]
struct Held {
    accepted: HashSet<MailId>,
    waiting: HashSet<(UserId, MailId)>,
}

impl History {
    /// Compares the mails that a backup holds with this history.
    #[must_use]
    pub fn compare(&self, taken: Interval, mails: &HeldMails) -> Differences {
        let mut differences = Differences::default();
        let held = self.held(mails, &mut differences);
        let moment = self.earliest_moment(taken, &held, &mut differences);
        for (id, mail) in &self.mails {
            if !held.accepted.contains(id) && mail.send.has_ended_before(moment) {
                differences.note(|all| &mut all.lost, "lost:", *id);
            }
            for (user, confirmation) in &mail.copies {
                let is_over = confirmation.is_some_and(|times| times.has_ended_before(moment));
                if is_over && held.waiting.contains(&(*user, *id)) {
                    let what = "waits although it was confirmed:";
                    differences.note(|all| &mut all.returned_copies, what, *id);
                }
            }
        }
        differences
    }

    /// The mails of users. Others, except those of hostile clients, are differences.
    fn held(&self, mails: &HeldMails, differences: &mut Differences) -> Held {
        let mut held = Held::default();
        for (from, id) in &mails.accepted {
            let sent = self.mails.get(id).map(|mail| mail.from);
            if sent.is_some() && self.users.get(from).copied() == sent {
                held.accepted.insert(*id);
            } else if !self.hostile.contains(from) {
                differences.note(|all| &mut all.foreign, "sent by no user:", *id);
            }
        }
        for (to, id) in &mails.waiting {
            let user = self.users.get(to);
            match user.filter(|user| self.mails.get(id).is_some_and(|mail| mail.is_for(**user))) {
                Some(user) => {
                    held.waiting.insert((*user, *id));
                }
                None if self.hostile.contains(to) => {}
                None => {
                    differences.note(|all| &mut all.foreign, "waits for a wrong recipient:", *id);
                }
            }
        }
        held
    }

    /// The earliest moment that the backup can show: its begin, or the latest of the operations
    /// that it has seen. Operations after its end are differences.
    fn earliest_moment(
        &self,
        taken: Interval,
        held: &Held,
        differences: &mut Differences,
    ) -> Duration {
        let mut moment = taken.began;
        for (id, mail) in &self.mails {
            if !held.accepted.contains(id) {
                // What the server has not accepted cannot wait.
                if mail.copies.iter().any(|(user, _)| held.waiting.contains(&(*user, *id))) {
                    differences.note(|all| &mut all.lost, "waits, but is no accepted mail:", *id);
                }
                continue;
            }
            if mail.send.begun > taken.ended {
                differences.note(|all| &mut all.too_new, "sent after the backup's end:", *id);
                continue;
            }
            moment = moment.max(mail.send.begun);
            for (user, confirmation) in &mail.copies {
                if held.waiting.contains(&(*user, *id)) {
                    continue;
                }
                match confirmation {
                    Some(OperationTimes { begun, .. }) if *begun <= taken.ended => {
                        moment = moment.max(*begun);
                    }
                    _ => differences.note(|all| &mut all.lost_copies, "lost a copy of", *id),
                }
            }
        }
        moment
    }
}

impl SentMail {
    fn is_for(&self, user: UserId) -> bool {
        self.copies.iter().any(|(recipient, _)| *recipient == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONY: UserId = 0;
    const PEPPER: UserId = 1;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A backup from 100 to 200 ms.
    const BACKUP: Interval =
        Interval { began: Duration::from_millis(100), ended: Duration::from_millis(200) };

    /// A history of mails from tony to pepper, and the mails that a backup holds.
    struct Case {
        history: History,
        held: HeldMails,
    }

    impl Case {
        fn new() -> Self {
            let mut history = History::default();
            history.enter("tony".parse().unwrap(), TONY);
            history.enter("pepper".parse().unwrap(), PEPPER);
            history.enter_hostile("loki".parse().unwrap());
            Self { history, held: HeldMails::default() }
        }

        /// Sends a mail, whose answer comes at `answered`.
        fn mail(&mut self, sent: u64, answered: Option<u64>) -> MailId {
            let id = crate::new_id().unwrap();
            self.history.sending(TONY, id, [PEPPER].into_iter(), at(sent));
            if let Some(answered) = answered {
                self.history.sent(id, at(answered));
            }
            id
        }

        fn confirm(&mut self, id: MailId, asked: u64, answered: Option<u64>) {
            self.history.confirming(PEPPER, &[id], at(asked));
            if let Some(answered) = answered {
                self.history.confirmed(PEPPER, &[id], at(answered));
            }
        }

        fn accepted(&mut self, from: &str, id: MailId) {
            self.held.accepted.insert((from.parse().unwrap(), id));
        }

        fn waiting(&mut self, to: &str, id: MailId) {
            self.held.waiting.insert((to.parse().unwrap(), id));
        }

        /// The backup holds the mail, which waits for pepper.
        fn held(&mut self, id: MailId) {
            self.accepted("tony", id);
            self.waiting("pepper", id);
        }

        fn differences(&self) -> Differences {
            self.history.compare(BACKUP, &self.held)
        }

        /// Lost, too new, foreign, lost copies, returned copies.
        fn counts(&self) -> [u64; 5] {
            let found = self.differences();
            [found.lost, found.too_new, found.foreign, found.lost_copies, found.returned_copies]
        }
    }

    #[test]
    fn a_backup_of_one_moment_is_sound() {
        let mut case = Case::new();
        let before = case.mail(10, Some(50));
        case.held(before);
        let confirmed = case.mail(10, Some(50));
        case.accepted("tony", confirmed);
        case.confirm(confirmed, 60, Some(70));
        // Under way during the backup, with and without effect, and without an answer.
        let seen = case.mail(110, Some(160));
        case.held(seen);
        case.mail(110, Some(160));
        let unanswered = case.mail(20, None);
        case.held(unanswered);
        case.mail(20, None);
        case.confirm(before, 150, Some(190));
        // After it.
        case.mail(210, Some(220));
        assert!(case.differences().are_none(), "{:?}", case.differences());
    }

    #[test]
    fn a_mail_that_was_acknowledged_before_the_begin_and_is_missing_is_lost() {
        let mut case = Case::new();
        let lost = case.mail(10, Some(99));
        assert_eq!(case.counts(), [1, 0, 0, 0, 0]);
        assert_eq!(case.differences().examples, [format!("lost: {lost}")]);
        case.held(lost);
        assert!(case.differences().are_none());
    }

    #[test]
    fn a_mail_that_is_missing_beside_a_later_one_is_lost() {
        let mut case = Case::new();
        case.mail(110, Some(120));
        assert!(case.differences().are_none(), "the backup may be of its begin");
        let later = case.mail(130, Some(140));
        case.held(later);
        assert_eq!(case.counts(), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_mail_that_is_missing_beside_a_later_confirmation_is_lost() {
        let mut case = Case::new();
        case.mail(110, Some(120));
        let confirmed = case.mail(10, Some(20));
        case.accepted("tony", confirmed);
        case.confirm(confirmed, 130, None);
        assert_eq!(case.counts(), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_mail_that_was_sent_after_the_end_cannot_be_there() {
        let mut case = Case::new();
        let late = case.mail(201, Some(210));
        case.held(late);
        assert_eq!(case.counts(), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_mail_that_no_user_sent_is_foreign() {
        let mut case = Case::new();
        let sent = case.mail(10, Some(20));
        case.held(sent);
        let unknown = crate::new_id().unwrap();
        case.accepted("loki", unknown);
        case.waiting("loki", unknown);
        assert!(case.differences().are_none(), "hostile clients send as they like");
        case.accepted("tony", unknown);
        case.accepted("pepper", sent);
        case.waiting("tony", sent);
        assert_eq!(case.counts(), [0, 0, 3, 0, 0]);
    }

    #[test]
    fn a_copy_goes_with_its_confirmation_and_not_before() {
        let mut case = Case::new();
        let id = case.mail(10, Some(20));
        case.accepted("tony", id);
        assert_eq!(case.counts(), [0, 0, 0, 1, 0], "nobody has confirmed it");
        case.confirm(id, 201, Some(210));
        assert_eq!(case.counts(), [0, 0, 0, 1, 0], "it was confirmed after the end");
    }

    #[test]
    fn a_copy_that_was_confirmed_does_not_come_back() {
        let mut case = Case::new();
        let id = case.mail(10, Some(20));
        case.confirm(id, 30, Some(40));
        case.held(id);
        assert_eq!(case.counts(), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_copy_without_an_accepted_mail_is_no_prefix() {
        let mut case = Case::new();
        let id = case.mail(110, Some(120));
        case.waiting("pepper", id);
        assert_eq!(case.counts(), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn the_first_request_and_the_first_answer_count() {
        let mut case = Case::new();
        let id = case.mail(10, Some(20));
        case.history.sending(TONY, id, [].into_iter(), at(300));
        case.history.sent(id, at(310));
        assert_eq!(case.counts(), [1, 0, 0, 0, 0]);
        case.held(id);
        assert!(case.differences().are_none());
    }
}

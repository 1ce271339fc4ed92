//! Who may try how often: logins, registrations and mails.
//!
//! It owns the counting. It knows no connection and no account, only names and addresses: an
//! unknown username is treated as any other. Whoever asks passes the time on, as uptime.
//!
//! A login is charged before anything is hashed and settled by its verdict, to three tallies:
//!
//! - the **prefix** it comes from, which has some failures free; after each further one it waits
//!   twice as long, up to a quarter of an hour. One failure a minute is forgotten, unless there
//!   is a wait: a guesser gets about 1,440 tries a day out of one prefix by being patient, and
//!   about a hundred by being eager.
//! - the **pair** of prefix and username, which has as many free; but only one while that account
//!   has many failures from anywhere. A prefix that never failed for an account never waits
//!   because of what other prefixes do: nobody locks an owner out from elsewhere.
//! - the **username**, which only says whether there are many failures from anywhere.
//!
//! A prefix of IPv6 widens: its failures and registrations count for its network of 64, of 56 and
//! of 48 bits, of which the wider ones may have as many as two and four of the narrowest. So whoever has a whole
//! network gets little more out of it than out of one address, and whoever has only a narrow one
//! does not make those beside it wait.
//!
//! Where an account was logged in to before, or was made, its own pair alone counts and not the
//! prefix: the neighbours behind one address do not make its owner wait. Who shares an address with somebody
//! who guesses at the owner's own account does wait, as the two cannot be told apart.
//!
//! RegistrationBuckets and mails are charged before the work as well, and the charge is taken back where
//! nothing came of it.
//!
//! Every table holds 16,384 entries at most and is empty after a restart. A full one forgets what
//! was touched longest ago, but nothing before 8,192 others were touched. So who tries from more
//! than 8,192 prefixes has the failures of one forgotten once all the others were used, and who
//! tries more than 8,192 usernames has those of one username forgotten: each time for thousands
//! of tries that were let through, and only ever in favour of whoever waits.

mod bucket;
mod prefix;
mod table;
mod tally;

use std::time::Duration;

use correio_proto::mail::Username;

pub use self::prefix::Prefix;
use self::{
    bucket::Bucket,
    table::Table,
    tally::{DOUBLINGS, Tally},
};
use crate::ids::AccountId;

/// Failures from anywhere above which each prefix has one free failure for that account. More
/// than a person with several devices and an old password makes.
const ACCOUNT_FAILURES_MANY: u32 = 20;

/// Failures from anywhere that are counted: an hour after the last one all is as before.
const ACCOUNT_FAILURES_MAX: u32 = ACCOUNT_FAILURES_MANY + 60;

/// Free failures of a prefix for an account that has many failures.
const FREE_FOR_GUESSED: u32 = 1;

/// Prefixes remembered for one account: home, work and telephone, and how those change. A bound
/// of its own, so that one account that is used from everywhere displaces no other.
const PROVEN_MAX: usize = 8;

/// How often something may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Accounts that one prefix, of the narrowest, may make in an hour; of its registrations that a password was
    /// hashed for and that made none there may be as many; 0: no limit.
    pub registrations_per_hour: u32,
    /// Mails an hour of one account that are accepted, each counted for each of its recipients;
    /// 0: no limit.
    pub mails_per_hour: u32,
    /// Failed logins that a prefix, of the narrowest, has free before it must wait; 0: nobody ever waits.
    pub failed_logins: u32,
}

/// How long until another try is worth it: at most 15 minutes for a login, at most an hour
/// otherwise. A try after that time is let through, if there was no other meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub Duration);

impl Wait {
    /// As it is shown: whole seconds, rounded up, at least one.
    #[must_use]
    pub fn seconds(self) -> u32 {
        let begun = u64::from(self.0.subsec_nanos() > 0);
        u32::try_from(self.0.as_secs().saturating_add(begun)).unwrap_or(u32::MAX).max(1)
    }
}

/// The registrations of a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct RegistrationBuckets {
    /// Those that made an account.
    accounts: Bucket,
    /// Those that made none although a password was hashed for them.
    failures: Bucket,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub struct Throttle {
    settings: ThrottleSettings,
    prefixes: Table<Prefix, Tally>,
    pairs: Table<(Prefix, Username), Tally>,
    usernames: Table<Username, Tally>,
    /// Where an account was made or logged in to, the latest last.
    proven: Table<Username, Vec<Prefix>>,
    registrations: Table<Prefix, RegistrationBuckets>,
    mails: Table<AccountId, Bucket>,
}

impl Throttle {
    /// Nobody has tried anything.
    #[must_use]
    pub fn new(settings: ThrottleSettings) -> Self {
        Self {
            settings,
            prefixes: Table::default(),
            pairs: Table::default(),
            usernames: Table::default(),
            proven: Table::default(),
            registrations: Table::default(),
            mails: Table::default(),
        }
    }

    /// Charges an attempt before anything is hashed, so that parallel attempts count too. Each
    /// attempt that is let through is settled once: it succeeded, failed or was not answered.
    ///
    /// # Errors
    ///
    /// Too many failures: nothing is charged, and the attempt must not be made.
    pub fn login_attempt(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
    ) -> Result<(), Wait> {
        if self.settings.failed_logins == 0 {
            return Ok(());
        }
        let is_proven = self.is_proven(prefix, username);
        let pair = (prefix, username.clone());
        let free = self.free_for(now, username);
        let mut ready_at = self.pairs.peek(&pair).map_or(now, |tally| tally.ready_at(now, free));
        for wide in prefix.and_wider().filter(|_| !is_proven) {
            if let Some(tally) = self.prefixes.peek(&wide) {
                ready_at = ready_at.max(tally.ready_at(now, self.free_of(wide)));
            }
        }
        let wait = ready_at.saturating_sub(now);
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        self.pairs.touch(pair).charge(now);
        self.usernames.touch(username.clone()).charge(now);
        for wide in prefix.and_wider().filter(|_| !is_proven) {
            self.prefixes.touch(wide).charge(now);
        }
        Ok(())
    }

    /// The credential was right: takes the charge back and no failure, and remembers that this
    /// prefix is good for this account.
    pub fn login_succeeded(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        if self.settings.failed_logins == 0 {
            return;
        }
        self.login_unanswered(now, prefix, username);
        self.prove(now, prefix, username);
    }

    /// Remembers that a prefix is good for an account.
    fn prove(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        if !self.is_proven(prefix, username) {
            // Attempts under way were charged to the prefix; their verdicts go to the pair alone.
            let under_way = self
                .pairs
                .peek(&(prefix, username.clone()))
                .map_or(0, |tally| tally.unsettled(now));
            self.release_prefix(now, prefix, under_way);
        }
        let proven = self.proven.touch(username.clone());
        proven.retain(|known| *known != prefix);
        if proven.len() >= PROVEN_MAX {
            proven.remove(0);
        }
        proven.push(prefix);
    }

    /// There was no verdict, as the server was busy, the store unavailable or the client gone:
    /// takes the charge back.
    pub fn login_unanswered(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        release(&mut self.pairs, &(prefix, username.clone()), now, 1);
        release(&mut self.usernames, username, now, 1);
        if !self.is_proven(prefix, username) {
            self.release_prefix(now, prefix, 1);
        }
    }

    /// The client left while its credential was being checked: it learns nothing of it, and the
    /// work was done. Only its prefix pays for that, never the account.
    pub fn login_abandoned(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        release(&mut self.pairs, &(prefix, username.clone()), now, 1);
        release(&mut self.usernames, username, now, 1);
        if self.settings.failed_logins > 0 && !self.is_proven(prefix, username) {
            self.fail_prefix(now, prefix);
        }
    }

    /// The credential was wrong, or there is no such account: the charge stays, and the wait of
    /// the prefix grows.
    pub fn login_failed(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        if self.settings.failed_logins == 0 {
            return;
        }
        self.usernames.touch(username.clone()).fail(now, ACCOUNT_FAILURES_MAX);
        let free = self.free_for(now, username);
        self.pairs.touch((prefix, username.clone())).fail_and_wait(now, free);
        if !self.is_proven(prefix, username) {
            self.fail_prefix(now, prefix);
        }
    }

    /// Charges a registration before its password is hashed, so that parallel ones count too.
    /// Each that is let through is settled once: it made an account, failed or was not answered.
    ///
    /// # Errors
    ///
    /// The prefix has used up its number: nothing is charged.
    pub fn registration(&mut self, now: Duration, prefix: Prefix) -> Result<(), Wait> {
        if self.settings.registrations_per_hour == 0 {
            return Ok(());
        }
        let wait_of = |wide| {
            let RegistrationBuckets { accounts, failures } = self.registrations.peek(&wide)?;
            let per_hour = self.registrations_of(wide);
            Some(accounts.wait(now, per_hour, 1).max(failures.wait(now, per_hour, 1)))
        };
        let wait = prefix.and_wider().filter_map(wait_of).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        for wide in prefix.and_wider() {
            let per_hour = self.registrations_of(wide);
            let RegistrationBuckets { accounts, failures } = self.registrations.touch(wide);
            accounts.take_some(now, per_hour, 1).map_err(Wait)?;
            failures.take_some(now, per_hour, 1).map_err(Wait)?;
        }
        Ok(())
    }

    /// There is a new account, whose password the client has: its prefix is good for it, as after
    /// a login.
    pub fn registered(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        self.put_back(now, prefix, |it, per_hour| it.failures.put_back(per_hour, 1));
        if self.settings.failed_logins > 0 {
            self.prove(now, prefix, username);
        }
    }

    /// Settles a registration that made no account after its password was hashed (username taken,
    /// invite used, client gone, or repeated): it counts as a failure, not as an account.
    pub fn registration_failed(&mut self, now: Duration, prefix: Prefix) {
        self.put_back(now, prefix, |it, per_hour| it.accounts.put_back(per_hour, 1));
    }

    /// Nothing was done, as the server was busy, the store unavailable or the client gone: takes
    /// the charge back.
    pub fn registration_unanswered(&mut self, now: Duration, prefix: Prefix) {
        self.put_back(now, prefix, |it, per_hour| {
            it.accounts.put_back(per_hour, 1);
            it.failures.put_back(per_hour, 1);
        });
    }

    /// Takes back some of what a registration was charged with. What holds nothing any more is
    /// forgotten.
    fn put_back(
        &mut self,
        now: Duration,
        prefix: Prefix,
        action: impl Fn(&mut RegistrationBuckets, u32),
    ) {
        for wide in prefix.and_wider() {
            let per_hour = self.registrations_of(wide);
            if let Some(charged) = self.registrations.peek_mut(&wide) {
                action(charged, per_hour);
                if charged.accounts.is_full(now) && charged.failures.is_full(now) {
                    self.registrations.remove(&wide);
                }
            }
        }
    }

    /// Charges a mail to so many recipients before it is stored, so that parallel ones count too.
    /// One that is not accepted, or was accepted before, is given back.
    ///
    /// # Errors
    ///
    /// The account has used up its number: nothing is charged.
    pub fn mail(&mut self, now: Duration, account: AccountId, recipients: u32) -> Result<(), Wait> {
        match self.settings.mails_per_hour {
            0 => Ok(()),
            per_hour => {
                self.mails.touch(account).take_some(now, per_hour, recipients).map_err(Wait)
            }
        }
    }

    /// Takes the charge for a mail back: the account has sent nothing by it.
    pub fn mail_not_sent(&mut self, now: Duration, account: AccountId, recipients: u32) {
        if let Some(bucket) = self.mails.peek_mut(&account) {
            bucket.put_back(self.settings.mails_per_hour, recipients);
            if bucket.is_full(now) {
                self.mails.remove(&account);
            }
        }
    }

    fn is_proven(&self, prefix: Prefix, username: &Username) -> bool {
        self.proven.peek(username).is_some_and(|proven| proven.contains(&prefix))
    }

    /// The failures that a prefix has free, for any account. A narrow one that has used its own up
    /// fails [`DOUBLINGS`] more times until its wait is the longest; the next wider one has free
    /// what two such have, so that one of them alone makes no other wait.
    fn free_of(&self, prefix: Prefix) -> u32 {
        let most = self.settings.failed_logins.saturating_add(DOUBLINGS);
        most.saturating_mul(prefix.share()).saturating_sub(DOUBLINGS)
    }

    /// Makes a failure of a charge of a prefix, and of every wider one.
    fn fail_prefix(&mut self, now: Duration, prefix: Prefix) {
        for wide in prefix.and_wider() {
            let free = self.free_of(wide);
            self.prefixes.touch(wide).fail_and_wait(now, free);
        }
    }

    /// Takes charges of a prefix back, and those of every wider one.
    fn release_prefix(&mut self, now: Duration, prefix: Prefix, charges: u32) {
        for wide in prefix.and_wider() {
            release(&mut self.prefixes, &wide, now, charges);
        }
    }

    /// The registrations that a prefix may make in an hour.
    fn registrations_of(&self, prefix: Prefix) -> u32 {
        self.settings.registrations_per_hour.saturating_mul(prefix.share())
    }

    /// The failures that a prefix has free for this account.
    fn free_for(&self, now: Duration, username: &Username) -> u32 {
        match self.usernames.peek(username) {
            Some(tally) if tally.count(now) > ACCOUNT_FAILURES_MANY => FREE_FOR_GUESSED,
            _ => self.settings.failed_logins,
        }
    }
}

/// Takes charges back. What holds nothing any more is forgotten at once, so that whoever only
/// ever succeeds takes no room.
fn release<K>(table: &mut Table<K, Tally>, key: &K, now: Duration, charges: u32)
where
    K: Eq + std::hash::Hash,
{
    if let Some(tally) = table.peek_mut(key) {
        tally.release(now, charges);
        if tally.count(now) == 0 {
            table.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;

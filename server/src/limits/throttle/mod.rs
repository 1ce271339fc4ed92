//! Limits the rate of logins, registrations and mails.
//!
//! The throttle owns the counts. It knows names and addresses, not connections or accounts: an
//! unknown username is treated like any other. Callers pass the time, as uptime.
//!
//! A login is charged before its credential is hashed, and settled by its result. It is charged to
//! three tallies:
//!
//! - the **prefix** of the client's address. Some failures are free; after each further failure the
//!   prefix waits twice as long, up to a quarter of an hour. One failure a minute is forgotten,
//!   unless there is a wait. From one prefix a patient guesser gets about 1,440 attempts a day, an
//!   eager guesser about a hundred.
//! - the **pair** of prefix and username. The same number of failures is free, but only one while
//!   the account has many failures from anywhere. A prefix that never failed for an account never
//!   waits because of other prefixes: an attacker elsewhere cannot lock the owner out. Failures
//!   with an app password count in a pair of their own: a mail program whose app password was
//!   revoked tries it again and again, and must not make its owner's own client wait.
//! - the **username**, which only tells whether the account has many failures from anywhere.
//!
//! An IPv6 prefix also counts for the wider networks that contain it: failures and registrations
//! count for its networks of 64, 56 and 48 bits, and the wider networks have two and four times the
//! limits of the narrowest. So a customer with a whole network gets little more out of it than out
//! of one address, and a customer with a narrow network does not make its neighbours wait.
//!
//! A prefix from which an account was made or logged in to before is proven for it: its logins to
//! that account count for the pair alone, not for the prefix. So failures of neighbours with the
//! same address do not make the owner wait. Guesses at the owner's own account from that address
//! do, since the throttle cannot tell the two apart.
//!
//! Registrations, mails, finds and requests about lists are charged before the work, too. The
//! throttle refunds the charge of a mail that is not accepted, unless it was refused because of its
//! lists or of full mailboxes, and of any other request that is not answered. A registration that
//! made no account counts as a failure.
//!
//! How many members a mail reaches through lists is known only after the work. Until then the mail
//! is on its way, and other mails of the account may not go to lists, unless the account could pay
//! for the largest lists in all of them. So an account that sends to lists over many connections at
//! once reaches no more people than over one.
//!
//! Servers that share a store tell each other of failed logins ([`LoginNews`]). A failure elsewhere
//! counts as one here, unless the prefix is proven here: then it counts for the pair alone.
//!
//! Every table holds at most 16,384 entries and is empty after a restart. A full table evicts the
//! entries that were touched longest ago, but none before 8,192 others were touched. Eviction can
//! only forget failures, never invent them. To evict one entry an attacker must touch 8,192 others,
//! which means thousands of counted attempts.

mod bucket;
mod elsewhere;
mod mails;
mod table;
mod tally;

use std::time::Duration;

use correio_proto::mail::Username;

use self::{
    bucket::{Bucket, Rate},
    mails::Mails,
    table::Table,
    tally::{DOUBLINGS, Tally},
};
pub use self::{
    elsewhere::{FailedLogin, FailureScope, LoginNews, SecretKind},
    mails::ToLists,
};
use crate::{ids::AccountId, limits::prefix::Prefix};

/// Failures from anywhere above which each prefix has one free failure for that account: more than
/// a person with several devices and an old password makes.
const ACCOUNT_FAILURES_MANY: u32 = 20;

/// Most failures from anywhere that are counted. One is forgotten each minute, so an hour after the
/// last failure they are no longer many.
const ACCOUNT_FAILURES_MAX: u32 = ACCOUNT_FAILURES_MANY + 60;

/// Free failures of a prefix for an account that has many failures.
const FREE_FOR_GUESSED: u32 = 1;

/// Most proven prefixes of one account: home, work and telephone, and their changes. The bound is
/// per account, so that an account that is used from everywhere displaces no other.
const PROVEN_MAX: usize = 8;

/// Finds of one account: 60 at once, and 600 in an hour. A person who completes a name asks after
/// every few letters; a program that copies a directory of 20 answers a find needs days for a large
/// one.
const FINDS: Rate = Rate { tokens: 60, period: Duration::from_secs(6 * 60) };

/// Requests about lists of one account: 240 at once, and 1,200 in an hour. A person who makes the
/// largest list adds its members with a hundred requests, and reads them with twenty.
const LISTS: Rate = Rate { tokens: 240, period: Duration::from_secs(12 * 60) };

/// What the failures of one prefix for one account are counted under.
type Pair = (Prefix, Username, SecretKind);

/// Rates that the throttle allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Accounts that one narrowest prefix may make in an hour, and as many failed registrations
    /// whose password was hashed; 0: no limit.
    pub registrations_per_hour: u32,
    /// Mails accepted from one account in an hour, each counted once for each recipient, and once
    /// for each account that it reaches through lists; 0: no limit.
    pub mails_per_hour: u32,
    /// Failed logins that are free for one narrowest prefix before it must wait; 0: no wait ever.
    pub failed_logins: u32,
}

/// Time until the next attempt is allowed: at most 15 minutes for a login, at most two hours for a
/// mail after mails to lists, at most an hour otherwise. An attempt after that time is allowed,
/// unless there was another attempt meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub Duration);

impl Wait {
    /// Whole seconds for people, rounded up, at least one.
    #[must_use]
    pub fn seconds(self) -> u32 {
        let begun = u64::from(self.0.subsec_nanos() > 0);
        u32::try_from(self.0.as_secs().saturating_add(begun)).unwrap_or(u32::MAX).max(1)
    }
}

/// The registrations of a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct RegistrationBuckets {
    /// Registrations that made an account.
    accounts: Bucket,
    /// Failed registrations whose password was hashed.
    failures: Bucket,
}

/// The counts of all prefixes, usernames and accounts.
#[derive(Clone, Debug)]
pub struct Throttle {
    config: ThrottleConfig,
    prefixes: Table<Prefix, Tally>,
    pairs: Table<Pair, Tally>,
    usernames: Table<Username, Tally>,
    /// Proven prefixes of each username, the latest last.
    proven: Table<Username, Vec<Prefix>>,
    registrations: Table<Prefix, RegistrationBuckets>,
    mails: Table<AccountId, Mails>,
    finds: Table<AccountId, Bucket>,
    lists: Table<AccountId, Bucket>,
}

impl Throttle {
    /// A throttle without any count.
    #[must_use]
    pub fn new(config: ThrottleConfig) -> Self {
        Self {
            config,
            prefixes: Table::default(),
            pairs: Table::default(),
            usernames: Table::default(),
            proven: Table::default(),
            registrations: Table::default(),
            mails: Table::default(),
            finds: Table::default(),
            lists: Table::default(),
        }
    }

    /// Charges a login before its credential is hashed, so that concurrent attempts count, too. The
    /// caller settles each allowed attempt once: succeeded, failed, unanswered or abandoned.
    ///
    /// # Errors
    ///
    /// There are too many failures: nothing is charged, and the attempt must not be made.
    pub fn login_attempt(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
        secret: SecretKind,
    ) -> Result<(), Wait> {
        if self.config.failed_logins == 0 {
            return Ok(());
        }
        let is_proven = self.is_proven(prefix, username);
        let pair = (prefix, username.clone(), secret);
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

    /// Settles a login whose credential was right: refunds the charge, keeps the failures, and
    /// marks the prefix as proven for this account.
    pub fn login_succeeded(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
        secret: SecretKind,
    ) {
        if self.config.failed_logins == 0 {
            return;
        }
        self.login_unanswered(now, prefix, username, secret);
        self.prove(now, prefix, username);
    }

    /// Marks a prefix as proven for an account.
    fn prove(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        if !self.is_proven(prefix, username) {
            // Pending attempts were charged to the prefix; their results count for the pair alone.
            let under_way = [SecretKind::Password, SecretKind::AppPassword].map(|secret| {
                let pair = (prefix, username.clone(), secret);
                self.pairs.peek(&pair).map_or(0, |tally| tally.unsettled(now))
            });
            self.release_prefix(now, prefix, under_way.into_iter().fold(0, u32::saturating_add));
        }
        let proven = self.proven.touch(username.clone());
        proven.retain(|known| *known != prefix);
        if proven.len() >= PROVEN_MAX {
            proven.remove(0);
        }
        proven.push(prefix);
    }

    /// Settles a login without a result (server busy, store unavailable, client gone): refunds the
    /// charge.
    pub fn login_unanswered(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
        secret: SecretKind,
    ) {
        release(&mut self.pairs, &(prefix, username.clone(), secret), now, 1);
        release(&mut self.usernames, username, now, 1);
        if !self.is_proven(prefix, username) {
            self.release_prefix(now, prefix, 1);
        }
    }

    /// Settles a login whose connection ended during the hashing. The work was done, so the prefix
    /// is charged a failure; the account never is.
    pub fn login_abandoned(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
        secret: SecretKind,
    ) {
        release(&mut self.pairs, &(prefix, username.clone(), secret), now, 1);
        release(&mut self.usernames, username, now, 1);
        if self.config.failed_logins > 0 && !self.is_proven(prefix, username) {
            self.fail_prefix(now, prefix);
        }
    }

    /// Settles a login whose credential was wrong or whose account does not exist: the charge
    /// becomes a failure, and the wait grows. Returns what the failure counts for; `None` if
    /// failures are not counted.
    pub fn login_failed(
        &mut self,
        now: Duration,
        prefix: Prefix,
        username: &Username,
        secret: SecretKind,
    ) -> Option<FailureScope> {
        if self.config.failed_logins == 0 {
            return None;
        }
        self.usernames.touch(username.clone()).fail(now, ACCOUNT_FAILURES_MAX);
        let free = self.free_for(now, username);
        self.pairs.touch((prefix, username.clone(), secret)).fail_and_wait(now, free);
        if self.is_proven(prefix, username) {
            return Some(FailureScope::Pair);
        }
        self.fail_prefix(now, prefix);
        Some(FailureScope::PrefixAndPair)
    }

    /// Applies what another server on the same store tells.
    pub fn hear(&mut self, now: Duration, news: &LoginNews) {
        match news {
            LoginNews::Failed(login) => self.login_failed_elsewhere(now, login),
            LoginNews::AddressUnblocked(address) => {
                self.unblock_prefix((*address).into());
            }
            LoginNews::AccountUnblocked(username) => {
                self.unblock_username(username);
            }
        }
    }

    /// Counts a failure for which nothing was charged here.
    fn login_failed_elsewhere(&mut self, now: Duration, login: &FailedLogin) {
        if self.config.failed_logins == 0 {
            return;
        }
        let FailedLogin { address, username, secret, scope } = login;
        let prefix = Prefix::from(*address);
        self.usernames.touch(username.clone()).add(now, ACCOUNT_FAILURES_MAX);
        let free = self.free_for(now, username);
        self.pairs.touch((prefix, username.clone(), *secret)).add_and_wait(now, free);
        match scope {
            FailureScope::PrefixAndPair if !self.is_proven(prefix, username) => {
                for wide in prefix.and_wider() {
                    let free = self.free_of(wide);
                    self.prefixes.touch(wide).add_and_wait(now, free);
                }
            }
            FailureScope::PrefixAndPair | FailureScope::Pair => {}
        }
    }

    /// Charges a registration before its password is hashed, so that concurrent registrations
    /// count, too. The caller settles each allowed registration once: it made an account, failed,
    /// or was not answered.
    ///
    /// # Errors
    ///
    /// The prefix has reached its limit: nothing is charged.
    pub fn registration(&mut self, now: Duration, prefix: Prefix) -> Result<(), Wait> {
        if self.config.registrations_per_hour == 0 {
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

    /// Settles a registration that made an account. The prefix is proven for the account, as after
    /// a login.
    pub fn registered(&mut self, now: Duration, prefix: Prefix, username: &Username) {
        self.put_back(now, prefix, |it, per_hour| it.failures.put_back(per_hour, 1));
        if self.config.failed_logins > 0 {
            self.prove(now, prefix, username);
        }
    }

    /// Settles a registration that made no account after its password was hashed (username taken,
    /// invite used, client gone, or repeated): it counts as a failure, not as an account.
    pub fn registration_failed(&mut self, now: Duration, prefix: Prefix) {
        self.put_back(now, prefix, |it, per_hour| it.accounts.put_back(per_hour, 1));
    }

    /// Settles a registration without a result (server busy, store unavailable, client gone):
    /// refunds the charge.
    pub fn registration_unanswered(&mut self, now: Duration, prefix: Prefix) {
        self.put_back(now, prefix, |it, per_hour| {
            it.accounts.put_back(per_hour, 1);
            it.failures.put_back(per_hour, 1);
        });
    }

    /// Refunds a part of a registration's charge. Entries with full buckets are removed.
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

    /// Charges a mail for its recipients before it is stored, so that concurrent mails count, too.
    /// The caller settles each allowed mail once: it counts, or it does not.
    ///
    /// # Errors
    ///
    /// The account has reached its limit: nothing is charged.
    pub fn mail(
        &mut self,
        now: Duration,
        account: AccountId,
        recipients: u32,
    ) -> Result<ToLists, Wait> {
        match self.config.mails_per_hour {
            0 => Ok(ToLists::Allowed),
            per_hour => self.mails.touch(account).charge(now, per_hour, recipients).map_err(Wait),
        }
    }

    /// Settles a mail that counts: it was accepted, or it was refused after the store had looked at
    /// its lists.
    pub fn mail_counted(&mut self, account: AccountId, to_lists: ToLists) {
        if let Some(mails) = self.mails.peek_mut(&account) {
            mails.settle(to_lists);
        }
    }

    /// Charges an accepted mail for the accounts that it reached besides the recipients that were
    /// charged before: members of lists. The account may owe an hour's number of them, and its next
    /// mail waits until they are worked off. So a list is no way around the limit, and a list with
    /// more members than the limit can still be used.
    pub fn mail_reached(&mut self, now: Duration, account: AccountId, accounts: u32) {
        if accounts > 0 && self.config.mails_per_hour > 0 {
            self.mails.touch(account).bucket.owe(now, self.config.mails_per_hour, accounts);
        }
    }

    /// Settles a mail that does not count, since it was not sent or had been sent before: refunds
    /// the charge.
    pub fn mail_not_counted(
        &mut self,
        now: Duration,
        account: AccountId,
        recipients: u32,
        to_lists: ToLists,
    ) {
        if let Some(mails) = self.mails.peek_mut(&account) {
            mails.settle(to_lists);
            mails.bucket.put_back(self.config.mails_per_hour, recipients);
            if mails.is_unused(now) {
                self.mails.remove(&account);
            }
        }
    }

    /// Charges a find before the store works for it, so that concurrent finds count, too. The
    /// caller refunds a find that is not answered.
    ///
    /// # Errors
    ///
    /// The account has reached its limit: nothing is charged.
    pub fn find(&mut self, now: Duration, account: AccountId) -> Result<(), Wait> {
        self.finds.touch(account).take_some(now, FINDS, 1).map_err(Wait)
    }

    /// Refunds the charge for a find that was not answered.
    pub fn find_unanswered(&mut self, now: Duration, account: AccountId) {
        give_back(&mut self.finds, FINDS, now, account);
    }

    /// Charges a request about lists before the store works for it, so that concurrent requests
    /// count, too. The caller refunds a request that is not answered.
    ///
    /// # Errors
    ///
    /// The account has reached its limit: nothing is charged.
    pub fn list(&mut self, now: Duration, account: AccountId) -> Result<(), Wait> {
        self.lists.touch(account).take_some(now, LISTS, 1).map_err(Wait)
    }

    /// Refunds the charge for a request about lists that was not answered.
    pub fn list_unanswered(&mut self, now: Duration, account: AccountId) {
        give_back(&mut self.lists, LISTS, now, account);
    }

    /// Forgets the failed logins and the registrations of a prefix and of every wider one, for the
    /// operator. Returns how many entries there were. An attempt under way then counts for nobody.
    pub fn unblock_prefix(&mut self, prefix: Prefix) -> u32 {
        let wide: Vec<Prefix> = prefix.and_wider().collect();
        let of_prefix = self.prefixes.remove_all(|key| wide.contains(key));
        let of_pairs = self.pairs.remove_all(|(key, ..)| *key == prefix);
        let registrations = self.registrations.remove_all(|key| wide.contains(key));
        of_prefix.saturating_add(of_pairs).saturating_add(registrations)
    }

    /// Forgets the failed logins to an account, from everywhere, for the operator. Returns how many
    /// entries there were.
    pub fn unblock_username(&mut self, username: &Username) -> u32 {
        let of_username = self.usernames.remove_all(|key| key == username);
        of_username.saturating_add(self.pairs.remove_all(|(_, key, _)| key == username))
    }

    fn is_proven(&self, prefix: Prefix, username: &Username) -> bool {
        self.proven.peek(username).is_some_and(|proven| proven.contains(&prefix))
    }

    /// Free failures of a prefix, for any account. A narrow prefix can add at most [`DOUBLINGS`]
    /// failures to its free ones before its wait is the longest. The next wider prefix has at least
    /// as many free failures, so one narrow prefix alone makes no other prefix wait.
    fn free_of(&self, prefix: Prefix) -> u32 {
        let most = self.config.failed_logins.saturating_add(DOUBLINGS);
        most.saturating_mul(prefix.share()).saturating_sub(DOUBLINGS)
    }

    /// Turns a charge of a prefix, and of every wider one, into a failure.
    fn fail_prefix(&mut self, now: Duration, prefix: Prefix) {
        for wide in prefix.and_wider() {
            let free = self.free_of(wide);
            self.prefixes.touch(wide).fail_and_wait(now, free);
        }
    }

    /// Refunds charges of a prefix, and of every wider one.
    fn release_prefix(&mut self, now: Duration, prefix: Prefix, charges: u32) {
        for wide in prefix.and_wider() {
            release(&mut self.prefixes, &wide, now, charges);
        }
    }

    /// Registrations that a prefix may make in an hour.
    fn registrations_of(&self, prefix: Prefix) -> u32 {
        self.config.registrations_per_hour.saturating_mul(prefix.share())
    }

    /// Free failures of a prefix for this account.
    fn free_for(&self, now: Duration, username: &Username) -> u32 {
        match self.usernames.peek(username) {
            Some(tally) if tally.count(now) > ACCOUNT_FAILURES_MANY => FREE_FOR_GUESSED,
            _ => self.config.failed_logins,
        }
    }
}

/// Refunds charges. A tally without any count is removed at once, so that clients who always
/// succeed take no room.
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

/// Refunds one request of an account. An account that is charged nothing takes no room.
fn give_back(table: &mut Table<AccountId, Bucket>, rate: Rate, now: Duration, account: AccountId) {
    if let Some(bucket) = table.peek_mut(&account) {
        bucket.put_back(rate, 1);
        if bucket.is_full(now) {
            table.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests;

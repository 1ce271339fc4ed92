//! The oracle: all mails sent and acknowledged, and all contents of the server's store over time.
//! The checks compare everything else with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::Path,
    rc::Rc,
};

use correio_proto::{
    directory::{Person, Query},
    limits,
    mail::{Content, FullName, Mail, MailId, MailRef, Seq, Timestamp, Username},
    message::{Found, Page, Read, Send},
    rfc5322::{self, ContentReader},
};
use correio_server::{
    ids::{AccountId, ConnId},
    store::{Quota, admin::POSTMASTER},
};

use crate::{
    arrivals::Arrivals,
    check::{Check, Violation, require},
    contents::{Contents, Forgotten, MailKey},
    disk::SimDisk,
    lists::ListLedger,
    passwords::PasswordLedger,
    program_ledger::{self, ProgramLedger},
    store::{AccountChange, ListTouch, SimStore, State},
    tickets::TicketLedger,
};

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// All mails that any client has tried to send.
    sent: BTreeMap<MailKey, Send>,
    /// The lists among their recipients.
    lists: ListLedger,
    /// The large contents of those mails.
    pub(crate) contents: Contents,
    /// The ledger of mail programs.
    programs: ProgramLedger,
    /// Mails that the server has acknowledged, with each recipient.
    acknowledged: BTreeSet<(MailKey, AccountId)>,
    /// Mails named in confirmations, with the connections that named them.
    confirmed: BTreeMap<(Seq, MailId), BTreeSet<ConnectionKey>>,
    /// Usernames of the login attempts of each connection.
    logins: BTreeSet<(ConnectionKey, Username)>,
    /// Number of the store's commit that was examined last.
    examined_commit: u64,
    /// Contents of the store at that commit.
    held: BTreeMap<(AccountId, Seq), MailKey>,
    /// When those mails came.
    arrivals: Arrivals,
    accounts: BTreeMap<AccountId, Username>,
    /// Times at which the accounts were first seen in the store.
    made_at: BTreeMap<Username, u64>,
    /// Since when accounts are disabled, in the store's pending half.
    disabled: BTreeMap<Username, u64>,
    /// Mails of each account at the last look, and the most that it may have.
    quotas: BTreeMap<AccountId, (usize, u32)>,
    /// Deleted accounts.
    deleted: BTreeSet<AccountId>,
    /// Connections that asked for an account's deletion.
    account_deletions: BTreeSet<ConnectionKey>,
    /// The passwords that accounts have had.
    pub(crate) passwords: PasswordLedger,
    /// The tickets that users were given.
    pub(crate) tickets: TicketLedger,
    names: BTreeMap<Username, Vec<FullName>>,
    /// The disks of honest users.
    disks: Vec<(Username, SimDisk)>,
    /// Mails in those files, by the address of their content, which is kept alive here.
    files: BTreeMap<usize, (Rc<[u8]>, MailKey)>,
}

/// A connection of a server of this number.
pub(crate) type ConnectionKey = (usize, ConnId);

/// What holds for all mailboxes of a store.
#[derive(Clone, Copy, Debug)]
struct Limits {
    quota: Quota,
    /// Idempotency records from before this time may be gone.
    records_before: Timestamp,
}

impl Ledger {
    /// Adds a disk on which a user's mails may end.
    pub(crate) fn add_disk(&mut self, user: Username, disk: SimDisk) {
        self.disks.push((user, disk));
    }

    /// Records a mail before it is sent.
    pub(crate) fn note_sent(&mut self, sender: Username, mail: &Send) {
        self.sent.entry((sender, mail.id)).or_insert_with(|| mail.clone());
    }

    /// Records the hidden recipients of a mail.
    pub(crate) fn note_hidden(&mut self, sender: &Username, id: MailId, hidden: &[Username]) {
        self.programs.note_hidden((sender.clone(), id), hidden);
    }

    /// Records the mails that a program has marked as deleted when it sends `QUIT`.
    pub(crate) fn note_quit(&mut self, user: &Username, deleted: &[MailRef]) {
        self.programs.note_quit(user, deleted);
    }

    /// Checks a mail that a program has retrieved; the program keeps it.
    pub(crate) fn keep_retrieved(
        &mut self,
        user: &Username,
        mail: MailRef,
        octets: &[u8],
    ) -> Result<(), Violation> {
        let is_theirs = |key: &&MailKey| key.1 == mail.id && self.is_for(key, user);
        let key = self.sent.keys().find(is_theirs).cloned();
        let text = || format!("{user} has retrieved mail {}, which nobody sent to them", mail.id);
        let sent = key.and_then(|key| self.sent.get(&key).map(|sent| (key, sent)));
        let (key, sent) = sent.ok_or_else(|| Violation::new(Check::Intact, text()))?;
        let written = self.contents.written(&key).map(|written| &**written);
        let content = program_ledger::inline(&sent.content).or(written).unwrap_or_default();
        self.programs.keep(user, (&key, sent), content, octets)
    }

    /// Whether a mail is in a user's mailbox, in the durable half of the store.
    pub(crate) fn is_held(&self, user: &Username, mail: MailRef) -> bool {
        let mut accounts = self.accounts.iter().filter(|(_, username)| *username == user);
        accounts.any(|(account, _)| {
            self.held.get(&(*account, mail.seq)).is_some_and(|key| key.1 == mail.id)
        })
    }

    /// Whether an account was there before `since`.
    pub(crate) fn has_account(&self, username: &Username, since: u64) -> bool {
        self.made_at.get(username).is_some_and(|made_at| *made_at < since)
    }

    /// Records that the server has acknowledged a mail of a program.
    pub(crate) fn acknowledge_submitted(&mut self, id: MailId) -> Result<(), Violation> {
        let sent = self.sent.iter().find(|(key, _)| key.1 == id);
        let sent = sent.map(|((sender, _), mail)| (sender.clone(), mail.clone()));
        let text = || format!("mail {id} was accepted, and no program sent it");
        let (sender, mail) = sent.ok_or_else(|| Violation::new(Check::Intact, text()))?;
        self.acknowledge(&sender, &mail)
    }

    /// The mails of this sender and subject, to check notices: a program's mail may get one of
    /// several ids.
    pub(crate) fn find<'a>(
        &'a self,
        sender: &'a Username,
        subject: &'a str,
    ) -> impl Iterator<Item = &'a MailKey> {
        let mails = self.sent.iter();
        mails
            .filter(move |((from, _), mail)| from == sender && mail.subject.as_str() == subject)
            .map(|(key, _)| key)
    }

    pub(crate) fn note_confirmation(&mut self, connection: ConnectionKey, mails: &[MailRef]) {
        for mail in mails {
            self.confirmed.entry((mail.seq, mail.id)).or_default().insert(connection);
        }
    }

    /// Records a request to delete an account.
    pub(crate) fn note_account_deletion(&mut self, connection: ConnectionKey) {
        self.account_deletions.insert(connection);
    }

    pub(crate) fn note_login(&mut self, connection: ConnectionKey, username: &Username) {
        self.logins.insert((connection, username.clone()));
    }

    /// Records the accounts that are disabled now.
    pub(crate) fn note_disabled(&mut self, disabled: BTreeSet<Username>, now: u64) {
        self.disabled.retain(|username, _| disabled.contains(username));
        for username in disabled {
            self.disabled.entry(username).or_insert(now);
        }
    }

    /// Whether an account has been disabled since before `since`.
    pub(crate) fn was_disabled_before(&self, username: &Username, since: u64) -> bool {
        self.disabled.get(username).is_some_and(|disabled| *disabled < since)
    }

    /// Checks that no mail was accepted beyond an account's quota. Announcements are, and mails
    /// that were there before it was lowered.
    fn look_at_quotas(&mut self, state: &State, quota: Quota) -> Result<(), Violation> {
        for (id, username, ..) in state.accounts() {
            let is_counted = |mail: &&Mail| mail.from.as_str() != POSTMASTER;
            let counted = state.mailbox(id).filter(is_counted).count();
            let (all, max) = (state.mailbox(id).count(), state.mails_max(quota, id));
            let (before, max_before) = self.quotas.insert(id, (all, max)).unwrap_or((0, max));
            let text = || format!("{username} may have {max} mails, had {before} and has {all}");
            let is_within = max != max_before || counted <= before.max(max as usize);
            require(is_within, Check::Bounded, text)?;
        }
        Ok(())
    }

    pub(crate) fn was_named(&self, username: &Username, name: &FullName) -> bool {
        self.names.get(username).is_some_and(|names| names.contains(name))
    }

    /// Checks an answer of the directory to a question that was asked at `since`: at most 20
    /// people, all of whom have or had these names and are wanted; and if there are no more, each
    /// honest user whose username is wanted and whose account was there.
    pub(crate) fn check_found(
        &self,
        query: &Query,
        found: &Found,
        since: u64,
    ) -> Result<(), Violation> {
        let Found { people, more } = found;
        let text = || format!("{query:?} finds {} people", people.len());
        require(people.len() <= limits::FOUND_MAX, Check::Bounded, text)?;
        for Person { username, full_name } in people {
            let is_right = self.was_named(username, full_name) && query.finds(username, full_name);
            let text = || format!("{query:?} finds {username}, {full_name}");
            require(is_right, Check::Intact, text)?;
        }
        let is_wanted = |username: &Username| match query.is_short() {
            true => username.as_str().starts_with(query.as_str()),
            false => username.as_str().contains(query.as_str()),
        };
        for (username, _) in self.made_at.iter().filter(|(_, made_at)| **made_at < since) {
            // Honest users delete no account.
            if *more || !self.has_disk(username) || !is_wanted(username) {
                continue;
            }
            let is_there = people.iter().any(|person| person.username == *username);
            let text = || format!("{query:?} does not find {username}");
            require(is_there, Check::Intact, text)?;
        }
        Ok(())
    }

    /// Examines the durable half of the store. Vanished mails must have been confirmed by their
    /// owner and be on the owner's disk; new mails must have been sent.
    pub(crate) fn look_at_store(&mut self, store: &SimStore, now: u64) -> Result<(), Violation> {
        if std::mem::replace(&mut self.examined_commit, store.commits()) == self.examined_commit {
            return Ok(());
        }
        for (account, change) in store.take_changes() {
            self.note_change(account, change, now);
        }
        let (limits, forgotten_before) = (store.bounds().uploads, store.forgotten_before());
        let (quota, records_before) = (store.bounds().quota, store.records_before());
        let bounds = Limits { quota, records_before };
        let (crowded_at, given_up) = (store.crowded_at(), store.given_up());
        let touched = store.take_list_touches();
        store.durable(|state| {
            self.look_at((state, bounds), &touched, now)?;
            self.contents.check_named(state)?;
            self.contents.look_at_uploads(
                state,
                limits,
                &Forgotten { before: forgotten_before, crowded_at, given_up },
            )
        })
    }

    fn look_at(
        &mut self,
        (state, store): (&State, Limits),
        touched: &[ListTouch],
        now: u64,
    ) -> Result<(), Violation> {
        let fresh = self.look_at_accounts(state, now)?;
        self.look_at_lists(state, touched, &fresh)?;
        self.look_at_quotas(state, store.quota)?;
        let (mut held, mut came) = (BTreeMap::new(), Vec::new());
        for (account, mail) in state.mails() {
            held.insert((account, mail.seq), (mail.from.clone(), mail.id));
            if !self.held.contains_key(&(account, mail.seq)) {
                let username = self.accounts.get(&account).cloned();
                self.check_mail(mail, username.as_ref())?;
                let (_, bytes) = state.content_of(account, mail.seq);
                self.contents.check_stored(mail, bytes.map(|bytes| bytes.as_slice()))?;
                came.push((account, mail));
            }
        }
        self.arrivals.came(&came, (now, store.records_before))?;
        for ((account, seq), key) in std::mem::replace(&mut self.held, held) {
            if !self.held.contains_key(&(account, seq)) {
                self.arrivals.went(account, seq);
                self.check_deletion(account, seq, &key)?;
            }
        }
        Ok(())
    }

    /// Checks where the mails are that were stored since the last look.
    fn look_at_lists(
        &mut self,
        state: &State,
        touched: &[ListTouch],
        fresh: &BTreeSet<AccountId>,
    ) -> Result<(), Violation> {
        self.lists.note_names(touched);
        let mut stored: BTreeMap<MailKey, Vec<AccountId>> = BTreeMap::new();
        for (account, mail) in state.mails() {
            if !self.held.contains_key(&(account, mail.seq)) {
                stored.entry((mail.from.clone(), mail.id)).or_default().push(account);
            }
        }
        for (key, with) in stored {
            // A mail that nobody has sent is found by another check.
            if let Some(sent) = self.sent.get(&key) {
                self.lists.check_reached(state, (touched, fresh), &key, sent, &with)?;
            }
            // Nobody gets an answer to an announcement.
            if key.0.as_str() == POSTMASTER {
                self.acknowledged.extend(with.into_iter().map(|account| (key.clone(), account)));
            }
        }
        Ok(())
    }

    /// Whether a mail names this user, or has reached it as a member of a list.
    pub(crate) fn is_for(&self, key: &MailKey, user: &Username) -> bool {
        let names = self.sent.get(key).is_some_and(|sent| sent.to.iter().any(|to| to == user));
        names || self.lists.reached(key).any(|id| self.accounts.get(&id) == Some(user))
    }

    /// Returns the accounts that were made since the last look.
    fn look_at_accounts(
        &mut self,
        state: &State,
        now: u64,
    ) -> Result<BTreeSet<AccountId>, Violation> {
        let (mut present, mut fresh) = (BTreeSet::new(), BTreeSet::new());
        for (id, username, full_name, hash) in state.accounts() {
            present.insert(id);
            if self.accounts.insert(id, username.clone()).is_none() {
                fresh.insert(id);
                self.made_at.entry(username.clone()).or_insert(now);
                self.note_change(id, AccountChange::FullName(full_name.clone()), now);
                if let Some(hash) = hash {
                    self.note_change(id, AccountChange::Hash(hash.clone()), now);
                }
            }
        }
        for (id, username) in &self.accounts {
            if !present.contains(id) && self.deleted.insert(*id) {
                let wanted = self
                    .account_deletions
                    .iter()
                    .any(|connection| self.logins.contains(&(*connection, username.clone())));
                let text = || format!("the account {username} is gone, and nobody asked for it");
                require(wanted, Check::Confirmed, text)?;
            }
        }
        Ok(fresh)
    }

    fn note_change(&mut self, account: AccountId, change: AccountChange, now: u64) {
        let Some(username) = self.accounts.get(&account).cloned() else {
            return;
        };
        match change {
            AccountChange::FullName(name) => self.names.entry(username).or_default().push(name),
            AccountChange::Hash(hash) => self.passwords.note(username, hash, now),
        }
    }

    /// Checks that a mail is as it was sent, and that `user` is a recipient.
    pub(crate) fn check_mail(&self, mail: &Mail, user: Option<&Username>) -> Result<(), Violation> {
        let key = (mail.from.clone(), mail.id);
        let is_same = self.sent.get(&key).is_some_and(|sent| {
            self.programs.seen_by(&key, sent, user) == mail.to.as_slice()
                && sent.subject == mail.subject
                && sent.content == mail.content
        });
        let text = || format!("mail {} from {} is not what was sent", mail.id, mail.from);
        require(is_same, Check::Intact, text)?;
        let text = || format!("{} never was the name of {}", mail.from_name, mail.from);
        require(self.was_named(&mail.from, &mail.from_name), Check::Intact, text)?;
        let is_theirs = user.is_some_and(|user| self.is_for(&key, user));
        let text = || format!("mail {} to {} is with {user:?}", mail.id, mail.to);
        require(is_theirs, Check::Intact, text)
    }

    /// As [`Ledger::check_mail`], for the file of a mail on its recipient's disk, where a large
    /// content follows the head.
    fn check_saved(&self, mail: &Mail, mut file: &[u8], user: &Username) -> Result<(), Violation> {
        self.check_mail(mail, Some(user))?;
        let Content::Large(large) = mail.content else {
            return Ok(());
        };
        let written = self.contents.written(&(mail.from.clone(), mail.id));
        let mut saved = Vec::new();
        let head = rfc5322::read_head(&mut file).ok();
        let stated = head.and_then(|head| head.large()).filter(|stated| stated.content == large);
        let is_read = stated
            .is_some_and(|stated| ContentReader::new(file, stated).read_to_end(&mut saved).is_ok());
        let text = || format!("the content of mail {} was not saved as it was sent", mail.id);
        let is_same = written.is_some_and(|written| **written == *saved);
        require(is_read && is_same, Check::Intact, text)
    }

    /// Checks that a page misses no mail of a user after a number, which was asked for at `since`.
    pub(crate) fn check_none_missed(
        &self,
        user: &Username,
        after: (Seq, u64),
        page: &Page,
    ) -> Result<(), Violation> {
        let account = self.accounts.iter().rev().find(|(_, username)| *username == user);
        account
            .map_or(Ok(()), |(account, _)| self.arrivals.check_none_missed(*account, after, page))
    }

    /// Checks that the server has the bytes of an upload that it has acknowledged.
    pub(crate) fn check_staged(
        &self,
        user: &Username,
        id: MailId,
        staged: u64,
    ) -> Result<(), Violation> {
        self.contents.check_staged(&self.accounts, user, id, staged)
    }

    /// Checks that a piece is of a content that was sent to this user.
    pub(crate) fn check_piece(
        &self,
        user: &Username,
        read: Read,
        piece: &[u8],
    ) -> Result<(), Violation> {
        let mails = self.sent.keys().filter(|key| key.1 == read.id && self.is_for(key, user));
        self.contents.check_piece(mails, read.offset, piece)
    }

    fn check_deletion(&self, account: AccountId, seq: Seq, key: &MailKey) -> Result<(), Violation> {
        let is_deleted = self.deleted.contains(&account);
        let Some(username) = self.accounts.get(&account).filter(|_| !is_deleted) else {
            return Ok(());
        };
        let is_confirmed = self.confirmed.get(&(seq, key.1)).is_some_and(|connections| {
            connections.iter().any(|id| self.logins.contains(&(*id, username.clone())))
        }) || self.programs.has_confirmed(username, seq, key.1);
        let text =
            || format!("mail {} of {username} was deleted, and {username} never named it", key.1);
        require(is_confirmed, Check::Confirmed, text)?;
        let text = || format!("mail {} of {username} was deleted, and is on no disk", key.1);
        require(
            !self.has_disk(username) || self.is_kept_by(username, key),
            Check::Acknowledged,
            text,
        )
    }

    /// Records that the server has acknowledged a mail.
    pub(crate) fn acknowledge(&mut self, sender: &Username, mail: &Send) -> Result<(), Violation> {
        let key = (sender.clone(), mail.id);
        for account in self.lists.reached(&key).collect::<Vec<_>>() {
            self.acknowledged.insert((key.clone(), account));
            self.check_kept(&key, account)?;
        }
        for to in mail.to.iter().filter(|to| !self.lists.has_name(to)) {
            let Some(account) =
                self.accounts.iter().rev().find(|(_, name)| *name == to).map(|(id, _)| *id)
            else {
                let text = format!("mail {} was accepted for {to}, who does not exist", mail.id);
                return Err(Violation::new(Check::Acknowledged, text));
            };
            self.acknowledged.insert((key.clone(), account));
            self.check_kept(&key, account)?;
        }
        Ok(())
    }

    /// Checks that every acknowledged mail is on the server or on a disk.
    pub(crate) fn check_all_kept(&self) -> Result<(), Violation> {
        let held: BTreeSet<(AccountId, &MailKey)> =
            self.held.iter().map(|((account, _), key)| (*account, key)).collect();
        let mut disks: BTreeMap<&Username, BTreeSet<&MailKey>> = BTreeMap::new();
        for (user, disk) in &self.disks {
            let keys = disks.entry(user).or_default();
            disk.look_at_synced(|path, content| keys.extend(self.mail_in(path, content)));
        }
        for (key, account) in &self.acknowledged {
            // Users without a disk are attackers, who have confirmed the mails that are gone.
            let disk = self.accounts.get(account).and_then(|username| disks.get(username));
            let is_kept = held.contains(&(*account, key))
                || disk.is_none_or(|keys| keys.contains(key))
                || self.accounts.get(account).is_some_and(|user| self.programs.keeps(user, key))
                || self.deleted.contains(account);
            require(is_kept, Check::Acknowledged, || self.lost(key, *account))?;
        }
        Ok(())
    }

    fn check_kept(&self, key: &MailKey, account: AccountId) -> Result<(), Violation> {
        let range = (account, Seq(0))..=(account, Seq(u64::MAX));
        let is_held = self.held.range(range).any(|(_, held)| held == key);
        let username = self.accounts.get(&account);
        let is_kept = is_held
            || username.is_none_or(|user| !self.has_disk(user) || self.is_kept_by(user, key));
        require(is_kept, Check::Acknowledged, || self.lost(key, account))
    }

    fn lost(&self, (from, id): &MailKey, account: AccountId) -> String {
        let to = self.accounts.get(&account);
        format!("mail {id} from {from} to {to:?} was acknowledged and is nowhere")
    }

    fn has_disk(&self, username: &Username) -> bool {
        self.disks.iter().any(|(user, _)| user == username)
    }

    /// Whether a disk or a mail program of the user has a mail.
    fn is_kept_by(&self, username: &Username, key: &MailKey) -> bool {
        self.programs.keeps(username, key) || self.is_on_disk(username, key)
    }

    fn is_on_disk(&self, username: &Username, key: &MailKey) -> bool {
        let mut found = false;
        for (_, disk) in self.disks.iter().filter(|(user, _)| user == username) {
            disk.look_at_synced(|path, content| found |= self.mail_in(path, content) == Some(key));
        }
        found
    }

    /// The mail that a file of a mailbox holds.
    fn mail_in(&self, path: &Path, content: &Rc<[u8]>) -> Option<&MailKey> {
        let (_, key) = self.files.get(&address_of(content)).filter(|_| is_mail(path))?;
        Some(key)
    }

    /// Examines a user's disk: each mail is whole, addressed to the user, and there once.
    pub(crate) fn look_at_disk(
        &mut self,
        username: &Username,
        disk: &SimDisk,
    ) -> Result<(), Violation> {
        let mut seen = BTreeSet::new();
        for (path, content) in disk.seen().into_iter().filter(|(path, _)| is_mail(path)) {
            if !self.files.contains_key(&address_of(&content)) {
                let mail = correio_client::read_file(&content).map_err(|reason| {
                    Violation::new(Check::Intact, format!("{}: {reason}", path.display()))
                })?;
                self.check_saved(&mail, &content, username)?;
                self.files.insert(address_of(&content), (content.clone(), (mail.from, mail.id)));
            }
            let Some((_, key)) = self.files.get(&address_of(&content)) else {
                continue;
            };
            let text = || format!("mail {} is twice on a disk of {username}", key.1);
            require(seen.insert(key.clone()), Check::OneCopy, text)?;
        }
        Ok(())
    }

    /// Whether the server has acknowledged this mail.
    pub(crate) fn is_acknowledged(&self, key: &MailKey) -> bool {
        self.acknowledged.iter().any(|(acknowledged, _)| acknowledged == key)
    }
}

/// Whether a file is a mail that a user is shown.
fn is_mail(path: &Path) -> bool {
    let part = path.parent().and_then(|parent| parent.file_name());
    part.is_some_and(|part| part == "new" || part == "cur")
}

fn address_of(content: &Rc<[u8]>) -> usize {
    content.as_ptr().addr()
}

//! Sending in the reference model: the accounts that a mail reaches, and what each of them gets.

use std::sync::Arc;

use correio_proto::{
    limits,
    mail::{Content, FullName, Mail, Recipients, Seq, Timestamp, Username},
};
use correio_server::{
    ids::AccountId,
    store::{NewMailRecord, Quota, StoreDone, ToLists},
};

use super::{
    contents::ContentId,
    lists::List,
    state::{IdempotencyRecord, State, StoredMail},
};

impl State {
    pub(super) fn send(
        &mut self,
        quota: Quota,
        sender: AccountId,
        (mail, to_lists): (Arc<NewMailRecord>, ToLists),
        now: Timestamp,
    ) -> StoreDone {
        let staged = mail.staged;
        let done = self.send_or_refuse(quota, sender, (mail, to_lists), now);
        if let Some(staged) = staged {
            self.contents.discard((sender, staged));
        }
        done
    }

    fn send_or_refuse(
        &mut self,
        quota: Quota,
        sender: AccountId,
        (mail, to_lists): (Arc<NewMailRecord>, ToLists),
        now: Timestamp,
    ) -> StoreDone {
        let Some(from) = self.accounts.get(&sender) else {
            return StoreDone::NoAccount;
        };
        let from = (from.username.clone(), from.full_name.clone());
        if let Some(record) = self.records.get(&(sender, mail.id)) {
            return match is_same(&record.mail, &mail) {
                true => StoreDone::SentBefore { sent_at: record.sent_at },
                false => StoreDone::Conflict,
            };
        }
        let upload = (sender, mail.staged.unwrap_or(mail.id));
        if let Content::Large(large) = &mail.content {
            let whole = match mail.staged {
                None => self.contents.require_whole(upload, large.size),
                Some(_) => self.contents.require_staged(upload, large.size),
            };
            if let Err(refused) = whole {
                return refused;
            }
        }
        let recipients = match self.recipients(quota, sender, &mail, to_lists) {
            Ok(recipients) => recipients,
            Err(refusal) => return refusal,
        };
        let content = match &mail.content {
            Content::Body(_) | Content::Message(_) => None,
            Content::Large(_) => self.contents.take_over(upload),
        };
        let seen: Vec<_> =
            recipients.iter().map(|(account, through)| (*account, seen(&mail, through))).collect();
        self.put((sender, &from), &mail, content, now, &seen);
        let recipients = recipients.into_iter().map(|(account, _)| account).collect();
        StoreDone::Sent { sent_at: now, recipients, from }
    }

    /// Puts a mail into mailboxes, and records that it was sent.
    fn put(
        &mut self,
        (sender, from): (AccountId, &(Username, FullName)),
        mail: &Arc<NewMailRecord>,
        content: Option<ContentId>,
        now: Timestamp,
        recipients: &[(AccountId, Recipients)],
    ) {
        for (account, to) in recipients {
            self.last_seq += 1;
            let seq = Seq(self.last_seq);
            let mail = Mail { to: to.clone(), ..delivered(seq, from, mail, now) };
            self.mails.insert((*account, seq), StoredMail { mail, content });
        }
        let record = IdempotencyRecord { mail: mail.clone(), sent_at: now };
        self.records.insert((sender, mail.id), record);
    }

    /// Puts a mail into mailboxes whatever they have, unless it was put before. Returns the
    /// accounts that got it.
    pub(super) fn put_once(
        &mut self,
        sender: AccountId,
        mail: &Arc<NewMailRecord>,
        now: Timestamp,
        recipients: &[AccountId],
    ) -> Result<Vec<AccountId>, StoreDone> {
        let Some(from) = self.accounts.get(&sender) else {
            return Err(StoreDone::NoAccount);
        };
        let from = (from.username.clone(), from.full_name.clone());
        match self.records.get(&(sender, mail.id)) {
            Some(record) if is_same(&record.mail, mail) => Ok(Vec::new()),
            Some(_) => Err(StoreDone::Conflict),
            None => {
                let all: Vec<_> =
                    recipients.iter().map(|account| (*account, mail.to.clone())).collect();
                self.put((sender, &from), mail, None, now, &all);
                Ok(recipients.to_vec())
            }
        }
    }

    /// The accounts that a mail reaches, each with the recipient that stands for it first: those
    /// that it names, then those of its lists.
    fn recipients(
        &self,
        quota: Quota,
        sender: AccountId,
        mail: &NewMailRecord,
        to_lists: ToLists,
    ) -> Result<Vec<(AccountId, Username)>, StoreDone> {
        let accounts = self.by_username();
        let is_known = |name: &&Username| match accounts.get(*name) {
            Some(id) => self.takes_mail(*id),
            None => self.lists.find(name).is_some(),
        };
        let unknown: Vec<_> = mail.to.iter().filter(|name| !is_known(name)).cloned().collect();
        if !unknown.is_empty() {
            return Err(StoreDone::UnknownRecipients(unknown));
        }
        let lists: Vec<&List> = mail.to.iter().filter_map(|name| self.lists.find(name)).collect();
        let refused = lists.iter().filter(|list| !list.may_send(sender));
        let refused: Vec<_> = refused.map(|list| list.name.clone()).collect();
        if !refused.is_empty() {
            return Err(StoreDone::MayNotSend(refused));
        }
        let of = |list: &&List| {
            let through = list.name.clone();
            let members = list.members(&accounts).into_iter();
            members.map(move |(name, id, _)| (name, id, through.clone())).collect::<Vec<_>>()
        };
        let members: Vec<_> = lists.iter().flat_map(of).collect();
        if members.len() > limits::MEMBERS_MAX as usize {
            return Err(StoreDone::ListFull);
        }
        if to_lists == ToLists::Held && !lists.is_empty() {
            return Err(StoreDone::ListsHeld);
        }
        let named = mail.to.iter().filter_map(|name| accounts.get_key_value(name));
        let named = named.map(|(name, id)| (name, *id, name.clone()));
        let mut reached: Vec<(&Username, AccountId, Username)> = Vec::new();
        let of_lists = members.iter().filter(|(_, id, _)| self.takes_mail(*id)).cloned();
        for (name, id, through) in named.chain(of_lists) {
            if reached.iter().all(|(_, present, _)| *present != id) {
                reached.push((name, id, through));
            }
        }
        let full = reached.iter().filter(|(_, id, _)| self.is_full(quota, *id, mail.quota_bytes()));
        let full: Vec<_> =
            full.map(|(name, ..)| (*name).clone()).take(limits::RECIPIENTS_MAX).collect();
        if !full.is_empty() {
            let members = u32::try_from(members.len()).unwrap_or(u32::MAX);
            return Err(StoreDone::MailboxesFull { recipients: full, members });
        }
        Ok(reached.into_iter().map(|(_, id, through)| (id, through)).collect())
    }
}

/// The recipients as an account sees them that the mail reaches through this one.
fn seen(mail: &NewMailRecord, through: &Username) -> Recipients {
    let is_seen = |name: &&Username| *name == through && mail.bcc.contains(name);
    let visible = mail.to.iter().filter(|name| !mail.bcc.contains(name));
    let itself = mail.to.iter().filter(is_seen);
    let names: Vec<_> = visible.chain(itself).cloned().collect();
    names.try_into().expect("an account sees the recipient that stands for it")
}

/// Whether a mail is another one sent again. Its upload is a new one then.
fn is_same(one: &NewMailRecord, other: &NewMailRecord) -> bool {
    NewMailRecord { staged: None, ..one.clone() } == NewMailRecord { staged: None, ..other.clone() }
}

fn delivered(
    seq: Seq,
    (from, from_name): &(Username, FullName),
    mail: &NewMailRecord,
    sent_at: Timestamp,
) -> Mail {
    Mail {
        seq,
        id: mail.id,
        from: from.clone(),
        from_name: from_name.clone(),
        to: mail.to.clone(),
        sent_at,
        subject: mail.subject.clone(),
        content: mail.content.clone(),
    }
}

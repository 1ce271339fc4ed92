//! Plain mails of several senders in one transaction of two round trips.
//!
//! The first round trip makes the idempotency records, locks the mailboxes of all recipients, in
//! the order of their ids, and draws a number for each. The second one has the rows and the commit.
//! A mail that needs more than that, such as one to a list, is left out and done alone.

use std::collections::{HashMap, HashSet};

use correio_proto::mail::{Content, FullName, Username};

use super::{
    account_columns::{account_state, own_quota},
    connection::{Pipeline, Row, Rows, Transaction},
    contents,
    error::{CommitError, QueryError},
    heartbeat::Heartbeat,
    recipients::{self, MailboxUsage},
    row::{array, parsed, timestamp, to_sql, unsigned},
};
use crate::{
    ids::{AccountId, ConnId},
    store::{NewMailRecord, Quota, StoreDone, StoreJob, admin::AccountState, texture_bytes},
};

/// Most recipients of a mail in a batch: a mail to more holds the others up.
const RECIPIENTS_MAX: usize = 20;

/// A mail in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlainMail<'a> {
    client: ConnId,
    sender: AccountId,
    mail: &'a NewMailRecord,
    now: i64,
}

impl<'a> PlainMail<'a> {
    /// The mail of a job, if a batch can have it.
    pub(super) fn of(client: ConnId, job: &'a StoreJob) -> Option<Self> {
        let StoreJob::Send { sender, mail, now, .. } = job else {
            return None;
        };
        let recipients = mail.to.as_slice().len();
        let is_plain = match mail.content {
            Content::Body(_) | Content::Message(_) => mail.staged.is_none() && mail.bcc.is_empty(),
            Content::Large(_) => false,
        };
        (is_plain && recipients <= RECIPIENTS_MAX && !contents::is_shared(mail, recipients))
            .then(|| Self { client, sender: *sender, mail, now: to_sql(now.0) })
    }

    fn key(&self) -> RecordKey {
        (*self.mail.id.as_bytes(), self.sender.0)
    }
}

/// Key of an idempotency record: the mail's id, and its sender.
type RecordKey = ([u8; 16], i64);

/// What the first round trip has found.
struct Found {
    senders: HashMap<AccountId, (Username, FullName)>,
    mailboxes: HashMap<String, Mailbox>,
    /// Records that this transaction has made.
    made: HashSet<RecordKey>,
    /// Earlier records.
    earlier: HashMap<RecordKey, Record>,
    /// Numbers for mails.
    seqs: std::vec::IntoIter<i64>,
}

/// An idempotency record.
struct Record {
    digest: [u8; 16],
    /// What the same mail is answered with.
    result: StoreDone,
}

/// A mailbox that is locked.
struct Mailbox {
    account: AccountId,
    state: AccountState,
    quota: Quota,
    usage: MailboxUsage,
}

/// The columns of the rows of `mail`, and what changes besides.
#[derive(Default)]
struct Written<'a> {
    accounts: Vec<i64>,
    seqs: Vec<i64>,
    ids: Vec<&'a [u8]>,
    senders: Vec<String>,
    sender_names: Vec<String>,
    recipients: Vec<String>,
    sent_at: Vec<i64>,
    subjects: Vec<&'a str>,
    are_messages: Vec<bool>,
    quota_bytes: Vec<i64>,
    bodies: Vec<&'a [u8]>,
    inline_bytes: Vec<i64>,
    textures: Vec<Vec<u8>>,
    /// What the mailboxes of these accounts get.
    added: HashMap<i64, Added>,
    /// Records of mails that were refused.
    refused_ids: Vec<&'a [u8]>,
    refused_senders: Vec<i64>,
}

/// What a mailbox gets.
#[derive(Clone, Copy, Default)]
struct Added {
    mails: i64,
    bytes: i64,
}

/// Sends the mails, and commits. `None` stands for a mail that must be sent alone; of it nothing
/// was changed. Later mails of the same connection are then left out, too, so that they do not
/// overtake it.
pub(super) fn send(
    mut transaction: Transaction<'_>,
    quota: Quota,
    heartbeat: Heartbeat,
    mails: &[PlainMail<'_>],
) -> Result<Vec<Option<StoreDone>>, CommitError> {
    let mut found = find(&mut transaction, quota, mails)?;
    let mut written = Written::default();
    let mut results = Vec::with_capacity(mails.len());
    let has_written = !found.made.is_empty();
    let mut left_out = HashSet::new();
    for mail in mails {
        let result = match left_out.contains(&mail.client) {
            true => found.leave_out(mail, &mut written),
            false => found.judge(mail, &mut written),
        };
        if result.is_none() {
            left_out.insert(mail.client);
        }
        results.push(result);
    }
    let added: Vec<(i64, Added)> = written.added.iter().map(|(id, more)| (*id, *more)).collect();
    let (_, committed) = transaction.commit_with(|pipeline| {
        written.add_to(pipeline, &added);
        if !has_written {
            heartbeat.add_to(pipeline);
        }
    })?;
    drop(committed);
    Ok(results)
}

/// The first round trip, and a second one if records exist already.
fn find(
    transaction: &mut Transaction<'_>,
    quota: Quota,
    mails: &[PlainMail<'_>],
) -> Result<Found, QueryError> {
    let ids: Vec<&[u8]> = mails.iter().map(|it| it.mail.id.as_bytes().as_slice()).collect();
    let senders: Vec<i64> = mails.iter().map(|it| it.sender.0).collect();
    let digests: Vec<[u8; 16]> = mails.iter().map(|it| it.mail.digest().0).collect();
    let digests: Vec<&[u8]> = digests.iter().map(<[u8; 16]>::as_slice).collect();
    let times: Vec<i64> = mails.iter().map(|it| it.now).collect();
    let names: HashSet<&str> =
        mails.iter().flat_map(|it| it.mail.to.iter()).map(Username::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let numbers: usize = mails.iter().map(|it| it.mail.to.as_slice().len()).sum();
    let mut pipeline = transaction.pipeline();
    let statement =
        statement!("SELECT id, username, full_name FROM account WHERE id = ANY ($1)", INT8_ARRAY);
    pipeline.add(statement, &[&senders]);
    let statement = statement!(
        "INSERT INTO verdict (id, sender, digest, sent_at)
         SELECT id, sender, digest, sent_at
         FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[])
             AS new (id, sender, digest, sent_at)
         ORDER BY id, sender ON CONFLICT DO NOTHING RETURNING id, sender",
        BYTEA_ARRAY,
        INT8_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY
    );
    pipeline.add(statement, &[&ids, &senders, &digests, &times]);
    let statement = statement!(
        "SELECT account.id, username, state, quota_mails, quota_bytes, mails, bytes
         FROM account JOIN mailbox ON mailbox.account = account.id
         WHERE username = ANY ($1) ORDER BY account.id FOR NO KEY UPDATE OF mailbox",
        TEXT_ARRAY
    );
    pipeline.add(statement, &[&names]);
    // After the mailboxes are locked.
    let statement = statement!("SELECT nextval('mail_seq') FROM generate_series(1, $1)", INT8);
    pipeline.add(statement, &[&to_sql(numbers as u64)]);
    let mut results = pipeline.run()?.into_iter();
    let mut next = || results.next().unwrap_or_default();
    let (senders_found, made, mailboxes, seqs) = (next(), next(), next(), next());
    let made = keys(&made)?;
    let earlier = match made.len() < mails.len() {
        true => earlier(transaction, &ids, &senders)?,
        false => HashMap::new(),
    };
    let seqs = seqs.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
    Ok(Found {
        senders: senders_of(&senders_found)?,
        mailboxes: mailboxes_of(&mailboxes, quota)?,
        made,
        earlier,
        seqs: seqs.into_iter(),
    })
}

/// The records of these mails, those that this transaction has made included.
fn earlier(
    transaction: &mut Transaction<'_>,
    ids: &[&[u8]],
    senders: &[i64],
) -> Result<HashMap<RecordKey, Record>, QueryError> {
    let statement = statement!(
        "SELECT verdict.id, verdict.sender, digest, sent_at
         FROM unnest($1::bytea[], $2::bigint[]) AS asked (id, sender)
         JOIN verdict ON verdict.id = asked.id AND verdict.sender = asked.sender",
        BYTEA_ARRAY,
        INT8_ARRAY
    );
    let rows = transaction.query(statement, &[&ids, &senders])?;
    let record = |row: Row<'_>| {
        let result = StoreDone::SentBefore { sent_at: timestamp(&row, 3)? };
        Ok(((array(&row, 0)?, row.get(1)?), Record { digest: array(&row, 2)?, result }))
    };
    rows.iter().map(record).collect()
}

fn keys(rows: &Rows) -> Result<HashSet<RecordKey>, QueryError> {
    rows.iter().map(|row| Ok((array(&row, 0)?, row.get(1)?))).collect()
}

fn senders_of(rows: &Rows) -> Result<HashMap<AccountId, (Username, FullName)>, QueryError> {
    let sender = |row: Row<'_>| Ok((AccountId(row.get(0)?), (parsed(&row, 1)?, parsed(&row, 2)?)));
    rows.iter().map(sender).collect()
}

fn mailboxes_of(rows: &Rows, quota: Quota) -> Result<HashMap<String, Mailbox>, QueryError> {
    let mailbox = |row: Row<'_>| {
        let username: &str = row.get(1)?;
        let mailbox = Mailbox {
            account: AccountId(row.get(0)?),
            state: account_state(&row, 2)?,
            quota: own_quota(&row, 3)?.unwrap_or(quota),
            usage: MailboxUsage { mails: unsigned(&row, 5)?, bytes: unsigned(&row, 6)? },
        };
        Ok((username.to_owned(), mailbox))
    };
    rows.iter().map(mailbox).collect()
}

impl Found {
    /// Decides about the next mail. A mail that is put into its mailboxes counts there for those
    /// after it.
    fn judge<'a>(&mut self, plain: &PlainMail<'a>, written: &mut Written<'a>) -> Option<StoreDone> {
        let key = plain.key();
        let Some(from) = self.senders.get(&plain.sender).cloned() else {
            if self.made.contains(&key) {
                written.refuse(plain);
            }
            return Some(StoreDone::NoAccount);
        };
        // The first mail of the batch with a new record has it; later ones find it there.
        if !self.made.remove(&key) {
            let digest = plain.mail.digest().0;
            return self.earlier.get(&key).map(|earlier| match earlier.digest == digest {
                true => earlier.result.clone(),
                false => StoreDone::Conflict,
            });
        }
        let result = self.put(plain, &from, written);
        if !matches!(result, Some(StoreDone::Sent { .. })) {
            written.refuse(plain);
            // The same mail once more in this batch finds no record: it is sent alone.
            self.earlier.remove(&key);
        }
        result
    }

    /// Forgets the record of a mail that is sent alone.
    fn leave_out<'a>(
        &mut self,
        plain: &PlainMail<'a>,
        written: &mut Written<'a>,
    ) -> Option<StoreDone> {
        let key = plain.key();
        if self.made.remove(&key) {
            written.refuse(plain);
            self.earlier.remove(&key);
        }
        None
    }

    fn put<'a>(
        &mut self,
        plain: &PlainMail<'a>,
        from: &(Username, FullName),
        written: &mut Written<'a>,
    ) -> Option<StoreDone> {
        let mail = plain.mail;
        let bytes = mail.quota_bytes();
        let (mut unknown, mut full) = (Vec::new(), Vec::new());
        for name in mail.to.iter() {
            // Perhaps a list.
            let mailbox = self.mailboxes.get(name.as_str())?;
            if !mailbox.state.takes_mail() {
                unknown.push(name.clone());
            } else if !mailbox.usage.has_room(mailbox.quota, bytes) {
                full.push(name.clone());
            }
        }
        if !unknown.is_empty() {
            return Some(StoreDone::UnknownRecipients(unknown));
        }
        if !full.is_empty() {
            return Some(StoreDone::MailboxesFull { recipients: full, members: 0 });
        }
        let to = recipients::text(mail.to.iter());
        let mut reached = Vec::with_capacity(mail.to.as_slice().len());
        for name in mail.to.iter() {
            let mailbox = self.mailboxes.get_mut(name.as_str())?;
            mailbox.usage.mails += 1;
            mailbox.usage.bytes = mailbox.usage.bytes.saturating_add(bytes);
            written.put(plain, from, &to, mailbox.account, self.seqs.next()?);
            reached.push(mailbox.account);
        }
        let sent_at = correio_proto::mail::Timestamp(plain.now.unsigned_abs());
        Some(StoreDone::Sent { sent_at, recipients: reached, from: from.clone() })
    }
}

impl<'a> Written<'a> {
    fn put(
        &mut self,
        plain: &PlainMail<'a>,
        (username, full_name): &(Username, FullName),
        to: &str,
        account: AccountId,
        seq: i64,
    ) {
        let mail = plain.mail;
        let Some((body, texture)) = contents::inline(&mail.content) else {
            return;
        };
        let quota_bytes = to_sql(mail.quota_bytes());
        self.accounts.push(account.0);
        self.seqs.push(seq);
        self.ids.push(mail.id.as_bytes());
        self.senders.push(username.as_str().to_owned());
        self.sender_names.push(full_name.as_str().to_owned());
        self.recipients.push(to.to_owned());
        self.sent_at.push(plain.now);
        self.subjects.push(mail.subject.as_str());
        self.are_messages.push(contents::is_message(&mail.content));
        self.quota_bytes.push(quota_bytes);
        self.inline_bytes.push(to_sql(body.len() as u64));
        self.bodies.push(body);
        self.textures.push(texture_bytes::encode(&texture));
        let added = self.added.entry(account.0).or_default();
        added.mails += 1;
        added.bytes = added.bytes.saturating_add(quota_bytes);
    }

    fn refuse(&mut self, plain: &PlainMail<'a>) {
        self.refused_ids.push(plain.mail.id.as_bytes());
        self.refused_senders.push(plain.sender.0);
    }

    /// Adds the statements of the second round trip. `added` is `self.added` as a list.
    fn add_to(&self, pipeline: &mut Pipeline<'_>, added: &[(i64, Added)]) {
        if !self.refused_ids.is_empty() {
            let statement = statement!(
                "DELETE FROM verdict USING unnest($1::bytea[], $2::bigint[]) AS refused (id, sender)
                 WHERE verdict.id = refused.id AND verdict.sender = refused.sender",
                BYTEA_ARRAY, INT8_ARRAY
            );
            pipeline.add(statement, &[&self.refused_ids, &self.refused_senders]);
        }
        if self.accounts.is_empty() {
            return;
        }
        let statement =
            statement!(
            "INSERT INTO mail (account, seq, id, sender, sender_name, recipients, sent_at, subject,
                 is_message, quota_bytes, inline_bytes, body, texture)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::text[],
                 $6::text[], $7::bigint[], $8::text[], $9::boolean[], $10::bigint[],
                 $11::bigint[], $12::bytea[], $13::bytea[])",
            INT8_ARRAY, INT8_ARRAY, BYTEA_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY,
            TEXT_ARRAY, BOOL_ARRAY, INT8_ARRAY, INT8_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY
        );
        pipeline.add(
            statement,
            &[
                &self.accounts,
                &self.seqs,
                &self.ids,
                &self.senders,
                &self.sender_names,
                &self.recipients,
                &self.sent_at,
                &self.subjects,
                &self.are_messages,
                &self.quota_bytes,
                &self.inline_bytes,
                &self.bodies,
                &self.textures,
            ],
        );
        let statement = statement!(
            "UPDATE mailbox SET mails = mailbox.mails + added.mails,
                 bytes = mailbox.bytes + added.bytes
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS added (account, mails, bytes)
             WHERE mailbox.account = added.account",
            INT8_ARRAY,
            INT8_ARRAY,
            INT8_ARRAY
        );
        let accounts: Vec<i64> = added.iter().map(|(account, _)| *account).collect();
        let mails: Vec<i64> = added.iter().map(|(_, more)| more.mails).collect();
        let bytes: Vec<i64> = added.iter().map(|(_, more)| more.bytes).collect();
        pipeline.add(statement, &[&accounts, &mails, &bytes]);
    }
}

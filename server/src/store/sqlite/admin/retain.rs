//! Retention: old mails, and accounts that nobody uses, are deleted after a warning.

use correio_proto::mail::{MailId, MailRef, Seq, Timestamp, Username};
use rusqlite::{Result, Statement, ToSql, params, types::FromSqlError};

use super::{
    accounts::{is_own, update},
    announce::postmaster,
    retained_account::{RetainedAccount, count_day, next},
};
use crate::{
    day::begin_of_day,
    ids::AccountId,
    store::{
        StoreDone,
        admin::{AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout},
        retention::{ACCOUNTS_STEP, DELETED_STEP, STEP_WORK, WRITE_WORK, WarningPeriod, warning},
        sqlite::{
            accounts, lists, mails,
            row::{converted, timestamp, to_sql, unsigned},
            tables::Tables,
        },
    },
};

/// One step, and what it has done so far.
struct Step<'a, 'b> {
    tables: &'a mut Tables<'b>,
    retention: &'a Retention,
    period: WarningPeriod,
    work: usize,
    mails: u32,
    accounts: Vec<(AccountId, Username)>,
    warned: Vec<SentWarning>,
}

/// Whether a step is done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    /// There are more mails to delete, in the next step.
    Unfinished,
}

/// Does one step of retention.
pub(super) fn step(tables: &mut Tables<'_>, retention: &Retention) -> Result<AdminDone> {
    if retention.is_on()
        && let Ok(name) = POSTMASTER.parse::<Username>()
        && is_taken(tables, &name)?
    {
        return Ok(AdminDone::Taken(vec![name]));
    }
    let today = count_day(tables.db, retention)?;
    if today == 0 {
        // Retention never ran: there is no warning to take back.
        let (accounts, warned) = (Vec::new(), Vec::new());
        return Ok(AdminDone::Retained { mails: 0, accounts, warned, next: None });
    }
    let period = WarningPeriod::new(today, retention);
    // The step is the last job of its group, so that no other one waits for two of them.
    tables.work += STEP_WORK + 1;
    let found = next(tables.db, retention.after)?;
    let (accounts, warned) = (Vec::new(), Vec::new());
    let mut step = Step { tables, retention, period, work: 0, mails: 0, accounts, warned };
    let is_last = found.len() < ACCOUNTS_STEP;
    let last = found.last().map(|account| account.id);
    let mut next = if is_last { None } else { last };
    for account in found {
        let progress = step.account(&account)?;
        if progress == Progress::Unfinished {
            next = Some(AccountId(account.id.0 - 1));
            break;
        }
        if step.work >= STEP_WORK && last != Some(account.id) {
            next = Some(account.id);
            break;
        }
    }
    let Step { mails, accounts, warned, .. } = step;
    Ok(AdminDone::Retained { mails, accounts, warned, next })
}

/// Whether a list or a client has the name of the postmaster, so that nobody can be warned.
fn is_taken(tables: &mut Tables<'_>, name: &Username) -> Result<bool> {
    let db = tables.db;
    match tables.accounts.by_username(db, name)?.map(|(id, _)| id) {
        Some(id) => Ok(!is_own(db, id)?),
        None => lists::has_name(db, name),
    }
}

impl Step<'_, '_> {
    fn account(&mut self, account: &RetainedAccount) -> Result<Progress> {
        self.work += 1;
        let is_unused = match self.retention.accounts_before {
            Some(before) => self.unused(account, before)?,
            None => self.take_back(account).map(|()| false)?,
        };
        if is_unused {
            return self.delete(account);
        }
        match self.retention.mails_before {
            Some(before) if self.has_mails(account) => self.mails(account, before),
            Some(_) => Ok(Progress::Done),
            None => self.take_back_mails(account).map(|()| Progress::Done),
        }
    }

    /// Takes back the warning about an account, if there is one.
    fn take_back(&mut self, account: &RetainedAccount) -> Result<()> {
        match account.warned_on {
            Some(_) => self.set(account.id, "warned_on = NULL", &[]),
            None => Ok(()),
        }
    }

    /// Takes back the warning about an account's mails, if there is one.
    fn take_back_mails(&mut self, account: &RetainedAccount) -> Result<()> {
        let columns = "mails_warned_on = NULL, mails_warned_before = NULL, mails_warned_seq = NULL";
        match account.mails_warned {
            Some(_) => self.set(account.id, columns, &[]),
            None => Ok(()),
        }
    }

    /// Whether an account is to be deleted now. Warns its owner, or takes the warning back.
    fn unused(&mut self, account: &RetainedAccount, before: Timestamp) -> Result<bool> {
        let is_in_use = self.retention.in_use.binary_search(&account.id).is_ok();
        // The clock may have been behind at a login after the account was made.
        let last_used = account.used_at.max(account.created_at).filter(|_| !is_in_use);
        let Some(last_used) = last_used else {
            let today = begin_of_day(self.retention.now);
            if account.used_at < Some(today) || account.warned_on.is_some() {
                let columns = "used_at = max(coalesce(used_at, 0), ?2), warned_on = NULL";
                self.set(account.id, columns, &[&to_sql(today.0)])?;
            }
            return Ok(false);
        };
        match account.warned_on {
            None if last_used < self.period.soon(before) => {
                let today = to_sql(self.period.today);
                if self.warn(account, WarningAbout::Account)? {
                    self.set(account.id, "warned_on = ?2", &[&today])?;
                }
                Ok(false)
            }
            None => Ok(false),
            Some(_) if last_used >= self.period.soon(before) => {
                self.take_back(account)?;
                Ok(false)
            }
            Some(warned_on) => Ok(last_used < before && self.period.is_over(warned_on)),
        }
    }

    /// Deletes an account, after most of its mails.
    fn delete(&mut self, account: &RetainedAccount) -> Result<Progress> {
        let waiting = self.tables.memtable.totals(account.id).0;
        if account.indexed + u64::from(waiting) > DELETED_STEP as u64 {
            let oldest = self.walk(account.id, |_, old| match old.len() < DELETED_STEP {
                true => Seen::Old,
                false => Seen::End,
            })?;
            self.delete_mails(account.id, &oldest)?;
            return Ok(Progress::Unfinished);
        }
        accounts::delete_all(self.tables, account.id)?;
        self.work += (account.indexed as usize + waiting as usize + 1) * WRITE_WORK;
        self.accounts.push((account.id, account.username.clone()));
        Ok(Progress::Done)
    }

    fn has_mails(&self, account: &RetainedAccount) -> bool {
        account.indexed > 0
            || account.mails_warned.is_some()
            || self.tables.memtable.totals(account.id).0 > 0
    }

    /// Deletes the mails that their owner was warned of, and warns of the next.
    fn mails(&mut self, account: &RetainedAccount, before: Timestamp) -> Result<Progress> {
        let warned = account.mails_warned;
        if warned.is_some_and(|warned| !self.period.is_over(warned.on)) {
            return Ok(Progress::Done);
        }
        let soon = self.period.soon(before);
        let mut later: u32 = 0;
        let old = self.walk(account.id, |mail, old| {
            if mail.at >= soon || later >= WarningAbout::MAILS_MAX || old.len() >= DELETED_STEP {
                return Seen::End;
            }
            if mail.at < before && warned.is_some_and(|warned| warned.covers(mail.seq, mail.at)) {
                return Seen::Old;
            }
            later += u32::from(!mail.is_postmaster);
            Seen::Later
        })?;
        self.delete_mails(account.id, &old)?;
        if old.len() >= DELETED_STEP {
            return Ok(Progress::Unfinished);
        }
        let last = self.tables.memtable.last_seq();
        if later > 0 && self.warn(account, WarningAbout::Mails(later))? {
            let values: [&dyn ToSql; 3] =
                [&to_sql(self.period.today), &to_sql(soon.0), &to_sql(last.0)];
            let columns = "mails_warned_on = ?2, mails_warned_before = ?3, mails_warned_seq = ?4";
            self.set(account.id, columns, &values)?;
        } else {
            self.take_back_mails(account)?;
        }
        Ok(Progress::Done)
    }

    /// Shows the mails of a mailbox, in the order in which they came. Returns the old ones.
    fn walk(
        &mut self,
        account: AccountId,
        see: impl FnMut(&Waiting, &[MailRef]) -> Seen,
    ) -> Result<Vec<MailRef>> {
        let columns = format!(
            "mail.seq, mail.id, coalesce(content.sent_at, mail.sent_at),
             coalesce(content.sender, mail.sender) = '{POSTMASTER}'"
        );
        let mut walk = Walk { latest: Timestamp(0), seen: 0, old: Vec::new(), see };
        let sql = format!(
            "SELECT {columns} FROM mailbox CROSS JOIN mail ON mail.seq = mailbox.seq
             LEFT JOIN content ON content.id = mail.content
             WHERE mailbox.account = ?1 ORDER BY mailbox.seq"
        );
        let mut select = self.tables.db.prepare_cached(&sql)?;
        let mut goes_on = walk.rows(&mut select, account.0)?;
        // Mails in the memtable have higher numbers than mails in the index.
        let sql = format!(
            "SELECT {columns} FROM mail LEFT JOIN content ON content.id = mail.content
             WHERE mail.seq = ?1"
        );
        let mut select = self.tables.db.prepare_cached(&sql)?;
        for seq in self.tables.memtable.above(account, Seq(0)) {
            if !goes_on {
                break;
            }
            goes_on = walk.rows(&mut select, seq)?;
        }
        self.work += walk.seen;
        Ok(walk.old)
    }

    fn delete_mails(&mut self, account: AccountId, mails: &[MailRef]) -> Result<()> {
        if let StoreDone::Confirmed { deleted } = mails::confirm(self.tables, account, mails)? {
            self.mails += deleted;
            self.work += deleted as usize * WRITE_WORK;
        }
        Ok(())
    }

    /// Puts a warning into a mailbox. Returns whether the mailbox has it.
    fn warn(&mut self, account: &RetainedAccount, about: WarningAbout) -> Result<bool> {
        let names = (account.id, &account.username);
        let Some(mail) = warning(names, about, self.retention) else {
            return Ok(false);
        };
        let Ok((sender, from)) = postmaster(self.tables, self.retention.now)? else {
            return Ok(false);
        };
        let accounts = vec![account.id];
        let done =
            mails::put_once(self.tables, sender, &from, &mail, self.retention.now, accounts)?;
        self.work += WRITE_WORK;
        let is_there = matches!(done, StoreDone::Sent { .. } | StoreDone::SentBefore { .. });
        if is_there {
            self.warned.push(SentWarning {
                account: account.id,
                username: account.username.clone(),
                about,
                subject: mail.subject,
                from_name: from.1,
            });
        }
        Ok(is_there)
    }

    fn set(&mut self, account: AccountId, columns: &str, values: &[&dyn ToSql]) -> Result<()> {
        self.work += WRITE_WORK;
        update(self.tables.db, account, columns, values)
    }
}

/// What a walk through a mailbox does with a mail.
enum Seen {
    /// It is returned.
    Old,
    /// It stays.
    Later,
    /// The walk ends before it.
    End,
}

/// A mail of a mailbox, as retention sees it.
struct Waiting {
    seq: Seq,
    /// When it came.
    at: Timestamp,
    is_postmaster: bool,
}

/// A walk through a mailbox, and what it has found so far.
struct Walk<S> {
    /// The latest time of the mails so far. A mail did not come before those that stand before it:
    /// an earlier time is from a clock that was behind.
    latest: Timestamp,
    seen: usize,
    old: Vec<MailRef>,
    see: S,
}

impl<S: FnMut(&Waiting, &[MailRef]) -> Seen> Walk<S> {
    /// Shows the rows of a query. Returns whether the walk goes on.
    fn rows(&mut self, select: &mut Statement<'_>, key: i64) -> Result<bool> {
        let mut rows = select.query(params![key])?;
        while let Some(row) = rows.next()? {
            self.seen += 1;
            let id = converted(row, 1, |value| {
                let bytes: [u8; 16] =
                    value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                MailId::try_from(bytes).map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
            })?;
            let seq = Seq(unsigned(row, 0)?);
            self.latest = self.latest.max(timestamp(row, 2)?);
            let mail = Waiting { seq, at: self.latest, is_postmaster: row.get(3)? };
            match (self.see)(&mail, &self.old) {
                Seen::Old => self.old.push(MailRef { seq, id }),
                Seen::Later => {}
                Seen::End => return Ok(false),
            }
        }
        Ok(true)
    }
}

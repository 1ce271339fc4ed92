//! Retention: old mails, and accounts that nobody uses, are deleted after a warning.

use std::ops::ControlFlow;

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
        admin::{self, AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout},
        retention::{
            ACCOUNTS_STEP, DELETED_STEP, MailsWarning, STEP_WORK, WRITE_WORK, WarningPeriod,
            decision::{AccountDecision, MailsDecision, WaitingMail, decide},
            warning,
        },
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
    let (name, _) = admin::postmaster();
    if retention.is_on() && is_taken(tables, &name)? {
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
        match decide(account.id, account.times, self.retention, self.period) {
            AccountDecision::Keep => {}
            AccountDecision::TakeBack => self.set(account.id, "warned_on = NULL", &[])?,
            AccountDecision::SetUsed => {
                let columns = "used_at = max(coalesce(used_at, 0), ?2), warned_on = NULL";
                let today = to_sql(begin_of_day(self.retention.now).0);
                self.set(account.id, columns, &[&today])?;
            }
            AccountDecision::Warn => {
                if self.warn(account, WarningAbout::Account)? {
                    let today = to_sql(self.period.today);
                    self.set(account.id, "warned_on = ?2", &[&today])?;
                }
            }
            AccountDecision::Delete => return self.delete(account),
        }
        match self.retention.mails_before {
            Some(before) if self.has_mails(account) => self.mails(account, before),
            Some(_) => Ok(Progress::Done),
            None => self.take_back_mails(account).map(|()| Progress::Done),
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

    /// Deletes an account, after most of its mails.
    fn delete(&mut self, account: &RetainedAccount) -> Result<Progress> {
        let waiting = self.tables.memtable.totals(account.id).0;
        if account.indexed + u64::from(waiting) > DELETED_STEP as u64 {
            let mut oldest = Vec::new();
            self.walk(account.id, |next| {
                oldest.push(next.mail);
                match oldest.len() < DELETED_STEP {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
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
        let Some(mut decision) = MailsDecision::begin(before, warned, self.period) else {
            return Ok(Progress::Done);
        };
        self.walk(account.id, |next| decision.see(next))?;
        self.delete_mails(account.id, &decision.old)?;
        if decision.is_cut() {
            return Ok(Progress::Unfinished);
        }
        let warning = decision.warning(self.tables.memtable.last_seq());
        let later = decision.later;
        if later > 0 && self.warn(account, WarningAbout::Mails(later))? {
            let MailsWarning { on, before, last } = warning;
            let values: [&dyn ToSql; 3] = [&to_sql(on), &to_sql(before.0), &to_sql(last.0)];
            let columns = "mails_warned_on = ?2, mails_warned_before = ?3, mails_warned_seq = ?4";
            self.set(account.id, columns, &values)?;
        } else {
            self.take_back_mails(account)?;
        }
        Ok(Progress::Done)
    }

    /// Shows the mails of a mailbox, in the order in which they came, until `see` breaks.
    fn walk(
        &mut self,
        account: AccountId,
        mut see: impl FnMut(&WaitingMail) -> ControlFlow<()>,
    ) -> Result<()> {
        let columns = format!(
            "mail.seq, mail.id, coalesce(content.sent_at, mail.sent_at),
             coalesce(content.sender, mail.sender) = '{POSTMASTER}'"
        );
        let mut seen = 0;
        let mut see = |next: &WaitingMail| {
            seen += 1;
            see(next)
        };
        let sql = format!(
            "SELECT {columns} FROM mailbox CROSS JOIN mail ON mail.seq = mailbox.seq
             LEFT JOIN content ON content.id = mail.content
             WHERE mailbox.account = ?1 ORDER BY mailbox.seq"
        );
        let mut select = self.tables.db.prepare_cached(&sql)?;
        let mut flow = show(&mut select, account.0, &mut see)?;
        // Mails in the memtable have higher numbers than mails in the index.
        let sql = format!(
            "SELECT {columns} FROM mail LEFT JOIN content ON content.id = mail.content
             WHERE mail.seq = ?1"
        );
        let mut select = self.tables.db.prepare_cached(&sql)?;
        for seq in self.tables.memtable.above(account, Seq(0)) {
            if flow.is_break() {
                break;
            }
            flow = show(&mut select, seq, &mut see)?;
        }
        self.work += seen;
        Ok(())
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

/// Shows the mails that a query finds, until `see` breaks.
fn show(
    select: &mut Statement<'_>,
    key: i64,
    see: &mut impl FnMut(&WaitingMail) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut rows = select.query(params![key])?;
    while let Some(row) = rows.next()? {
        let id = converted(row, 1, |value| {
            let bytes: [u8; 16] =
                value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
            MailId::try_from(bytes).map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
        })?;
        let mail = MailRef { seq: Seq(unsigned(row, 0)?), id };
        let (sent_at, is_postmaster) = (timestamp(row, 2)?, row.get(3)?);
        if see(&WaitingMail { mail, sent_at, is_postmaster }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

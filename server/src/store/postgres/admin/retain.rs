//! Retention: old mails, and accounts that nobody uses, are deleted after a warning.

use std::ops::ControlFlow;

use correio_proto::mail::{MailRef, Seq, Timestamp, Username};

use super::{
    announce::postmaster,
    retained_account::{RetainedAccount, count_day, last_seq, next},
};
use crate::{
    day::begin_of_day,
    ids::AccountId,
    store::{
        StoreDone,
        admin::{self, AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout},
        postgres::{
            accounts,
            connection::Statement,
            context::{Context, Param},
            error::QueryError,
            lists, mails,
            row::{mail_id, timestamp, to_sql, unsigned},
            schema::RETENTION_LOCK,
            send,
        },
        retention::{
            ACCOUNTS_STEP, DELETED_STEP, MailsWarning, STEP_WORK, WRITE_WORK, WarningPeriod,
            decision::{AccountDecision, MailsDecision, WaitingMail, decide},
            warning,
        },
    },
};

/// Mails that are read at once.
const WALKED: i64 = 1000;

/// One step, and what it has done so far.
struct Step<'a, 'b, 'c> {
    context: &'a mut Context<'b, 'c>,
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
pub(super) fn step(
    context: &mut Context<'_, '_>,
    retention: &Retention,
) -> Result<AdminDone, QueryError> {
    context.query(statement!("SELECT pg_advisory_xact_lock($1)", INT8), &[&RETENTION_LOCK])?;
    let (name, _) = admin::postmaster();
    if retention.is_on() && is_taken(context, &name)? {
        return Ok(AdminDone::Taken(vec![name]));
    }
    let today = count_day(context, retention)?;
    let (accounts, warned) = (Vec::new(), Vec::new());
    if today == 0 {
        // Retention never ran: there is no warning to take back.
        return Ok(AdminDone::Retained { mails: 0, accounts, warned, next: None });
    }
    let period = WarningPeriod::new(today, retention);
    let found = next(context, retention.after)?;
    let mut step = Step { context, retention, period, work: 0, mails: 0, accounts, warned };
    let is_last = found.len() < ACCOUNTS_STEP;
    let last = found.last().map(|account| account.id);
    let mut next = if is_last { None } else { last };
    for account in found {
        if step.account(&account)? == Progress::Unfinished {
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
fn is_taken(context: &mut Context<'_, '_>, name: &Username) -> Result<bool, QueryError> {
    let statement =
        statement!("SELECT 1 FROM account WHERE username = $1 AND register_id IS NOT NULL", TEXT);
    Ok(context.exists(statement, &[&name.as_str()])? || lists::has_name(context, name)?)
}

impl Step<'_, '_, '_> {
    fn account(&mut self, account: &RetainedAccount) -> Result<Progress, QueryError> {
        self.work += 1;
        match decide(account.id, account.times, self.retention, self.period) {
            AccountDecision::Keep => {}
            AccountDecision::TakeBack => {
                let statement =
                    statement!("UPDATE account SET warned_on = NULL WHERE id = $1", INT8);
                self.set(statement, &[&account.id.0])?;
            }
            AccountDecision::SetUsed => {
                let statement = statement!(
                    "UPDATE account SET used_at = greatest(coalesce(used_at, 0), $2),
                         warned_on = NULL
                     WHERE id = $1",
                    INT8,
                    INT8
                );
                let today = to_sql(begin_of_day(self.retention.now).0);
                self.set(statement, &[&account.id.0, &today])?;
            }
            AccountDecision::Warn => {
                if self.warn(account, WarningAbout::Account)? {
                    let statement =
                        statement!("UPDATE account SET warned_on = $2 WHERE id = $1", INT8, INT8);
                    self.set(statement, &[&account.id.0, &to_sql(self.period.today)])?;
                }
            }
            AccountDecision::Delete => return self.delete(account),
        }
        match self.retention.mails_before {
            Some(before) if account.mails > 0 || account.mails_warned.is_some() => {
                self.mails(account, before)
            }
            Some(_) => Ok(Progress::Done),
            None => self.take_back_mails(account).map(|()| Progress::Done),
        }
    }

    /// Takes back the warning about an account's mails, if there is one.
    fn take_back_mails(&mut self, account: &RetainedAccount) -> Result<(), QueryError> {
        let statement = statement!(
            "UPDATE account SET mails_warned_on = NULL, mails_warned_before = NULL,
                 mails_warned_seq = NULL
             WHERE id = $1",
            INT8
        );
        match account.mails_warned {
            Some(_) => self.set(statement, &[&account.id.0]),
            None => Ok(()),
        }
    }

    /// Deletes an account, after most of its mails.
    fn delete(&mut self, account: &RetainedAccount) -> Result<Progress, QueryError> {
        if account.mails > DELETED_STEP as u64 {
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
        accounts::delete_all(self.context, account.id)?;
        self.work += (usize::try_from(account.mails).unwrap_or(DELETED_STEP) + 1) * WRITE_WORK;
        self.accounts.push((account.id, account.username.clone()));
        Ok(Progress::Done)
    }

    /// Deletes the mails that their owner was warned of, and warns of the next.
    fn mails(
        &mut self,
        account: &RetainedAccount,
        before: Timestamp,
    ) -> Result<Progress, QueryError> {
        let warned = account.mails_warned;
        let Some(mut decision) = MailsDecision::begin(before, warned, self.period) else {
            return Ok(Progress::Done);
        };
        self.walk(account.id, |next| decision.see(next))?;
        self.delete_mails(account.id, &decision.old)?;
        if decision.is_cut() {
            return Ok(Progress::Unfinished);
        }
        let warning = decision.warning(last_seq(self.context)?);
        let later = decision.later;
        if later > 0 && self.warn(account, WarningAbout::Mails(later))? {
            let MailsWarning { on, before, last } = warning;
            let statement = statement!(
                "UPDATE account SET mails_warned_on = $2, mails_warned_before = $3,
                     mails_warned_seq = $4
                 WHERE id = $1",
                INT8,
                INT8,
                INT8,
                INT8
            );
            let values: [Param<'_>; 4] =
                [&account.id.0, &to_sql(on), &to_sql(before.0), &to_sql(last.0)];
            self.set(statement, &values)?;
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
    ) -> Result<(), QueryError> {
        let statement = statement!(
            "SELECT mail.seq, mail.id, coalesce(content.sent_at, mail.sent_at),
                 coalesce(content.sender, mail.sender) = $3
             FROM mail LEFT JOIN content ON content.id = mail.content
             WHERE mail.account = $1 AND mail.seq > $2 ORDER BY mail.seq LIMIT $4",
            INT8,
            INT8,
            TEXT,
            INT8
        );
        let mut after = 0_i64;
        loop {
            let values: [Param<'_>; 4] = [&account.0, &after, &POSTMASTER, &WALKED];
            let rows = self.context.query(statement, &values)?;
            for row in rows.iter() {
                after = row.get(0)?;
                let mail = MailRef { seq: Seq(unsigned(&row, 0)?), id: mail_id(&row, 1)? };
                let (sent_at, is_postmaster) = (timestamp(&row, 2)?, row.get(3)?);
                self.work += 1;
                if see(&WaitingMail { mail, sent_at, is_postmaster }).is_break() {
                    return Ok(());
                }
            }
            if rows.len() < usize::try_from(WALKED).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    fn delete_mails(&mut self, account: AccountId, mails: &[MailRef]) -> Result<(), QueryError> {
        if let StoreDone::Confirmed { deleted } = mails::confirm(self.context, account, mails)? {
            self.mails += deleted;
            self.work += deleted as usize * WRITE_WORK;
        }
        Ok(())
    }

    /// Puts a warning into a mailbox. Returns whether the mailbox has it.
    fn warn(&mut self, account: &RetainedAccount, about: WarningAbout) -> Result<bool, QueryError> {
        let names = (account.id, &account.username);
        let Some(mail) = warning(names, about, self.retention) else {
            return Ok(false);
        };
        let Ok((sender, from)) = postmaster(self.context, self.retention.now)? else {
            return Ok(false);
        };
        let (now, accounts) = (self.retention.now, vec![account.id]);
        let done = send::put_once(self.context, sender, &from, &mail, now, accounts)?;
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

    fn set(
        &mut self,
        statement: &'static Statement,
        values: &[Param<'_>],
    ) -> Result<(), QueryError> {
        self.work += WRITE_WORK;
        self.context.execute(statement, values).map(drop)
    }
}

//! The mail that warns the owner of an account of a deletion.

use correio_proto::mail::{Content, MailId, Recipients, Subject, Timestamp, Username};
use jiff::tz::TimeZone;

use crate::{
    day::days_after,
    ids::AccountId,
    store::{
        NewMailRecord,
        admin::{Retention, WarningAbout},
    },
};

/// The mail that warns the owner of an account. `None` if the parts of a mail do not allow it,
/// which they do for every account.
pub(in crate::store) fn warning(
    (account, username): (AccountId, &Username),
    about: WarningAbout,
    retention: &Retention,
) -> Option<NewMailRecord> {
    let days = u64::from(retention.warning_days) + 1;
    let date = date(days_after(retention.now, days));
    let (subject, body) = match about {
        WarningAbout::Mails(mails) => mails_text(mails, &date),
        WarningAbout::Account => account_text(&date),
    };
    let id = mail_id(account, about, retention.now);
    let to = Recipients::from(username.clone());
    let content = Content::Body(body.parse().ok()?);
    Some(NewMailRecord::new(id, to, subject.parse::<Subject>().ok()?, content))
}

fn mails_text(mails: u32, date: &str) -> (&'static str, String) {
    let (pt, en) = match mails >= WarningAbout::MAILS_MAX {
        true => (format!("{mails} ou mais"), format!("{mails} or more")),
        false => (mails.to_string(), mails.to_string()),
    };
    let body = format!(
        "Mails antigos esperam na sua caixa postal: {pt}. A partir de {date}, o servidor os \
         apagará. Para guardá-los, receba-os antes dessa data.\n\n\
         Old mails wait in your mailbox: {en}. From {date} on, the server will delete them. To keep \
         them, receive them before that date.\n"
    );
    ("Mails antigos serão apagados · Old mails will be deleted", body)
}

fn account_text(date: &str) -> (&'static str, String) {
    let body = format!(
        "Ninguém usa esta conta há muito tempo. A partir de {date}, o servidor a apagará, com todos \
         os seus mails. Para mantê-la, entre nela antes dessa data.\n\n\
         Nobody has used this account for a long time. From {date} on, the server will delete it, \
         with all its mails. To keep it, log in before that date.\n"
    );
    ("Sua conta será apagada · Your account will be deleted", body)
}

/// An id that no other warning has: at one time, an account is warned once of its mails and once of
/// itself.
fn mail_id(AccountId(account): AccountId, about: WarningAbout, now: Timestamp) -> MailId {
    let kind = match about {
        WarningAbout::Mails(_) => 1,
        WarningAbout::Account => 2,
    };
    let [a, b, c, d, e, f, g, h] = account.to_be_bytes();
    MailId::from_parts(now, [0, kind, a, b, c, d, e, f, g, h])
}

/// A date in UTC, as `2026-11-27`.
fn date(Timestamp(millis): Timestamp) -> String {
    let time = i64::try_from(millis).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    TimeZone::UTC.to_datetime(time.unwrap_or(jiff::Timestamp::MAX)).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_in_utc_and_the_last_that_can_be_written_at_most() {
        assert_eq!(date(Timestamp(1_767_225_599_999)), "2025-12-31");
        assert_eq!(date(Timestamp(u64::MAX)), "9999-12-30");
    }

    #[test]
    fn warnings_have_ids_of_their_own() {
        let id = |account, about| mail_id(AccountId(account), about, Timestamp(5));
        assert_ne!(id(1, WarningAbout::Account), id(2, WarningAbout::Account));
        assert_ne!(id(1, WarningAbout::Account), id(1, WarningAbout::Mails(1)));
    }
}

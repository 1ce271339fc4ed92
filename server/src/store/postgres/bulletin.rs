//! What a NOTIFY between servers says, before `sealer.rs` seals it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::AccountId,
    limits::throttle::LoginNews,
    store::news::{ArrivedMail, News},
};

/// Accounts that one text names: with the longest names and subject, a sealer takes it.
const ACCOUNTS_MAX: usize = 200;

/// News of logins that one text has: with the longest addresses and usernames, a sealer takes it.
const LOGINS_MAX: usize = 30;

/// What a server tells the others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bulletin {
    /// The server that tells it, as hexadecimal digits.
    node: String,
    /// The news.
    news: Item,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Item {
    /// A mail has arrived.
    Mail { accounts: Vec<i64>, mail: ArrivedMail },
    /// Logins failed, or their failures are forgotten.
    Logins(Vec<LoginNews>),
    /// There are new rows in `ended_session`.
    Ended,
}

/// What is to be done with a text that was received.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// It is this server's own, or no text of a server.
    Nothing,
    /// News for the loop.
    News(News),
    /// `ended_session` has new rows.
    Ended,
}

/// The texts that tell of a mail, each of at most [`TEXT_MAX`](super::sealer::TEXT_MAX) bytes.
/// `node` is the server that tells it.
#[must_use]
pub fn of_mail(node: &str, accounts: &[AccountId], mail: &ArrivedMail) -> Vec<String> {
    let text = |accounts: &[AccountId]| {
        let accounts = accounts.iter().map(|AccountId(id)| *id).collect();
        text(node, Item::Mail { accounts, mail: mail.clone() })
    };
    accounts.chunks(ACCOUNTS_MAX).filter_map(text).collect()
}

/// The texts that tell of logins, each of at most [`TEXT_MAX`](super::sealer::TEXT_MAX) bytes.
#[must_use]
pub fn of_logins(node: &str, logins: &[LoginNews]) -> Vec<String> {
    let text = |logins: &[LoginNews]| text(node, Item::Logins(logins.to_vec()));
    logins.chunks(LOGINS_MAX).filter_map(text).collect()
}

/// The text that says that `ended_session` has new rows.
#[must_use]
pub fn of_ended(node: &str) -> Option<String> {
    text(node, Item::Ended)
}

fn text(node: &str, news: Item) -> Option<String> {
    serde_json::to_string(&Bulletin { node: node.to_owned(), news }).ok()
}

/// Reads a text. `node` is the server that reads it.
#[must_use]
pub fn read(node: &str, text: &str) -> Received {
    match serde_json::from_str(text) {
        Ok(Bulletin { node: from, news }) if from != node => match news {
            Item::Ended => Received::Ended,
            Item::Logins(logins) => Received::News(News::Logins(logins)),
            Item::Mail { accounts, mail } => {
                let accounts = accounts.into_iter().map(AccountId).collect();
                Received::News(News::MailArrived { accounts, mail })
            }
        },
        Ok(_) | Err(_) => Received::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use correio_proto::limits::USERNAME_MAX;

    use super::*;
    use crate::limits::throttle::{FailedLogin, FailureScope, SecretKind};
    use crate::store::postgres::sealer::TEXT_MAX;

    #[test]
    fn a_text_of_many_accounts_or_logins_is_several_that_fit() {
        let mail = ArrivedMail {
            from: "tony".parse().unwrap(),
            from_name: "\u{1f680}".repeat(60).parse().unwrap(),
            subject: "\"".repeat(150).parse().unwrap(),
        };
        let accounts: Vec<_> = (0..450).map(|number| AccountId(i64::MAX - number)).collect();
        let texts = of_mail("00", &accounts, &mail);
        assert_eq!(texts.len(), 3);
        let mut read_back = Vec::new();
        for text in &texts {
            assert!(text.len() <= TEXT_MAX, "{}", text.len());
            assert_eq!(read("00", text), Received::Nothing, "its own");
            let Received::News(News::MailArrived { accounts, mail: read }) = read("01", text)
            else {
                panic!("{text}")
            };
            assert_eq!(read, mail);
            read_back.extend(accounts);
        }
        assert_eq!(read_back, accounts);
        assert_eq!(read("01", &of_ended("00").unwrap()), Received::Ended);
        let failed = LoginNews::Failed(FailedLogin {
            address: "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap(),
            username: "n".repeat(USERNAME_MAX).parse().unwrap(),
            secret: SecretKind::AppPassword,
            scope: FailureScope::PrefixAndPair,
        });
        let logins = vec![failed; LOGINS_MAX + 1];
        let texts = of_logins("0123456789abcdef0123456789abcdef", &logins);
        assert_eq!(texts.len(), 2);
        assert!(texts[0].len() <= TEXT_MAX, "{}", texts[0].len());
        let read_back = texts.iter().flat_map(|text| match read("01", text) {
            Received::News(News::Logins(logins)) => logins,
            other => panic!("{other:?}"),
        });
        assert_eq!(read_back.collect::<Vec<_>>(), logins);
        for foreign in ["", "{}", "[1]", "{\"node\":\"x\",\"news\":\"other\"}"] {
            assert_eq!(read("01", foreign), Received::Nothing);
        }
    }
}

//! Target `bulletin`: the text of a NOTIFY, sealed and opened. Bytes that nobody has sealed open
//! nothing.
//!
//! What is read of a text, told again, is read as the same by other servers and is nothing to the
//! server that tells it; no text is too long for a NOTIFY, and no name or subject controls a
//! terminal.

use std::time::Duration;

use correio_server::{
    ids::AccountId,
    limits::throttle::{LoginNews, Throttle, ThrottleConfig},
    store::{
        news::{ArrivedMail, News},
        postgres::{
            bulletin::{Received, of_ended, of_logins, of_mail, read},
            sealer::{KEY, Sealer, TEXT_MAX},
        },
    },
};

/// The server that reads.
const READER: &str = "00";

/// The server that tells it again.
const TELLER: &str = "01";

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut sealer = Sealer::new([0; 16], &[7; KEY]).unwrap();
    assert_eq!(sealer.open(&text, 1), None);
    match read(READER, &text) {
        Received::Nothing => {}
        Received::Ended => {
            let again = of_ended(TELLER).unwrap();
            assert_eq!(read(READER, &again), Received::Ended);
            assert_eq!(read(TELLER, &again), Received::Nothing);
        }
        Received::News(News::MailArrived { accounts, mail }) => tell_again(&accounts, &mail),
        Received::News(News::Logins(logins)) => tell_logins_again(&logins),
        Received::News(other) => panic!("a text ends sessions: {other:?}"),
    }
}

/// The throttle takes whatever is told, and an address is read as it was written.
fn tell_logins_again(logins: &[LoginNews]) {
    let config = ThrottleConfig { registrations_per_hour: 1, mails_per_hour: 1, failed_logins: 1 };
    let mut throttle = Throttle::new(config);
    logins.iter().for_each(|news| throttle.hear(Duration::MAX, news));
    let mut told = Vec::new();
    for text in of_logins(TELLER, logins) {
        assert!(text.len() <= TEXT_MAX, "{} bytes", text.len());
        assert_eq!(read(TELLER, &text), Received::Nothing);
        match read(READER, &text) {
            Received::News(News::Logins(again)) => told.extend(again),
            other => panic!("{text} was read as {other:?}"),
        }
    }
    assert_eq!(told, logins);
}

fn tell_again(accounts: &[AccountId], mail: &ArrivedMail) {
    for shown in [mail.from.as_str(), mail.from_name.as_str(), mail.subject.as_str()] {
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
    let mut told = Vec::new();
    for text in of_mail(TELLER, accounts, mail) {
        assert!(text.len() <= TEXT_MAX, "{} bytes", text.len());
        assert_eq!(read(TELLER, &text), Received::Nothing);
        match read(READER, &text) {
            Received::News(News::MailArrived { accounts, mail: again }) => {
                assert_eq!(again, *mail);
                told.extend(accounts);
            }
            other => panic!("{text} was read as {other:?}"),
        }
    }
    assert_eq!(told, accounts);
}

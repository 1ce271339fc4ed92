use std::{fs, path::Path};

use correio_proto::mail::{Mail, Seq, Timestamp, Username};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Address, Cancel, Mailbox, new_mail_id};

fn server() -> Address {
    "localhost".parse().unwrap()
}

fn pepper() -> Username {
    "pepper".parse().unwrap()
}

fn book(data: &Path) -> AddressBook {
    AddressBook::open(data, &server(), &pepper())
}

fn known(data: &Path) -> KnownPeople {
    KnownPeople::open(data, &server(), &pepper())
}

fn nickname(text: &str) -> Nickname {
    text.parse().unwrap()
}

fn person(username: &str, full_name: Option<&str>) -> BookPerson {
    let full_name = full_name.map(|name| name.parse().unwrap());
    BookPerson { username: username.parse().unwrap(), full_name }
}

/// Writes the file of the address book as an editor does.
fn edited(data: &Path, text: impl AsRef<[u8]>) -> AddressBook {
    let book = book(data);
    fs::create_dir_all(book.path().parent().unwrap()).unwrap();
    fs::write(book.path(), text).unwrap();
    book
}

fn to(book: &AddressBook, typed: &str) -> Result<String, RecipientsError> {
    book.recipients(typed).map(|named| named.to.to_string())
}

#[test]
fn a_nickname_stands_for_its_people_and_a_username_for_itself() {
    let data = TempDir::new().unwrap();
    let book = book(data.path());
    assert_eq!(book.list().unwrap(), []);
    let team = [person("steve", Some("Steve Rogers")), person("peter", None)];
    book.add(&nickname("turma"), &team).unwrap();
    // A nickname that is a username of somebody else.
    book.add(&nickname("tony"), &[person("pepper", None)]).unwrap();
    book.add(&nickname("mãe"), &[person("may", Some("May Parker"))]).unwrap();
    assert_eq!(to(&book, "tony").unwrap(), "tony");
    assert_eq!(to(&book, "@tony").unwrap(), "pepper");
    assert_eq!(to(&book, " @MAE,tony , @turma,,steve").unwrap(), "may, tony, steve, peter");
    let named = book.recipients("@turma, @turma").unwrap();
    assert_eq!(named.to.to_string(), "steve, peter");
    assert_eq!(named.nicknames, [BookEntry { nickname: nickname("turma"), people: team.into() }]);
    let text = fs::read_to_string(book.path()).unwrap();
    assert_eq!(text, "turma steve Steve Rogers\nturma peter\ntony pepper\nmãe may May Parker\n");
}

#[test]
fn a_recipient_that_is_no_username_and_no_nickname_is_refused() {
    let data = TempDir::new().unwrap();
    let book = book(data.path());
    assert!(matches!(to(&book, "@turma"), Err(RecipientsError::Unknown(_))));
    assert!(matches!(to(&book, "@tu rma"), Err(RecipientsError::Nickname(_))));
    assert!(matches!(to(&book, "@"), Err(RecipientsError::Nickname(InvalidNickname::Empty))));
    assert!(matches!(to(&book, "tony@stark"), Err(RecipientsError::Invalid(_))));
    assert!(matches!(to(&book, " , "), Err(RecipientsError::Invalid(_))));
    // Two nicknames of 60 people each are too many for a mail.
    for (name, first) in [("a", 0), ("b", 60)] {
        let people: Vec<_> =
            (first..first + 60).map(|number| person(&format!("p{number}"), None)).collect();
        book.add(&nickname(name), &people).unwrap();
    }
    assert_eq!(book.recipients("@a").unwrap().to.iter().count(), 60);
    assert!(matches!(to(&book, "@a, @b"), Err(RecipientsError::Invalid(_))));
}

#[test]
fn people_are_added_and_removed_and_what_a_user_wrote_stays() {
    let data = TempDir::new().unwrap();
    let text = "# minha agenda\n\n  turma\tsteve   Steve  Rogers \n# fim";
    let book = edited(data.path(), text);
    let turma = nickname("turma");
    book.add(&turma, &[person("peter", Some("Peter Parker"))]).unwrap();
    let after =
        "# minha agenda\n\n  turma\tsteve   Steve  Rogers \nturma peter Peter Parker\n# fim\n";
    assert_eq!(fs::read_to_string(book.path()).unwrap(), after);
    // The same person again, without a name and with a new one.
    book.add(&turma, &[person("peter", None)]).unwrap();
    assert_eq!(fs::read_to_string(book.path()).unwrap(), after);
    book.add(&turma, &[person("peter", Some("Spider-Man"))]).unwrap();
    let people = book.entry(&turma).unwrap().unwrap().people;
    let shown: Vec<_> = people.iter().map(|p| p.full_name.as_ref().unwrap().as_str()).collect();
    assert_eq!(shown, ["Steve  Rogers", "Spider-Man"]);
    assert_eq!(book.remove(&turma, &["steve".parse().unwrap()]).unwrap(), 1);
    assert_eq!(book.remove(&turma, &["steve".parse().unwrap()]).unwrap(), 0);
    assert_eq!(book.remove(&nickname("TURMA"), &[]).unwrap(), 1);
    assert_eq!(book.entry(&turma).unwrap(), None);
    assert_eq!(fs::read_to_string(book.path()).unwrap(), "# minha agenda\n\n# fim\n");
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_nothing_is_changed() {
    let data = TempDir::new().unwrap();
    let wrong: [&[u8]; 7] = [
        b"turma",
        b"turma Steve!",
        b"tur@ma steve",
        b"turma @steve",
        b"turma steve a\x1bb",
        b"turma steve \xff",
        b"turma steve Steve\0",
    ];
    for line in wrong {
        let text = [b"turma peter\n# sim\n", line, b"\n"].concat();
        let book = edited(data.path(), &text);
        for error in [
            book.list().unwrap_err(),
            book.add(&nickname("x"), &[person("tony", None)]).unwrap_err(),
            book.remove(&nickname("turma"), &[]).unwrap_err(),
        ] {
            assert!(error.to_string().contains("line 3 of "), "{line:?}: {error}");
        }
        assert!(matches!(
            to(&book, "@turma"),
            Err(RecipientsError::AddressBook(AddressBookError::Line { line: 3, .. }))
        ));
        // Recipients without a nickname do not need the file.
        assert_eq!(to(&book, "tony").unwrap(), "tony");
        assert_eq!(fs::read(book.path()).unwrap(), text);
    }
}

#[test]
fn an_address_book_is_bounded() {
    let data = TempDir::new().unwrap();
    let line = |number: usize| format!("n{} u{number}\n", number / 100);
    let text: String = (0..lines::ENTRIES_MAX).map(line).collect();
    let book = edited(data.path(), &text);
    assert_eq!(book.list().unwrap().len(), lines::ENTRIES_MAX / 100);
    let full = book.add(&nickname("x"), &[person("tony", None)]);
    assert!(matches!(full, Err(AddressBookError::Full { .. })));
    let many = book.add(&nickname("n3"), &[person("tony", None)]);
    assert!(many.is_err());
    assert_eq!(fs::read_to_string(book.path()).unwrap(), text);
    // A nickname with one person too many, where there is room for others.
    book.remove(&nickname("n0"), &[]).unwrap();
    let many = book.add(&nickname("n3"), &[person("tony", None)]);
    assert!(matches!(many, Err(AddressBookError::TooMany { .. })));
    edited(data.path(), vec![b'#'; lines::BYTES_MAX + 1]);
    assert!(matches!(book.list(), Err(AddressBookError::Full { .. })));
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_and_no_empty_address_book() {
    let data = TempDir::new().unwrap();
    let book = book(data.path());
    fs::create_dir_all(book.path()).unwrap();
    assert!(matches!(book.list(), Err(AddressBookError::Io { .. })));
    let added = book.add(&nickname("x"), &[person("tony", None)]);
    assert!(matches!(added, Err(AddressBookError::Io { .. })));
    assert!(book.path().is_dir());
}

#[test]
fn two_programs_that_change_an_address_book_at_once_lose_nothing() {
    let data = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for program in 0..4 {
            let data = data.path();
            let add = move || {
                for number in 0..10 {
                    let name = nickname(&format!("n{program}-{number}"));
                    book(data).add(&name, &[person("tony", None)]).unwrap();
                }
            };
            std::thread::Builder::new().spawn_scoped(scope, add).unwrap();
        }
    });
    assert_eq!(book(data.path()).list().unwrap().len(), 40);
}

proptest! {
    /// Whatever bytes a file has: no panic, and what is read is written back to the byte.
    #[test]
    fn any_file_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(lines) = lines::Lines::parse(&bytes) {
            let text = lines.text();
            prop_assert_eq!(text.trim_end_matches('\n'), std::str::from_utf8(&bytes).unwrap().trim_end_matches('\n'));
        }
    }
}

/// Saves a mail with this number into Pepper's mailbox.
fn save(data: &Path, seq: u64, from: &str, from_name: &str) {
    let mail = Mail {
        seq: Seq(seq),
        id: new_mail_id(),
        from: from.parse().unwrap(),
        from_name: from_name.parse().unwrap(),
        to: "pepper".parse().unwrap(),
        sent_at: Timestamp(1_700_000_000_000 + seq),
        subject: "Oi".parse().unwrap(),
        content: "x".parse().unwrap(),
    };
    let mailbox = Mailbox::open(data, &server(), &pepper());
    mailbox.start_saving(&Cancel::new()).unwrap().save(&[mail]).unwrap();
}

fn refreshed(data: &Path) -> People {
    let mailbox = Mailbox::open(data, &server(), &pepper());
    known(data).refresh(&mailbox, &Cancel::new()).unwrap()
}

/// The full names of a person, oldest first.
fn names_of(people: &People, username: &str) -> Vec<String> {
    let person = people.get(&username.parse().unwrap());
    let names = person.map(|person| person.names.iter().map(|name| name.full_name.to_string()));
    names.into_iter().flatten().collect()
}

#[test]
fn senders_are_known_with_their_names_and_the_first_mail() {
    let data = TempDir::new().unwrap();
    for (seq, name) in [(1, "Tony Stark"), (2, "Iron Man"), (3, "Tony Stark")] {
        save(data.path(), seq, "tony", name);
    }
    let people = refreshed(data.path());
    assert_eq!(names_of(&people, "tony"), ["Iron Man", "Tony Stark"]);
    let tony = people.get(&"tony".parse().unwrap()).unwrap();
    let (first, last) = tony.mails.as_ref().unwrap();
    assert_eq!((first.arrival, last.arrival), (1, 3));
    assert_eq!(tony.names[1].first.arrival, 1);
    assert_eq!(known(data.path()).read(), people);
}

#[test]
fn only_new_mails_are_opened_and_a_number_that_is_given_again_hides_no_stranger() {
    let data = TempDir::new().unwrap();
    save(data.path(), 1, "tony", "Tony Stark");
    save(data.path(), 2, "steve", "Steve Rogers");
    refreshed(data.path());
    let mailbox = Mailbox::open(data.path(), &server(), &pepper());
    let file = |number: usize| {
        let new = mailbox.directory().join("new");
        new.join(mailbox.list(number, 1).unwrap().mails[0].file_name().base())
    };
    // A known mail is not opened again: what is in its file now is not seen.
    let first = file(1);
    let text = fs::read_to_string(&first).unwrap().replace("Tony Stark", "Nobody");
    fs::write(&first, text).unwrap();
    fs::remove_file(file(2)).unwrap();
    save(data.path(), 3, "loki", "Tony Stark");
    assert_eq!(mailbox.list(2, 1).unwrap().mails[0].file_name().arrival, 2);
    let people = refreshed(data.path());
    assert_eq!(names_of(&people, "tony"), ["Tony Stark"]);
    assert_eq!(names_of(&people, "loki"), ["Tony Stark"]);
    // Whose mail was deleted is known all the same.
    assert_eq!(names_of(&people, "steve"), ["Steve Rogers"]);
}

#[test]
fn a_file_of_known_people_may_be_damaged_or_deleted() {
    let data = TempDir::new().unwrap();
    save(data.path(), 1, "tony", "Tony Stark");
    let people = refreshed(data.path());
    let path = data.path().join("people/localhost_8888/pepper/known.json");
    assert!(path.is_file());
    for damage in ["", "{", "[]", r#"{"version":9,"through":null,"people":[]}"#] {
        fs::write(&path, damage).unwrap();
        assert_eq!(known(data.path()).read(), People::default());
        assert_eq!(refreshed(data.path()), people, "{damage:?}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(refreshed(data.path()), people);
    // A file that cannot be written is only a longer way.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(refreshed(data.path()), people);
}

#[test]
fn people_who_were_written_to_are_known() {
    let data = TempDir::new().unwrap();
    save(data.path(), 1, "tony", "Tony Stark");
    refreshed(data.path());
    let recipients = "steve, tony".parse().unwrap();
    known(data.path()).wrote_to(&recipients, &Cancel::new()).unwrap();
    let people = refreshed(data.path());
    let is_written_to = |name: &str| people.get(&name.parse().unwrap()).unwrap().is_written_to;
    assert!(is_written_to("steve") && is_written_to("tony"));
    assert_eq!(names_of(&people, "tony"), ["Tony Stark"]);
    assert_eq!(people.get(&"steve".parse().unwrap()).unwrap().mails, None);
}

#[test]
fn the_file_of_known_people_is_bounded() {
    let mut people = People::default();
    for number in 0..record::PEOPLE_MAX + 10 {
        let name = format!("u{number}");
        let id = "01890a5dac96774bbcceb302099a8057";
        let file = format!("1700000000.007_42_{id}_{}.{name}", number + 1);
        let file = correio_proto::rfc5322::FileName::parse(&file).unwrap();
        people.add_sender(&file, &name.parse().unwrap(), "N".parse().unwrap());
    }
    people.add_recipient(&"u0".parse().unwrap());
    let read = record::decode(&record::encode(&people).unwrap()).unwrap();
    assert_eq!(read.iter().count(), record::PEOPLE_MAX);
    let has = |number: usize| read.get(&format!("u{number}").parse().unwrap()).is_some();
    assert!(has(0), "it was written to");
    assert!(!has(1) && !has(10) && has(11) && has(record::PEOPLE_MAX + 9));
    // One person with many names.
    let mut person = People::default();
    for number in 1..=20 {
        let id = "01890a5dac96774bbcceb302099a8057";
        let file = format!("1700000000.007_42_{id}_{number}.tony");
        let file = correio_proto::rfc5322::FileName::parse(&file).unwrap();
        let name = format!("N{number}").parse().unwrap();
        person.add_sender(&file, &"tony".parse().unwrap(), name);
    }
    assert_eq!(names_of(&person, "tony").len(), 8);
    let tony = person.get(&"tony".parse().unwrap()).unwrap();
    assert_eq!(tony.mails.as_ref().unwrap().0.arrival, 1, "the first mail stays known");
}

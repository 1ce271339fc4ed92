use std::sync::atomic::{AtomicUsize, Ordering};

use correio_client::{AddressBook, BookPerson, ErrorReply, KnownPeople};
use correio_proto::directory::Person;
use tempfile::TempDir;

use super::*;

/// How long something awaited may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with these people, or one that refuses.
struct Scripted {
    people: Vec<(&'static str, &'static str)>,
    refusal: Option<ErrorCode>,
    asked: Arc<AtomicUsize>,
}

impl Directory for Scripted {
    fn is_offered(&self) -> bool {
        true
    }

    fn find(&self, query: &Query, _: &Cancel) -> Result<Found, RequestError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(code) = self.refusal {
            return Err(RequestError::Refused(ErrorReply::new(code, "no")));
        }
        let people = self.people.iter().map(|(username, full_name)| Person {
            username: username.parse().unwrap(),
            full_name: full_name.parse().unwrap(),
        });
        let people = people.filter(|person| query.matches(&person.username, &person.full_name));
        Ok(Found { people: people.collect(), more: false })
    }
}

/// A directory that does not answer until the lookup is cancelled, and counts lookups.
struct Silent(Arc<AtomicUsize>);

impl Directory for Silent {
    fn is_offered(&self) -> bool {
        true
    }

    fn find(&self, _: &Query, cancel: &Cancel) -> Result<Found, RequestError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        while !cancel.is_cancelled() {
            thread::park_timeout(Duration::from_millis(5));
        }
        Err(RequestError::Cancelled)
    }
}

/// A data directory in which Pepper has an address book and has written to people.
fn data() -> TempDir {
    let data = TempDir::new().unwrap();
    let (server, pepper) = ("localhost".parse().unwrap(), "pepper".parse().unwrap());
    let book = AddressBook::open(data.path(), &server, &pepper);
    let person = |username: &str, full_name: &str| BookPerson {
        username: username.parse().unwrap(),
        full_name: Some(full_name.parse().unwrap()),
    };
    let team = [person("steve", "Steve Rogers"), person("tony", "Tony Stark")];
    book.add(&"turma".parse().unwrap(), &team).unwrap();
    let known = KnownPeople::open(data.path(), &server, &pepper);
    known.wrote_to(&"stella, peter".parse().unwrap(), &Cancel::new()).unwrap();
    data
}

fn completer(data: &TempDir, directory: Option<Box<dyn Directory>>) -> RecipientCompleter {
    let account = Account {
        data: data.path().to_owned(),
        server: "localhost".parse().unwrap(),
        username: "pepper".parse().unwrap(),
        stranger: "(?)".to_owned(),
    };
    let mut completer = RecipientCompleter::new(account, directory);
    // Until the files are read.
    completer.begin("turma");
    until(&mut completer, |candidates| !candidates.list.is_empty());
    completer
}

fn until(completer: &mut RecipientCompleter, holds: impl Fn(&Candidates) -> bool) -> Candidates {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let candidates = completer.poll();
        if holds(&candidates) {
            return candidates;
        }
        assert!(Instant::now() < deadline, "{candidates:?}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn is_over(candidates: &Candidates) -> bool {
    candidates.search != Search::Running
}

fn inserts(candidates: &Candidates) -> Vec<&str> {
    candidates.list.iter().map(|candidate| candidate.insert.as_str()).collect()
}

#[test]
fn people_of_this_computer_come_at_once_the_best_first() {
    let data = data();
    let mut completer = completer(&data, None);
    assert_eq!(inserts(&completer.begin("ste")), ["stella", "steve", "@turma"]);
    assert_eq!(inserts(&completer.begin("ROG")), ["@turma", "steve"]);
    assert_eq!(inserts(&completer.begin("@")), ["@turma"]);
    assert_eq!(inserts(&completer.begin("@ste")), ["@turma"]);
    assert_eq!(inserts(&completer.begin("")).len(), 5);
    let nobody = completer.begin("xyz");
    let nobody = if is_over(&nobody) { nobody } else { until(&mut completer, is_over) };
    assert_eq!(inserts(&nobody), [""; 0]);
    let label = completer.begin("turma").list.remove(0).label;
    assert_eq!(label, "@turma  Steve Rogers <steve>, Tony Stark <tony>");
}

/// Somebody becomes known by writing a mail, and the newest mail is whose sender likes.
#[test]
fn who_only_writes_comes_after_those_whom_the_user_has_chosen_and_is_marked_as_a_stranger() {
    let data = data();
    let path = data.path().join("people/localhost_8888/pepper/known.json");
    let mut known: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (number, username, full_name) in [(1, "ste", "Steve Rogers"), (2, "sterling", "Sterling")] {
        let file =
            format!("1700000000.007_42_01890a5dac96774bbcceb302099a8057_{number}.{username}");
        known["people"].as_array_mut().unwrap().push(serde_json::json!({
            "username": username,
            "written_to": false,
            "mails": [file, file],
            "names": [[full_name, file]],
        }));
    }
    std::fs::write(&path, known.to_string()).unwrap();
    let people = vec![("steven", "Steve Rogers")];
    let directory = Scripted { people, refusal: None, asked: Arc::default() };
    let mut completer = completer(&data, Some(Box::new(directory)));
    completer.begin("ste");
    let found = until(&mut completer, is_over);
    assert_eq!(
        inserts(&found),
        ["stella", "steve", "@turma", "sterling", "ste", "steven"],
        "the whole name, and the newest mail, come after those who were chosen"
    );
    let labels: Vec<_> = found.list.iter().map(|candidate| candidate.label.as_str()).collect();
    assert_eq!(labels[1], "Steve Rogers <steve>");
    assert_eq!(labels[3], "Sterling <sterling>");
    assert_eq!(labels[4], "Steve Rogers <ste> (?)");
    assert_eq!(labels[5], "Steve Rogers <steven> (?)");
}

#[test]
fn the_directory_adds_people_after_those_who_are_known_and_marks_strangers() {
    let data = data();
    let people =
        vec![("steve", "Steve Rogers"), ("strange", "Stephen Strange"), ("st", "T\u{43e}ny Stark")];
    let asked = Arc::new(AtomicUsize::new(0));
    let directory = Scripted { people, refusal: None, asked: Arc::clone(&asked) };
    let mut completer = completer(&data, Some(Box::new(directory)));
    assert_eq!(inserts(&completer.begin("st")), ["stella", "steve", "@turma", "tony"]);
    let found = until(&mut completer, is_over);
    assert_eq!(inserts(&found), ["stella", "steve", "@turma", "tony", "strange", "st"]);
    assert_eq!(found.list[4].label, "Stephen Strange <strange>");
    assert_eq!(found.list[5].label, "T\u{43e}ny Stark <st> (?)");
    // The same question again has its answer at once.
    let before = asked.load(Ordering::SeqCst);
    completer.begin("st");
    until(&mut completer, is_over);
    assert_eq!(asked.load(Ordering::SeqCst), before);
}

#[test]
fn a_directory_that_refuses_is_left_alone_without_a_word() {
    for code in [ErrorCode::RateLimited, ErrorCode::NotAllowed] {
        let data = data();
        let asked = Arc::new(AtomicUsize::new(0));
        let directory =
            Scripted { people: Vec::new(), refusal: Some(code), asked: Arc::clone(&asked) };
        let mut completer = completer(&data, Some(Box::new(directory)));
        for part in ["st", "ste", "tony"] {
            completer.begin(part);
            let found = until(&mut completer, is_over);
            assert!(!found.list.is_empty(), "{code}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{code}");
    }
}

#[test]
fn a_directory_that_does_not_answer_holds_nothing_up() {
    let data = data();
    let asked = Arc::new(AtomicUsize::new(0));
    let mut completer = completer(&data, Some(Box::new(Silent(Arc::clone(&asked)))));
    for part in ["st", "ste", "@turma", "tony", ""] {
        let found = completer.begin(part);
        assert!(!found.list.is_empty(), "{part}");
    }
    // The last part is empty: no directory can be asked.
    until(&mut completer, is_over);
    let before = asked.load(Ordering::SeqCst);
    completer.begin("st");
    until(&mut completer, |_| asked.load(Ordering::SeqCst) > before);
    assert_eq!(completer.poll().search, Search::Running);
    // It ends with the question.
    drop(completer);
}

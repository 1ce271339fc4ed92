//! The people known from earlier mail as JSON, the form of their file.

use std::{collections::HashMap, io};

use correio_proto::{mail::Username, rfc5322::FileName};
use serde::{Deserialize, Serialize};

use super::person::{KnownName, KnownPerson, People};

/// The form of the file. A file of another form is made anew.
const VERSION: u32 = 1;

/// Most people in the file. Those who are left out were not written to and have sent no mail for
/// the longest time.
pub(super) const PEOPLE_MAX: usize = 10_000;

/// The file.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    through: Option<String>,
    people: Vec<PersonRecord>,
}

#[derive(Serialize, Deserialize)]
struct PersonRecord {
    username: String,
    written_to: bool,
    /// The names of the files of the first and of the newest mail.
    mails: Option<(String, String)>,
    names: Vec<(String, String)>,
}

/// The people as the content of the file, sorted by username: at most [`PEOPLE_MAX`].
pub(super) fn encode(people: &People) -> io::Result<Vec<u8>> {
    let mut kept: Vec<&KnownPerson> = people.iter().collect();
    let newest = |person: &KnownPerson| person.mails.as_ref().map(|(_, last)| last.clone());
    kept.sort_by_cached_key(|person| (person.is_written_to, newest(person)));
    kept.reverse();
    kept.truncate(PEOPLE_MAX);
    kept.sort_by(|a, b| a.username.as_str().cmp(b.username.as_str()));
    let record = Record {
        version: VERSION,
        through: people.through.as_ref().map(FileName::base),
        people: kept.into_iter().map(recorded).collect(),
    };
    serde_json::to_vec(&record).map_err(io::Error::other)
}

fn recorded(person: &KnownPerson) -> PersonRecord {
    let names = person.names.iter();
    PersonRecord {
        username: person.username.to_string(),
        written_to: person.is_written_to,
        mails: person.mails.as_ref().map(|(first, last)| (first.base(), last.base())),
        names: names.map(|name| (name.full_name.as_str().to_owned(), name.first.base())).collect(),
    }
}

/// The people in the content of the file. `None` if it is damaged or of another form.
pub(super) fn decode(content: &[u8]) -> Option<People> {
    let record: Record = serde_json::from_slice(content).ok()?;
    if record.version != VERSION {
        return None;
    }
    let through = match record.through {
        Some(name) => Some(FileName::parse(&name)?),
        None => None,
    };
    let people: Option<HashMap<Username, KnownPerson>> = record
        .people
        .into_iter()
        .map(|person| person.read().map(|person| (person.username.clone(), person)))
        .collect();
    Some(People { people: people?, through })
}

impl PersonRecord {
    fn read(self) -> Option<KnownPerson> {
        let mails = match self.mails {
            Some((first, last)) => Some((FileName::parse(&first)?, FileName::parse(&last)?)),
            None => None,
        };
        let name = |(name, first): (String, String)| {
            Some(KnownName { full_name: name.parse().ok()?, first: FileName::parse(&first)? })
        };
        Some(KnownPerson {
            username: self.username.parse().ok()?,
            names: self.names.into_iter().map(name).collect::<Option<_>>()?,
            mails,
            is_written_to: self.written_to,
        })
    }
}

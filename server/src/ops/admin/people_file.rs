//! A file of people: CSV in UTF-8, as spreadsheets write it.

use std::collections::HashMap;

use correio_proto::mail::Username;
use csv::{ReaderBuilder, StringRecord, Trim};

use crate::{
    admin::request::NewPerson,
    ops::admin_error::bad_rows::{BadRow, BadRows, Extent},
    store::admin::NEW_ACCOUNTS_MAX,
};

/// Why a file makes no accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PeopleError {
    /// The file as a whole is wrong.
    File(String),
    /// These rows are wrong.
    Rows(BadRows),
}

/// The people of a file, and the line of each.
#[derive(Debug, Default)]
pub(super) struct People {
    /// The people, in the order of the file.
    pub(super) people: Vec<NewPerson>,
    lines: HashMap<Username, u64>,
}

/// The columns of the two values.
#[derive(Clone, Copy, Debug)]
struct Columns {
    username: usize,
    full_name: usize,
    /// Whether other columns are allowed: those that a header names.
    extra: Extra,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    Allowed,
    Refused,
}

impl People {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PeopleError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let text = "is not UTF-8: save the table as CSV UTF-8";
            PeopleError::File(format!("the file {text} (line {line})"))
        })?;
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(delimiter(text))
            .from_reader(text.as_bytes());
        let (mut columns, mut people, mut bad) = (None, Self::default(), BadRows::default());
        let mut lines = LineCounter { bytes: text.as_bytes(), at: 0, line: 1 };
        for record in reader.records() {
            let record = record.map_err(|error| PeopleError::File(error.to_string()))?;
            let line = lines.line_of(&record);
            if record.iter().all(str::is_empty) {
                continue;
            }
            let columns = match columns {
                Some(columns) => columns,
                None => {
                    let (found, is_header) = Columns::of(&record)?;
                    columns = Some(found);
                    if is_header {
                        continue;
                    }
                    found
                }
            };
            match people.take(&record, columns, line) {
                Ok(()) if people.people.len() > NEW_ACCOUNTS_MAX => {
                    let text = format!("the file has more than {NEW_ACCOUNTS_MAX} rows: split it");
                    return Err(PeopleError::File(text));
                }
                Ok(()) => {}
                Err(problem) => {
                    let is_at_start = bad.rows.is_empty() && people.people.len() <= 1;
                    let hint = if is_at_start { columns.hint() } else { "" };
                    bad.add(BadRow { line, problem: format!("{problem}{hint}") });
                }
            }
            if bad.extent == Extent::First {
                break;
            }
        }
        match (bad.rows.is_empty(), people.people.is_empty()) {
            (false, _) => Err(PeopleError::Rows(bad)),
            (true, true) => Err(PeopleError::File("the file has no people".to_owned())),
            (true, false) => Ok(people),
        }
    }

    fn take(&mut self, row: &StringRecord, columns: Columns, line: u64) -> Result<(), String> {
        let is_full = |at: usize| row.get(at).is_some_and(|text| !text.is_empty());
        if columns.extra == Extra::Refused && (2..row.len()).any(is_full) {
            return Err("there are more than two values".to_owned());
        }
        let value = |at: usize| row.get(at).unwrap_or_default();
        let username: Username = value(columns.username)
            .parse()
            .map_err(|invalid| format!("{:?}: {invalid:#}", value(columns.username)))?;
        let full_name = value(columns.full_name)
            .parse()
            .map_err(|invalid| format!("{:?}: {invalid:#}", value(columns.full_name)))?;
        if let Some(first) = self.lines.get(&username) {
            return Err(format!("{username} stands in line {first} already"));
        }
        self.lines.insert(username.clone(), line);
        self.people.push(NewPerson { username, full_name });
        Ok(())
    }

    /// The rows of names that are taken.
    pub(super) fn taken(&self, names: &[Username]) -> BadRows {
        let row = |name: &Username| BadRow {
            line: self.lines.get(name).copied().unwrap_or_default(),
            problem: format!(
                "an account or a list has the name {name} already, or the server reserves it"
            ),
        };
        let mut rows: Vec<_> = names.iter().map(row).collect();
        rows.sort_by_key(|row| row.line);
        let mut bad = BadRows::default();
        rows.into_iter().for_each(|row| bad.add(row));
        bad
    }
}

/// Finds the line at which each row begins, in the order of the rows. The parser's own position is
/// where the row before ended: it lies before the LF of a CR LF, and before empty lines.
struct LineCounter<'a> {
    bytes: &'a [u8],
    /// The place up to which lines are counted, and its line, from 1.
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    fn line_of(&mut self, row: &StringRecord) -> u64 {
        let place = row.position().map_or(0, csv::Position::byte);
        let before = usize::try_from(place).unwrap_or(usize::MAX);
        let rest = self.bytes.get(before..).unwrap_or_default();
        let start = before + rest.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = self.bytes.get(self.at..start).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = start;
        self.line
    }
}

impl Columns {
    /// What the first wrong row of a file may come from: a header with other names, other columns,
    /// or another character between them.
    fn hint(self) -> &'static str {
        match self.extra {
            Extra::Allowed => "",
            Extra::Refused => {
                "; in a file without the header username,full_name, each row has a username, a \
                 comma or a semicolon, and a full name"
            }
        }
    }

    /// The columns by the first row, and whether this row is a header.
    fn of(first: &StringRecord) -> Result<(Self, bool), PeopleError> {
        let column = |name: &str| first.iter().position(|text| text.eq_ignore_ascii_case(name));
        match (column("username"), column("full_name")) {
            (Some(username), Some(full_name)) => {
                Ok((Self { username, full_name, extra: Extra::Allowed }, true))
            }
            (None, None) => Ok((Self { username: 0, full_name: 1, extra: Extra::Refused }, false)),
            (Some(_), None) => Err(PeopleError::File("the header has no full_name".to_owned())),
            (None, Some(_)) => Err(PeopleError::File("the header has no username".to_owned())),
        }
    }
}

/// The character between values: in some countries spreadsheets write semicolons.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut is_quoted = false;
    for byte in first.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b';' | b',' if !is_quoted => return byte,
            _ => {}
        }
    }
    b','
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Result<Vec<(String, String)>, PeopleError> {
        let people = People::read(bytes)?.people.into_iter();
        Ok(people.map(|one| (one.username.to_string(), one.full_name.to_string())).collect())
    }

    fn rows(bytes: &[u8]) -> Vec<(u64, String)> {
        match names(bytes) {
            Err(PeopleError::Rows(rows)) => {
                rows.rows.into_iter().map(|row| (row.line, row.problem)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn spreadsheets_of_all_kinds_are_read() {
        let both = vec![
            ("tony".to_owned(), "Tony Stark".to_owned()),
            ("pepper".to_owned(), "Potts, Pepper".to_owned()),
        ];
        for file in [
            &b"tony,Tony Stark\npepper,\"Potts, Pepper\"\n"[..],
            b"tony,Tony Stark\r\npepper,\"Potts, Pepper\"\r\n",
            b"\xef\xbb\xbfusername,full_name\r\ntony,Tony Stark\r\npepper,\"Potts, Pepper\"",
            b"Full_Name;Username\n Tony Stark ; tony \n\"Potts, Pepper\";pepper\n",
            b"class;username;note;full_name\n1a;tony;;Tony Stark\n1b;PEPPER;x;Potts, Pepper\n",
            b"\n\ntony;Tony Stark\n;\n\npepper;Potts, Pepper;\n",
        ] {
            assert_eq!(names(file), Ok(both.clone()), "{}", String::from_utf8_lossy(file));
        }
    }

    #[test]
    fn every_wrong_row_is_named_with_its_line() {
        let file =
            b"username,full_name\ntony,Tony Stark\n-,Nobody\npepper,\nTONY,Other\nok,Ok,more\n";
        let found = rows(file);
        let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5], "{found:?}");
        assert!(found[2].1.contains("line 2"), "{found:?}");
        let without = rows(b"tony,Tony Stark,admin\npepper\n");
        assert_eq!(without.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2]);
        let lines = |file: &[u8]| rows(file).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        let of_windows = b"\xef\xbb\xbfusername;full_name\r\n-;Nobody\r\ntony;Tony\r\n-;Nobody";
        assert_eq!(lines(of_windows), [2, 4]);
        assert_eq!(lines(b"\n\ntony,Tony\n\r\n-,Nobody\n,\n\"-\",\"a\nb\"\n-,x\n"), [5, 7, 9]);
        let file = "username,full_name\r\ntony,Tony\r\n\r\npepper,Pepper\r\n";
        let taken = People::read(file.as_bytes()).unwrap().taken(&["pepper".parse().unwrap()]);
        assert_eq!(taken.rows[0].line, 4);
    }

    #[test]
    fn the_first_wrong_row_of_a_file_without_a_header_says_what_a_row_has() {
        let other_header = rows("nome;usuário\nTony Stark;tony\nPepper Potts;pepper\n".as_bytes());
        let hint = "a username, a comma or a semicolon";
        let hinted: Vec<_> =
            other_header.iter().map(|(_, problem)| problem.contains(hint)).collect();
        assert_eq!(hinted, [true, false], "{other_header:?}");
        assert!(rows(b"tony\tTony Stark\n")[0].1.contains(hint));
        assert!(!rows(b"username,full_name\n-,Tony Stark\n")[0].1.contains(hint));
        let after_good_rows = rows("tony,Tony Stark\npepper,Pepper Potts\nsão,São\n".as_bytes());
        assert!(!after_good_rows[0].1.contains(hint));
    }

    #[test]
    fn of_many_wrong_rows_the_first_thousand_are_named() {
        let wrong = |rows: usize| match names("-,Nobody\n".repeat(rows).as_bytes()) {
            Err(PeopleError::Rows(rows)) => rows,
            other => panic!("{other:?}"),
        };
        let (all, cut) = (wrong(1000), wrong(1001));
        assert_eq!((all.rows.len(), all.extent), (1000, Extent::Whole));
        assert_eq!((cut.rows.len(), cut.extent), (1000, Extent::First));
        assert!(!all.to_string().contains("more") && cut.to_string().contains("and more"));
    }

    #[test]
    fn a_file_that_is_no_table_of_people_is_refused_as_a_whole() {
        for file in [
            &b""[..],
            b"username,full_name\n",
            b"username,name\ntony,Tony Stark\n",
            b"full_name\nTony Stark\n",
            b"tony,Jos\xe9\n",
        ] {
            assert!(matches!(names(file), Err(PeopleError::File(_))), "{file:?}");
        }
        let mut many = String::new();
        for number in 0..=NEW_ACCOUNTS_MAX {
            many.push_str(&format!("u{number},Tony Stark\n"));
        }
        assert!(matches!(names(many.as_bytes()), Err(PeopleError::File(_))));
        let end = many.rfind("u10000").unwrap();
        assert_eq!(names(&many.as_bytes()[..end]).unwrap().len(), NEW_ACCOUNTS_MAX);
    }

    #[test]
    fn taken_names_are_named_with_their_lines() {
        let people = People::read(b"username,full_name\ntony,T\npepper,P\n").unwrap();
        let taken = ["pepper".parse().unwrap(), "tony".parse().unwrap()];
        let lines: Vec<_> = people.taken(&taken).rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3]);
    }
}

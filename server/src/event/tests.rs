//! Tests of the events in both forms.

use std::{fs, path::Path};

use boon::{Compiler, Schemas};
use proptest::prelude::*;

use super::*;

/// A value for each type of a field, with text that could break a line.
pub(super) trait Sample {
    fn sample() -> Self;
}

const HOSTILE: &str = "a\"b\\c\nd\u{1b}[2J\u{202e}é \u{7f}";

/// Samples that are made of a text, and those that are borrowed for as long as the tests run.
macro_rules! samples {
    ($($type:ty: $value:expr),* $(,)?) => {
        $( impl Sample for $type { fn sample() -> Self { $value } } )*
    };
}

samples! {
    &str: HOSTILE,
    u32: 7,
    u64: u64::MAX,
    usize: 7,
    ConnId: ConnId { index: 3, generation: 4 },
    ErrorCode: ErrorCode::Busy,
    Fingerprint: Fingerprint::of(b"a certificate"),
    MailId: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
    Realm: Realm([7; 16]),
    SocketAddr: "[2001:db8::1]:4000".parse().unwrap(),
    &Username: Box::leak(Box::new("tony".parse().unwrap())),
    &Recipients: Box::leak(Box::new("pepper, happy".parse().unwrap())),
}

const TIME: &str = "1970-01-01T00:00:00.000Z";

#[test]
fn a_line_reads_as_name_and_fields() {
    let to = "pepper, happy".parse().unwrap();
    let event = Event::MailAccepted {
        from: &"tony".parse().unwrap(),
        to: &to,
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        bytes: 12,
        connection: ConnId { index: 3, generation: 4 },
    };
    assert_eq!(
        event.to_string(),
        "mail.accepted from=tony to=\"pepper, happy\" \
         id=01890a5d-ac96-774b-bcce-b302099a8057 bytes=12 connection=3.4"
    );
    assert_eq!(
        event.json(TIME),
        r#"{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"mail.accepted","from":"tony","to":["pepper","happy"],"id":"01890a5d-ac96-774b-bcce-b302099a8057","bytes":12,"connection":"3.4"}"#
    );
}

#[test]
fn the_schema_is_the_one_that_is_written_down_and_describes_every_event() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("log-schema.json");
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{}\n", json_schema().trim_end())).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let is_same = serde_json::from_str::<Value>(&written).is_ok_and(|written| written == schema);
    assert!(
        is_same,
        "`UPDATE_GOLDEN=1 cargo test -p correio-server --lib event` writes log-schema.json"
    );
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let compiled = compiler.compile(path.to_str().unwrap(), &mut schemas).unwrap();
    let check = |line: &Value| schemas.validate(line, compiled).map_err(|error| error.to_string());
    let events = samples();
    assert!(events.len() > 30, "the events are found");
    for event in events {
        let line = event.json(TIME);
        let mut value: Value = serde_json::from_str(&line).unwrap();
        check(&value).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(value["event"], event.name());
        // A line of another level, or with a further member, is not of this event.
        let other = if event.level() == Level::Info { "warn" } else { "info" };
        let level = std::mem::replace(&mut value["level"], other.into());
        assert!(check(&value).is_err(), "{line}");
        value["level"] = level;
        value["surprise"] = 1.into();
        assert!(check(&value).is_err(), "{line}");
    }
    let message = json::LibraryMessage { target: "mio::poll", text: HOSTILE.to_owned() };
    let line = json::line(TIME, Level::Trace, message);
    check(&serde_json::from_str(&line).unwrap()).unwrap();
}

proptest! {
    #[test]
    fn hostile_text_stays_in_its_line(text in any::<String>()) {
        let line = Event::ServerWarning { text: &text }.to_string();
        prop_assert!(!line.chars().any(is_obeyed), "{line:?}");
        prop_assert!(line.starts_with("server.warning text="));
    }

    #[test]
    fn hostile_text_stays_in_its_json_line_and_comes_out_of_it(text in any::<String>()) {
        let line = Event::ServerWarning { text: &text }.json(TIME);
        prop_assert!(!line.chars().any(is_obeyed), "{line:?}");
        let value: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(value["text"].as_str(), Some(text.as_str()));
        prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(4));
    }
}

//! Tests of the configuration file.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use clap::ValueEnum;
use tempfile::TempDir;

use super::{error::Fault, file::FILE_MAX, key::ValueError, *};
use crate::text::{Lang, Text};

fn fault(text: &str) -> (usize, Fault) {
    Config::parse(text).unwrap_err()
}

#[test]
fn every_key_has_a_value() {
    let text = "# meu\nserver = 'mail.example'\nuser = \"tony\"\nlanguage = \"en\"\n\
                editor = 'nano -w'\nsignature = \"\"\"\nTony\n\"\"\"\npassword_command = 'pass correio'\n";
    let config = Config::parse(text).unwrap();
    assert_eq!(config.iter().count(), Key::ALL.len());
    assert_eq!(config.get(Key::Signature), Some("Tony\n"));
    assert_eq!(config.language(), Some(Lang::En));
    for key in Key::ALL {
        assert_eq!(key.to_possible_value().unwrap().get_name(), key.name());
    }
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn a_fault_names_its_line() {
    assert_eq!(fault("user = 'tony'\n\nusre = 'x'\n").0, 3);
    assert_eq!(fault("[account]\nuser = 'tony'\n"), (1, Fault::UnknownKey("account".to_owned())));
    assert_eq!(fault("\nuser = 7\n"), (2, Fault::NotText(Key::User)));
    let (line, error) = fault("server = 'a'\nuser = 'to ny'\n");
    assert!(line == 2 && matches!(error, Fault::Value(Key::User, ValueError::Username(_))));
    assert_eq!(fault("language = 'fr'"), (1, Fault::Value(Key::Language, ValueError::Language)));
    assert_eq!(fault("editor = ''"), (1, Fault::Value(Key::Editor, ValueError::Command)));
    let control = "signature = \"a\\u0000\"";
    assert_eq!(fault(control), (1, Fault::Value(Key::Signature, ValueError::Signature)));
    let (line, error) = fault("user = 'tony'\nserver = \n");
    assert!(line == 2 && matches!(error, Fault::Syntax(_)), "{line} {error:?}");
    let path = PathBuf::from("/c.toml");
    let error =
        ConfigError { path, line: Some(3), fault: Fault::UnknownKey("usre\x1b".to_owned()) };
    let said = Text::new(Lang::En).config(&error);
    assert!(said.starts_with("/c.toml, line 3: ") && !said.contains('\x1b'), "{said}");
}

#[test]
fn a_change_keeps_comments_and_links() {
    let data = TempDir::new().unwrap();
    let (file, link) = (data.path().join("mine"), data.path().join("config.toml"));
    fs::write(&file, "# meu\nuser = 'tony' # eu\n\n# fim\n").unwrap();
    symlink(&file, &link).unwrap();
    set(&link, Key::User, "pepper").unwrap();
    set(&link, Key::Server, "mail.example").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# meu\nuser = \"pepper\" # eu\n"), "{text}");
    assert!(text.contains("# fim") && text.contains("server = \"mail.example\"\n"), "{text}");
    assert!(link.is_symlink());
    assert!(unset(&link, Key::User).unwrap());
    assert!(!unset(&link, Key::User).unwrap());
    assert_eq!(Config::read(&link).unwrap().get(Key::User), None);
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn a_new_file_is_its_owner_s_alone() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("correio").join("config.toml");
    assert_eq!(Config::read(&file).unwrap(), Config::default());
    set(&file, Key::PasswordCommand, "pass correio").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Config::read(&file).unwrap().get(Key::PasswordCommand), Some("pass correio"));
}

#[test]
fn a_file_that_others_may_write_runs_nothing() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("config.toml");
    for (text, is_refused) in [("user = 'tony'\n", false), ("editor = 'nano'\n", true)] {
        fs::write(&file, text).unwrap();
        for mode in [0o620, 0o602] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let read = Config::read(&file);
            assert_eq!(read.is_err(), is_refused, "{text} {mode:o}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        Config::read(&file).unwrap();
    }
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("config.toml");
    fs::write(&file, b"user = '\xe9'").unwrap();
    assert_eq!(Config::read(&file).unwrap_err().fault, Fault::NotUtf8);
    fs::write(&file, "#".repeat(FILE_MAX as usize + 1)).unwrap();
    assert_eq!(Config::read(&file).unwrap_err().fault, Fault::TooLarge);
    assert_eq!(Config::read(data.path()).unwrap_err().fault, Fault::NotRegular);
    // A file that is refused is not changed.
    assert!(set(&file, Key::User, "tony").is_err());
    assert_eq!(fs::metadata(&file).unwrap().len(), FILE_MAX + 1);
}

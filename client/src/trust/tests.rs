use std::fs;

use super::*;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn what_is_accepted_is_remembered_for_its_address_alone() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownServers::in_directory(&directory.path().join("new"));
    let (home, other) = (address("mail.example:8888"), address("mail.example:8889"));
    let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
    assert_eq!(known.trust(&home).unwrap(), Trust::Authorities);
    known.remember(&home, first).unwrap();
    assert_eq!(known.trust(&home).unwrap(), Trust::Fingerprint(first));
    assert_eq!(known.trust(&other).unwrap(), Trust::Authorities);
    known.remember(&other, second).unwrap();
    known.remember(&home, second).unwrap();
    assert_eq!(known.trust(&home).unwrap(), Trust::Fingerprint(second));
    assert_eq!(known.list().unwrap().len(), 2);
    assert!(known.forget(&home).unwrap());
    assert!(!known.forget(&home).unwrap());
    assert_eq!(known.list().unwrap(), [(other, second)]);
}

#[test]
fn a_line_that_says_nothing_is_named_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known_servers");
    let known = KnownServers::in_directory(directory.path());
    known.remember(&address("[::1]:8888"), Fingerprint::of(b"")).unwrap();
    let mut text = "# accepted by hand\n\n".to_owned() + &fs::read_to_string(&file).unwrap();
    fs::write(&file, &text).unwrap();
    assert_eq!(known.list().unwrap().len(), 1);
    text.push_str("mail.example SHA256:00\n");
    fs::write(&file, &text).unwrap();
    for error in [
        known.trust(&address("[::1]:8888")).unwrap_err(),
        known.remember(&address("a:1"), Fingerprint::of(b"")).unwrap_err(),
        known.forget(&address("a:1")).unwrap_err(),
    ] {
        assert!(matches!(error, KnownServersError::Line { line: 4, .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn every_address_has_a_name_for_its_certificate() {
    let name = |text: &str| server_name(&address(text)).to_str().into_owned();
    assert_eq!(name("Mail.Example.:1"), "mail.example");
    assert_eq!(name("192.0.2.1"), "192.0.2.1");
    assert_eq!(name("[::1]:1"), "::1");
    assert_eq!(name("a_b:1"), "a_b");
}

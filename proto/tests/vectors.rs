//! The vectors of PROTOCOL.md: each step from a password to its credential.
//!
//! Their values come from Python's hmac, hashlib and bcrypt, not from this crate.

use std::collections::{BTreeMap, BTreeSet};

use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD},
};
use correio_proto::{
    credential::{CLIENT_COST, CREDENTIAL_LENGTH, Credential, Password},
    mail::Username,
    message::Realm,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::support;

/// One vector as it is written down.
struct Vector {
    password: String,
    username: Username,
    realm: [u8; 16],
    cost: u32,
    pre: String,
    salt: Vec<u8>,
    bcrypt: String,
    credential: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<_> =
        support::blocks(support::DOCUMENT, "vector").iter().map(|(_, text)| vector(text)).collect();
    assert!(vectors.len() >= 10, "only {} vectors", vectors.len());
    vectors
}

fn vector(text: &str) -> Vector {
    let mut lines: BTreeMap<_, _> =
        text.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let mut line = |name: &str| lines.remove(name).unwrap().trim();
    let vector = Vector {
        password: unescape(line("password")),
        username: line("username").parse().unwrap(),
        realm: support::bytes(&spaced(line("realm"))).try_into().unwrap(),
        cost: line("cost").parse().unwrap(),
        pre: line("pre").to_owned(),
        salt: support::bytes(&spaced(line("salt"))),
        bcrypt: line("bcrypt").to_owned(),
        credential: support::bytes(&spaced(line("credential"))),
    };
    assert!(lines.is_empty(), "{lines:?}");
    vector
}

fn spaced(hex: &str) -> String {
    hex.as_bytes().chunks(2).map(|pair| format!("{} ", str::from_utf8(pair).unwrap())).collect()
}

/// A text in quotes, in which a character may stand as `\u` and four digits.
fn unescape(quoted: &str) -> String {
    let text = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let mut parts = text.split("\\u");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(4);
        plain.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}

#[test]
fn every_step_is_as_written_down() {
    for vector in vectors() {
        let Vector { password, username, realm, .. } = &vector;
        let what = format!("{password:?} of {username} at cost {}", vector.cost);

        let key = [&b"correio/1"[..], realm].concat();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(password.nfc().collect::<String>().as_bytes());
        assert_eq!(STANDARD.encode(mac.finalize().into_bytes()), vector.pre, "pre, {what}");

        let length = |part: &[u8]| (part.len() as u32).to_be_bytes();
        let name = username.as_str().as_bytes();
        let salted = [&b"correio/1 salt"[..], &length(realm), realm, &length(name), name].concat();
        assert_eq!(Sha256::digest(salted)[..16], vector.salt, "salt, {what}");

        let alphabet = GeneralPurpose::new(&BCRYPT, NO_PAD);
        let head = format!("$2b${:02}${}", vector.cost, alphabet.encode(&vector.salt));
        let (start, output) = vector.bcrypt.split_at(vector.bcrypt.len() - 31);
        assert_eq!(start, head, "bcrypt, {what}");
        assert_eq!(alphabet.decode(output).unwrap(), vector.credential, "bcrypt, {what}");
    }
}

#[test]
fn this_crate_makes_the_same_credentials() {
    for vector in vectors() {
        let password = Password::new(&vector.password).unwrap();
        let made =
            Credential::derive_at(vector.cost, &password, Realm(vector.realm), &vector.username);
        assert_eq!(made.as_bytes()[..], vector.credential, "{:?}", vector.password);
        if vector.cost == CLIENT_COST {
            let made = Credential::derive(&password, Realm(vector.realm), &vector.username);
            assert_eq!(made.as_bytes()[..], vector.credential);
        }
    }
}

/// The cases that the vectors must cover, so that the two tests above prove enough.
#[test]
fn the_vectors_cover_what_can_go_wrong() {
    let vectors = vectors();
    let has = |what: &str, test: &dyn Fn(&Vector) -> bool| {
        assert!(vectors.iter().any(test), "no vector with {what}");
    };
    has("the protocol's cost", &|v| v.cost == CLIENT_COST);
    has("a password that is not in NFC", &|v| v.password.nfc().ne(v.password.chars()));
    has("a zero byte", &|v| v.password.contains('\0'));
    for length in [8, 71, 72, 73] {
        has("this length", &|v| v.password.len() == length);
    }
    has("wide characters", &|v| v.password.chars().all(|c| c.len_utf8() == 3));
    has("another realm", &|v| v.realm != vectors[0].realm);
}

#[test]
fn other_passwords_have_other_credentials() {
    let vectors = vectors();
    let inputs: BTreeSet<(String, &str, [u8; 16], u32)> = vectors
        .iter()
        .map(|v| (v.password.nfc().collect(), v.username.as_str(), v.realm, v.cost))
        .collect();
    let credentials: BTreeSet<&Vec<u8>> = vectors.iter().map(|v| &v.credential).collect();
    assert_eq!(credentials.len(), inputs.len());
    assert!(credentials.iter().all(|credential| credential.len() == CREDENTIAL_LENGTH));
    assert!(inputs.len() < vectors.len(), "one password is written in two ways");
}

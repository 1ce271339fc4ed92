//! Derives the credential that a client sends in place of a password.
//!
//! The password never leaves the client. PROTOCOL.md, "Passwords", says what this protects against.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    app_password::AppPassword,
    limits,
    mail::{Field, Invalid, Problem, Username},
    realm::Realm,
};

/// Length of a credential in bytes: the part of bcrypt's output that a bcrypt string holds.
pub const CREDENTIAL_LENGTH: usize = 23;

/// Cost at which a client stretches a password. Fixed by the protocol, so a server cannot make a
/// client use a lower cost.
pub const CLIENT_COST: u32 = 12;

/// A password as a person typed it, in NFC, of 8 to 256 characters. Wiped from memory when
/// dropped; cannot be printed.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Checks and composes a password.
    ///
    /// # Errors
    ///
    /// Fewer than [`limits::PASSWORD_MIN`] or more than [`limits::PASSWORD_MAX`] characters.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let invalid = |problem| Invalid { field: Field::Password, problem };
        if text.len() > limits::PASSWORD_MAX * 16 {
            return Err(invalid(Problem::TooLong(limits::PASSWORD_MAX)));
        }
        // Reserve the longest composition at once: growing would leave copies in freed memory.
        let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3));
        composed.extend(text.nfc());
        match composed.chars().count() {
            0 => Err(invalid(Problem::Empty)),
            n if n < limits::PASSWORD_MIN => Err(invalid(Problem::TooShort(limits::PASSWORD_MIN))),
            n if n > limits::PASSWORD_MAX => Err(invalid(Problem::TooLong(limits::PASSWORD_MAX))),
            _ => Ok(Self(composed)),
        }
    }

    /// Whether the text has the form of an [`AppPassword`], with which only mail programs log in: a
    /// person may have typed one by mistake.
    #[must_use]
    pub fn is_app_password(&self) -> bool {
        self.0.parse::<AppPassword>().is_ok()
    }
}

impl FromStr for Password {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Proves an account's password to the server it was made for, and is useless on any other. Wiped
/// from memory when dropped; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential([u8; CREDENTIAL_LENGTH]);

impl Credential {
    /// Derives the credential of one account on one server. Takes about a quarter of a second of
    /// processor time: call it on a thread of its own.
    #[must_use]
    pub fn derive(password: &Password, realm: Realm, username: &Username) -> Self {
        Self::derive_at(CLIENT_COST, password, realm, username)
    }

    /// As [`Credential::derive`], at another cost, for accounts of tests and load generators.
    ///
    /// # Panics
    ///
    /// The cost is above 31, bcrypt's maximum.
    #[must_use]
    pub fn derive_at(cost: u32, password: &Password, realm: Realm, username: &Username) -> Self {
        let mut key = Vec::with_capacity(b"correio/1".len() + realm.0.len());
        key.extend_from_slice(b"correio/1");
        key.extend_from_slice(&realm.0);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
        mac.update(password.0.as_bytes());
        // 44 characters of base64 and the final zero byte that bcrypt expects: no zero byte within,
        // and below the 72 bytes that bcrypt reads.
        let mut pre = Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()));
        pre.push('\0');

        let mut output = bcrypt::bcrypt(cost, salt(realm, username), pre.as_bytes());
        let mut credential = [0; CREDENTIAL_LENGTH];
        for (to, from) in credential.iter_mut().zip(output) {
            *to = from;
        }
        output.zeroize();
        Self(credential)
    }

    /// The bytes as they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; CREDENTIAL_LENGTH] {
        &self.0
    }
}

/// The salt of an account: computed from realm and username, so that it differs for every account.
fn salt(realm: Realm, username: &Username) -> [u8; 16] {
    let username = username.as_str().as_bytes();
    let mut hash = Sha256::new();
    hash.update(b"correio/1 salt");
    hash.update((realm.0.len() as u32).to_be_bytes());
    hash.update(realm.0);
    hash.update((username.len() as u32).to_be_bytes());
    hash.update(username);
    let digest: [u8; 32] = hash.finalize().into();
    let (salt, _) = digest.split_at(16);
    salt.try_into().expect("split at 16")
}

impl From<[u8; CREDENTIAL_LENGTH]> for Credential {
    fn from(bytes: [u8; CREDENTIAL_LENGTH]) -> Self {
        Self(bytes)
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Serialize for Credential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteArray::<CREDENTIAL_LENGTH>::deserialize(deserializer)?;
        Ok(Self(bytes.into_array()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REALM: Realm = Realm([7; 16]);

    fn credential(password: &str, username: &str) -> Credential {
        let password = Password::new(password).unwrap();
        Credential::derive_at(4, &password, REALM, &username.parse().unwrap())
    }

    #[test]
    fn nothing_is_cut() {
        let base = "a".repeat(71);
        let all = [
            credential(&base, "tony"),
            credential(&format!("{base}b"), "tony"),
            credential(&format!("{base}bc"), "tony"),
            credential(&format!("{base}bd"), "tony"),
            credential("aaaaaaaa\0b", "tony"),
            credential("aaaaaaaa\0c", "tony"),
            credential("aaaaaaaa", "tony"),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn composition_does_not_matter() {
        assert_eq!(
            credential("meu corac\u{327}a\u{303}o", "tony"),
            credential("meu coração", "tony")
        );
    }

    #[test]
    fn each_account_and_realm_has_its_own() {
        assert_ne!(credential("jarvis-is-here", "tony"), credential("jarvis-is-here", "pepper"));
        let password = Password::new("jarvis-is-here").unwrap();
        let tony: Username = "tony".parse().unwrap();
        assert_ne!(
            Credential::derive_at(4, &password, Realm([8; 16]), &tony),
            credential("jarvis-is-here", "tony")
        );
    }

    #[test]
    fn lengths() {
        assert!(Password::new("").is_err());
        assert!(Password::new("seven77").is_err());
        assert!(Password::new("coração").is_err());
        assert!(Password::new(&"x".repeat(256)).is_ok());
        assert!(Password::new(&"x".repeat(257)).is_err());
    }

    #[test]
    fn an_app_password_is_told_by_its_form() {
        let made = AppPassword::from([7; 17]).to_string();
        let is_one = |text: &str| Password::new(text).unwrap().is_app_password();
        assert!(is_one(&made) && is_one(&made.to_lowercase()), "{made}");
        assert!(!is_one(&made[1..]) && !is_one("jarvis-is-here"));
    }

    #[test]
    fn nothing_is_shown() {
        let password = Password::new("jarvis-is-here").unwrap();
        assert!(!format!("{password:?}").contains("jarvis"));
        assert_eq!(format!("{:?}", Credential([65; 23])), "Credential(…)");
    }
}

//! Fingerprints, which people compare to identify a server's certificate.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate in its DER encoding, as `openssl x509 -fingerprint -sha256`
/// computes it. Written `SHA256:` and 32 pairs of hexadecimal digits with colons between them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no [`Fingerprint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a fingerprint: write SHA256: and 64 hexadecimal digits, colons between them or \
     not, as `correiod fingerprint` prints it"
)]
pub struct InvalidFingerprint(String);

impl Fingerprint {
    /// Computes the fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let refused = || InvalidFingerprint(text.chars().take(200).collect());
        let trimmed = text.trim();
        let (name, digits) = trimmed.split_once(':').ok_or_else(refused)?;
        if !name.eq_ignore_ascii_case("SHA256") {
            return Err(refused());
        }
        let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(refused());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
            let (high, low) = digit(0).zip(digit(1)).ok_or_else(refused)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SHA256")?;
        self.0.iter().try_for_each(|byte| write!(f, ":{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        // The SHA-256 of "abc" (FIPS 180-4, example).
        assert!(text.starts_with("SHA256:BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:"), "{text}");
        assert_eq!(text.parse(), Ok(fingerprint));
        let bare = text.replace(':', "").replacen("SHA256", "sha256:", 1).to_lowercase();
        assert_eq!(bare.parse(), Ok(fingerprint));
    }

    #[test]
    fn other_forms_are_refused() {
        let text = Fingerprint::of(b"").to_string();
        let short = text.get(..text.len() - 3).unwrap();
        let long = format!("{text}:00");
        let letters = text.replace('E', "G");
        let name = text.replacen("SHA256", "SHA1", 1);
        let unnamed = text.replacen("SHA256:", "", 1);
        for text in ["", "SHA256:", short, &long, &letters, &name, &unnamed, "SHA256:é"] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text:?}");
        }
    }
}

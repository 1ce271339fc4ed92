//! Recovery codes: makes them, and digests them for the store.

use correio_proto::recovery::RecoveryCode;
use sha2::{Digest, Sha256};

use crate::ids::CodeDigest;

/// Makes a random code.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn make() -> Result<RecoveryCode, getrandom::Error> {
    let mut bytes = [0; RecoveryCode::LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(RecoveryCode::from(bytes))
}

/// The digest that the store keeps of a code.
#[must_use]
pub fn digest(code: &RecoveryCode) -> CodeDigest {
    CodeDigest(Sha256::digest(code.as_bytes()).into())
}

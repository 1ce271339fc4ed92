//! App passwords: makes them, and digests them for the store.

use correio_proto::app_password::AppPassword;
use sha2::{Digest, Sha256};

use crate::ids::AppPasswordDigest;

/// Makes a random app password.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn make() -> Result<AppPassword, getrandom::Error> {
    let mut bytes = [0; AppPassword::LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(AppPassword::from(bytes))
}

/// The digest that the store keeps of an app password.
#[must_use]
pub fn digest(password: &AppPassword) -> AppPasswordDigest {
    AppPasswordDigest(Sha256::digest(password.as_bytes()).into())
}

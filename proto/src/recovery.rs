//! Recovery codes: the operator makes one for an account, and its person sets a password with it,
//! once.

use crate::base32::secret;

secret! {
    /// A recovery code, written as 16 digits of Crockford's base 32, in groups of four: 80 random
    /// bits, which nobody guesses over a network. Its holder can take the account over.
    RecoveryCode: 16 digits in 10 bytes;

    /// Why a text is no [`RecoveryCode`].
    InvalidRecoveryCode:
        "this is not a recovery code: it has four groups of four letters and digits";
}

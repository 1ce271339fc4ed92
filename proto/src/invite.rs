//! Invites, with which people register on a server whose registration is by invite.

use crate::base32::secret;

secret! {
    /// An invite, written as 32 digits of Crockford's base 32, in groups of four. Only the server
    /// that made it can check it, and every holder can use it.
    Invite: 32 digits in 20 bytes;

    /// Why a text is no [`Invite`].
    InvalidInvite: "this is not an invite: it has eight groups of four letters and digits";
}

//! Every maximum of the protocol, each with its reason.
//!
//! Some may be set lower or higher by a server, within the bounds given here; `hello` tells the
//! client which values hold ([`crate::message::Limits`]).

/// Longest username, in bytes (all ASCII). Fits a directory name and a menu column.
pub const USERNAME_MAX: usize = 32;

/// Longest full name, in characters after NFC. Longer than any name in the civil registers we
/// know of, short enough for one line of a terminal.
pub const FULL_NAME_MAX: usize = 100;

/// Longest subject, in characters after NFC. One line that a list of mails can show.
pub const SUBJECT_MAX: usize = 200;

/// Default for the longest body, in bytes of UTF-8.
pub const BODY_DEFAULT_MAX: usize = 1024 * 1024;

/// Longest body that a server may be set to accept, in bytes of UTF-8. A mail travels in one
/// frame and is held in memory as a whole on both sides.
pub const BODY_MAX: usize = 8 * 1024 * 1024;

/// Most recipients of one mail. A class fits; a list of everybody does not.
pub const RECIPIENTS_MAX: usize = 100;

/// Largest frame before login, in bytes without its length. The largest request that is allowed
/// there is `register`, which needs less than a quarter of it.
pub const FRAME_BEFORE_LOGIN_MAX: usize = 4 * 1024;

/// What a frame may carry besides a body: field names, recipients, subject.
pub const FRAME_OVERHEAD_MAX: usize = 8 * 1024;

/// Most mails in one page of a `fetch`.
pub const PAGE_MAILS_MAX: u32 = 200;

/// Bytes of bodies after which a page is full. A page has at least one mail, whatever its size.
pub const PAGE_BYTES_MAX: usize = 256 * 1024;

/// Largest frame from server to client, in bytes without its length: a full page plus one mail
/// of the largest size, plus what surrounds them.
pub const REPLY_FRAME_MAX: usize =
    PAGE_BYTES_MAX + BODY_MAX + (PAGE_MAILS_MAX as usize) * FRAME_OVERHEAD_MAX;

/// Most mails that one `confirm` may name: one page.
pub const CONFIRM_MAX: usize = PAGE_MAILS_MAX as usize;

/// Longest software name or version in `hello`, in bytes.
pub const SOFTWARE_MAX: usize = 64;

/// Most capabilities that a server may name in its reply to `hello`. More than a version of the
/// protocol should need: a new major version can make optional parts a matter of course.
pub const CAPABILITIES_MAX: usize = 32;

/// Longest name of a capability, in bytes (all ASCII).
pub const CAPABILITY_MAX: usize = 32;

/// Deepest nesting of MessagePack values that is read. The messages need five levels; the rest
/// is room for fields that a later version adds.
pub const DEPTH_MAX: usize = 16;

/// Protocol errors after which the server closes a connection.
pub const PROTOCOL_ERRORS_MAX: u32 = 3;

/// Shortest password, in characters after NFC.
pub const PASSWORD_MIN: usize = 8;

/// Longest password, in characters after NFC.
pub const PASSWORD_MAX: usize = 256;

/// How long a server keeps the verdict on a `send`, in seconds (7 days): within this time a mail
/// that is sent again with the same id gets the same answer and exists once.
pub const VERDICT_KEPT_SECONDS: u64 = 7 * 24 * 60 * 60;

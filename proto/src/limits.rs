//! The protocol's limits, each with its reason.
//!
//! A server may set some of them, within the bounds given here, and states its values in the reply
//! to `hello` ([`crate::message::Limits`]).

/// Longest username, in bytes (all ASCII). Fits a directory name and a menu column.
pub const USERNAME_MAX: usize = 32;

/// Longest full name, in characters after NFC. Longer than the names that civil registers allow,
/// short enough for one line of a terminal.
pub const FULL_NAME_MAX: usize = 100;

/// Longest subject, in characters after NFC. One line that a list of mails can show.
pub const SUBJECT_MAX: usize = 200;

/// Default for the longest body, in bytes of UTF-8.
pub const BODY_DEFAULT_MAX: usize = 1024 * 1024;

/// Longest body that a server may be set to accept, in bytes of UTF-8. A mail travels in one
/// frame and is held in memory as a whole on both sides.
pub const BODY_MAX: usize = 8 * 1024 * 1024;

/// Default for the largest content that travels in pieces, in bytes. Other mail systems usually
/// accept as much.
pub const CONTENT_DEFAULT_MAX: u64 = 25 << 20;

/// Largest content that a server may be set to accept, in bytes.
pub const CONTENT_MAX: u64 = 64 << 20;

/// Most bytes of one piece of a large content. Each side holds a few pieces in memory at a time.
pub const PIECE_MAX: usize = 256 * 1024;

/// Fewest bytes of a piece that neither is empty nor ends its content. A server makes each piece
/// durable, which costs as much for a single byte.
pub const PIECE_MIN: usize = 16 * 1024;

/// How long a server keeps an upload to which no piece was added, in seconds (a day). A mail that
/// names the upload takes it over, and new uploads of the same account may displace it
/// ([`UPLOAD_RESERVED_SECONDS`]).
pub const UPLOAD_KEPT_SECONDS: u64 = 24 * 60 * 60;

/// How long each piece that adds bytes reserves room for the missing bytes of its upload, in
/// seconds. Later, the upload takes the room of the bytes that it has: so room for all accounts is
/// not taken by sizes that were only announced. New uploads of the same account may displace it
/// then.
pub const UPLOAD_RESERVED_SECONDS: u64 = 60;

/// Most recipients of one mail. Enough for a class, too few for a list of everybody.
pub const RECIPIENTS_MAX: usize = 100;

/// Most members of a list, and of all lists of one mail together. A mail to a list is one
/// transaction of the server's store.
pub const MEMBERS_MAX: u32 = 10_000;

/// Most members that one reply shows.
pub const MEMBERS_PAGE_MAX: usize = 500;

/// Most lists that one account may make, and most that a reply shows.
pub const LISTS_MAX: usize = 200;

/// Most people that one `find` returns. Enough to complete a name, too few to copy a directory
/// with.
pub const FOUND_MAX: usize = 20;

/// Most app passwords of one account. More than a person has mail programs.
pub const APP_PASSWORDS_MAX: usize = 20;

/// Longest label of an app password, in characters after NFC. Names a program and its device.
pub const LABEL_MAX: usize = 40;

/// Longest resume ticket, in bytes. Servers need about 50; the rest is room for another format.
pub const TICKET_MAX: usize = 256;

/// Largest frame before login, in bytes without its length. `register`, the largest request that is
/// allowed then, needs less than a quarter of it.
pub const FRAME_BEFORE_LOGIN_MAX: usize = 4 * 1024;

/// Bytes that a frame may have besides a body: field names, recipients, subject.
pub const FRAME_OVERHEAD_MAX: usize = 8 * 1024;

/// Most mails in one page of a `fetch`.
pub const PAGE_MAILS_MAX: u32 = 200;

/// Bytes of bodies at which a page is full. A page has at least one mail, whatever its size.
pub const PAGE_BYTES_MAX: usize = 256 * 1024;

/// Largest frame from server to client, in bytes without its length: a full page, one mail of the
/// largest size, and their overhead.
pub const REPLY_FRAME_MAX: usize =
    PAGE_BYTES_MAX + BODY_MAX + (PAGE_MAILS_MAX as usize) * FRAME_OVERHEAD_MAX;

/// Most mails that one `confirm` may name: one page.
pub const CONFIRM_MAX: usize = PAGE_MAILS_MAX as usize;

/// Longest software name or version in `hello`, in bytes.
pub const SOFTWARE_MAX: usize = 64;

/// Most capabilities that a server may name in its reply to `hello`. A new major version can make
/// optional parts mandatory before there are so many.
pub const CAPABILITIES_MAX: usize = 32;

/// Longest name of a capability, in bytes (all ASCII).
pub const CAPABILITY_MAX: usize = 32;

/// Deepest nesting of MessagePack values that is read. The messages need eight levels; the rest
/// is room for fields that a later version adds.
pub const DEPTH_MAX: usize = 16;

/// Protocol errors after which the server closes a connection.
pub const PROTOCOL_ERRORS_MAX: u32 = 3;

/// Shortest password, in characters after NFC.
pub const PASSWORD_MIN: usize = 8;

/// Longest password, in characters after NFC.
pub const PASSWORD_MAX: usize = 256;

/// How long a server keeps the idempotency record of a `send`, in seconds (7 days). Within this
/// time a mail that is sent again with the same id gets the same reply and exists once.
pub const IDEMPOTENCY_KEPT_SECONDS: u64 = 7 * 24 * 60 * 60;

//! POP3 (RFC 1939).

mod session;

pub(crate) use self::session::Pop3Session;

//! SMTP submission (RFC 5321, RFC 6409).

mod session;

pub(crate) use self::session::SubmissionSession;

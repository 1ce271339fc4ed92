//! SMTP submission (RFC 6409), by which mail programs send mail to accounts and lists of this
//! server alone.

pub mod command;
pub mod data;
mod encoded_word;
mod envelope;
pub mod head;
mod incoming;
mod line;
mod mail_id;
mod reply;
mod session;
mod subject;

pub(crate) use self::session::SubmissionSession;

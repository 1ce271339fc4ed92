//! The form in which a mail is sent to a mail program: an RFC 5322 message of an exact size.

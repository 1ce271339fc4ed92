//! Checks of replies that refuse a request.

use correio_proto::{
    mail::Username,
    message::{ErrorCode, ErrorReply, Reply},
};

pub(super) fn refuses(reply: &Reply, code: ErrorCode) {
    names_refused(reply, code, &[]);
}

pub(super) fn names_refused(reply: &Reply, code: ErrorCode, names: &[Username]) {
    let Reply::Error(ErrorReply { code: said, text, retry_after, recipients, staged, versions }) =
        reply
    else {
        panic!("{code} was expected, not {reply:?}")
    };
    assert_eq!((*said, &**recipients), (code, names));
    assert!(!text.is_empty() && retry_after.is_none() && staged.is_none() && versions.is_empty());
}

/// The reply states how far an upload is.
pub(super) fn incomplete(reply: &Reply, staged: u64) {
    let Reply::Error(error) = reply else { panic!("{reply:?}") };
    assert_eq!((error.code, error.staged), (ErrorCode::Incomplete, Some(staged)));
    assert!(!error.text.is_empty() && error.retry_after.is_none() && error.recipients.is_empty());
}

//! Handlers of the requests about large contents: upload, read.

use correio_proto::{
    mail::MailRef,
    message::{ErrorCode, ErrorReply, Read, Reply, Upload},
};

use crate::{
    event::Event,
    session::{
        context::SessionContext,
        job::{Done, Job},
        pending::{ContentStep, Pending},
        response::Response,
        state::SessionState,
    },
    store::{StoreDone, StoreJob},
};

/// How long a client waits before it starts an upload again for which there was no room. Room comes
/// with mails that take their uploads over, which happens at any time.
const ROOM_RETRY_SECONDS: u32 = 60;

/// Adds a piece to the upload of a large content.
pub(crate) fn upload(
    state: &SessionState,
    context: &SessionContext<'_>,
    upload: Upload,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let Upload { id, size, offset, bytes } = upload;
    if size.get() > context.config.content_max {
        return too_large(context.config.content_max);
    }
    let (account, now) = (identity.account, context.now.wall);
    defer(StoreJob::Upload { account, id, size, offset, bytes, now }, ContentStep::Uploading)
}

/// Reads a piece of a large content.
pub(crate) fn read(state: &SessionState, read: Read) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let Read { seq, id, offset } = read;
    let (account, mail) = (identity.account, MailRef { seq, id });
    defer(StoreJob::Read { account, mail, offset }, ContentStep::Reading)
}

/// Continues after `step`'s job, whose result is `done`.
pub(crate) fn complete(step: ContentStep, done: Done) -> Response {
    let Done::Store(done) = done else {
        return Response::unavailable();
    };
    match (step, done) {
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (ContentStep::Uploading, StoreDone::Uploaded { staged }) => {
            Response::succeeded(Reply::Uploaded { staged })
        }
        (ContentStep::Uploading, StoreDone::Incomplete { staged }) => incomplete(staged),
        (ContentStep::Uploading, StoreDone::Conflict) => {
            let text = "the upload of this id has another size, or the piece goes beyond its end";
            Response::refused(ErrorCode::Conflict, text)
        }
        (ContentStep::Uploading, StoreDone::UploadsFull) => {
            let text = "there is no room for another upload now; finish those that are started";
            let mut error = ErrorReply::new(ErrorCode::Busy, text);
            error.retry_after = Some(ROOM_RETRY_SECONDS);
            Response::error(error)
        }
        (ContentStep::Reading, StoreDone::Piece(bytes)) => {
            Response::succeeded(Reply::Piece { bytes })
        }
        (ContentStep::Reading, StoreDone::NoSuchMail) => {
            let text = "the mailbox has no such mail with a content in pieces";
            Response::refused(ErrorCode::NoSuchMail, text)
        }
        (ContentStep::Uploading | ContentStep::Reading, _) => Response::unavailable(),
    }
}

/// The response to a content above the server's limit.
pub(crate) fn too_large(max: u64) -> Response {
    let text = format!("the content may have at most {max} bytes");
    Response::refused(ErrorCode::TooLarge, &text)
}

/// The error that states how far an upload is.
pub(crate) fn incomplete_error(staged: u64) -> ErrorReply {
    let text = "the upload does not reach that far; go on from what is staged";
    let mut error = ErrorReply::new(ErrorCode::Incomplete, text);
    error.staged = Some(staged);
    error
}

fn incomplete(staged: u64) -> Response {
    Response::error(incomplete_error(staged))
}

fn defer(job: StoreJob, step: ContentStep) -> Response {
    Response::Defer(Job::Store(job), Pending::Content(step))
}

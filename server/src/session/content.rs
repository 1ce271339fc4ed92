//! Handlers of the requests about large contents: upload, read.

use correio_proto::{
    mail::{ContentSize, MailId, MailRef, Username},
    message::{ErrorCode, ErrorReply, Read, Reply, Upload},
};

use crate::{
    counted::Counted,
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

/// How long a client waits before it tries to start an upload for which there was no room. Each
/// mail that takes its upload over makes room.
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
    let length = bytes.as_bytes().len();
    let is_last = offset.saturating_add(length as u64) >= size.get();
    let piece_min = context.config.piece_min;
    if length > 0 && length < piece_min && !is_last {
        let text = format!("a piece has at least {piece_min} bytes, unless it ends the content");
        return Response::refused(ErrorCode::Invalid, &text);
    }
    let (account, now) = (identity.account, context.now.wall);
    let step = ContentStep::Uploading(id, size);
    defer(StoreJob::Upload { account, id, size, offset, bytes, now }, step)
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
pub(crate) fn complete(
    state: &SessionState,
    context: &SessionContext<'_>,
    step: ContentStep,
    done: Done,
) -> Response {
    let (Done::Store(done), Some(identity)) = (done, state.identity()) else {
        return Response::unavailable();
    };
    match (step, done) {
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (ContentStep::Uploading(id, size), done) => {
            uploaded(context, &identity.username, (id, size), &done)
        }
        (ContentStep::Reading, StoreDone::Piece(bytes)) => {
            Response::succeeded(Reply::Piece { bytes })
        }
        (ContentStep::Reading, StoreDone::NoSuchMail) => {
            let text = "the mailbox has no such mail with a content in pieces";
            Response::refused(ErrorCode::NoSuchMail, text)
        }
        (ContentStep::Reading, _) => Response::unavailable(),
    }
}

fn uploaded(
    context: &SessionContext<'_>,
    username: &Username,
    (id, size): (MailId, ContentSize),
    done: &StoreDone,
) -> Response {
    let error = match *done {
        StoreDone::Uploaded { staged } => return Response::succeeded(Reply::Uploaded { staged }),
        // No event: an answer as usual to a client that resumes an upload.
        StoreDone::Incomplete { staged } => return Response::error(incomplete(staged)),
        StoreDone::Conflict => {
            let text = "the upload of this id has another size, or the piece goes beyond its end";
            ErrorReply::new(ErrorCode::Conflict, text)
        }
        StoreDone::UploadsFull => {
            let text = "there is no room for another upload now; finish those that are started";
            let mut error = ErrorReply::new(ErrorCode::Busy, text);
            error.retry_after = Some(ROOM_RETRY_SECONDS);
            error
        }
        _ => return Response::unavailable(),
    };
    let (bytes, code) = (size.get(), error.code);
    let (connection, address) = (context.connection, context.peer);
    Event::UploadRefused { username, id, bytes, code, connection, address }.log();
    Response::error(error)
}

/// The response to a content above the server's limit.
pub(crate) fn too_large(max: u64) -> Response {
    let text = format!("the content may have at most {}", Counted(max, "byte"));
    Response::refused(ErrorCode::TooLarge, &text)
}

/// The error that states how far an upload is.
pub(crate) fn incomplete(staged: u64) -> ErrorReply {
    let text = "the upload does not reach that far; go on from what is staged";
    let mut error = ErrorReply::new(ErrorCode::Incomplete, text);
    error.staged = Some(staged);
    error
}

fn defer(job: StoreJob, step: ContentStep) -> Response {
    Response::Defer(Job::Store(job), Pending::Content(step))
}

//! Where the body of `correio send` comes from.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use correio_client::{ContentError, OutgoingContent};
use correio_proto::limits;

use crate::{
    exit::{ExitStatus, Failure},
    reply_args::BodyArgs,
    signature,
    text::Text,
};

/// Source of the body.
pub(super) enum BodySource {
    Argument(String),
    File(PathBuf),
    StandardInput,
}

impl BodySource {
    pub(super) fn of(args: &BodyArgs) -> Self {
        match (args.body.as_deref(), args.body_file.as_deref()) {
            (Some(body), _) => Self::Argument(body.to_owned()),
            (None, Some(file)) if file == Path::new("-") => Self::StandardInput,
            (None, Some(file)) => Self::File(file.to_owned()),
            (None, None) => Self::StandardInput,
        }
    }

    /// Whether a user types the body now, so that it exists nowhere else.
    pub(super) fn is_typed(&self) -> bool {
        matches!(self, Self::StandardInput) && io::stdin().is_terminal()
    }

    /// Reads a body that needs no input: an argument or a regular file. `None` for any other body,
    /// which may follow the password on standard input; a file that is not there is an error.
    pub(super) fn content_at_once(
        &self,
        text: &Text,
        signature: Option<&str>,
    ) -> Result<Option<OutgoingContent>, Failure> {
        match self {
            Self::Argument(_) => self.content(text, signature).map(Some),
            Self::File(path) => match fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => self.content(text, signature).map(Some),
                Ok(_) => Ok(None),
                Err(source) => {
                    let error = ContentError::Io { path: path.clone(), source };
                    Err(Failure::content(text, &error))
                }
            },
            Self::StandardInput => Ok(None),
        }
    }

    /// Reads the body into memory, even a blank one.
    pub(super) fn text(&self, text: &Text) -> Result<String, Failure> {
        let read = match self {
            Self::Argument(body) => Ok(body.clone()),
            Self::File(path) => {
                let failed = |source| ContentError::Io { path: path.clone(), source };
                let bytes = fs::File::open(path).and_then(|mut file| to_the_limit(&mut file));
                bytes.map_err(failed).and_then(text_of)
            }
            Self::StandardInput => text_of(standard_input()?),
        };
        read.map_err(|error| Failure::content(text, &error))
    }

    /// Reads the body and puts the signature under it, if there is one. Bytes that are not UTF-8
    /// are refused, never replaced. A body that is too long is refused after its beginning was
    /// read. A regular file is measured now and read again when it is sent; any other body, and one
    /// with a signature, is in memory afterwards.
    pub(super) fn content(
        &self,
        text: &Text,
        signature: Option<&str>,
    ) -> Result<OutgoingContent, Failure> {
        let is_file = |path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let content = match self {
            Self::Argument(body) => signed(body, signature),
            Self::File(path) if signature.is_none() && is_file(path) => OutgoingContent::file(path),
            Self::File(path) => {
                let failed = |source| ContentError::Io { path: path.clone(), source };
                let bytes = fs::File::open(path).and_then(|mut file| to_the_limit(&mut file));
                bytes.map_err(failed).and_then(|bytes| of_bytes(bytes, signature))
            }
            Self::StandardInput => of_bytes(standard_input()?, signature),
        };
        content.map_err(|error| Failure::content(text, &error))
    }
}

/// Reads at most one byte more than the largest content has, which shows that a content is too
/// large.
fn to_the_limit(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limits::CONTENT_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    let read = to_the_limit(&mut io::stdin().lock());
    read.map_err(|error| Failure::new(ExitStatus::Local, "body", error.to_string()))
}

fn of_bytes(bytes: Vec<u8>, signature: Option<&str>) -> Result<OutgoingContent, ContentError> {
    signed(&text_of(bytes)?, signature)
}

fn signed(text: &str, signature: Option<&str>) -> Result<OutgoingContent, ContentError> {
    Ok(OutgoingContent::text(&signature::add(text, signature))?)
}

fn text_of(bytes: Vec<u8>) -> Result<String, ContentError> {
    String::from_utf8(bytes).map_err(|error| {
        let (bytes, end) = (error.as_bytes(), error.utf8_error().valid_up_to());
        let lines = bytes.iter().take(end).filter(|byte| **byte == b'\n').count();
        // The limit may have cut the last character of a content that is too large.
        match bytes.len() as u64 > limits::CONTENT_MAX && error.utf8_error().error_len().is_none() {
            true => ContentError::Invalid(OutgoingContent::too_long()),
            false => ContentError::NotText { line: lines + 1 },
        }
    })
}

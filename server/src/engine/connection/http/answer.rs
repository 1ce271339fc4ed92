//! Answers of the HTTP dialogue, and how they are written.

use std::{borrow::Cow, io::Write};

use correio_proto::mail::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// Status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The resource is in the answer.
    Ok,
    /// The head is not one of HTTP/1.1.
    BadRequest,
    /// There is no such resource.
    NotFound,
    /// The resource can only be read.
    MethodNotAllowed,
    /// The request has a body.
    ContentTooLarge,
    /// The request line is too long.
    UriTooLong,
    /// The header `Host` names another server.
    Misdirected,
    /// The head is too long, or has too many lines.
    HeadTooLarge,
    /// The server is not ready.
    Unavailable,
    /// The request is of another version of HTTP.
    VersionNotSupported,
}

impl Status {
    /// The status code.
    pub(super) fn code(self) -> &'static str {
        self.line().split_at(3).0
    }

    /// The code and the reason.
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::UriTooLong => "414 URI Too Long",
            Self::Misdirected => "421 Misdirected Request",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }

    /// Whether another request can follow on the connection: the end of this one is known.
    pub(super) fn leaves_open(self) -> bool {
        matches!(
            self,
            Self::Ok
                | Self::NotFound
                | Self::MethodNotAllowed
                | Self::Misdirected
                | Self::Unavailable
        )
    }
}

/// Whether the connection goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Another request may follow.
    Open,
    /// The server closes.
    Close,
}

/// What a browser may load and run for an answer that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing.
    Nothing,
    /// The files of the status page, and the numbers that it asks for; nothing of another server.
    Page,
}

impl Policy {
    /// The directives of the header `Content-Security-Policy`.
    fn directives(self) -> &'static str {
        match self {
            Self::Nothing => "default-src 'none'; frame-ancestors 'none'",
            Self::Page => {
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                 img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            }
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: Status,
    /// The media type of the body.
    pub(super) media_type: &'static str,
    /// What a browser may load for the body.
    pub(super) policy: Policy,
    /// The body.
    pub(super) body: Cow<'static, str>,
}

impl Answer {
    /// A line of text.
    pub(super) fn text(status: Status, text: &str) -> Self {
        let body = format!("{text}\n").into();
        Self { status, media_type: "text/plain; charset=utf-8", policy: Policy::Nothing, body }
    }

    /// Numbers of the server.
    pub(super) fn data(media_type: &'static str, text: String) -> Self {
        Self { status: Status::Ok, media_type, policy: Policy::Nothing, body: text.into() }
    }

    /// A refusal, whose body is its status.
    pub(super) fn refused(status: Status) -> Self {
        Self::text(status, status.line())
    }

    /// Appends the answer to the output; without its body if the request was HEAD.
    pub(super) fn write(
        &self,
        output: &mut Vec<u8>,
        now: Timestamp,
        is_head: bool,
        ending: Ending,
    ) {
        let Self { status, media_type, policy, body } = self;
        let policy = policy.directives();
        let date = date(now);
        let allow = match status {
            Status::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            _ => "",
        };
        let connection = match ending {
            Ending::Open => "",
            Ending::Close => "Connection: close\r\n",
        };
        // Writing to a vector never fails.
        let _ = write!(
            output,
            "HTTP/1.1 {}\r\n{date}Content-Type: {media_type}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: {policy}\r\n\
             {allow}{connection}\r\n",
            status.line(),
            body.len(),
        );
        if !is_head {
            output.extend_from_slice(body.as_bytes());
        }
    }
}

/// The header `Date`; empty if the machine's clock shows no date.
fn date(now: Timestamp) -> String {
    let millis = i64::try_from(now.0).ok();
    let moment = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let shown =
        moment.and_then(|moment| DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).ok());
    shown.map(|date| format!("Date: {date}\r\n")).unwrap_or_default()
}

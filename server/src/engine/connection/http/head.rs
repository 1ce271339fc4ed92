//! Parses the head of a request of HTTP/1.1, or refuses it.

use correio_proto::byte_channel::ByteChannel;
use memchr::memmem;

use super::answer::Status;
use crate::metrics::text::Format;

/// Longest head of a request, in bytes.
pub(super) const HEAD_MAX: usize = 8 * 1024;

/// Most header lines of a request.
const LINES_MAX: usize = 64;

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Other,
}

/// The parts of a head that the dialogue looks at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: Method,
    /// The path, without its query.
    pub(super) path: String,
    /// The host and perhaps a port, which only a request of HTTP/1.0 may leave out.
    pub(super) host: Option<String>,
    /// The format of metrics that the client prefers.
    pub(super) format: Format,
    /// Whether the client can send another request afterwards.
    pub(super) keeps_alive: bool,
}

/// Number of bytes of empty lines before a request, which are ignored (RFC 9112, section 2.2).
pub(super) fn empty_lines(input: &[u8]) -> usize {
    input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// See `Dialogue::has_request`.
pub(super) fn has_request(channel: &ByteChannel) -> bool {
    let input = channel.input();
    match input.first() {
        _ if channel.is_lost() => false,
        None => channel.has_failed(),
        // TLS, another protocol, or an empty line.
        Some(first) if !first.is_ascii_uppercase() => true,
        Some(_) => {
            input.len() > HEAD_MAX
                || memmem::find(input, b"\n\r\n").is_some()
                || memmem::find(input, b"\n\n").is_some()
        }
    }
}

/// Parses a head. Returns it with its length in bytes.
pub(super) fn parse(input: &[u8]) -> Result<(Head, usize), Status> {
    // Only so many bytes are looked at, so that the pieces in which they came do not matter.
    let start = input.get(..HEAD_MAX).unwrap_or(input);
    // `has_request` does not wait for the rest of such a head. No method is written so.
    if !start.first().is_some_and(u8::is_ascii_uppercase) {
        return Err(Status::BadRequest);
    }
    let mut lines = [httparse::EMPTY_HEADER; LINES_MAX];
    let mut request = httparse::Request::new(&mut lines);
    let length = match request.parse(start) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(_) => return Err(too_long(input)),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(version(start)),
        Err(_) => return Err(Status::BadRequest),
    };
    let method = match request.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some(_) => Method::Other,
        None => return Err(Status::BadRequest),
    };
    let is_1_1 = request.version == Some(1);
    let headers = Headers(request.headers);
    headers.refuse_body()?;
    let host = headers.host()?;
    if is_1_1 && host.is_none() {
        return Err(Status::BadRequest);
    }
    let (host, path) = target(request.path.unwrap_or_default(), host)?;
    let head = Head {
        method,
        path,
        host,
        format: headers.format(),
        keeps_alive: is_1_1 && !headers.asks_to_close(),
    };
    Ok((head, length))
}

/// The refusal of a head that is not complete although it ends, or is too long.
fn too_long(input: &[u8]) -> Status {
    let start = input.get(..HEAD_MAX).unwrap_or(input);
    match memchr::memchr(b'\n', start) {
        _ if input.len() <= HEAD_MAX => Status::BadRequest,
        None => Status::UriTooLong,
        Some(_) => Status::HeadTooLarge,
    }
}

/// The refusal of a request line without a version that is understood: of HTTP, or of nothing.
fn version(start: &[u8]) -> Status {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match memmem::find(line, b" HTTP/") {
        Some(_) => Status::VersionNotSupported,
        None => Status::BadRequest,
    }
}

/// Host and path of a request's target: a path, or a URL, whose host counts.
fn target(target: &str, host: Option<String>) -> Result<(Option<String>, String), Status> {
    let is_url = target.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    let (host, path) = match target.get(7..).filter(|_| is_url) {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (Some(host.to_owned()), path)
        }
        None if target.starts_with('/') || target == "*" => (host, target),
        None => return Err(Status::BadRequest),
    };
    let path = path.split('?').next().unwrap_or_default();
    Ok((host, path.to_owned()))
}

/// The header lines.
struct Headers<'a>(&'a [httparse::Header<'a>]);

impl Headers<'_> {
    /// The values of a header.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        named.map(|line| line.value.trim_ascii())
    }

    /// Refuses a request with a body. No resource takes one.
    fn refuse_body(&self) -> Result<(), Status> {
        let has_length = self.values("content-length").any(|length| length != b"0");
        match has_length || self.values("transfer-encoding").next().is_some() {
            true => Err(Status::ContentTooLarge),
            false => Ok(()),
        }
    }

    /// The header `Host`, which a request may not have twice.
    fn host(&self) -> Result<Option<String>, Status> {
        let mut hosts = self.values("host");
        let host = hosts.next().map(|host| String::from_utf8_lossy(host).into_owned());
        match hosts.next() {
            Some(_) => Err(Status::BadRequest),
            None => Ok(host),
        }
    }

    fn asks_to_close(&self) -> bool {
        let mut words = self.values("connection").flat_map(|value| value.split(|b| *b == b','));
        words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
    }

    /// OpenMetrics if the client names it, whatever it names besides: it states weights only to
    /// prefer OpenMetrics.
    fn format(&self) -> Format {
        let named = |value: &[u8]| memmem::find(value, b"application/openmetrics-text").is_some();
        match self.values("accept").any(named) {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Head, Status> {
        parse(text.as_bytes()).map(|(head, length)| {
            assert_eq!(length, text.len());
            head
        })
    }

    #[test]
    fn a_head_of_a_collector_is_understood() {
        let head = parsed(
            "GET /metrics?x=1 HTTP/1.1\r\nHost: 127.0.0.1:9100\r\n\
             Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n",
        );
        let host = Some("127.0.0.1:9100".to_owned());
        let (method, format) = (Method::Get, Format::OpenMetrics);
        let path = "/metrics".to_owned();
        assert_eq!(head, Ok(Head { method, path, host, format, keeps_alive: true }));
    }

    #[test]
    fn a_url_in_the_request_line_counts_more_than_the_host() {
        let head = parsed("HEAD http://attacker.example/healthz HTTP/1.1\r\nHost: ::1\r\n\r\n");
        let head = head.unwrap();
        assert_eq!(head.host.as_deref(), Some("attacker.example"));
        assert_eq!((head.method, &*head.path), (Method::Head, "/healthz"));
    }

    #[test]
    fn heads_that_are_not_understood_are_refused() {
        let with = |line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
        for (text, status) in [
            ("GET / HTTP/2.0\r\n\r\n".to_owned(), Status::VersionNotSupported),
            ("GET /\r\n\r\n".to_owned(), Status::BadRequest),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), Status::BadRequest),
            ("get / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Status::BadRequest),
            ("%GET / HTTP/2.0\r\n\r\n".to_owned(), Status::BadRequest),
            // The version stands after the bytes that are looked at.
            (format!("GET / {} HTTP/2.0\r\n\r\n", "b".repeat(HEAD_MAX)), Status::BadRequest),
            ("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Status::BadRequest),
            (with("Host: b"), Status::BadRequest),
            (with(" folded: b"), Status::BadRequest),
            (with("name : b"), Status::BadRequest),
            (with("Content-Length: 1"), Status::ContentTooLarge),
            (with("Content-Length: 0\r\nContent-Length: 5"), Status::ContentTooLarge),
            (with("Transfer-Encoding: chunked"), Status::ContentTooLarge),
            (with(&"a: b\r\n".repeat(64)), Status::HeadTooLarge),
            (with(&format!("a: {}", "b".repeat(HEAD_MAX))), Status::HeadTooLarge),
            (format!("GET /{} HTTP/1.1\r\n\r\n", "b".repeat(HEAD_MAX)), Status::UriTooLong),
        ] {
            assert_eq!(parsed(&text), Err(status), "{text:.60}");
        }
        assert!(parsed(&with("Content-Length: 0")).is_ok());
    }
}

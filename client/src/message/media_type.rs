//! Types of files by their names. Only the usual ones: a program that opens a file looks at the
//! file.

/// Extensions in lower case, and their types. The first extension of a type is the one that a file
/// without a name gets.
const TYPES: [(&str, &str); 52] = [
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eml", "message/rfc822"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("ics", "text/calendar"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpg", "video/mpeg"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("rar", "application/vnd.rar"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tiff", "image/tiff"),
    ("tif", "image/tiff"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("zip", "application/zip"),
];

/// The type of a file with this name.
///
/// A message is attached as plain bytes: RFC 2046 forbids to encode `message/rfc822`, and its lines
/// may be of any length.
pub(super) fn of_name(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let known = TYPES.iter().find(|(known, _)| Some(*known) == extension.as_deref());
    match known {
        Some((_, "message/rfc822")) | None => "application/octet-stream",
        Some((_, media)) => media,
    }
}

/// The extension of files of this type.
pub(super) fn extension(media: &str) -> Option<&'static str> {
    TYPES.iter().find(|(_, known)| *known == media).map(|(extension, _)| *extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_files_have_their_types() {
        for (name, expected) in [
            ("a.PDF", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("foto.jpeg", "image/jpeg"),
            ("pdf", "application/octet-stream"),
            ("a.eml", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(of_name(name), expected, "{name}");
        }
        assert_eq!(extension("image/jpeg"), Some("jpg"));
        assert_eq!(extension("message/rfc822"), Some("eml"));
        assert_eq!(extension("application/octet-stream"), None);
        assert!(TYPES.iter().all(|(extension, _)| *extension == extension.to_lowercase()));
    }
}

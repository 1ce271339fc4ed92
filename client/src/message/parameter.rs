//! The name of an attachment in a head: a quoted string, or for other characters the encoding of
//! RFC 2231, which mail programs read since 1997.
//!
//! mail-builder writes encoded words in quoted strings here, which RFC 2047 forbids.

/// Characters of a value in one parameter, so that its line has at most 76.
const VALUE_MAX: usize = 55;

/// The field `Content-Disposition` of an attachment with this name, without the field's name. Its
/// lines are folded where white space is.
pub(super) fn disposition(name: &str) -> String {
    let is_quotable =
        |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%');
    if name.len() <= VALUE_MAX && name.bytes().all(is_quotable) {
        return format!("attachment; filename=\"{name}\"");
    }
    let values = encoded(name);
    if let [value] = values.as_slice() {
        return format!("attachment; filename*=utf-8''{value}");
    }
    let mut field = "attachment".to_owned();
    for (index, value) in values.iter().enumerate() {
        let charset = if index == 0 { "utf-8''" } else { "" };
        field.push_str(&format!(";\r\n\tfilename*{index}*={charset}{value}"));
    }
    field
}

/// A name in percent-encoding, cut into values between its characters.
fn encoded(name: &str) -> Vec<String> {
    let mut values = vec![];
    let mut value = String::new();
    for c in name.chars() {
        let mut bytes = [0; 4];
        let encoded = match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => c.to_string(),
            _ => c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect(),
        };
        if value.len() + encoded.len() > VALUE_MAX {
            values.push(std::mem::take(&mut value));
        }
        value.push_str(&encoded);
    }
    values.push(value);
    values
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;

    fn read(field: &str) -> Option<String> {
        let head = format!("Content-Disposition: {field}\r\n\r\n");
        let message = MessageParser::new().parse_headers(&head)?;
        message.attachment_name().map(str::to_owned)
    }

    #[test]
    fn a_name_is_written_as_mail_programs_read_it() {
        assert_eq!(disposition("a b.pdf"), "attachment; filename=\"a b.pdf\"");
        let japanese = "attachment; filename*=utf-8''%E8%A1%A8%201.pdf";
        assert_eq!(disposition("表 1.pdf"), japanese);
        let long = disposition(&"日本語".repeat(20));
        assert!(long.starts_with("attachment;\r\n\tfilename*0*=utf-8''%E6"), "{long}");
        assert!(long.split("\r\n").all(|line| line.len() < 76), "{long}");
    }

    proptest! {
        #[test]
        fn names_come_back(name in "[a-z\"\\\\%;=' é日\u{1f600}]{1,60}\\.pdf") {
            prop_assert_eq!(read(&disposition(&name)), Some(name));
        }
    }
}

//! Names of saved attachments, made harmless: whatever name a message gives, the file is a plain
//! one in the directory that was chosen.

use super::media_type;

/// Longest name, in bytes: file systems allow 255, and a number may be added.
const NAME_MAX: usize = 240;

/// Longest extension that is kept where a name is cut, in bytes.
const EXTENSION_MAX: usize = 32;

/// Names of devices on Windows, whatever extension follows.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name for the file of an attachment. `fallback` stands for a name that is missing, or has no
/// character that is allowed.
pub(super) fn harmless(name: Option<&str>, media: &str, fallback: &str) -> String {
    let last = name.unwrap_or_default().rsplit(['/', '\\']).find(|part| !part.trim().is_empty());
    let allowed: String = last.unwrap_or_default().chars().filter_map(replaced).collect();
    let trimmed = allowed.trim_start_matches(is_trimmed).trim_end_matches(is_trimmed);
    let name = match trimmed {
        "" => match media_type::extension(media) {
            Some(extension) => format!("{fallback}.{extension}"),
            None => fallback.to_owned(),
        },
        name if name.starts_with(['-', '~']) || is_device(name) => format!("_{name}"),
        name => name.to_owned(),
    };
    shortened(&name)
}

/// The name of the file where files with the first names exist already, from 2 on.
pub(super) fn numbered(name: &str, number: usize) -> String {
    let (stem, extension) = split(name);
    format!("{stem} ({number}){extension}")
}

/// A character as it stands in a name; `None` if it is left out.
fn replaced(c: char) -> Option<char> {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => Some('_'),
        // Characters that cannot be seen, and that turn the order of the others.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => None,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{e0000}'..='\u{e0fff}' | '\u{fff0}'..='\u{fffb}' => None,
        _ if c.is_control() => None,
        _ if c.is_whitespace() => Some(' '),
        _ => Some(c),
    }
}

/// A file that begins with a dot is hidden; Windows drops dots and spaces at the end.
fn is_trimmed(c: char) -> bool {
    matches!(c, '.' | ' ')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_port = ["com", "lpt"].iter().any(|port| {
        let number = stem.strip_prefix(port);
        number.is_some_and(|number| {
            let mut digits = number.chars();
            let is_digit = |c: char| matches!(c, '0'..='9' | '¹' | '²' | '³');
            digits.next().is_some_and(is_digit) && digits.next().is_none()
        })
    });
    is_port || DEVICES.contains(&stem.as_str())
}

/// A name in two parts: up to the last dot, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION_MAX => {
            name.split_at_checked(at).unwrap_or((name, ""))
        }
        _ => (name, ""),
    }
}

fn shortened(name: &str) -> String {
    if name.len() <= NAME_MAX {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let end = stem.floor_char_boundary(NAME_MAX - extension.len());
    format!("{}{extension}", stem.get(..end).unwrap_or_default().trim_end_matches(is_trimmed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_is_a_plain_one() {
        for (name, expected) in [
            ("../../.bashrc", "bashrc"),
            ("/etc/passwd", "passwd"),
            ("C:\\Windows\\system.ini", "system.ini"),
            ("..", "anexo.png"),
            ("a/", "a"),
            ("", "anexo.png"),
            ("\0\r\n", "anexo.png"),
            (". . .", "anexo.png"),
            ("a\nb\u{202e}gpj.exe", "abgpj.exe"),
            ("con", "_con"),
            ("Aux.txt", "_Aux.txt"),
            ("com1.log", "_com1.log"),
            ("command.com", "command.com"),
            ("-rf", "_-rf"),
            ("~", "_~"),
            ("a:b?.txt", "a_b_.txt"),
            ("nota. ", "nota"),
            ("relatório 日本.pdf", "relatório 日本.pdf"),
        ] {
            assert_eq!(harmless(Some(name), "image/png", "anexo"), expected, "{name:?}");
        }
        assert_eq!(harmless(None, "image/png", "anexo"), "anexo.png");
        assert_eq!(harmless(None, "x/y", "anexo"), "anexo");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = harmless(Some(&format!("{}.pdf", "é".repeat(500))), "", "anexo");
        assert!(name.len() <= NAME_MAX && name.ends_with("é.pdf"), "{name}");
        let name = harmless(Some(&format!("a.{}", "x".repeat(500))), "", "anexo");
        assert_eq!(name.len(), NAME_MAX);
    }

    #[test]
    fn a_number_stands_before_the_extension() {
        assert_eq!(numbered("a.b.pdf", 2), "a.b (2).pdf");
        assert_eq!(numbered("a", 10), "a (10)");
    }

    proptest! {
        #[test]
        fn any_name_is_harmless(name in any::<String>()) {
            let name = harmless(Some(&name), "", "x");
            prop_assert!(!name.is_empty() && name.len() <= NAME_MAX);
            prop_assert!(!name.starts_with(['.', '-', '~', ' ']) && !name.ends_with(['.', ' ']));
            prop_assert!(!name.contains(['/', '\\']) && !name.contains(char::is_control));
        }
    }
}

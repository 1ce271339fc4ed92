//! Line-by-line input of a body, with dot-stuffing: a line that is a single dot ends the body.

/// Starts a new line after the text so far.
pub(super) fn open(body: &mut String) {
    if !body.is_empty() && !body.ends_with('\n') {
        body.push('\n');
    }
}

/// Adds a typed line. Returns false if the line ends the body: a single dot.
pub(super) fn add_line(body: &mut String, line: &str) -> bool {
    if line == "." {
        return false;
    }
    // A longer line of dots loses one dot (dot-stuffing).
    let is_dots = line.len() > 1 && line.bytes().all(|byte| byte == b'.');
    let kept = if is_dots { line.get(1..) } else { None };
    body.push_str(kept.unwrap_or(line));
    body.push('\n');
    true
}

/// Removes the line end after the last line.
pub(super) fn close(body: &mut String) {
    if body.ends_with('\n') {
        body.pop();
    }
}

/// Whether a text has lost its last line end and nothing else, as the dot that ends a body takes
/// it.
pub(super) fn lost_its_end(before: &str, after: &str) -> bool {
    before.strip_suffix('\n') == Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(start: &str, lines: &[&str]) -> (String, usize) {
        let mut body = start.to_owned();
        open(&mut body);
        let taken = lines.iter().take_while(|line| add_line(&mut body, line));
        let taken = taken.count();
        close(&mut body);
        (body, taken)
    }

    #[test]
    fn a_single_dot_ends_it() {
        let lines = ["", "a", "", "b", ".", "c"];
        assert_eq!(written("", &lines), ("\na\n\nb".to_owned(), 4));
        assert_eq!(written("", &["."]), (String::new(), 0));
        assert_eq!(written("a", &["b", "."]).0, "a\nb");
        assert_eq!(written("a\n", &["."]).0, "a");
    }

    #[test]
    fn every_line_can_be_written() {
        assert_eq!(written("", &["..", "...", ".a", "a."]).0, ".\n..\n.a\na.");
    }
}

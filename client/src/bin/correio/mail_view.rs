//! A mail for reading: its fields and its text. One line of the text is sanitized at a time.

use std::io::{self, Write};

use correio_client::{
    Attachment, FromField, MailSource, MessageView, Readable, TextSource, WhiteSpace, sanitize,
    sanitize_part,
};
use correio_proto::mail::Mail;

use crate::{
    names,
    text::Text,
    wrap::{self, LongWords, wrap},
};

/// Longest line that is shown as one, in bytes. The rest of a longer line is shown as a line of its
/// own, so that a screen is drawn from little text.
const LINE_MAX: usize = 16 * 1024;

/// Lines of the text from one kept position to the next.
const STEP: usize = 256;

/// A mail as the lines that a reader sees: each field on a line, its attachments, an empty line,
/// the text. The text is in memory once.
pub(crate) struct MailView {
    head: Vec<String>,
    text: String,
    /// Positions of the first line of the text and of every [`STEP`]th after it.
    positions: Vec<usize>,
    /// Lines of the text.
    lines: usize,
}

impl MailView {
    pub(crate) fn new(text: &Text, mail: &Mail, content: Readable) -> Self {
        let from = names::with_username(&mail.from, &mail.from_name);
        let fields = [
            (text.of("mail-from"), from),
            (text.of("mail-to"), mail.to.to_string()),
            (text.of("mail-date"), text.time(mail.sent_at)),
            (text.of("mail-subject"), sanitize(mail.subject.as_str(), WhiteSpace::OneLine)),
            (text.of("mail-id"), mail.id.to_string()),
        ];
        let mut head: Vec<_> =
            fields.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let shown = match content {
            Readable::Text(content) => {
                if content.is_replaced {
                    head.push(text.of("mail-replaced"));
                }
                content.text
            }
            Readable::Message(view) => {
                head.extend(about_message(text, mail, &view));
                view.text.text
            }
        };
        Self::of(head, shown)
    }

    /// The beginning of a mail's file, with a line before it that names the file.
    pub(crate) fn of_source(text: &Text, source: MailSource) -> Self {
        let key = if source.is_cut { "mail-source-cut" } else { "mail-source" };
        let path = sanitize(&source.path.to_string_lossy(), WhiteSpace::OneLine);
        Self::of(vec![text.with(key, &[("path", path.into())])], source.text)
    }

    /// The lines of a head, an empty line, and a text.
    fn of(mut head: Vec<String>, text: String) -> Self {
        head.push(String::new());
        let mut view = Self { head, text, positions: Vec::new(), lines: 0 };
        let mut position = 0;
        while let Some((_, next)) = view.end_of_line(position) {
            if view.lines.is_multiple_of(STEP) {
                view.positions.push(position);
            }
            view.lines += 1;
            position = next;
        }
        view
    }

    /// Adds a warning of this program, which stands apart from what the sender wrote.
    pub(crate) fn with_warning(mut self, warning: Option<String>) -> Self {
        // Before the empty line.
        let end = self.head.len().saturating_sub(1);
        self.head.splice(end..end, warning);
        self
    }

    /// Writes the mail as its sender wrote it, or for a terminal of this width.
    pub(crate) fn write(&self, out: &mut impl Write, width: Option<usize>) -> io::Result<()> {
        for line in &self.head {
            let shown = width.map(|width| wrap::wrap_field(line, width));
            writeln!(out, "{}", shown.as_deref().unwrap_or(line))?;
        }
        let mut position = 0;
        while let Some((line, next)) = self.line_at(position) {
            out.write_all(for_width(&line, width).as_bytes())?;
            let ended = self.text.get(position..next).is_some_and(|line| line.ends_with('\n'));
            // Without a width, what a screen shows as several lines stays one.
            if ended || (width.is_some() && next < self.text.len()) {
                out.write_all(b"\n")?;
            }
            position = next;
        }
        out.write_all(b"\n")
    }

    /// Number of lines.
    pub(crate) fn count(&self) -> usize {
        self.head.len() + self.lines
    }

    /// A line, by number from 0.
    pub(crate) fn line(&self, number: usize) -> String {
        let Some(number) = number.checked_sub(self.head.len()) else {
            return self.head.get(number).cloned().unwrap_or_default();
        };
        let mut position = self.positions.get(number / STEP).copied().unwrap_or(self.text.len());
        for _ in 0..number % STEP {
            let Some((_, next)) = self.end_of_line(position) else { break };
            position = next;
        }
        self.line_at(position).map(|(line, _)| line).unwrap_or_default()
    }

    /// The rows of a line on a screen of this width. Those of the head after the first are
    /// indented.
    pub(crate) fn rows(&self, number: usize, width: usize) -> Vec<String> {
        match self.head.get(number) {
            Some(line) => wrap::field_rows(line, width),
            None => wrap::rows(&self.line(number), width),
        }
    }

    /// The line at a position, sanitized, and the position of the next line.
    fn line_at(&self, position: usize) -> Option<(String, usize)> {
        let (end, next) = self.end_of_line(position)?;
        Some((sanitize_part(&self.text, position..end, WhiteSpace::Lines), next))
    }

    /// The end of the line at a position, and the position of the next line.
    fn end_of_line(&self, position: usize) -> Option<(usize, usize)> {
        let rest = self.text.get(position..).filter(|rest| !rest.is_empty())?;
        let most = rest.floor_char_boundary(LINE_MAX);
        let within = rest.as_bytes().iter().take(most + 1);
        match within.into_iter().position(|byte| *byte == b'\n') {
            Some(end) => Some((position + end, position + end + 1)),
            None => Some((position + most, position + most)),
        }
    }
}

/// What a reader must know of a message beside its text, and its attachments.
fn about_message(text: &Text, mail: &Mail, view: &MessageView) -> Vec<String> {
    let mut lines = Vec::new();
    if view.fields.from_field(&mail.from) == FromField::Other {
        let from = sanitize(&view.fields.from, WhiteSpace::OneLine);
        lines.push(text.with("mail-other-author", &[("from", from.into())]));
    }
    let attachments = (1..).zip(&view.attachments);
    lines.extend(attachments.map(|(number, file)| attachment_line(text, number, file)));
    if view.more_parts > 0 {
        lines.push(text.count("mail-more-parts", view.more_parts as u64));
    }
    match view.text.source {
        TextSource::Plain => {}
        TextSource::Html => lines.push(text.of("mail-html")),
        TextSource::Nothing => lines.push(text.of("mail-no-text")),
    }
    if view.text.is_cut {
        lines.push(text.of("mail-text-cut"));
    }
    if view.text.is_replaced {
        lines.push(text.of("mail-characters-replaced"));
    }
    lines
}

/// An attachment's number, name, type and size.
fn attachment_line(text: &Text, number: usize, attachment: &Attachment) -> String {
    let name = match &attachment.name {
        Some(name) => sanitize(name, WhiteSpace::OneLine),
        None => text.of("mail-unnamed"),
    };
    let values = [
        ("number", number.to_string().into()),
        ("name", name.into()),
        ("type", sanitize(&attachment.media_type, WhiteSpace::OneLine).into()),
        ("size", text.size_of(attachment.size).into()),
    ];
    let key = if attachment.is_damaged { "mail-attachment-damaged" } else { "mail-attachment" };
    text.with(key, &values)
}

fn for_width(line: &str, width: Option<usize>) -> String {
    width.map_or_else(|| line.to_owned(), |width| wrap(line, width, LongWords::Cut))
}

#[cfg(test)]
mod tests {
    use correio_client::MailText;
    use correio_proto::mail::{ContentKind, Seq, Timestamp};

    use super::*;
    use crate::text::Lang;

    fn view(text: &str) -> MailView {
        let mail = Mail {
            seq: Seq(1),
            id: correio_client::new_mail_id(),
            from: "steve".parse().unwrap(),
            from_name: "Steve Rogers".parse().unwrap(),
            to: "tony".parse().unwrap(),
            sent_at: Timestamp(0),
            subject: "Oi".parse().unwrap(),
            content: "x".parse().unwrap(),
        };
        let kind = ContentKind::Text {};
        let content = MailText { kind, text: text.to_owned(), is_replaced: false };
        MailView::new(&Text::new(Lang::En), &mail, Readable::Text(content))
    }

    fn written(view: &MailView, width: Option<usize>) -> String {
        let mut out = Vec::new();
        view.write(&mut out, width).unwrap();
        String::from_utf8(out).unwrap().split_once("\n\n").unwrap().1.to_owned()
    }

    fn lines(view: &MailView) -> Vec<String> {
        (0..view.count()).map(|number| view.line(number)).skip(6).collect()
    }

    #[test]
    fn a_text_is_shown_as_when_it_is_sanitized_as_a_whole() {
        let long = "é".repeat(LINE_MAX);
        for text in [
            "a",
            "a\n",
            "\u{feff}a\r\n\u{feff}\n\n\x1b[2Jb\tc\r",
            &format!("{long}\r\n{long}\n"),
            &format!("{}\r\n", "x".repeat(LINE_MAX - 1)),
            &"linha\n".repeat(3 * STEP + 1),
        ] {
            let whole = sanitize(text, WhiteSpace::Lines);
            let view = view(text);
            assert_eq!(written(&view, None), whole.clone() + "\n");
            assert_eq!(lines(&view).concat(), whole.replace('\n', ""));
            assert_eq!(written(&view, Some(80)).replace('\n', ""), whole.replace('\n', ""));
        }
        assert_eq!(lines(&view("um\n\ndois\n")), ["um", "", "dois"]);
    }

    /// A line of the head that is too long for the screen, and holds what looks like another line.
    #[test]
    fn a_field_is_never_shown_as_another_field() {
        let subject = format!("Oi{}From: Pepper Potts <pepper>", " ".repeat(80));
        let view = MailView::of(vec![format!("Subject: {subject}")], "From: x".to_owned());
        let mut out = Vec::new();
        view.write(&mut out, Some(80)).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().nth(1), Some("  From: Pepper Potts <pepper>"), "{out}");
        assert_eq!(view.rows(0, 80).get(1).unwrap(), "  From: Pepper Potts <pepper>");
        assert_eq!(
            (view.rows(1, 80), view.rows(2, 80)),
            (vec![String::new()], vec!["From: x".to_owned()])
        );
        // A file or a program gets the field as it is.
        let mut out = Vec::new();
        view.write(&mut out, None).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with(&format!("Subject: {subject}\n")));
    }

    #[test]
    fn many_lines_and_long_lines_take_little_memory_and_time() {
        let empty = view(&"\n".repeat(4 << 20));
        assert_eq!(empty.count(), 6 + (4 << 20));
        assert!(empty.positions.len() <= (4 << 20) / STEP + 1);
        assert_eq!(empty.line(empty.count() - 1), "");
        let one = view(&"x".repeat(4 << 20));
        assert!(lines(&one).iter().all(|line| line.len() <= LINE_MAX));
    }
}

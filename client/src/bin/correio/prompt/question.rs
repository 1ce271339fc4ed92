//! Questions that are answered with a text and keys: a line, a password, the body of a mail.

use std::time::{Duration, Instant};

use console::Style;
use correio_client::keys::{Code, Key};
use unicode_width::UnicodeWidthStr;
use zeroize::{Zeroize, Zeroizing};

use super::{
    answer::{Answer, BodyEnd, CursorAt, Stop},
    autosave::{Autosave, NoAutosave},
    buffer::{Buffer, Shape},
    completion::{Completer, Completion, CompletionAction},
    input::Wait,
    input_event::InputEvent,
    keys::{CTRL_D, ENTER, ESCAPE, KeyPrompt},
    messages::{Messages, with_colon},
    rows::window,
};
use crate::wrap::rows;

/// Pause in typing after which the text is saved.
const PAUSE: Duration = Duration::from_millis(150);

/// Maximum time that typed text stays unsaved, without a pause.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// Minimum columns for the answer next to its question; with fewer, the question stands above it.
const TYPED_MIN: usize = 20;

const TAB: Key = Key::plain(Code::Tab);
const EDITOR: Key = Key::ctrl('x');
const ATTACH: Key = Key::ctrl('t');

/// Ends of an answer in a burst: Enter, or the Tab of a password manager that types two answers.
const ANSWER_ENDS: [char; 2] = ['\n', '\t'];

/// How a question takes several lines that arrive together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BurstUse {
    /// As one text. In a one-line answer, line ends become spaces.
    Text,
    /// As answers that were typed ahead: the first is this question's, the rest is kept for the
    /// next question. The next question may be for a password, so the rest is not shown here.
    Answers,
}

/// Effect of an input event on an answer.
enum EditAction {
    Edited,
    Nothing,
    /// A burst has answered the question; its rest is for the next question.
    Answered(Zeroizing<String>),
    Done(BodyEnd),
    Stopped(Stop),
}

/// A question and its answer so far.
struct OpenQuestion<'a> {
    question: &'a str,
    messages: &'a Messages,
    buffer: Buffer,
    shape: Shape,
    burst: BurstUse,
    /// Times of the first and of the last edit that are not saved.
    unsaved: Option<(Instant, Instant)>,
    remark: Option<String>,
    /// The message that is shown while the text cannot be saved.
    not_saved: Option<String>,
    autosave: &'a mut dyn Autosave,
    completion: Option<Completion<'a>>,
}

impl KeyPrompt {
    pub(super) fn line(
        &mut self,
        question: &str,
        buffer: Buffer,
        burst: BurstUse,
        messages: &Messages,
        autosave: &mut dyn Autosave,
    ) -> Answer<String> {
        let mut open = OpenQuestion::new(question, messages, buffer, Shape::OneLine, autosave);
        open.burst = burst;
        self.ask(&mut open)?;
        Ok(open.buffer.text().to_owned())
    }

    /// As [`Self::line`], with completion.
    pub(super) fn completed_line(
        &mut self,
        question: &str,
        buffer: Buffer,
        messages: &Messages,
        autosave: &mut dyn Autosave,
        completer: &mut dyn Completer,
    ) -> Answer<String> {
        let mut open = OpenQuestion::new(question, messages, buffer, Shape::OneLine, autosave);
        open.completion = Some(Completion::new(completer));
        self.ask(&mut open)?;
        Ok(open.buffer.text().to_owned())
    }

    pub(super) fn password(
        &mut self,
        question: &str,
        messages: &Messages,
    ) -> Answer<Zeroizing<String>> {
        // An empty Enter must lead to no other question: the user may type the password blindly.
        loop {
            let (buffer, mut autosave) = (Buffer::secret(), NoAutosave);
            let mut open =
                OpenQuestion::new(question, messages, buffer, Shape::OneLine, &mut autosave);
            self.ask(&mut open)?;
            let typed = Zeroizing::new(open.buffer.text().to_owned());
            if !typed.is_empty() {
                return Ok(typed);
            }
        }
    }

    /// Asks for a text of several lines. The text is in `body` however the input ends.
    pub(super) fn body(
        &mut self,
        body: &mut String,
        cursor: CursorAt,
        messages: &Messages,
        autosave: &mut dyn Autosave,
    ) -> Answer<BodyEnd> {
        let buffer = Buffer::lines(body, cursor);
        let mut open = OpenQuestion::new("", messages, buffer, Shape::Lines, autosave);
        let written = self.ask(&mut open);
        open.buffer.text().clone_into(body);
        written
    }

    fn ask(&mut self, open: &mut OpenQuestion<'_>) -> Answer<BodyEnd> {
        if open.keeps_enter_of_digit() {
            self.number_at = None;
        }
        self.begin()?;
        let answer = self.answer(open);
        open.save_now();
        open.remark = None;
        open.close_completion();
        match answer {
            // The text is drawn again when the editor has ended, or the file is attached.
            Ok(BodyEnd::Editor | BodyEnd::Attach) => self.canvas.clear(),
            _ => {
                self.draw_question(open);
                self.canvas.leave();
            }
        }
        answer
    }

    fn answer(&mut self, open: &mut OpenQuestion<'_>) -> Answer<BodyEnd> {
        loop {
            open.update_completion();
            self.draw_question(open);
            // All input that has arrived is taken before the next drawing.
            let mut until = open.wake_at();
            loop {
                let typed = match self.wait(until)? {
                    Wait::Typed(typed) => typed,
                    Wait::Idle => break,
                    Wait::Stale => {
                        self.canvas.wipe();
                        break;
                    }
                };
                let rows = self.canvas.size().0;
                match open.take(typed, rows) {
                    EditAction::Edited => open.edited(),
                    EditAction::Nothing => {}
                    EditAction::Answered(rest) => {
                        if !rest.trim_matches(ANSWER_ENDS).is_empty() {
                            self.input.put_back(InputEvent::TypedAhead(rest));
                        }
                        return Ok(BodyEnd::Complete);
                    }
                    EditAction::Done(written) => return Ok(written),
                    EditAction::Stopped(stop) => return Err(stop),
                }
                until = Some(Instant::now());
            }
            if open.save_at().is_some_and(|at| at <= Instant::now()) {
                open.save_now();
            }
        }
    }

    /// Draws the question, and the part of the text around the cursor that fits. A question that
    /// leaves too little room for the answer stands above it.
    fn draw_question(&mut self, open: &OpenQuestion<'_>) {
        let (height, width) = self.canvas.size();
        let question = match open.question {
            "" => String::new(),
            question => with_colon(question),
        };
        // Only the cursor of a secret answer is shown.
        let room = if open.shows_text() { TYPED_MIN } else { 1 };
        let is_above = question.width() + room > width && open.shape == Shape::OneLine;
        let foot: Vec<String> = [&open.not_saved, &open.remark]
            .into_iter()
            .flatten()
            .flat_map(|line| rows(line, width))
            .chain(self.candidate_lines(open, height))
            .collect();
        let mut head = Vec::new();
        if is_above {
            head.extend(rows(question.trim_end(), width));
        }
        let room = height.saturating_sub(head.len() + foot.len()).max(1);
        let indent =
            if head.is_empty() { question.width().min(width.saturating_sub(1)) } else { 0 };
        let text = if open.shows_text() { open.buffer.text() } else { "" };
        let cursor = if text.is_empty() { 0 } else { open.buffer.cursor() };
        let mut shown = window(text, cursor, indent, (room, width));
        if open.buffer.is_offered() {
            for row in &mut shown.rows {
                *row = Style::new().dim().apply_to(&*row).to_string();
            }
        }
        if let Some(first) = shown.rows.first_mut()
            && head.is_empty()
            && shown.is_from_start
        {
            first.insert_str(0, &question);
        }
        let cursor = (shown.cursor.0 + head.len(), shown.cursor.1);
        head.append(&mut shown.rows);
        head.extend(foot);
        self.canvas.draw(&head, Some(cursor));
    }
}

/// The candidates of a question's completion, drawn as the choices of a menu.
impl KeyPrompt {
    fn candidate_lines(&self, open: &OpenQuestion<'_>, height: usize) -> Vec<String> {
        let Some(completion) = &open.completion else { return Vec::new() };
        completion.lines(height, &open.messages.completion, |label, is_chosen| {
            let mut line = String::new();
            match self.theme.format_select_prompt_item(&mut line, label, is_chosen) {
                Ok(()) => line,
                Err(_) => label.to_owned(),
            }
        })
    }
}

impl<'a> OpenQuestion<'a> {
    fn new(
        question: &'a str,
        messages: &'a Messages,
        buffer: Buffer,
        shape: Shape,
        autosave: &'a mut dyn Autosave,
    ) -> Self {
        let (burst, unsaved, remark, not_saved) = (BurstUse::Text, None, None, None);
        let completion = None;
        Self {
            question,
            messages,
            buffer,
            shape,
            burst,
            unsaved,
            remark,
            not_saved,
            autosave,
            completion,
        }
    }

    /// Whether the Enter after a menu's digit answers this question. It may be the Enter that takes
    /// the offered answer before a password, and the password must not become this answer, which is
    /// shown. If the Enter was the digit's, the text after it is typed hidden.
    fn keeps_enter_of_digit(&self) -> bool {
        self.burst == BurstUse::Answers && self.buffer.is_offered()
    }

    fn shows_text(&self) -> bool {
        !self.buffer.is_secret()
    }

    fn take(&mut self, typed: InputEvent, rows: usize) -> EditAction {
        self.remark = None;
        if !matches!(typed, InputEvent::Key(_)) {
            self.close_completion();
        }
        match typed {
            InputEvent::Text(mut text) => {
                self.buffer.insert_typed(&text);
                if self.buffer.is_secret() {
                    text.zeroize();
                }
                EditAction::Edited
            }
            InputEvent::Paste(text) | InputEvent::Burst(text)
                if self.buffer.is_secret() && text.trim_end().contains('\n') =>
            {
                self.remark = Some(self.messages.one_line.clone());
                EditAction::Nothing
            }
            InputEvent::Burst(text) if self.is_completed(&text) => {
                self.buffer.insert_burst(text.trim_end_matches('\t'));
                if let Some(completion) = &mut self.completion {
                    completion.take(TAB, &mut self.buffer);
                }
                EditAction::Edited
            }
            InputEvent::Burst(text) if self.has_rest(&text) => self.take_first(&text),
            InputEvent::TypedAhead(text)
                if self.burst == BurstUse::Answers || self.buffer.is_secret() =>
            {
                self.take_first(&text)
            }
            InputEvent::TypedAhead(_) => EditAction::Nothing,
            InputEvent::Paste(text) if self.has_rest(&text) => {
                // A paste never ends an answer.
                let first = text.trim_start_matches(ANSWER_ENDS).split(ANSWER_ENDS).next();
                self.buffer.insert_pasted(first.unwrap_or_default());
                self.remark = Some(self.messages.first_line.clone());
                EditAction::Edited
            }
            InputEvent::Paste(text) => {
                self.buffer.insert_pasted(&text);
                EditAction::Edited
            }
            InputEvent::Burst(text) => {
                self.buffer.insert_burst(&text);
                EditAction::Edited
            }
            InputEvent::NotText => {
                self.remark = Some(self.messages.not_text.clone());
                EditAction::Nothing
            }
            InputEvent::Key(key) => self.key(key, rows),
        }
    }

    /// Whether a burst is a text and the Tab that completes it, as they arrive together over a slow
    /// connection. A paste that ends with a tab opens the list, too, and takes nothing from it.
    fn is_completed(&self, text: &str) -> bool {
        let typed = text.strip_suffix('\t');
        self.completion.is_some() && typed.is_some_and(|typed| !typed.contains(ANSWER_ENDS))
    }

    /// Whether a text has an answer's end with more text after it, which is for the next question.
    fn has_rest(&self, text: &str) -> bool {
        self.burst == BurstUse::Answers && text.trim_end_matches(ANSWER_ENDS).contains(ANSWER_ENDS)
    }

    /// Takes the first of several answers that were typed ahead.
    fn take_first(&mut self, text: &str) -> EditAction {
        let Some((first, rest)) = text.split_once(ANSWER_ENDS) else {
            self.buffer.insert_typed(text);
            return EditAction::Edited;
        };
        if !first.is_empty() {
            self.buffer.insert_typed(first);
        }
        EditAction::Answered(Zeroizing::new(rest.to_owned()))
    }

    fn key(&mut self, key: Key, rows: usize) -> EditAction {
        if let Some(completion) = &mut self.completion {
            match completion.take(key, &mut self.buffer) {
                CompletionAction::Inserted => return EditAction::Edited,
                CompletionAction::Taken => return EditAction::Nothing,
                CompletionAction::NotTaken => {}
            }
        }
        let is_blank = self.buffer.is_offered() || self.buffer.text().is_empty();
        match (key, self.shape) {
            (ESCAPE, _) => return EditAction::Stopped(Stop::Back),
            (ENTER, Shape::OneLine) => return EditAction::Done(BodyEnd::Complete),
            (ENTER, Shape::Lines) => return self.line_ends(),
            (CTRL_D, Shape::OneLine) if is_blank => return EditAction::Stopped(Stop::Leave),
            (CTRL_D, Shape::Lines) if self.buffer.text().trim().is_empty() => {
                return EditAction::Stopped(Stop::Leave);
            }
            (CTRL_D, Shape::Lines) => return EditAction::Done(BodyEnd::Complete),
            (EDITOR, Shape::Lines) => return EditAction::Done(BodyEnd::Editor),
            (ATTACH, Shape::Lines) => return EditAction::Done(BodyEnd::Attach),
            (TAB, _) if !self.buffer.is_secret() => self.buffer.insert_typed("\t"),
            (key, _) => self.buffer.take(key, rows),
        }
        EditAction::Edited
    }

    /// Ends a line. A typed line that is a single dot ends the text; a longer typed line of dots
    /// loses one dot (dot-stuffing).
    fn line_ends(&mut self) -> EditAction {
        match self.buffer.typed_dots() {
            0 => {}
            1 => {
                self.buffer.delete_line();
                return EditAction::Done(BodyEnd::Complete);
            }
            _ => self.buffer.take(Key::plain(Code::Backspace), 0),
        }
        self.buffer.new_line();
        EditAction::Edited
    }

    fn close_completion(&mut self) {
        if let Some(completion) = &mut self.completion {
            completion.close();
        }
    }

    /// Takes candidates that have come meanwhile.
    fn update_completion(&mut self) {
        let Some(completion) = &mut self.completion else { return };
        if !completion.update() {
            self.remark = Some(completion.nothing(&self.messages.completion).to_owned());
        }
    }

    /// When something must be done without input; `None` if nothing must.
    fn wake_at(&self) -> Option<Instant> {
        let update_at = self.completion.as_ref().and_then(Completion::update_at);
        [self.save_at(), update_at].into_iter().flatten().min()
    }

    fn edited(&mut self) {
        let now = Instant::now();
        let since = self.unsaved.map_or(now, |(since, _)| since);
        self.unsaved = Some((since, now));
    }

    /// When the text must be saved; `None` if it is saved.
    fn save_at(&self) -> Option<Instant> {
        self.unsaved.map(|(since, last)| (last + PAUSE).min(since + SAVED_EVERY))
    }

    fn save_now(&mut self) {
        if self.unsaved.take().is_some() && !self.buffer.is_secret() {
            self.not_saved = self.autosave.autosave(self.buffer.text()).err();
        }
    }
}

//! The question for a file that is attached to a mail, and the attached files as people see them.

use correio_client::{DraftAttachment, WhiteSpace, sanitize};

use crate::{
    compose::Composition,
    prompt::{Answer, Prompt, Stop},
    text::Text,
    typed_path::{PathCompleter, expanded},
};

/// Asks for a file and attaches it. A number after `-` takes an attachment away; an empty answer
/// and Esc change nothing. Names the file that was attached or taken away.
pub(crate) fn ask(prompt: &mut Prompt, text: &Text, composition: &mut Composition) -> Answer<()> {
    let mut typed = String::new();
    let mut completer = PathCompleter::default();
    loop {
        for line in lines(text, composition) {
            prompt.say(&line);
        }
        typed = match prompt.path(&text.of("attach-question"), &typed, &mut completer) {
            Ok(typed) => typed,
            Err(Stop::Back) => return Ok(()),
            Err(stop) => return Err(stop),
        };
        let answer = typed.trim();
        if answer.is_empty() {
            return Ok(());
        }
        let number = answer.strip_prefix('-').and_then(|number| number.parse().ok());
        let said = match number {
            Some(number) => match composition.detach(number) {
                Some(file) => {
                    prompt.say(&line(text, "attach-removed", number, &file));
                    return saved(prompt, composition);
                }
                None => text.with("attach-no-such", &[("number", number.to_string().into())]),
            },
            None => {
                let file = DraftAttachment::open(&expanded(answer));
                match file.and_then(|file| composition.attach(file)) {
                    Ok(()) => {
                        lines(text, composition).last().into_iter().for_each(|it| prompt.say(it));
                        return saved(prompt, composition);
                    }
                    Err(error) => text.make(&error),
                }
            }
        };
        prompt.say(&said);
    }
}

/// Saves the draft with its files. If that fails, the text is shown, so that it can be copied.
fn saved(prompt: &mut Prompt, composition: &mut Composition) -> Answer<()> {
    if let Err(error) = composition.save() {
        prompt.say_verbatim(&composition.not_saved(&error));
    }
    Ok(())
}

/// A line for each attached file.
pub(crate) fn lines(text: &Text, composition: &Composition) -> Vec<String> {
    let files = (1..).zip(&composition.mail.attachments);
    files.map(|(number, file)| line(text, "attach-line", number, file)).collect()
}

fn line(text: &Text, key: &str, number: usize, file: &DraftAttachment) -> String {
    let values = [
        ("number", number.to_string().into()),
        ("name", sanitize(&file.name(), WhiteSpace::OneLine).into()),
        ("size", text.size_of(file.size()).into()),
    ];
    text.with(key, &values)
}

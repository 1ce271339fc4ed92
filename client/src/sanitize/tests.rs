//! Texts of many scripts, and hostile ones.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn line(text: &str) -> String {
    sanitize(text, WhiteSpace::OneLine)
}

#[test]
fn escapes_are_shown() {
    assert_eq!(sanitize("a\u{1b}[2Jb", WhiteSpace::OneLine), "a\\u{1b}[2Jb");
    assert_eq!(sanitize("a\u{202e}b", WhiteSpace::Lines), "a\\u{202e}b");
    assert_eq!(sanitize("a\r\nb\rc\td", WhiteSpace::Lines), "a\nb\\u{d}c\td");
    assert_eq!(sanitize("a\nb", WhiteSpace::OneLine), "a\\u{a}b");
    assert_eq!(sanitize("olá 😀 你好 ❤\u{fe0f}", WhiteSpace::OneLine), "olá 😀 你好 ❤\u{fe0f}");
}

#[test]
fn what_nobody_sees_is_shown() {
    for c in ['\u{34f}', '\u{3164}', '\u{ffa0}', '\u{180b}', '\u{1d173}', '\u{e0100}'] {
        let code = format!("\\u{{{:x}}}", u32::from(c));
        assert_eq!(sanitize(&c.to_string(), WhiteSpace::OneLine), code);
    }
}

#[test]
fn joiners_that_a_script_needs_are_shown_as_they_are() {
    let texts = [
        // Persian, within a word, after Latin letters, after a quotation mark.
        "می\u{200c}خواهم",
        "PDF\u{200c}ها",
        "«کتاب»\u{200c}ها",
        // With a vowel sign before the joiner.
        "بِ\u{200c}ب",
        // An abbreviation in Arabic; Sinhala; Bengali; Malayalam at the end of a word.
        "ه\u{200d} 1445",
        "ශ්\u{200d}රී",
        "র\u{200d}্য",
        "അവന്\u{200d}.",
        // A technologist, a burning heart, a family, a rainbow flag, the flag of Wales.
        "👩🏽\u{200d}💻 ❤\u{fe0f}\u{200d}🔥",
        "👨\u{200d}👩\u{200d}👧",
        "🏳\u{fe0f}\u{200d}🌈",
        "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}!",
        // Khmer between words; a form of an ideograph; Mongolian.
        "សួស្តី\u{200b}ពិភពលោក",
        "葛\u{e0100}飾",
        "ᠠ\u{180b}",
    ];
    for text in texts {
        assert_eq!(line(text), text);
        assert_eq!(sanitize(text, WhiteSpace::Lines), text);
    }
}

#[test]
fn joiners_that_no_script_needs_are_shown_as_their_codes() {
    let texts = [
        ("pay\u{200c}pal", "pay\\u{200c}pal"),
        ("\u{200d}", "\\u{200d}"),
        ("a\u{200d}💻", "a\\u{200d}💻"),
        ("💻\u{200d}\u{200d}💻", "💻\\u{200d}\\u{200d}💻"),
        ("می\u{200c}\u{200c}خ", "می\\u{200c}\\u{200c}خ"),
        (" \u{200c}خ", " \\u{200c}خ"),
        ("a\u{200b}b", "a\\u{200b}b"),
        ("葛\u{e0100}\u{e0101}", "葛\\u{e0100}\\u{e0101}"),
        // Tag characters can spell anything; the flags alone are known.
        ("🏴\u{e0068}\u{e0069}\u{e007f}", "🏴\\u{e0068}\\u{e0069}\\u{e007f}"),
        ("x\u{e0067}", "x\\u{e0067}"),
    ];
    for (text, shown) in texts {
        assert_eq!(line(text), shown);
    }
}

#[test]
fn marks_turn_the_punctuation_of_their_own_text_alone() {
    for text in ["שלום!\u{200f}", "שלום (טוני)\u{200f}, מה", "سلام؟\u{61c}", "שלום!\u{200f} - טוב"]
    {
        assert_eq!(line(text), text);
    }
    assert_eq!(sanitize("שלום!\u{200f}\nabc", WhiteSpace::Lines), "שלום!\u{200f}\nabc");
    assert_eq!(sanitize("שלום!\u{200f}\r\nabc", WhiteSpace::Lines), "שלום!\u{200f}\nabc");
    let texts = [
        ("abc!\u{200f}", "abc!\\u{200f}"),
        ("\u{200f}abc", "\\u{200f}abc"),
        ("שלום 10\u{200f}-20", "שלום 10\\u{200f}-20"),
        ("שלום\u{200f} abc", "שלום\\u{200f} abc"),
        ("שלום\u{200e}!", "שלום\\u{200e}!"),
        ("שלום\u{202e}!", "שלום\\u{202e}!"),
        ("שלום\u{200f}\u{200f}", "שלום\\u{200f}\\u{200f}"),
    ];
    for (text, shown) in texts {
        assert_eq!(line(text), shown);
    }
    assert_eq!(line("שלום!\u{200f}\nabc"), "שלום!\\u{200f}\\u{a}abc");
}

#[test]
fn a_byte_order_mark_at_the_start_and_soft_hyphens_in_words_are_left_out() {
    assert_eq!(sanitize("\u{feff}Olá", WhiteSpace::Lines), "Olá");
    assert_eq!(line("O\u{feff}lá"), "O\\u{feff}lá");
    assert_eq!(line("\u{feff}\u{feff}Olá"), "\\u{feff}Olá");
    assert_eq!(line("Donau\u{ad}dampf\u{ad}schiff"), "Donaudampfschiff");
    assert_eq!(line("a \u{ad}b"), "a \\u{ad}b");
}

#[test]
fn the_parts_of_a_line_are_the_line() {
    let text = "می\u{200c}خ\u{1b}";
    let part = |part| sanitize_part(text, part, WhiteSpace::OneLine);
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        assert_eq!(part(0..at) + &part(at..text.len()), line(text));
    }
    assert_eq!(part(text.len()..text.len() + 1), "");
}

/// Up to a mebibyte of marks, each examined from as many others as a rule allows. If each were
/// examined from all others, sixteen times as many would take 256 times as long.
#[test]
fn the_time_for_marks_grows_with_their_number() {
    let shortest = |marks: usize| {
        let text = ".\u{200f}".repeat(marks);
        let take = |_| {
            let begun = Instant::now();
            assert!(sanitize(&text, WhiteSpace::Lines).len() > text.len());
            begun.elapsed()
        };
        (0..3).map(take).min().unwrap()
    };
    let (few, many) = (shortest(16 * 1024), shortest(256 * 1024));
    assert!(many < few * 64, "{few:?}, and {many:?} for sixteen times as many");
}

/// Text in which invisible characters stand beside letters that they may belong to.
fn mixed() -> impl Strategy<Value = String> {
    let characters = [
        'a',
        '1',
        '.',
        ' ',
        '\n',
        '\r',
        '\t',
        '\u{7}',
        'م',
        'ی',
        'ش',
        'א',
        'ב',
        'ِ',
        '്',
        'ന',
        '葛',
        'ស',
        'ᠠ',
        '💻',
        '❤',
        '🏴',
        '\u{fe0f}',
        '\u{1f3fd}',
        '\u{200c}',
        '\u{200d}',
        '\u{200b}',
        '\u{200e}',
        '\u{200f}',
        '\u{61c}',
        '\u{ad}',
        '\u{feff}',
        '\u{e0100}',
        '\u{180b}',
        '\u{202e}',
        '\u{2066}',
        '\u{e0067}',
        '\u{e0062}',
        '\u{e007f}',
    ];
    proptest::collection::vec(proptest::sample::select(characters.to_vec()), 0..12)
        .prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #[test]
    fn nothing_is_obeyed(text in prop_oneof![any::<String>(), mixed()]) {
        let lines = sanitize(&text, WhiteSpace::Lines);
        prop_assert!(lines.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        let line = sanitize(&text, WhiteSpace::OneLine);
        prop_assert!(line.chars().all(|c| !c.is_control()));
        for shown in [&line, &lines] {
            // No character changes the direction of other text, and no two hidden characters are
            // adjacent.
            let turns =
                |c| matches!(c, '\u{200e}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let has_turned = shown.contains(turns);
            prop_assert!(!has_turned);
            let hidden: Vec<bool> = shown
                .chars()
                .filter(|c| !matches!(c, '\u{e0020}'..='\u{e007f}'))
                .map(|c| !is_harmless(c) && !matches!(c, '\n' | '\t'))
                .collect();
            prop_assert!(hidden.windows(2).all(|pair| pair != [true, true]), "{shown:?}");
        }
    }

    #[test]
    fn what_is_shown_is_shown_again_as_it_is(text in prop_oneof![any::<String>(), mixed()]) {
        for shown in [WhiteSpace::OneLine, WhiteSpace::Lines] {
            let once = sanitize(&text, shown);
            prop_assert_eq!(sanitize(&once, shown), once);
        }
    }

    #[test]
    fn json_stays_the_same(text in any::<String>()) {
        let text = format!("{text}\u{9b}\u{202e}\u{e0041}");
        let json = serde_json::Value::from(text);
        let shown = sanitize_json(&json);
        prop_assert!(shown.chars().all(is_harmless));
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json);
    }
}

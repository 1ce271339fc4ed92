//! The program's texts, in Portuguese or English: the catalogues in `i18n/`.

use std::borrow::Cow;

use correio_proto::mail::Timestamp;
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

mod errors;
mod message_errors;
mod people;
mod size;
mod trust;

/// The languages with a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lang {
    /// Brazilian Portuguese.
    #[value(help = "português do Brasil")]
    Pt,
    /// English.
    #[value(help = "English")]
    En,
}

impl Lang {
    /// The language that was asked for, or else that of the environment, or else Portuguese.
    pub(crate) fn choose(asked: Option<Self>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|locale| !locale.is_empty());
        asked.unwrap_or_else(|| match locale.as_deref() {
            Some(locale) if locale.starts_with("en") => Self::En,
            // The locales C and POSIX, and languages without a catalogue, get the default.
            _ => Self::Pt,
        })
    }

    fn catalogue(self) -> (LanguageIdentifier, &'static str) {
        match self {
            Self::Pt => (langid!("pt-BR"), include_str!("../../../../i18n/pt-BR.ftl")),
            Self::En => (langid!("en"), include_str!("../../../../i18n/en.ftl")),
        }
    }
}

/// A catalogue.
pub(crate) struct Text {
    lang: Lang,
    bundle: FluentBundle<FluentResource>,
}

/// Names and values of a text's variables.
pub(crate) type Values<'a> = [(&'a str, Cow<'a, str>)];

impl Text {
    pub(crate) fn new(lang: Lang) -> Self {
        let (identifier, source) = lang.catalogue();
        let mut bundle = FluentBundle::new(vec![identifier]);
        // Without marks for the direction of text, which would stand in every line and every
        // comparison.
        bundle.set_use_isolating(false);
        // A malformed part of a catalogue is missing from it; a test finds that.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(rest, _)| rest);
        bundle.add_resource_overriding(resource);
        Self { lang, bundle }
    }

    /// The keys of a catalogue.
    #[cfg(test)]
    pub(crate) fn keys(lang: Lang) -> Vec<String> {
        let (_, source) = lang.catalogue();
        let keys = source.lines().filter_map(|line| line.split_once(" =").map(|(key, _)| key));
        let is_key = |key: &&str| !key.starts_with([' ', '#']);
        keys.filter(is_key).map(str::to_owned).collect()
    }

    /// The text of a key.
    pub(crate) fn of(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// The text of a key, with its variables filled in. A key that is missing stands for itself.
    pub(crate) fn with(&self, key: &str, values: &Values<'_>) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(value.clone()));
        }
        self.fill(key, &args)
    }

    /// The text of a key for a count, in the language's plural.
    pub(crate) fn count(&self, key: &str, count: impl Into<u64>) -> String {
        self.count_with(key, count.into(), &[])
    }

    /// As [`Text::count`], with other variables filled in, too.
    pub(crate) fn count_with(&self, key: &str, count: u64, values: &Values<'_>) -> String {
        let mut args = FluentArgs::new();
        args.set("count", FluentValue::from(count));
        for (name, value) in values {
            args.set(*name, FluentValue::from(value.clone()));
        }
        self.fill(key, &args)
    }

    fn fill(&self, key: &str, args: &FluentArgs<'_>) -> String {
        let message = self.bundle.get_message(key);
        let Some(pattern) = message.and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let filled = self.bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{key} lacks a value: {errors:?}");
        filled
    }

    /// A question that is answered with yes or no.
    pub(crate) fn yes_no(&self, question: &str) -> String {
        format!("{question} {}", self.of("prompt-yes-no"))
    }

    /// Whether an answer to such a question is a yes; anything else is a no.
    pub(crate) fn is_yes(&self, answer: &str) -> bool {
        answer.trim().to_lowercase().starts_with(&self.of("prompt-yes"))
    }

    /// A time in the user's time zone.
    pub(crate) fn time(&self, time: Timestamp) -> String {
        let format = match self.lang {
            Lang::Pt => "%d/%m/%Y %H:%M:%S %Z",
            Lang::En => "%Y-%m-%d %H:%M:%S %Z",
        };
        formatted(time, jiff::tz::TimeZone::system(), format)
    }

    /// The day of a time that is the begin of a day in UTC.
    pub(crate) fn day(&self, day: Timestamp) -> String {
        let format = match self.lang {
            Lang::Pt => "%d/%m/%Y",
            Lang::En => "%Y-%m-%d",
        };
        formatted(day, jiff::tz::TimeZone::UTC, format)
    }
}

/// A time in a time zone; nothing for a time that is out of range.
fn formatted(time: Timestamp, zone: jiff::tz::TimeZone, format: &str) -> String {
    let milliseconds = i64::try_from(time.0).ok();
    let moment = milliseconds.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(String::new, |moment| moment.to_zoned(zone).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fluent_syntax::ast;

    use super::*;

    /// The keys of a catalogue, each with the variables it uses.
    fn keys(lang: Lang) -> BTreeMap<String, Vec<String>> {
        let (_, source) = lang.catalogue();
        let resource = fluent_syntax::parser::parse(source).expect("the catalogue is well-formed");
        let mut keys = BTreeMap::new();
        for entry in resource.body {
            let ast::Entry::Message(message) = entry else {
                continue;
            };
            let text = format!("{:?}", message.value);
            let mut variables: Vec<_> = text
                .split("VariableReference { id: Identifier { name: \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next().map(str::to_owned))
                .collect();
            variables.sort();
            variables.dedup();
            keys.insert(message.id.name.to_owned(), variables);
        }
        keys
    }

    #[test]
    fn the_catalogues_have_the_same_keys_and_variables() {
        assert_eq!(keys(Lang::Pt), keys(Lang::En));
    }

    #[test]
    fn every_error_code_has_a_text() {
        let keys = keys(Lang::Pt);
        for code in correio_proto::message::ErrorCode::ALL {
            assert!(keys.contains_key(&format!("error-{code}")), "{code}");
        }
    }

    #[test]
    fn every_key_in_the_sources_has_a_text() {
        let keys = keys(Lang::Pt);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/correio");
        let mut folders = vec![folder];
        let mut used = 0;
        // These keys are composed: from an error's code, or from the names of commands and
        // arguments.
        let is_composed = |key: &&String| key.starts_with("error-") || key.starts_with("help-");
        let mut unused: Vec<_> = keys.keys().filter(|key| !is_composed(key)).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                unused.retain(|key| !source.contains(&format!("\"{key}\"")));
                for call in [".of(\"", ".with(\"", ".count(\"", ".count_with(\""] {
                    for rest in source.split(call).skip(1) {
                        let key = rest.split('"').next().unwrap();
                        assert!(keys.contains_key(key), "{key:?} in {}", path.display());
                        used += 1;
                    }
                }
            }
        }
        assert!(used > 50, "the keys are found: {used}");
        assert!(unused.is_empty(), "nothing uses {unused:?}");
    }

    #[test]
    fn the_language_comes_from_the_first_that_says_one() {
        let environment = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let choose = |asked, pairs| Lang::choose(asked, environment(pairs));
        assert_eq!(choose(None, &[]), Lang::Pt);
        assert_eq!(choose(None, &[("LANG", "en_US.UTF-8")]), Lang::En);
        assert_eq!(choose(None, &[("LC_ALL", "pt_BR.UTF-8"), ("LANG", "en_US")]), Lang::Pt);
        assert_eq!(choose(None, &[("LC_ALL", ""), ("LC_MESSAGES", "en")]), Lang::En);
        assert_eq!(choose(None, &[("LANG", "C.UTF-8")]), Lang::Pt);
        assert_eq!(choose(Some(Lang::En), &[("LANG", "pt_BR")]), Lang::En);
    }

    #[test]
    fn what_is_counted_stands_in_the_singular_and_in_the_plural() {
        // A number in parentheses, and texts that are for several mails only.
        let exempt = ["home-drafts", "home-new-mails", "search-more"];
        for lang in [Lang::Pt, Lang::En] {
            let (_, source) = lang.catalogue();
            let resource = fluent_syntax::parser::parse(source).unwrap();
            let mut counted = 0;
            for entry in resource.body {
                let ast::Entry::Message(message) = entry else { continue };
                let text = format!("{:?}", message.value);
                if !text.contains(r#"VariableReference { id: Identifier { name: "count""#) {
                    continue;
                }
                let key = message.id.name;
                assert!(exempt.contains(&key) || text.contains("Select {"), "{lang:?}: {key}");
                counted += 1;
            }
            assert!(counted > 10, "they are found");
        }
    }

    #[test]
    fn plurals() {
        let text = Text::new(Lang::Pt);
        assert_eq!(text.count("home-waiting", 1_u32), "Há 1 e-mail esperando no servidor.");
        assert_eq!(text.count("home-waiting", 4_u32), "Há 4 e-mails esperando no servidor.");
    }
}

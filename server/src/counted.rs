//! A number with the noun that it counts, for people.

use std::fmt;

/// A number and the singular of its noun, whose plural ends in `s`: `1 mail`, `2 mails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, noun) = self;
        let ending = if *number == 1 { "" } else { "s" };
        write!(f, "{number} {noun}{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_in_the_singular_and_none_or_several_are_in_the_plural() {
        let counted = |number| Counted(number, "second").to_string();
        assert_eq!([0, 1, 2].map(counted), ["0 seconds", "1 second", "2 seconds"]);
    }
}

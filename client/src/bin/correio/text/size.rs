//! Sizes and durations as people read them.

use std::time::Duration;

use super::{Lang, Text};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How a size is rounded to tenths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// For a size that is above a limit: it stays above.
    Up,
    /// For a limit: a text of the shown size is within it.
    Down,
}

impl Text {
    /// The size of a file, rounded up.
    pub(crate) fn size_of(&self, bytes: u64) -> String {
        self.size(bytes, Rounding::Up)
    }

    /// A limit in bytes, rounded down.
    pub(crate) fn limit_of(&self, bytes: u64) -> String {
        self.size(bytes, Rounding::Down)
    }

    /// A size in bytes as MiB, KiB or bytes, with at most one decimal.
    pub(super) fn size(&self, bytes: u64, rounding: Rounding) -> String {
        let (unit, name) = match bytes {
            MIB.. => (MIB, "MiB"),
            KIB.. => (KIB, "KiB"),
            _ => return self.count("unit-bytes", bytes),
        };
        let tenths = match rounding {
            Rounding::Up => (u128::from(bytes) * 10).div_ceil(unit.into()),
            Rounding::Down => u128::from(bytes) * 10 / u128::from(unit),
        };
        match (tenths / 10, tenths % 10, self.decimal_point()) {
            (whole, 0, _) => format!("{whole} {name}"),
            (whole, tenth, point) => format!("{whole}{point}{tenth} {name}"),
        }
    }

    /// How long to wait, rounded up: an attempt after the stated time does not come too early.
    pub(super) fn wait(&self, seconds: u64) -> String {
        match seconds {
            0..=90 => self.count("unit-seconds", seconds.max(1)),
            91..=5_400 => self.count("unit-minutes", seconds.div_ceil(60)),
            _ => self.count("unit-hours", seconds.div_ceil(60 * 60)),
        }
    }

    /// A duration in milliseconds, without its unit, rounded to one decimal.
    pub(crate) fn milliseconds(&self, duration: Duration) -> String {
        let tenths = duration.as_micros().saturating_add(50) / 100;
        format!("{}{}{}", tenths / 10, self.decimal_point(), tenths % 10)
    }

    fn decimal_point(&self) -> char {
        match self.lang {
            Lang::Pt => ',',
            Lang::En => '.',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_the_decimal_point_of_the_language() {
        let (pt, en) = (Text::new(Lang::Pt), Text::new(Lang::En));
        assert_eq!(pt.milliseconds(Duration::from_micros(449)), "0,4");
        assert_eq!(en.milliseconds(Duration::from_micros(1_950)), "2.0");
    }

    #[test]
    fn a_wait_is_at_least_as_long_as_it_is_shown() {
        let (pt, en) = (Text::new(Lang::Pt), Text::new(Lang::En));
        assert_eq!((en.wait(0), pt.wait(1)), ("1 second".to_owned(), "1 segundo".to_owned()));
        assert_eq!((en.wait(90), pt.wait(91)), ("90 seconds".to_owned(), "2 minutos".to_owned()));
        assert_eq!((en.wait(900), pt.wait(841)), ("15 minutes".into(), "15 minutos".into()));
        assert_eq!((en.wait(5_401), pt.wait(7_201)), ("2 hours".into(), "3 horas".into()));
    }

    #[test]
    fn a_size_above_a_limit_never_looks_as_large_as_it() {
        let (pt, en) = (Text::new(Lang::Pt), Text::new(Lang::En));
        assert_eq!(en.size(25 * MIB, Rounding::Down), "25 MiB");
        assert_eq!(en.size(25 * MIB + 1, Rounding::Up), "25.1 MiB");
        assert_eq!(pt.size(25 * MIB + 1, Rounding::Up), "25,1 MiB");
        assert_eq!(en.size(MIB - 1, Rounding::Down), "1023.9 KiB");
        assert_eq!(en.size(MIB - 1, Rounding::Up), "1024 KiB");
        assert_eq!(pt.size(KIB - 1, Rounding::Up), "1023 bytes");
        assert_eq!(en.size(u64::MAX, Rounding::Down), "17592186044415.9 MiB");
    }
}

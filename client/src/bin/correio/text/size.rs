//! Sizes as people read them.

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

    /// A size in bytes as MiB, KiB or bytes, with at most one decimal.
    pub(super) fn size(&self, bytes: u64, rounding: Rounding) -> String {
        let (unit, name) = match bytes {
            MIB.. => (MIB, "MiB"),
            KIB.. => (KIB, "KiB"),
            _ => return self.with("unit-bytes", &[("count", bytes.to_string().into())]),
        };
        let tenths = match rounding {
            Rounding::Up => (u128::from(bytes) * 10).div_ceil(unit.into()),
            Rounding::Down => u128::from(bytes) * 10 / u128::from(unit),
        };
        match (tenths / 10, tenths % 10, self.lang) {
            (whole, 0, _) => format!("{whole} {name}"),
            (whole, tenth, Lang::Pt) => format!("{whole},{tenth} {name}"),
            (whole, tenth, Lang::En) => format!("{whole}.{tenth} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

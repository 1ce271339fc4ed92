//! Sizes in bytes, as settings and command lines have them.

/// Bytes from a number and, optionally, a unit: B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB.
pub(in crate::ops) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("1048576"), Some(1 << 20));
        assert_eq!(parse_size("64 KiB"), Some(64 << 10));
        assert_eq!(parse_size("10MB"), Some(10_000_000));
        for text in ["", "MiB", "1.5 MiB", "-1", "1 MiB!", "99999999999 TiB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }
}

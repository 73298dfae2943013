//! Sizes, times and rates as people read and write them.

use std::time::Duration;

const KIB: f64 = 1024.0;

/// Reads `65536`, `64KiB`, `64k` or `1MiB`.
pub(crate) fn parse_bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: usize = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("write a number of bytes, such as 64, 16KiB or 1MiB".to_owned()),
    };
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|bytes| (1..=1 << 30).contains(bytes))
        .ok_or_else(|| "give 1 byte to 1GiB".to_owned())
}

/// Reads `5`, `5s`, `0.5s`, `200ms` or `2m`; a bare number is in seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        _ => return Err("write a time, such as 5s, 200ms or 2m".to_owned()),
    };
    number
        .parse::<f64>()
        .ok()
        .map(|number| number * factor)
        .filter(|seconds| (0.001..=86_400.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "give 1ms to 1440m".to_owned())
}

/// `64 B`, `64 KiB`, `1 MiB`: exact where the size is a whole number of units.
pub(crate) fn bytes(count: usize) -> String {
    match count {
        c if c >= 1 << 20 && c % (1 << 20) == 0 => format!("{} MiB", c >> 20),
        c if c >= 1 << 10 && c % (1 << 10) == 0 => format!("{} KiB", c >> 10),
        c => format!("{c} B"),
    }
}

/// `840 ns`, `31.2 µs`, `4.05 ms`, `1.20 s`: three digits.
pub(crate) fn time(time: Duration) -> String {
    let nanos = time.as_secs_f64() * 1e9;
    let (value, unit) = match nanos {
        n if n < 999.5 => return format!("{n:.0} ns"),
        n if n < 999.5e3 => (n / 1e3, "µs"),
        n if n < 999.5e6 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// `1,234,567`
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `84.3 k`, `1.25 M`: so many a second.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        r if r < 999.5 => format!("{r:.0}"),
        r if r < 999.5e3 => format!("{} k", three_digits(r / 1e3)),
        r => format!("{} M", three_digits(r / 1e6)),
    }
}

/// Bytes a second in MiB, three digits.
pub(crate) fn mib(bytes_per_second: f64) -> String {
    three_digits(bytes_per_second / KIB / KIB)
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_units_and_bounds() {
        for (text, bytes) in [("1", 1), ("64", 64), ("64KiB", 65_536), ("2 k", 2048), ("1GiB", 1 << 30)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "2GiB", "1.5k", "-1", "64 bytes", "99999999999999999999"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_in_seconds_unless_they_say_otherwise() {
        for (text, millis) in [("5", 5000), ("0.5s", 500), ("200ms", 200), ("2m", 120_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "s", "1h", "1..2", "-1", "1e9"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_keep_three_digits_and_the_fitting_unit() {
        for (nanos, text) in [
            (840, "840 ns"),
            (9_994, "9.99 µs"),
            (31_249, "31.2 µs"),
            (999_600, "1.00 ms"),
            (4_050_000, "4.05 ms"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanos)), text);
        }
        assert_eq!(time(Duration::from_millis(12_300)), "12.3 s");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(rate(84_321.0), "84.3 k");
        assert_eq!(rate(1_250_000.0), "1.25 M");
        assert_eq!(bytes(65_536), "64 KiB");
        assert_eq!(bytes(1_000), "1000 B");
        assert_eq!(mib(10.0 * 1024.0 * 1024.0), "10.0");
    }
}

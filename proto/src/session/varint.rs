//! Variable-length integers (RFC 9000, section 16), in their shortest form only.

/// The largest value that can be encoded.
pub(super) const MAX: u64 = (1 << 62) - 1;

/// Bytes `value` takes.
pub(super) const fn len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Writes `value`, at most [`MAX`], to the front of `out` and returns its length.
pub(super) fn encode(value: u64, out: &mut [u8; 8]) -> usize {
    let n = len(value);
    let tagged = (value & MAX) << (64 - 8 * n) | u64::from(n.trailing_zeros()) << 62;
    *out = tagged.to_be_bytes();
    n
}

/// Reads a value from the front of `bytes`. `None` if it is cut short or not in its shortest form.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    // Spelled out for nearly every head there is.
    match *bytes {
        [first @ ..=0x3f, ..] => Some((u64::from(first), 1)),
        [first @ 0x40..=0x7f, second, ..] => {
            let value = u64::from(first & 0x3f) << 8 | u64::from(second);
            (value > 0x3f).then_some((value, 2))
        }
        _ => decode_any(bytes),
    }
}

fn decode_any(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let n = 1_usize << (first >> 6);
    let body = bytes.get(1..n)?;
    let value = body.iter().fold(u64::from(first & 0x3f), |acc, b| acc << 8 | u64::from(*b));
    (len(value) == n).then_some((value, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_round_trip_at_their_length() {
        let edges = [
            (0, 1),
            (0x3f, 1),
            (0x40, 2),
            (0x3fff, 2),
            (0x4000, 4),
            (0x3fff_ffff, 4),
            (0x4000_0000, 8),
            (MAX, 8),
        ];
        for (value, n) in edges {
            let mut out = [0; 8];
            assert_eq!(encode(value, &mut out), n, "{value:#x}");
            assert_eq!(decode(&out[..n]), Some((value, n)), "{value:#x}");
            assert_eq!(decode(&out[..n - 1]), None, "{value:#x} cut short");
        }
    }

    #[test]
    fn rfc_9000_appendix_a1_examples() {
        let examples: [(&[u8], u64); 4] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, value) in examples {
            assert_eq!(decode(bytes), Some((value, bytes.len())));
        }
    }

    #[test]
    fn longer_forms_than_needed_are_refused() {
        for bytes in [&[0x40, 0x25][..], &[0x80, 0, 0, 1], &[0xc0, 0, 0, 0, 0, 0, 0, 1]] {
            assert_eq!(decode(bytes), None);
        }
    }
}

//! Messages that carry their number.

const LEN: usize = size_of::<u64>();

/// Puts `number` at the front of `message`, which must be long enough.
pub(super) fn write(message: &mut [u8], number: u64) {
    message[..LEN].copy_from_slice(&number.to_be_bytes());
}

/// The number at the front of `message`.
pub(super) fn read(message: &[u8]) -> Option<u64> {
    message.first_chunk().copied().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_written() {
        let mut message = [0; 20];
        write(&mut message, 77);
        assert_eq!(read(&message), Some(77));
        assert_eq!(read(&message[..7]), None);
    }
}

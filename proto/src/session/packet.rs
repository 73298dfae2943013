//! The packets of the opening: how long they are, and alerts (docs/wire.md, sections 1.4 and 1.6). What handshake
//! messages say is not looked at here.

use super::codes::Alert;
use super::error::Error;
use crate::buf::{Full, TxBuf};

/// Longest payload of the application in a handshake message.
pub(super) const MAX_PAYLOAD: usize = 4096;
/// Longest handshake message: a payload, the keys and tags of any pattern, and room for what is to come.
pub(super) const MAX_BODY: usize = 8192;
/// Bytes of length in front of a body.
pub(super) const PACKET_HEAD: usize = 2;
/// A packet this short is an alert: the shortest handshake message and record are 16 and 17 bytes.
const MAX_ALERT: usize = 15;

/// How many bytes are done with, or how many are missing.
pub(super) type Step = Result<Result<usize, usize>, Error>;

/// The bytes of an alert packet, for a listener that refuses a stream before it makes a session for it.
#[must_use]
pub fn alert_packet(alert: Alert) -> [u8; 4] {
    let [high, low] = alert.code().to_be_bytes();
    [0, 2, high, low]
}

/// Checks that what lies at the front of `bytes` is not an alert. `Some`: so many more bytes are needed to say.
///
/// # Errors
/// [`Error::Refused`] for an alert, [`Error::MalformedOpening`] for an empty packet and for a choice, which is taken
/// before this is asked where there may be one.
pub(super) fn check_alert(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let Some(head) = bytes.first_chunk::<PACKET_HEAD>() else {
        return Ok(Some(PACKET_HEAD - bytes.len()));
    };
    match usize::from(u16::from_be_bytes(*head)) {
        0 | 1 => Err(Error::MalformedOpening),
        2..=MAX_ALERT => match bytes.get(PACKET_HEAD..).and_then(<[u8]>::first_chunk) {
            Some(code) => Err(Error::Refused(Alert::from_code(u16::from_be_bytes(*code)))),
            None => Ok(Some((PACKET_HEAD + 2).saturating_sub(bytes.len()))),
        },
        _ => Ok(None),
    }
}

/// The length of the handshake packet at the front of `buf`, head included, or how many bytes are missing.
pub(super) fn packet_len(buf: &[u8]) -> Step {
    if let Some(missing) = check_alert(buf)? {
        return Ok(Err(missing));
    }
    let Some(head) = buf.first_chunk::<PACKET_HEAD>() else { return Ok(Err(PACKET_HEAD)) };
    let body = usize::from(u16::from_be_bytes(*head));
    if body > MAX_BODY {
        return Err(Error::MalformedOpening);
    }
    let len = PACKET_HEAD + body;
    Ok(if len <= buf.len() { Ok(len) } else { Err(len - buf.len()) })
}

/// Appends a handshake packet with a body of `len` zeros, to be written over in place.
pub(super) fn put_blank_packet(tx: &mut TxBuf, len: usize) -> Result<(), Full> {
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    tx.push(&[high, low])?;
    let mut left = len;
    while left > 0 {
        let zeros = [0; 256];
        let n = left.min(zeros.len());
        tx.push(&zeros[..n])?;
        left -= n;
    }
    Ok(())
}

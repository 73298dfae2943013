//! What a stream of WebSocket frames means, written from RFC 6455 alone: slow, simple, and without the machine's code.

use sealock_proto::ws::{CloseCode, Kind};

/// A message, or what came of one.
pub(crate) type Message = (Kind, Vec<u8>);

/// What an end accepts.
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) frame: usize,
    pub(crate) fragments: usize,
    /// Control frames without a pause.
    pub(crate) controls: Option<usize>,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Frame,
    Text,
    FrameSize,
    MessageSize,
    Fragments,
    Flood,
}

/// What came of a stream.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) messages: Vec<Message>,
    /// The message that is not complete, with what came of it.
    pub(crate) partial: Option<Message>,
    pub(crate) pings: Vec<Vec<u8>>,
    pub(crate) pongs: Vec<Vec<u8>>,
    /// Code and reason of the peer's close.
    pub(crate) closed: Option<(CloseCode, Vec<u8>)>,
    pub(crate) fault: Option<Fault>,
    /// Bytes behind the last complete frame.
    pub(crate) rest: usize,
    controls: usize,
    fragments: usize,
    announced: usize,
}

/// Reads `bytes`, whose frames are to be masked or not, until the stream, the connection or its rules end.
pub(crate) fn read(masked: bool, mut bytes: &[u8], limits: &Limits) -> Model {
    let mut model = Model::default();
    while model.closed.is_none() {
        match model.frame(masked, bytes, limits) {
            Ok(Some(rest)) => bytes = rest,
            Ok(None) => break,
            Err(fault) => {
                model.fault = Some(fault);
                break;
            }
        }
    }
    model.rest = bytes.len();
    model
}

impl Model {
    /// Takes the frame at the front; what is behind it, or nothing if it is not complete.
    fn frame<'a>(
        &mut self,
        masked: bool,
        bytes: &'a [u8],
        limits: &Limits,
    ) -> Result<Option<&'a [u8]>, Fault> {
        let [first, second, ..] = *bytes else { return Ok(None) };
        let (fin, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        let is_control = opcode & 8 != 0;
        // Section 5.2. A message could be compressed, says the first of the reserved bits: nobody has agreed to that.
        let could_be_compressed = reserved == 0x40 && matches!(opcode, 1 | 2);
        if !matches!(opcode, 0..=2 | 8..=10) || reserved != 0 && !could_be_compressed {
            return Err(Fault::Frame);
        }
        let short = usize::from(second & 0x7f);
        if (second & 0x80 != 0) != masked || is_control && (!fin || short > 125) {
            return Err(Fault::Frame);
        }
        let mut at = 2;
        let mut take = |n: usize| {
            at += n;
            bytes.get(at - n..at)
        };
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let len = match short {
            126 => take(2).map(|bytes| (number(bytes), 126)),
            127 => take(8).map(|bytes| (number(bytes), 1 << 16)),
            _ => Some((short as u64, 0)),
        };
        let Some((len, least)) = len else { return Ok(None) };
        if len < least || len >= 1 << 63 {
            return Err(Fault::Frame);
        }
        let Some(mask) = take(if masked { 4 } else { 0 }) else { return Ok(None) };
        let payload: Vec<u8> = match mask {
            [] => bytes[at..].iter().take(len as usize).copied().collect(),
            mask => {
                bytes[at..].iter().take(len as usize).zip(mask.iter().cycle()).map(|(a, b)| a ^ b).collect()
            }
        };
        let complete = payload.len() as u64 == len;
        if could_be_compressed {
            return Err(Fault::Frame);
        }
        if !is_control {
            self.data(fin, opcode, len, payload, limits)?;
        } else if complete {
            self.control(opcode, payload, limits)?;
        }
        Ok(complete.then(|| &bytes[at + len as usize..]))
    }

    fn control(&mut self, opcode: u8, body: Vec<u8>, limits: &Limits) -> Result<(), Fault> {
        self.controls += 1;
        if limits.controls.is_some_and(|most| self.controls > most) {
            return Err(Fault::Flood);
        }
        match (opcode, &body[..]) {
            (9, _) => self.pings.push(body),
            (10, _) => self.pongs.push(body),
            (_, []) => self.closed = Some((CloseCode::NO_STATUS, body)),
            (_, [_]) => return Err(Fault::Frame),
            (_, [high, low, reason @ ..]) => {
                let code = CloseCode::new(u16::from_be_bytes([*high, *low])).ok_or(Fault::Frame)?;
                std::str::from_utf8(reason).map_err(|_| Fault::Text)?;
                self.closed = Some((code, reason.to_vec()));
            }
        }
        Ok(())
    }

    fn data(
        &mut self,
        fin: bool,
        opcode: u8,
        len: u64,
        payload: Vec<u8>,
        limits: &Limits,
    ) -> Result<(), Fault> {
        let kind = if opcode == 1 { Kind::Text } else { Kind::Binary };
        match (&self.partial, opcode) {
            (None, 0) => return Err(Fault::Frame),
            (Some(_), 1 | 2) => return Err(Fault::Frame),
            (None, _) => (self.fragments, self.announced) = (0, 0),
            _ => {}
        }
        if len > limits.frame as u64 {
            return Err(Fault::FrameSize);
        }
        self.announced += len as usize;
        if self.announced > limits.message {
            return Err(Fault::MessageSize);
        }
        self.fragments += 1;
        if self.fragments > limits.fragments {
            return Err(Fault::Fragments);
        }
        let complete = payload.len() as u64 == len;
        let (kind, text) = self.partial.get_or_insert((kind, Vec::new()));
        text.extend(payload);
        let last = complete && fin;
        if *kind == Kind::Text {
            match std::str::from_utf8(text) {
                Err(error) if error.error_len().is_some() || last => return Err(Fault::Text),
                _ => {}
            }
        }
        if last {
            self.messages.extend(self.partial.take());
        }
        Ok(())
    }
}

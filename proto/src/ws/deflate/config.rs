//! What an end asks of compression.

use super::{MAX_WINDOW, MIN_WINDOW};

/// Compression of messages (RFC 7692), asked for by a client that has this and granted by a server that has it.
///
/// Context takeover, in which a message refers to those before it, is off in both directions unless configured: it
/// compresses small messages several times better, and costs about 300 KiB for each connection that sends and 50 KiB for
/// each that receives. Compressed text that mixes secrets with what an attacker chooses tells their likeness by its
/// length: leave compression off there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateConfig {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: u8,
    pub(super) client_max_window_bits: u8,
    pub(super) level: u8,
    pub(super) min_size: usize,
}

impl DeflateConfig {
    /// Whether each message of the server is to stand alone. Default true.
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self, alone: bool) -> Self {
        self.server_no_context_takeover = alone;
        self
    }

    /// Whether each message of the client is to stand alone. Default true.
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self, alone: bool) -> Self {
        self.client_no_context_takeover = alone;
        self
    }

    /// The largest window of the server, as a power of two. Default 15; 9 to 15.
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: u8) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// The largest window of the client, as a power of two. Default 15; 9 to 15. A server can ask for less than 15 only
    /// of a client that offers it.
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, bits: u8) -> Self {
        self.client_max_window_bits = bits;
        self
    }

    /// How hard to compress: 1 is fast, 9 is small. Default 3.
    #[must_use]
    pub const fn with_level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// Messages of fewer bytes are sent as they are, unless they are sent in chunks. Default 64.
    #[must_use]
    pub const fn with_min_size(mut self, bytes: usize) -> Self {
        self.min_size = bytes;
        self
    }

    pub(in crate::ws) fn check(&self) -> Result<(), DeflateFault> {
        let windows = [self.server_max_window_bits, self.client_max_window_bits];
        if windows.iter().any(|bits| !(MIN_WINDOW..=MAX_WINDOW).contains(bits)) {
            return Err(DeflateFault::Window);
        }
        if (1..=9).contains(&self.level) { Ok(()) } else { Err(DeflateFault::Level) }
    }
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: MAX_WINDOW,
            client_max_window_bits: MAX_WINDOW,
            level: 3,
            min_size: 64,
        }
    }
}

/// What is wrong with a [`DeflateConfig`].
pub(in crate::ws) enum DeflateFault {
    Window,
    Level,
}

//! A handshake in progress: what it may do next, and what ends it. The tokens are interpreted in `tokens.rs`.

mod duplicate;
mod tokens;

use super::crypto::{Aead, CipherFunction, Kem, Provider};
use super::error::{HandshakeError, SetupError};
use super::keys::{Psk, PublicKey, SecretKey};
use super::modifiers::MAX_PSKS;
use super::name::Protocol;
use super::security::PayloadSecurity;
use super::setup::HandshakeParams;
use super::symmetric::SymmetricState;
use super::transport::{KeptKey, RecvCipher, SendCipher, Transport};
use super::{MAX_MESSAGE, Role};
use arrayvec::ArrayVec;
use core::fmt;
use core::ops::Range;

/// Memory for the transport keys of a handshake, for a responder that learns only later which of several
/// protocols it will run. Keys of AES have a large expanded state, and so have all keys of ring; with ring a room
/// for one cipher does not serve the other, and what is missing is allocated when the protocol is known.
pub struct CipherRoom([Aead; 2]);

impl CipherRoom {
    /// Enough for whichever of `protocols` it will be, computed by `provider`.
    #[must_use]
    pub fn for_any(protocols: &[Protocol], provider: Provider) -> Self {
        let large =
            protocols.iter().map(Protocol::cipher).find(|cipher| *cipher != CipherFunction::ChaChaPoly);
        Self::new(provider, large.unwrap_or(CipherFunction::ChaChaPoly))
    }

    fn new(provider: Provider, cipher: CipherFunction) -> Self {
        Self([Aead::vacant(provider, cipher), Aead::vacant(provider, cipher)])
    }

    fn fitted(self, provider: Provider, cipher: CipherFunction) -> [Aead; 2] {
        let Self([first, _]) = &self;
        let fits = (first.provider(), first.function()) == (provider, cipher);
        if fits { self.0 } else { Self::new(provider, cipher).0 }
    }
}

/// A handshake in progress. Allocates nothing once made; erases its secrets when dropped.
#[must_use]
pub struct Handshake {
    protocol: Protocol,
    role: Role,
    provider: Provider,
    symmetric: SymmetricState,
    local_static: Option<SecretKey>,
    ephemeral: SecretKey,
    remote_static: Option<PublicKey>,
    remote_ephemeral: Option<PublicKey>,
    /// Until its secret is mixed.
    kem: Option<Kem>,
    /// The keys that psk tokens have not used yet, the next one last.
    psks: ArrayVec<Psk, MAX_PSKS>,
    /// Waiting for the keys of the split, first the sending cipher of the side that writes first.
    ciphers: [Aead; 2],
    /// The number of the next message.
    message: usize,
    /// Whether that message begins with a key.
    keyed: bool,
    /// How far into that message [`Handshake::read_part`] has come.
    progress: Option<Progress>,
    poisoned: bool,
    agreements: u8,
}

/// A message that is half read.
#[derive(Clone, Copy)]
struct Progress {
    message_len: usize,
    /// Bytes of it that are read.
    read: usize,
    /// Tokens that are done.
    tokens: usize,
}

/// What [`Handshake::read_part`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadPart {
    /// The peer's static key. No DH that follows it in the message was done.
    ///
    /// The key is only a claim until a payload of [`PayloadSecurity::source`] 1 or 2 was read.
    Static(PublicKey),
    /// The end: where in the message the payload lies. This message is through.
    Payload(Range<usize>),
}

impl Handshake {
    /// Starts a handshake.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if a key is missing, or given although the protocol has no use for it.
    pub fn new(params: HandshakeParams<'_>) -> Result<Self, SetupError> {
        let room = CipherRoom::for_any(&[params.protocol], params.provider);
        Self::new_in(room, params)
    }

    /// Like [`Handshake::new`], but allocates nothing if `room` was made for the protocol and the provider of
    /// `params`, except a KEM's key if the protocol [has one](Protocol::is_hfs).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn new_in(room: CipherRoom, params: HandshakeParams<'_>) -> Result<Self, SetupError> {
        params.check()?;
        let HandshakeParams {
            protocol,
            role,
            prologue,
            local_static,
            remote_static,
            remote_ephemeral,
            psks,
            ephemeral,
            kem_seed,
            provider,
        } = params;
        let mut symmetric = SymmetricState::new(protocol, provider);
        symmetric.mix_hash(prologue);
        let mut handshake = Self {
            protocol,
            role,
            provider,
            symmetric,
            local_static: local_static.map(SecretKey::duplicate),
            ephemeral,
            remote_static,
            remote_ephemeral,
            kem: kem_seed.and_then(|seed| Kem::new(role, &seed)),
            psks: psks.iter().rev().take(MAX_PSKS).cloned().collect(),
            ciphers: room.fitted(provider, protocol.cipher()),
            message: 0,
            keyed: false,
            progress: None,
            poisoned: false,
            agreements: 0,
        };
        handshake.mix_pre_messages();
        Ok(handshake)
    }

    /// The protocol this handshake runs.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Which library computes it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Which side this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the next message is this side's to [`write`](Self::write). False once finished or failed.
    #[must_use]
    pub fn is_my_turn(&self) -> bool {
        !self.poisoned && !self.is_finished() && self.protocol.writer(self.message) == self.role
    }

    /// Whether all messages are through, so that [`split`](Self::split) succeeds.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.poisoned && self.message >= self.protocol.message_count()
    }

    /// How many handshake messages are still to be written or read.
    #[must_use]
    pub fn messages_left(&self) -> usize {
        self.protocol.message_count().saturating_sub(self.message)
    }

    /// The peer's static key, once known. `None` after a failure.
    ///
    /// A key received is only a claim until a payload of [`PayloadSecurity::source`] 1 or 2 was read.
    #[must_use]
    pub fn remote_static(&self) -> Option<PublicKey> {
        if self.poisoned { None } else { self.remote_static }
    }

    /// The peer's ephemeral key, once read, even if the handshake failed later: a fallback goes on from it (section
    /// 10.2). Nothing says whose it is.
    #[must_use]
    pub fn remote_ephemeral(&self) -> Option<PublicKey> {
        self.remote_ephemeral
    }

    /// Bytes the next handshake message has beyond its payload, at most 96, or 1,296 if the protocol
    /// [has a KEM](Protocol::is_hfs); 0 once finished.
    #[must_use]
    pub fn next_overhead(&self) -> usize {
        if self.is_finished() { 0 } else { self.overhead() }
    }

    /// How the next message's payload is protected, whoever writes it (section 7.7). Once finished: the
    /// next transport payload if both sides take turns.
    #[must_use]
    pub fn next_security(&self) -> PayloadSecurity {
        let index = if self.protocol.is_one_way() { 0 } else { self.message };
        self.protocol.payload_security(index).unwrap_or_default()
    }

    /// Writes the next message with `payload` to the front of `out` and gives its length:
    /// [`next_overhead`](Self::next_overhead) and the payload's. Look at
    /// [`next_security`](Self::next_security) for what protects the payload.
    ///
    /// # Errors
    ///
    /// `NotMyTurn`, `Finished`, `TooLong` and `OutputTooSmall` change nothing: the call can be repeated.
    /// `WeakKey` ends the handshake.
    pub fn write(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, HandshakeError> {
        self.expect_turn(self.role)?;
        let needed = self.next_overhead().saturating_add(payload.len());
        if needed > MAX_MESSAGE {
            return Err(HandshakeError::TooLong);
        }
        let message = out.get_mut(..needed).ok_or(HandshakeError::OutputTooSmall { needed })?;
        match self.write_message(payload, message) {
            Ok(()) => self.next_message(),
            Err(error) => {
                self.poisoned = true;
                return Err(error);
            }
        }
        Ok(needed)
    }

    /// Reads the peer's next message, decrypting it in place, and gives where in `message` the payload lies.
    /// The other bytes of `message` are spoilt.
    ///
    /// # Errors
    ///
    /// `NotMyTurn` and `Finished` change nothing. Every other error ends the handshake, and `message` holds
    /// nothing to be trusted.
    pub fn read(&mut self, message: &mut [u8]) -> Result<Range<usize>, HandshakeError> {
        loop {
            if let ReadPart::Payload(payload) = self.read_part(message)? {
                return Ok(payload);
            }
        }
    }

    /// Like [`read`](Self::read), but stops behind the peer's static key if the message holds one, before the costly
    /// DHs that follow it: the time to turn away a peer that is not wanted. To go on, call again with the same
    /// message, in which nothing was changed in between.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read). Besides `OtherMessage`, which changes nothing, if a message is half read and
    /// `message` has another length.
    pub fn read_part(&mut self, message: &mut [u8]) -> Result<ReadPart, HandshakeError> {
        self.expect_turn(self.role.peer())?;
        if self.progress.is_some_and(|progress| progress.message_len != message.len()) {
            return Err(HandshakeError::OtherMessage);
        }
        let result = self.read_on(message);
        match &result {
            Ok(ReadPart::Static(_)) => {}
            Ok(ReadPart::Payload(_)) => self.next_message(),
            Err(_) => self.poisoned = true,
        }
        result
    }

    /// Turns a finished handshake into its transport ciphers and the handshake hash.
    ///
    /// # Errors
    ///
    /// `NotFinished` if messages are missing, `Poisoned` after a failure. The handshake is lost either way;
    /// ask [`is_finished`](Self::is_finished) first.
    pub fn split(self) -> Result<Transport, HandshakeError> {
        if self.poisoned {
            return Err(HandshakeError::Poisoned);
        }
        if !self.is_finished() {
            return Err(HandshakeError::NotFinished);
        }
        let both_ways = !self.protocol.is_one_way();
        let mut ciphers = self.ciphers;
        let ([first_key, second_key], hash, exporter) = self.symmetric.split(&mut ciphers);
        let [first, second] = ciphers;
        let begins = self.role == self.protocol.writer(0);
        let (send, recv, recv_key) =
            if begins { (first, second, second_key) } else { (second, first, first_key) };
        let (sends, receives) = (both_ways || begins, both_ways || !begins);
        Ok(Transport {
            send: sends.then(|| SendCipher::new(send)),
            recv: receives.then(|| RecvCipher::new(recv)),
            recv_key: KeptKey(recv_key),
            hash,
            exporter,
        })
    }

    fn expect_turn(&self, writer: Role) -> Result<(), HandshakeError> {
        if self.poisoned {
            Err(HandshakeError::Poisoned)
        } else if self.is_finished() {
            Err(HandshakeError::Finished)
        } else if self.protocol.writer(self.message) != writer {
            Err(HandshakeError::NotMyTurn)
        } else {
            Ok(())
        }
    }

    fn next_message(&mut self) {
        self.message += 1;
        self.keyed = self.symmetric.has_key();
        self.progress = None;
    }
}

impl Handshake {
    /// How many DHs were done.
    pub(crate) const fn agreements(&self) -> u8 {
        self.agreements
    }

    /// The number of the next message.
    #[cfg(test)]
    pub(super) fn message_number(&self) -> usize {
        self.message
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("protocol", &self.protocol)
            .field("role", &self.role)
            .field("message", &self.message)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

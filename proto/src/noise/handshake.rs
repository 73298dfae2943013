//! The one interpreter of handshake patterns (Noise section 5.3, with pre-shared keys of section 9).

use super::crypto::{Aead, CipherFunction, Provider};
use super::error::{HandshakeError, SetupError};
use super::keys::{Psk, PublicKey, SecretKey};
use super::name::Protocol;
use super::pattern::{MAX_PSKS, Token};
use super::security::PayloadSecurity;
use super::setup::HandshakeParams;
use super::symmetric::SymmetricState;
use super::transport::{RecvCipher, SendCipher, Transport};
use super::{DH_LEN, MAX_MESSAGE, Role, TAG_LEN};
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
    /// The keys that psk tokens have not used yet, the next one last.
    psks: ArrayVec<Psk, MAX_PSKS>,
    /// Waiting for the keys of the split, the initiator's sending cipher first.
    ciphers: [Aead; 2],
    /// The number of the next message.
    message: usize,
    /// Whether that message begins with a key.
    keyed: bool,
    /// How far into that message [`Handshake::read_part`] has come.
    progress: Option<Progress>,
    poisoned: bool,
    #[cfg(test)]
    agreements: usize,
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
    /// `params`.
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
            psks,
            ephemeral,
            provider,
        } = params;
        let mut symmetric = SymmetricState::new(protocol, provider);
        symmetric.mix_hash(prologue);
        for side in [Role::Initiator, Role::Responder] {
            if protocol.needs_remote_static(side.peer()) {
                let local = local_static.map(|key| key.public_by(provider));
                let key = if side == role { local } else { remote_static };
                // Present, as check found; a pre-message holds nothing but this one key.
                symmetric.mix_hash(&[key.as_ref().map_or(&[], |key| key.as_bytes().as_slice())]);
            }
        }
        Ok(Self {
            protocol,
            role,
            provider,
            symmetric,
            local_static: local_static.map(SecretKey::duplicate),
            ephemeral,
            remote_static,
            remote_ephemeral: None,
            psks: psks.iter().rev().take(MAX_PSKS).cloned().collect(),
            ciphers: room.fitted(provider, protocol.cipher()),
            message: 0,
            keyed: false,
            progress: None,
            poisoned: false,
            #[cfg(test)]
            agreements: 0,
        })
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
        !self.poisoned && !self.is_finished() && Role::writer(self.message) == self.role
    }

    /// Whether all messages are through, so that [`split`](Self::split) succeeds.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.poisoned && self.message >= self.protocol.message_count()
    }

    /// The peer's static key, once known. `None` after a failure.
    ///
    /// A key received is only a claim until a payload of [`PayloadSecurity::source`] 1 or 2 was read.
    #[must_use]
    pub fn remote_static(&self) -> Option<PublicKey> {
        if self.poisoned { None } else { self.remote_static }
    }

    /// Bytes the next handshake message has beyond its payload, at most 96; 0 once finished.
    #[must_use]
    pub fn next_overhead(&self) -> usize {
        if self.is_finished() {
            return 0;
        }
        let mut keyed = self.keyed;
        let mut len = 0;
        for token in self.protocol.tokens(self.message) {
            match token {
                Token::E => {
                    len += DH_LEN;
                    keyed |= self.protocol.is_psk_mode();
                }
                Token::S => len += DH_LEN + tag_len(keyed),
                Token::Ee | Token::Es | Token::Se | Token::Ss | Token::Psk => keyed = true,
            }
        }
        len + tag_len(keyed)
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
        let (hash, exporter) = self.symmetric.split(&mut ciphers);
        let [initiator, responder] = ciphers;
        let (send, recv, sends) = match self.role {
            Role::Initiator => (initiator, responder, true),
            Role::Responder => (responder, initiator, both_ways),
        };
        let receives = both_ways || self.role == Role::Responder;
        Ok(Transport {
            send: sends.then(|| SendCipher::new(send)),
            recv: receives.then(|| RecvCipher::new(recv)),
            hash,
            exporter,
        })
    }

    fn expect_turn(&self, writer: Role) -> Result<(), HandshakeError> {
        if self.poisoned {
            Err(HandshakeError::Poisoned)
        } else if self.is_finished() {
            Err(HandshakeError::Finished)
        } else if Role::writer(self.message) != writer {
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

    fn write_message(&mut self, payload: &[u8], message: &mut [u8]) -> Result<(), HandshakeError> {
        let mut rest = message;
        for token in self.protocol.tokens(self.message) {
            match token {
                Token::E => {
                    let key = self.ephemeral.public_by(self.provider);
                    take(&mut rest, DH_LEN)?.copy_from_slice(key.as_bytes());
                    self.mix_ephemeral(key);
                }
                Token::S => {
                    let key = self.local_static.as_ref().ok_or(HandshakeError::WeakKey)?;
                    let key = key.public_by(self.provider);
                    let field = take(&mut rest, DH_LEN + tag_len(self.symmetric.has_key()))?;
                    fill_front(field, key.as_bytes());
                    self.symmetric.encrypt_and_hash(field)?;
                }
                _ => self.mix(token)?,
            }
        }
        fill_front(rest, payload);
        self.symmetric.encrypt_and_hash(rest)
    }

    /// Reads from where [`Self::progress`] says.
    fn read_on(&mut self, message: &mut [u8]) -> Result<ReadPart, HandshakeError> {
        let message_len = message.len();
        let start = match self.progress {
            Some(progress) => progress,
            None if message_len > MAX_MESSAGE => return Err(HandshakeError::TooLong),
            // Before any costly DH is done for a message that cannot be right.
            None if message_len < self.next_overhead() => return Err(HandshakeError::TooShort),
            None => Progress { message_len, read: 0, tokens: 0 },
        };
        let mut rest = message.get_mut(start.read..).ok_or(HandshakeError::TooShort)?;
        for (index, token) in self.protocol.tokens(self.message).enumerate().skip(start.tokens) {
            match token {
                Token::E => {
                    let key = public_key(take(&mut rest, DH_LEN)?)?;
                    self.remote_ephemeral = Some(key);
                    self.mix_ephemeral(key);
                }
                Token::S => {
                    let field = take(&mut rest, DH_LEN + tag_len(self.symmetric.has_key()))?;
                    let key = public_key(self.symmetric.decrypt_and_hash(field)?)?;
                    self.remote_static = Some(key);
                    let read = message_len.saturating_sub(rest.len());
                    self.progress = Some(Progress { message_len, read, tokens: index + 1 });
                    return Ok(ReadPart::Static(key));
                }
                _ => self.mix(token)?,
            }
        }
        // The payload is the last field.
        let start = message_len.saturating_sub(rest.len());
        let payload_len = self.symmetric.decrypt_and_hash(rest)?.len();
        Ok(ReadPart::Payload(start..start.saturating_add(payload_len)))
    }

    /// With pre-shared keys in play an ephemeral key also randomizes the encryption key (section 9.2).
    fn mix_ephemeral(&mut self, key: PublicKey) {
        self.symmetric.mix_hash(&[key.as_bytes()]);
        if self.protocol.is_psk_mode() {
            self.symmetric.mix_key(key.as_bytes());
        }
    }

    /// The tokens that put nothing on the wire: a DH or a pre-shared key.
    fn mix(&mut self, token: Token) -> Result<(), HandshakeError> {
        let initiator = self.role == Role::Initiator;
        let (local, remote) = match token {
            Token::Psk => {
                // There is one for every token: new counted them.
                let psk = self.psks.pop().ok_or(HandshakeError::WeakKey)?;
                self.symmetric.mix_key_and_hash(psk.as_bytes());
                return Ok(());
            }
            Token::Ss => (self.local_static.as_ref(), self.remote_static),
            Token::Es if initiator => (Some(&self.ephemeral), self.remote_static),
            Token::Se if !initiator => (Some(&self.ephemeral), self.remote_static),
            Token::Es | Token::Se => (self.local_static.as_ref(), self.remote_ephemeral),
            Token::Ee => (Some(&self.ephemeral), self.remote_ephemeral),
            Token::E | Token::S => return Ok(()),
        };
        // Both keys are there: patterns keep rule 1 of section 7.3, and new asked for the given ones.
        let (Some(local), Some(remote)) = (local, remote) else { return Err(HandshakeError::WeakKey) };
        let shared = self.provider.agree(local.as_bytes(), remote.as_bytes());
        let shared = shared.ok_or(HandshakeError::WeakKey)?;
        self.symmetric.mix_key(&shared);
        #[cfg(test)]
        {
            self.agreements += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Handshake {
    /// How many DHs were done.
    pub(super) fn agreements(&self) -> usize {
        self.agreements
    }

    /// The number of the next message.
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

const fn tag_len(keyed: bool) -> usize {
    if keyed { TAG_LEN } else { 0 }
}

/// Cuts the next `len` bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a mut [u8], len: usize) -> Result<&'a mut [u8], HandshakeError> {
    let (field, tail) = core::mem::take(rest).split_at_mut_checked(len).ok_or(HandshakeError::TooShort)?;
    *rest = tail;
    Ok(field)
}

/// Copies `bytes` to the front of `field`, which has room for them and perhaps a tag.
fn fill_front(field: &mut [u8], bytes: &[u8]) {
    field.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
}

fn public_key(field: &[u8]) -> Result<PublicKey, HandshakeError> {
    field.try_into().map(PublicKey).map_err(|_| HandshakeError::TooShort)
}

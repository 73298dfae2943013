//! Whether a configuration can be kept, and what follows from one that can.

use super::{Config, MAX_MAX_MESSAGE, MAX_PREVIOUS_KEYS};
use crate::noise::{Protocol, PublicKey, Role, SecretKey};
use crate::session::config_error::ConfigError;
use crate::session::gate::Gates;
use crate::session::packet::MAX_PAYLOAD;
use crate::session::policy::{MAX_RECORDS_PER_KEY, Peers};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

impl Config {
    /// Checks everything and makes the configuration shareable.
    ///
    /// # Errors
    /// Names the field and what is wrong with it.
    pub fn build(mut self) -> Result<Arc<Self>, ConfigError> {
        use ConfigError as E;
        if self.protocols.is_empty() {
            return Err(E::NoProtocol);
        }
        for protocol in &self.protocols {
            self.check_protocol(*protocol)?;
        }
        if self.role == Role::Initiator {
            self.check_offer()?;
        }
        if self.falls_back {
            let fallback = self.find_fallback().ok_or(E::NoFallback)?;
            if !self.carries_payload(fallback) {
                return Err(E::PayloadSecurity(fallback));
            }
            self.fallback = Some(fallback);
        }
        if self.tickets.is_some() && self.role == Role::Initiator {
            return Err(E::TicketsAtInitiator);
        }
        if self.require_identity && self.verifier.is_none() {
            return Err(E::VerifierMissing);
        }
        if !(1..=MAX_MAX_MESSAGE).contains(&self.max_message) {
            return Err(E::MaxMessage);
        }
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.validate().map_err(E::Heartbeat)?;
        }
        let rekey = &self.rekey;
        if rekey.records == 0 || rekey.records >= MAX_RECORDS_PER_KEY {
            return Err(E::RekeyRecords);
        }
        if rekey.bytes == 0 || rekey.age.is_zero() {
            return Err(E::RekeyZero);
        }
        if rekey.peer_records == 0 || rekey.peer_records > MAX_RECORDS_PER_KEY {
            return Err(E::PeerRecords);
        }
        if !self.padding.is_valid() {
            return Err(E::Padding);
        }
        if [self.handshake_timeout, self.close_timeout, self.lifetime].iter().any(Duration::is_zero) {
            return Err(E::ZeroTimeout);
        }
        if self.previous_statics.len() > MAX_PREVIOUS_KEYS {
            return Err(E::TooManyKeys);
        }
        let of_use = self.role == Role::Responder && self.local_static.is_some() && self.gate_key.is_none();
        if !self.previous_statics.is_empty() && !of_use {
            return Err(E::PreviousKeys);
        }
        let keys: Vec<PublicKey> = match self.role {
            Role::Initiator => self.remote_static.into_iter().collect(),
            Role::Responder => self.static_keys().map(SecretKey::public).collect(),
        };
        self.gates = Gates::new(&keys, self.gate_key.as_ref(), &self.prologue);
        Ok(Arc::new(self))
    }

    /// What IK falls back to.
    fn find_fallback(&self) -> Option<Protocol> {
        let ik = self.protocols.iter().find(|protocol| protocol.pattern().name == "IK")?;
        let alone = self.role == Role::Responder || (self.protocols.len() == 1 && self.peers.is_some());
        ik.fallback_of_ik().filter(|_| alone)
    }

    /// Protocols offered together use the same keys, and a key is safe with one hash function only (Noise section 14).
    fn check_offer(&self) -> Result<(), ConfigError> {
        for (place, protocol) in self.protocols.iter().enumerate() {
            if !self.protocols.iter().take(place).all(|other| other.differs_only_in_cipher(protocol)) {
                return Err(ConfigError::MixedOffer(*protocol));
            }
        }
        Ok(())
    }

    fn check_protocol(&self, protocol: Protocol) -> Result<(), ConfigError> {
        use ConfigError as E;
        if protocol.is_one_way() {
            return Err(E::OneWay(protocol));
        }
        if protocol.is_fallback() {
            return Err(E::Fallback(protocol));
        }
        let peer = self.role.peer();
        if protocol.needs_local_static(self.role) && self.local_static.is_none() {
            return Err(E::StaticKeyMissing(protocol));
        }
        if protocol.needs_remote_static(self.role) && self.remote_static.is_none() {
            return Err(E::RemoteStaticMissing(protocol));
        }
        if protocol.psk_count() != self.psks.len() {
            return Err(E::PskCount { protocol, configured: self.psks.len() });
        }
        match &self.peers {
            Some(Peers::Only(_)) if !protocol.needs_local_static(peer) => {
                return Err(E::PeersUnknowable(protocol));
            }
            Some(Peers::Only(keys))
                if protocol.needs_remote_static(self.role)
                    && !self.remote_static.is_some_and(|key| keys.contains(&key)) =>
            {
                return Err(E::PeerNotListed(protocol));
            }
            None if self.role == Role::Initiator && protocol.sends_static(peer) => {
                return Err(E::PeersUnset(protocol));
            }
            _ => {}
        }
        if self.payload.as_ref().is_some_and(|(payload, _)| payload.len() > MAX_PAYLOAD) {
            return Err(E::PayloadTooLong);
        }
        if self.carries_payload(protocol) { Ok(()) } else { Err(E::PayloadSecurity(protocol)) }
    }
}

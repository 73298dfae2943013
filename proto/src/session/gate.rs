//! The keys of a responder's gate, as both ends compute them from their configuration (docs/wire.md, section 1.2).

use crate::guard::GateKey;
use crate::noise::{Protocol, PublicKey, Role};
use alloc::vec::Vec;
use core::slice;

/// The gate keys of one end.
pub(super) struct Gates {
    /// Of the responder's static keys that an initiator may know, the one in use first.
    keys: Vec<GateKey>,
    /// For patterns in which an initiator knows none.
    open: GateKey,
    /// Of the key that was configured for the gate, whatever the pattern.
    named: Option<GateKey>,
}

impl Gates {
    pub(super) fn new(keys: &[PublicKey], named: Option<&PublicKey>, prologue: &[u8]) -> Self {
        Self {
            keys: keys.iter().map(|key| GateKey::new(Some(key), prologue)).collect(),
            open: GateKey::new(None, prologue),
            named: named.map(|key| GateKey::new(Some(key), prologue)),
        }
    }

    /// Those that serve an initiator which offers `protocol` last.
    pub(super) fn of(&self, protocol: Protocol) -> &[GateKey] {
        match &self.named {
            Some(named) => slice::from_ref(named),
            None if protocol.needs_remote_static(Role::Initiator) => &self.keys,
            None => slice::from_ref(&self.open),
        }
    }
}

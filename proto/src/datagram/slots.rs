//! The places of peers, and what is to be told of each. Knows nothing of packets.

use super::peer::Peer;
use super::{EndReason, Established, Event, PeerId};
use crate::limit::Source;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// How a peer counts in the admission of those that connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Not at all: this end connected.
    Outgoing,
    /// As a handshake, from a source that has proven itself or not.
    Handshake(Option<Source>),
    /// As a session.
    Session,
}

/// A first message: its digest and where it came from. So a copy from another address, whoever sent it, is a handshake of
/// its own and keeps nobody from his.
pub(super) type First = ([u8; 32], SocketAddr);

pub(super) struct Slot {
    generation: u32,
    pub(super) peer: Option<Peer>,
    pub(super) admitted: Admitted,
    /// Its first message, to know it again.
    pub(super) first: Option<First>,
    established: Option<Established>,
    ended: Option<EndReason>,
    in_sending: bool,
    in_events: bool,
}

/// All places, those with something to send and those with something to tell.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    sending: VecDeque<u32>,
    events: VecDeque<u32>,
}

impl Slots {
    /// Places in use: by peers, and by what was not told yet of peers that are gone.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn peers(&self) -> usize {
        self.slots.iter().filter(|slot| slot.peer.is_some()).count()
    }

    /// The number of a free place. Take it by [`fill`](Self::fill).
    pub(super) fn vacant(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.slots.len() as u32)
    }

    /// Puts a peer in the [`vacant`](Self::vacant) place.
    pub(super) fn fill(&mut self, peer: Peer, admitted: Admitted, first: Option<First>) -> PeerId {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                peer: None,
                admitted,
                first: None,
                established: None,
                ended: None,
                in_sending: false,
                in_events: false,
            });
            (self.slots.len() - 1) as u32
        });
        let mut generation = 0;
        if let Some(slot) = self.get_mut(number) {
            (slot.peer, slot.admitted, slot.first) = (Some(peer), admitted, first);
            generation = slot.generation;
        }
        PeerId { number, generation }
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(number as usize)
    }

    pub(super) fn peer_mut(&mut self, number: u32) -> Option<&mut Peer> {
        self.get_mut(number)?.peer.as_mut()
    }

    pub(super) fn peer(&self, id: PeerId) -> Option<&Peer> {
        let slot = self.slots.get(id.number as usize)?;
        slot.peer.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// The id of who is, or was last, at a place.
    pub(super) fn id(&self, number: u32) -> Option<PeerId> {
        let slot = self.slots.get(number as usize)?;
        Some(PeerId { number, generation: slot.generation })
    }

    /// Something is to be sent to the peer at a place.
    pub(super) fn queue_sending(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        if !core::mem::replace(&mut slot.in_sending, true) {
            self.sending.push_back(number);
        }
    }

    pub(super) fn next_sending(&mut self) -> Option<u32> {
        let number = self.sending.pop_front()?;
        if let Some(slot) = self.get_mut(number) {
            slot.in_sending = false;
        }
        Some(number)
    }

    pub(super) fn tell_established(&mut self, number: u32, established: Established) {
        if let Some(slot) = self.get_mut(number) {
            slot.established = Some(established);
            self.queue_event(number);
        }
    }

    /// Tells that the peer at a place is gone; the place becomes free once it was told.
    pub(super) fn tell_ended(&mut self, number: u32, reason: EndReason) {
        if let Some(slot) = self.get_mut(number) {
            slot.ended = Some(reason);
            self.queue_event(number);
        }
    }

    fn queue_event(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        if !core::mem::replace(&mut slot.in_events, true) {
            self.events.push_back(number);
        }
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        loop {
            let number = self.events.pop_front()?;
            let Some(slot) = self.slots.get_mut(number as usize) else { continue };
            slot.in_events = false;
            let peer = PeerId { number, generation: slot.generation };
            if let Some(established) = slot.established.take() {
                if slot.ended.is_some() {
                    slot.in_events = true;
                    self.events.push_front(number);
                }
                return Some(Event::Established { peer, established });
            }
            if let Some(reason) = slot.ended.take() {
                self.vacate(number);
                return Some(Event::Ended { peer, reason });
            }
        }
    }

    /// Frees a place whose peer is gone and of whom nothing is to be told.
    pub(super) fn vacate(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        slot.generation = slot.generation.wrapping_add(1);
        (slot.peer, slot.established, slot.ended) = (None, None, None);
        self.free.push(number);
    }
}

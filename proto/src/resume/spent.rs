//! Which tickets were used: each may be used once, and where that is not sure it may not be used.

use super::ids::Ids;
use super::keys::Opened;
use crate::time::nanos;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;
use core::time::Duration;

/// The first byte of what [`SpentTickets::save`] gives.
const VERSION: u8 = 1;
/// Version, whether there is a floor, the floor.
const HEAD_LEN: usize = 1 + 1 + 8;
/// Time of issue and id.
const ENTRY_LEN: usize = 8 + 16;

/// Remembers tickets that were used, in memory that is fixed at construction.
///
/// When it is full, the ticket that was issued first is forgotten, and with it a *floor* rises to its time of issue:
/// what was issued at or before the floor is refused from then on. So no ticket is ever accepted twice, and a ticket
/// that was not used is refused only if `capacity` tickets that were issued after it have been used before it. Have
/// room for as many as are used within a lifetime.
///
/// Each ticket costs its server a handshake, but clients that may have as many as they like can fill the filter and so
/// make others do without resumption. That is all they can do.
pub struct SpentTickets {
    ids: Ids,
    /// The one issued first on top.
    by_issue: BinaryHeap<Reverse<(u64, [u8; 16])>>,
    capacity: usize,
    floor: Option<u64>,
}

impl SpentTickets {
    /// The largest capacity.
    pub const MAX_CAPACITY: usize = 1 << 24;

    /// A filter that knows nothing of what was used before `start`, as Unix time: what was issued until then is refused.
    /// Give the time of the start, plus what the clock may be set back by.
    ///
    /// Allocates all it will ever need.
    ///
    /// # Errors
    /// If `capacity` is zero or above [`SpentTickets::MAX_CAPACITY`].
    pub fn new(capacity: usize, start: Duration) -> Result<Self, CapacityError> {
        Self::with_floor(capacity, Some(nanos(start)))
    }

    /// Goes on from what [`SpentTickets::save`] gave. Only right if no ticket was spent after that; otherwise use
    /// [`SpentTickets::new`]. With a smaller capacity than before the oldest are forgotten, as ever.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(capacity: usize, saved: &[u8]) -> Result<Self, RestoreError> {
        let (head, mut entries) = saved.split_first_chunk::<HEAD_LEN>().ok_or(RestoreError::Damaged)?;
        let [version, has_floor, floor @ ..] = *head;
        if version != VERSION {
            return Err(RestoreError::Version);
        }
        let floor = match has_floor {
            0 => None,
            1 => Some(u64::from_be_bytes(floor)),
            _ => return Err(RestoreError::Damaged),
        };
        let mut spent = Self::with_floor(capacity, floor).map_err(RestoreError::Capacity)?;
        while let Some((issued, rest)) = entries.split_first_chunk() {
            let (id, rest) = rest.split_first_chunk().ok_or(RestoreError::Damaged)?;
            spent.remember(u64::from_be_bytes(*issued), *id);
            entries = rest;
        }
        if entries.is_empty() { Ok(spent) } else { Err(RestoreError::Damaged) }
    }

    /// Everything the filter knows, 24 bytes for each ticket and 10 more: not secret, but whoever can change it can make
    /// tickets good again.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LEN + self.len() * ENTRY_LEN);
        out.extend_from_slice(&[VERSION, u8::from(self.floor.is_some())]);
        out.extend_from_slice(&self.floor.unwrap_or(0).to_be_bytes());
        for Reverse((issued, id)) in &self.by_issue {
            out.extend_from_slice(&issued.to_be_bytes());
            out.extend_from_slice(id);
        }
        out
    }

    fn with_floor(capacity: usize, floor: Option<u64>) -> Result<Self, CapacityError> {
        if capacity == 0 || capacity > Self::MAX_CAPACITY {
            return Err(CapacityError);
        }
        let by_issue = BinaryHeap::with_capacity(capacity);
        Ok(Self { ids: Ids::new(capacity), by_issue, capacity, floor })
    }

    /// Uses up a ticket that was just opened.
    ///
    /// # Errors
    /// [`Spent`]: the ticket must not be used.
    pub fn spend(&mut self, ticket: &Opened) -> Result<(), Spent> {
        self.spend_id(ticket.id, ticket.issued)
    }

    /// [`SpentTickets::spend`] by what matters of the ticket: its id and its Unix time of issue.
    ///
    /// # Errors
    /// As there.
    pub fn spend_id(&mut self, id: [u8; 16], issued: Duration) -> Result<(), Spent> {
        let issued = nanos(issued);
        if self.ids.contains(&id) {
            return Err(Spent::Twice);
        }
        if self.floor.is_some_and(|floor| issued <= floor) {
            return Err(Spent::InDoubt);
        }
        self.remember(issued, id);
        Ok(())
    }

    /// Keeps a ticket, or another in its place and the floor above what falls out.
    fn remember(&mut self, issued: u64, id: [u8; 16]) {
        if self.ids.contains(&id) {
            return;
        }
        let mut entry = Some((issued, id));
        if self.by_issue.len() >= self.capacity {
            let fallen = match self.by_issue.peek() {
                Some(Reverse(first)) if *first < (issued, id) => {
                    self.by_issue.pop().map(|Reverse(first)| first)
                }
                _ => entry.take(),
            };
            if let Some((issued, id)) = fallen {
                self.floor = self.floor.max(Some(issued));
                self.ids.remove(&id);
            }
        }
        if let Some((issued, id)) = entry {
            self.by_issue.push(Reverse((issued, id)));
            self.ids.insert(id);
        }
    }

    /// Tickets that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_issue.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_issue.is_empty()
    }

    /// What was issued at or before this Unix time is refused.
    #[must_use]
    pub fn floor(&self) -> Option<Duration> {
        self.floor.map(Duration::from_nanos)
    }

    /// Bytes this filter uses. Never changes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.ids.memory()
            + self.by_issue.capacity() * size_of::<Reverse<(u64, [u8; 16])>>()
    }
}

impl fmt::Debug for SpentTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpentTickets")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .field("floor", &self.floor())
            .finish_non_exhaustive()
    }
}

/// Why a ticket must not be used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was used before.
    Twice,
    /// It may have been used before: it is older than what the filter knows everything of.
    InDoubt,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Twice => "the ticket was used before: do not resume",
            Self::InDoubt => {
                "the ticket may have been used before: do not resume; a larger filter, kept over restarts, knows more"
            }
        })
    }
}

impl core::error::Error for Spent {}

/// The capacity of a filter is zero or above [`SpentTickets::MAX_CAPACITY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError;

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spent tickets: the capacity is zero or above 2^24; give what is used within a lifetime")
    }
}

impl core::error::Error for CapacityError {}

/// Why a filter was not restored: begin a new one, which refuses what was issued before.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// Another version wrote it.
    Version,
    /// It is cut short or not what a filter writes.
    Damaged,
    /// See [`CapacityError`].
    Capacity(CapacityError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("spent tickets: written by another version; begin a new filter"),
            Self::Damaged => f.write_str("spent tickets: what was saved is damaged; begin a new filter"),
            Self::Capacity(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for RestoreError {}

//! What can be put into a pair: machines whose events can be kept.

use crate::buf::{Scratch, Span};
use crate::machine::Machine;
use crate::time::Instant;
use alloc::vec::Vec;
use core::fmt::Debug;

/// A machine whose events can be kept and printed: every [`Machine`] whose events and errors are `Clone` and `Debug`.
pub trait Subject: Machine<Error: Clone + Debug> {
    /// An event that owns its payload.
    type Owned: Clone + Debug;

    /// Copies the payload of `event` out of `buf` or `scratch`; `None` if it lies in neither.
    fn own(event: Self::Event<Span>, buf: &mut [u8], scratch: &mut Scratch) -> Option<Self::Owned>;
}

impl<M> Subject for M
where
    M: Machine<Error: Clone + Debug>,
    M::Event<Vec<u8>>: Clone + Debug,
{
    type Owned = M::Event<Vec<u8>>;

    fn own(event: Self::Event<Span>, buf: &mut [u8], scratch: &mut Scratch) -> Option<Self::Owned> {
        let mut inside = true;
        let owned = M::map_event(event, |span| {
            let payload = span.of_either(buf, scratch);
            inside = payload.len() == span.len();
            payload.to_vec()
        });
        inside.then_some(owned)
    }
}

/// An event and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<E> {
    /// The virtual time.
    pub at: Instant,
    /// The event, with its payload.
    pub event: E,
}

//! The small block of state that the two halves of a machine share: held directly by a whole machine, behind a lock
//! once it is split.
//!
//! Both halves are written once against [`Shared`] and do not know which it is.
// The session alone, without a lock, does not ask for calm.
#![cfg_attr(not(any(feature = "std", feature = "ws")), allow(dead_code))]

#[cfg(feature = "std")]
mod locked;

#[cfg(feature = "std")]
pub(crate) use locked::Locked;

/// What the halves share.
pub(crate) trait Block {
    /// Why nothing may be sent.
    type Refusal;

    /// Whether a message may be accepted now.
    fn may_send(&self) -> Result<(), Self::Refusal>;

    /// Whether something is owed that should stand before the next message.
    fn owes_first(&self) -> bool {
        false
    }

    /// Whether a message may be accepted now, and nothing stands before it.
    fn is_calm(&self) -> bool {
        self.may_send().is_ok() && !self.owes_first()
    }
}

/// How a half reaches the block.
pub(crate) trait Shared {
    type Block: Block;

    fn with<R>(&mut self, f: impl FnOnce(&mut Self::Block) -> R) -> R;

    /// [`Block::is_calm`], without a visit.
    fn is_calm(&mut self) -> bool;

    /// [`Block::may_send`], without a visit where the answer is at hand.
    fn may_send(&mut self) -> Result<(), <Self::Block as Block>::Refusal>;
}

impl<B: Block> Shared for B {
    type Block = B;

    fn with<R>(&mut self, f: impl FnOnce(&mut B) -> R) -> R {
        f(self)
    }

    #[inline]
    fn is_calm(&mut self) -> bool {
        Block::is_calm(self)
    }

    #[inline]
    fn may_send(&mut self) -> Result<(), B::Refusal> {
        Block::may_send(self)
    }
}

//! The engine's clock value. Nothing here reads a clock: a driver does, and passes the result down.

use core::ops::{Add, AddAssign};
use core::time::Duration;

/// A point in time: nanoseconds since an epoch the driver chooses (usually its own start).
///
/// Covers 584 years. Arithmetic saturates, so no sum of a peer-controlled or configured duration can
/// wrap or panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's epoch.
    pub const ZERO: Self = Self(0);
    /// The last representable instant: a deadline that never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// An instant or none in the size of an instant: [`Instant::MAX`], which never comes, is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalInstant(Instant);

impl OptionalInstant {
    pub(crate) const NONE: Self = Self(Instant::MAX);

    pub(crate) const fn some(at: Instant) -> Self {
        Self(at)
    }

    pub(crate) const fn get(self) -> Option<Instant> {
        if self.0.0 == Instant::MAX.0 { None } else { Some(self.0) }
    }
}

/// `duration` in whole nanoseconds, saturating at [`u64::MAX`] (584 years).
#[must_use]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::MAX`].
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        assert_eq!(Instant::from_nanos(5) + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::MAX + Duration::from_nanos(1), Instant::MAX);
        let mut t = Instant::ZERO;
        t += Duration::from_micros(3);
        assert_eq!(t.as_nanos(), 3_000);
    }

    #[test]
    fn a_difference_is_never_negative() {
        let (a, b) = (Instant::from_nanos(10), Instant::from_nanos(25));
        assert_eq!(b.saturating_since(a), Duration::from_nanos(15));
        assert_eq!(a.saturating_since(b), Duration::ZERO);
    }
}

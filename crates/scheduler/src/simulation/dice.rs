//! The randomness of a history: everything is decided by one seed.

use oneoff_domain::Random;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of random numbers.
#[derive(Debug)]
pub(super) struct Dice(AtomicU64);

impl Dice {
    /// The sequence of a seed for one purpose: what one part of a history draws does not shift the others.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(AtomicU64::new(mix(seed.wrapping_add(STEP)) ^ mix(purpose.wrapping_mul(STEP).wrapping_add(1))))
    }

    pub(super) fn number(&self) -> u64 {
        mix(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }

    /// A number of a range that is not empty.
    pub(super) fn within(&self, range: Range<u64>) -> u64 {
        let width = range.end.saturating_sub(range.start).max(1);
        range.start + self.number() % width
    }

    /// As [`Self::within`], with small numbers as likely as large ones: each doubling has the same weight.
    pub(super) fn spread(&self, range: Range<u64>) -> u64 {
        let low = u64::from(range.start.max(1).ilog2());
        let high = u64::from(range.end.max(2).ilog2());
        let floor = 1_u64 << self.within(low..high + 1);
        self.within(floor..floor.saturating_mul(2)).clamp(range.start, range.end.saturating_sub(1))
    }

    /// True so many times in a thousand.
    pub(super) fn chance(&self, per_mille: u32) -> bool {
        self.number() % 1000 < u64::from(per_mille)
    }

    /// One of them; `None` if there are none.
    pub(super) fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        let index = self.number() % u64::try_from(from.len().max(1)).unwrap_or(1);
        from.get(usize::try_from(index).unwrap_or(0))
    }
}

impl Random for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            for (target, byte) in part.iter_mut().zip(self.number().to_le_bytes()) {
                *target = byte;
            }
        }
    }
}

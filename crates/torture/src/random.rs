//! Choices that repeat for the same seed.

use oneoff_domain::Random as _;
use oneoff_fakes::SeededRandom;

/// A sequence of choices.
#[derive(Debug)]
pub struct Choices(SeededRandom);

impl Choices {
    /// The sequence of a seed, and of a part of what it is for.
    #[must_use]
    pub fn new(seed: u64, part: u64) -> Self {
        let mixed = SeededRandom::new(seed).next_u64() ^ part.wrapping_mul(0xd134_2543_de82_ef95);
        Self(SeededRandom::new(mixed))
    }

    /// A number from 0 to below `end`, which is at least 1.
    pub fn below(&self, end: u64) -> u64 {
        self.0.next_u64() % end.max(1)
    }

    /// Whether something of this probability in percent is the case.
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn one_of<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).unwrap_or(0))
    }

    /// These in another order.
    pub fn shuffle<T>(&self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            of.swap(last, usize::try_from(self.below(last as u64 + 1)).unwrap_or(0));
        }
    }
}

//! Test-only: a fake executor, a clock that stands still, and randomness that repeats.
//!
//! Nothing here is linked into a product. Real parts are preferred wherever they can run in a test.

pub mod clock;
pub mod executor;
pub mod ran;
pub mod random;

pub use clock::ManualClock;
pub use executor::{FakeExecutor, Gate};
pub use ran::Ran;
pub use random::SeededRandom;

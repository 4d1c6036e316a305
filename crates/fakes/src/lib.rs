//! Test-only: a fake executor, a clock that stands still, randomness that repeats, and a receiver of requests.
//!
//! Nothing here is linked into a product. Real parts are preferred wherever they can run in a test.

pub mod clock;
pub mod executor;
pub mod ran;
pub mod random;
pub mod receiver;

pub use clock::ManualClock;
pub use executor::{FakeExecutor, Gate};
pub use ran::Ran;
pub use random::SeededRandom;
pub use receiver::{FakeReceiver, Received, Reply};

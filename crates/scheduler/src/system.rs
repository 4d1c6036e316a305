//! The machine's own clock and randomness. Everything else gets them injected.

use oneoff_domain::{BootTime, Clock, Random, Timestamp};
use std::cell::RefCell;

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
        Timestamp::from_micros_clamped(micros)
    }

    fn boot_time(&self) -> BootTime {
        // That of the guardian, which judges leases by it.
        oneoff_executors::process::boot_time()
    }
}

/// Bytes that a thread asks the system for at a time. An id takes 10 of them, and asking costs more than all the
/// rest of making it.
const POOL_BYTES: usize = 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], given: POOL_BYTES }) };
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let filled = POOL.with_borrow_mut(|pool| pool.fill(buffer));
        if let Err(error) = filled {
            // Keys and ids that can be guessed are worse than a server that does not run.
            tracing::error!(%error, "the operating system gives no random numbers: the server ends");
            std::process::abort();
        }
    }
}

/// Random bytes of which none is given out twice.
struct Pool {
    bytes: [u8; POOL_BYTES],
    given: usize,
}

impl Pool {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), getrandom::Error> {
        if POOL_BYTES - self.given < buffer.len() {
            // What is left of the pool stays unused where the rest would be too short, or the buffer too long.
            if buffer.len() > POOL_BYTES {
                return getrandom::fill(buffer);
            }
            getrandom::fill(&mut self.bytes)?;
            self.given = 0;
        }
        let fresh = self.bytes.iter_mut().skip(self.given);
        for (target, source) in buffer.iter_mut().zip(fresh) {
            *target = std::mem::take(source);
        }
        self.given += buffer.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_bytes_are_given_out_twice_whatever_is_asked_for() {
        let mut seen = HashSet::new();
        for length in [16, 10, 1000, POOL_BYTES, POOL_BYTES + 1, 16, 5000].repeat(20) {
            let mut buffer = vec![0; length];
            SystemRandom.fill(&mut buffer);
            let pieces = buffer.chunks_exact(8).map(<[u8]>::to_vec);
            for piece in pieces {
                assert!(seen.insert(piece), "the same eight bytes again");
            }
            assert!(!buffer.ends_with(&[0; 8]), "the end was left out");
        }
    }

    #[test]
    fn what_was_given_out_is_not_kept() {
        let mut pool = Pool { bytes: [0; POOL_BYTES], given: POOL_BYTES };
        let mut buffer = [0; 100];
        pool.fill(&mut buffer).unwrap();
        assert_eq!((pool.given, &pool.bytes[..100]), (100, &[0; 100][..]));
        assert_ne!(pool.bytes[100..200], [0; 100]);
    }
}

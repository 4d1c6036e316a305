//! The keys of jobs: the hour in which a job was first due, and a number that rises with every job.
//!
//! Rows lie in the order of their keys. Jobs are claimed in the order of their due times, so the rows that one
//! commit changes lie side by side although the jobs were made in any order.

use super::pending::due_hour;
use oneoff_domain::{JobKey, Timestamp};

const SEQUENCE_BITS: u32 = 36;
const SEQUENCE_MASK: i64 = (1 << SEQUENCE_BITS) - 1;
/// The hours that a key has room for: from 1970 to long after the year 9999.
const LAST_HOUR: i64 = (1 << (63 - SEQUENCE_BITS)) - 1;

/// The key of a new job whose home is the hour of `home`.
pub(crate) fn new(home: Timestamp, sequence: i64) -> JobKey {
    JobKey(first_of_hour(due_hour(home)) | (sequence & SEQUENCE_MASK))
}

/// The number of the job, which rises with every job that is made.
pub(crate) fn sequence(key: JobKey) -> i64 {
    key.0 & SEQUENCE_MASK
}

/// The hour that is the job's home.
pub(crate) fn hour(key: i64) -> i64 {
    key >> SEQUENCE_BITS
}

/// Not above the key of any job whose home this hour is, and above those of earlier hours.
pub(crate) fn first_of_hour(hour: i64) -> i64 {
    hour.clamp(0, LAST_HOUR) << SEQUENCE_BITS
}

/// Not below the key of any job whose home this hour is, and below those of later hours.
pub(crate) fn last_of_hour(hour: i64) -> i64 {
    first_of_hour(hour) | SEQUENCE_MASK
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_keeps_its_parts(home_us in 0..253_402_300_799_000_000_i64, number in 1..SEQUENCE_MASK) {
            let home = Timestamp::from_micros(home_us).unwrap();
            let key = new(home, number);
            prop_assert_eq!(sequence(key), number);
            prop_assert_eq!(hour(key.0), due_hour(home));
            prop_assert!((first_of_hour(due_hour(home))..=last_of_hour(due_hour(home))).contains(&key.0));
        }
    }

    #[test]
    fn what_is_due_before_1970_is_at_home_in_the_first_hour() {
        let key = new(Timestamp::from_micros(-5_000_000_000_000).unwrap(), 7);
        assert_eq!((hour(key.0), sequence(key)), (0, 7));
    }
}

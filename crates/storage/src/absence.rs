//! For how long nobody lived who could have taken over what a node left behind.

use crate::connection::AnyConnection;
use crate::schema::epochs;
use crate::{Store, StoreError};
use diesel::prelude::*;
use std::time::Duration;

impl Store {
    /// The longest time, from when this epoch was last seen until now, in which no node lived, by what nodes noted of
    /// themselves. Zero of an epoch that is not known.
    ///
    /// # Errors
    /// The database's.
    pub async fn absence_after(&self, epoch: i64) -> Result<Duration, StoreError> {
        let query = move |conn: &mut AnyConnection| {
            let seen: Option<(i64, Option<i64>)> = epochs::table
                .find(epoch)
                .select((epochs::started_at, epochs::last_seen_at))
                .get_result(conn)
                .optional()?;
            let Some((started_at, last_seen_at)) = seen else { return Ok(Duration::ZERO) };
            let since = last_seen_at.unwrap_or(started_at);
            let lives: Vec<(i64, Option<i64>)> = epochs::table
                .filter(epochs::epoch.ne(epoch))
                .filter(epochs::started_at.ge(since).or(epochs::last_seen_at.ge(since)))
                .order(epochs::started_at)
                .select((epochs::started_at, epochs::last_seen_at))
                .load(conn)?;
            Ok(longest_gap(since, &lives))
        };
        self.inner.reader.read_first(query).await
    }
}

/// The longest time after `since` in none of these lives, which are in the order of their beginnings.
fn longest_gap(since: i64, lives: &[(i64, Option<i64>)]) -> Duration {
    let (mut until, mut longest) = (since, 0);
    for (started_at, last_seen_at) in lives {
        longest = longest.max(started_at.saturating_sub(until));
        until = until.max(last_seen_at.unwrap_or(*started_at));
    }
    Duration::from_micros(u64::try_from(longest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::longest_gap;
    use std::time::Duration;

    #[test]
    fn only_a_time_in_which_nobody_lived_counts() {
        let gap = |lives: &[(i64, Option<i64>)]| longest_gap(100, lives);
        assert_eq!(gap(&[]), Duration::ZERO);
        assert_eq!(gap(&[(50, Some(900))]), Duration::ZERO, "another one lived on");
        assert_eq!(gap(&[(400, None)]), Duration::from_micros(300));
        assert_eq!(gap(&[(90, Some(150)), (450, Some(500)), (460, Some(900))]), Duration::from_micros(300));
        assert_eq!(
            gap(&[(400, Some(500)), (401, Some(402))]),
            Duration::from_micros(300),
            "both start at once"
        );
    }
}

//! Every change of the clocks in every zone: each wall time around it means the instants at which the zone shows it.

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp as Instant};
use oneoff_domain::Timestamp;
use oneoff_domain::time::{Disambiguation, ParseOptions, ResolvedTime, TimeError, parse};
use std::collections::HashSet;

const FIRST: Instant = Instant::UNIX_EPOCH;
/// After this, the rules of all zones only repeat themselves.
const LAST: &str = "2040-01-01T00:00:00Z";

fn read(wall: DateTime, timezone: &str, disambiguation: Disambiguation) -> Result<ResolvedTime, TimeError> {
    let options = ParseOptions { now: Timestamp::MIN, timezone, disambiguation, allow_past: true };
    parse(&wall.to_string(), &options)
}

/// The instants at which the zone shows the wall time, found by trying all offsets that it has around then.
fn shown_at(wall: DateTime, zone: &TimeZone, change: Instant) -> Vec<Timestamp> {
    let around = [-48, -1, 0, 1, 48].map(|hours| change + SignedDuration::from_hours(hours));
    let mut instants: Vec<Timestamp> = around
        .iter()
        .chain([&(change - SignedDuration::from_nanos(1))])
        .filter_map(|near| zone.to_offset(*near).to_timestamp(wall).ok())
        .filter(|instant| zone.to_datetime(*instant) == wall)
        .map(Timestamp::from_jiff)
        .collect();
    instants.sort();
    instants.dedup();
    instants
}

/// Wall times at and around a change, before and behind its gap or overlap.
fn walls(zone: &TimeZone, change: Instant) -> Vec<DateTime> {
    let before = zone.to_offset(change - SignedDuration::from_nanos(1)).to_datetime(change);
    let after = zone.to_offset(change).to_datetime(change);
    let middle = before + before.duration_until(after) / 2;
    let mut walls = vec![before, after, middle];
    // What is written has no more than microseconds.
    walls.iter_mut().for_each(|wall| *wall = wall.with().subsec_nanosecond(0).build().unwrap());
    walls
}

fn check(wall: DateTime, name: &str, zone: &TimeZone, change: Instant) {
    let shown = shown_at(wall, zone, change);
    let [reject, earlier, later] = [Disambiguation::Reject, Disambiguation::Earlier, Disambiguation::Later]
        .map(|disambiguation| read(wall, name, disambiguation));
    if shown.iter().any(|instant| *instant < Timestamp::EPOCH)
        || wall < DateTime::constant(1970, 1, 3, 0, 0, 0, 0)
    {
        return;
    }
    let (earlier, later) = match (earlier, later) {
        (Ok(earlier), Ok(later)) => (earlier.instant, later.instant),
        other => panic!("{wall} in {name}: {other:?}"),
    };
    match shown.as_slice() {
        [] => {
            assert!(reject.unwrap_err().message.contains("does not exist in"), "{wall} in {name}");
            let (before, after) = (zone.to_datetime(earlier.to_jiff()), zone.to_datetime(later.to_jiff()));
            assert!(before < wall && wall < after, "{wall} in {name} lies between {before} and {after}");
        }
        [only] => {
            assert_eq!((reject.unwrap().instant, earlier, later), (*only, *only, *only), "{wall} in {name}")
        }
        [first, .., last] => {
            assert!(reject.unwrap_err().message.contains("occurs twice in"), "{wall} in {name}");
            assert_eq!((earlier, later, shown.len()), (*first, *last, 2), "{wall} in {name}");
        }
    }
}

#[test]
fn around_every_change_of_the_clocks_a_wall_time_means_what_the_zone_shows() {
    let last: Instant = LAST.parse().unwrap();
    let (mut zones, mut changes) = (0, 0);
    let mut known = HashSet::new();
    for name in TimeZoneDatabase::bundled().available() {
        let Ok(zone) = jiff::tz::db().get(name.as_str()) else { continue };
        if !oneoff_domain::time::is_timezone(name.as_str()) {
            continue;
        }
        let following = zone.following(FIRST).take_while(|change| change.timestamp() < last);
        let clocks: Vec<_> = following.map(|change| (change.timestamp(), change.offset())).collect();
        // Many names mean the same zone.
        if !known.insert(clocks.clone()) {
            continue;
        }
        zones += 1;
        for (change, _) in clocks {
            changes += 1;
            for wall in walls(&zone, change) {
                check(wall, name.as_str(), &zone, change);
            }
        }
    }
    assert!(zones > 200 && changes > 10_000, "{zones} zones, {changes} changes");
}

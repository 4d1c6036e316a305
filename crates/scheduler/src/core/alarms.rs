//! When the core tells others to look at the store.

use super::{Alarm, Core, Effect, Now};
use oneoff_domain::Timestamp;

impl Core {
    pub(super) fn set_alarm(&mut self, alarm: Alarm, at: Timestamp) {
        let earlier = self.alarms.get(&alarm).map_or(at, |set| at.min(*set));
        self.alarms.insert(alarm, earlier);
    }

    pub(super) fn ring_alarms(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let due: Vec<Alarm> = self
            .alarms
            .iter()
            .filter(|(alarm, at)| self.rings_at(**alarm, **at, now) <= now.wall)
            .map(|(alarm, _)| *alarm)
            .collect();
        for alarm in due {
            self.alarms.remove(&alarm);
            effects.push(Effect::Ring(alarm));
        }
    }

    /// When an alarm that is set for `at` rings: not while the clock's word is not enough for what it leads to.
    pub(super) fn rings_at(&self, alarm: Alarm, at: Timestamp, now: Now) -> Timestamp {
        let rest = match alarm {
            Alarm::Retention => self.clock.doubt_ends(now),
            Alarm::Holds => self.clock.pause_ends(now),
        };
        rest.map_or(at, |rest| at.max(rest))
    }
}

//! Paused projects and stored settings, as the core obeys them.

use super::aside::Line;
use super::{Alarm, Core, Effect, SlotCounts};
use crate::settings::worker_slots;
use oneoff_domain::Timestamp;
use oneoff_storage::{Catalog, PendingJob};
use std::sync::Arc;

impl Core {
    /// Takes over projects and settings, unless newer ones are known.
    pub(super) fn learn(&mut self, catalog: Arc<Catalog>, effects: &mut Vec<Effect>) {
        if catalog.version <= self.catalog.version {
            return;
        }
        let live = &catalog.live;
        let counts = SlotCounts {
            total: live.workers_count.map_or(self.given.total, worker_slots),
            reserved: live.reserved_slots.unwrap_or(self.given.reserved),
            by_type: live.type_limits.clone().unwrap_or_else(|| self.given.by_type.clone()),
        };
        self.slots.set(counts.clone());
        effects.push(Effect::SlotsChanged(counts));
        // What is kept for how long may be another.
        self.set_alarm(Alarm::Retention, Timestamp::MIN);
        self.catalog = catalog;
        self.set_paused_aside();
    }

    /// Leaves out what is due of projects that are paused.
    fn set_paused_aside(&mut self) {
        let catalog = Arc::clone(&self.catalog);
        if catalog.paused.is_empty() {
            return;
        }
        for key in self.ready.keys_where(|job| catalog.is_paused(&job.project_id)) {
            if let Some(job) = self.ready.remove(key) {
                self.set_aside(job);
            }
        }
    }

    /// Leaves out a due job of a paused project. It is read again when that is resumed.
    pub(super) fn set_aside(&mut self, job: PendingJob) {
        self.ready.is_left_out(job.key);
        self.window.leave_out(Line::Project(job.project_id.clone()), &job);
        if let Some(next) = self.in_flight.passed_over(&job) {
            self.ready.insert(next);
        }
    }
}

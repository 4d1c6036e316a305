//! What goes wrong on a machine: crashes, steps of the clock, suspend, disks.

use super::history::{Happening, History};
use super::server::{Ground, Server};
use super::violation::{Violation, ensure};
use oneoff_domain::Clock;

const SECOND_US: u64 = 1_000_000;
const HOUR_US: i64 = 3_600_000_000;
const YEAR_US: i64 = 365 * 24 * HOUR_US;

impl History {
    /// Something bad happens.
    pub(super) fn disturb(&mut self) -> Result<(), Violation> {
        if self.disturbances_left == 0 {
            return Ok(());
        }
        let pause_us = self.dice.spread(1..self.plan.disturbance_pause_max_us);
        self.after(pause_us, Happening::Disturb);
        if self.clock.passed_us() == 0 {
            return Ok(());
        }
        self.disturbances_left -= 1;
        self.disturbed_at_us = self.clock.passed_us();
        match self.dice.within(0..12) {
            0..5 => self.crash(),
            5 => self.set_clock(-HOUR_US),
            6 => self.set_clock(10 * YEAR_US),
            7 => self.slew(),
            8 => self.suspend(),
            _ => self.break_disk(),
        }
        Ok(())
    }

    fn set_clock(&mut self, by_us: i64) {
        self.clock.set_wall_by(by_us);
        self.note(format_args!("the clock is set by {by_us} us to {}", self.clock.now()));
        // The scheduler's thread looks at the clock every second.
        let notices_us = self.dice.within(0..SECOND_US);
        self.plan_wake(notices_us);
    }

    fn slew(&mut self) {
        let by_us = i64::try_from(self.dice.spread(1..3600 * SECOND_US)).unwrap_or(0);
        self.set_clock(if self.dice.chance(500) { by_us } else { -by_us });
    }

    fn suspend(&mut self) {
        let asleep_us = self.dice.spread(SECOND_US..3 * 86_400 * SECOND_US);
        self.note(format_args!("suspended for {asleep_us} us"));
        self.clock.pass_until(self.clock.passed_us() + asleep_us);
        self.disturbed_at_us = self.clock.passed_us();
        self.plan_wake(0);
    }

    fn break_disk(&mut self) {
        self.disk.fail(self.plan.failing_per_mille);
        self.note(format_args!("the disk fails"));
        let lasts_us = self.dice.spread(1000..600 * SECOND_US);
        self.after(lasts_us, Happening::Heal);
    }

    /// The disk is well again.
    pub(super) fn heal(&mut self) {
        self.disk.fail(0);
        self.disturbed_at_us = self.clock.passed_us();
        self.note(format_args!("the disk is well, {} failures so far", self.disk.failures()));
    }

    /// The server dies. Of what was on its way some is done, and nobody is told.
    fn crash(&mut self) {
        let late = self.outcomes_of_the_dead();
        let Some(server) = self.server.take() else { return };
        if self.dice.chance(500) {
            let done = server.inline.commit(usize::try_from(self.dice.within(1..6)).unwrap_or(1));
            self.note(format_args!("dies after a commit of {done}"));
        } else {
            self.note(format_args!("dies"));
        }
        self.next_task = server.tasks.next();
        self.generation += 1;
        self.asked.clear();
        // What waits to be written may hold the store itself.
        server.store.close();
        drop(server);
        for finish in late {
            if self.dice.chance(300) {
                let late_us = self.dice.spread(1000..600 * SECOND_US);
                self.after(late_us, Happening::Late(Box::new(finish)));
            }
        }
        let down_us = self.dice.spread(1000..60 * SECOND_US);
        self.after(down_us, Happening::Start);
    }

    /// A server starts on what the last one left.
    pub(super) fn start(&mut self) -> Result<(), Violation> {
        if self.server.is_some() {
            return Ok(());
        }
        self.disturbed_at_us = self.clock.passed_us();
        self.generation += 1;
        let ground = Ground {
            plan: &self.plan,
            clock: &self.clock,
            disk: &self.disk,
            random: &self.random,
            first_task: self.next_task,
            dies_in_recovery: self.disturbances_left > 0 && self.dice.chance(100),
        };
        let mut lost = Vec::new();
        let started = Server::start(&self.file, &ground, |executions| lost = executions);
        let died = ground.dies_in_recovery;
        lost.iter().for_each(|execution| drop(self.processes.remove(execution)));
        match started {
            Ok(server) => {
                let epoch = server.store.epoch();
                self.server = Some(server);
                self.note(format_args!("server of epoch {epoch} starts, {} attempts were lost", lost.len()));
                let alone = self.processes.is_empty();
                ensure(alone, "no process outlives its server", || format!("{:?} go on", self.processes))?;
                self.read_events()?;
                self.plan_wake(0);
                Ok(())
            }
            Err(error) => {
                self.note(format_args!("cannot start: {error:?}"));
                let may_fail = died || !self.disk.is_well();
                ensure(may_fail, "a server starts on a disk that is well", || format!("{error:?}"))?;
                let again_us = self.dice.spread(1000..10 * SECOND_US);
                self.after(again_us, Happening::Start);
                Ok(())
            }
        }
    }
}

//! What the guardian is to know, and how much of it it has been told: a difference of two tables, so that an
//! attempt that ends at once is never spoken of.

use oneoff_domain::ExecutionId;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// A process group, and when its leader was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) number: i32,
    pub(crate) start_ticks: u64,
}

/// The groups that live.
#[derive(Debug, Default)]
pub(crate) struct LiveGroups {
    live: HashMap<ExecutionId, Group>,
    changed: HashSet<ExecutionId>,
}

impl LiveGroups {
    pub(crate) fn start(&mut self, execution_id: ExecutionId, group: Group) {
        self.live.insert(execution_id, group);
        self.changed.insert(execution_id);
    }

    pub(crate) fn end(&mut self, execution_id: ExecutionId) {
        if self.live.remove(&execution_id).is_some() {
            self.changed.insert(execution_id);
        }
    }

    /// Whether there is something to tell.
    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// A new guardian knows nothing: all that lives is news to it.
    pub(crate) fn tell_anew(&mut self) {
        self.changed = self.live.keys().copied().collect();
    }

    /// The lines that bring a guardian up to date that has been told of `told`.
    pub(crate) fn lines(&mut self, told: &mut HashSet<ExecutionId>) -> String {
        let mut lines = String::new();
        for id in self.changed.drain() {
            let _written_to_memory = match self.live.get(&id) {
                Some(Group { number, start_ticks }) if told.insert(id) => {
                    writeln!(lines, "start {id} {number} {start_ticks}")
                }
                None if told.remove(&id) => writeln!(lines, "end {id}"),
                _ => Ok(()),
            };
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: u8) -> ExecutionId {
        format!("0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e{last:02x}").parse().unwrap()
    }

    #[test]
    fn only_differences_are_told() {
        let (mut groups, mut told) = (LiveGroups::default(), HashSet::new());
        groups.start(id(1), Group { number: 100, start_ticks: 7 });
        assert_eq!(groups.lines(&mut told), format!("start {} 100 7\n", id(1)));
        groups.start(id(2), Group { number: 200, start_ticks: 7 });
        groups.end(id(2));
        assert!(groups.has_changed());
        assert_eq!(groups.lines(&mut told), "", "it came and went");
        groups.end(id(1));
        groups.end(id(1));
        assert_eq!(groups.lines(&mut told), format!("end {}\n", id(1)));
        assert!(!groups.has_changed());
    }

    #[test]
    fn a_new_guardian_is_told_of_all_that_lives() {
        let (mut groups, mut told) = (LiveGroups::default(), HashSet::new());
        groups.start(id(1), Group { number: 100, start_ticks: 7 });
        groups.start(id(2), Group { number: 200, start_ticks: 7 });
        groups.end(id(2));
        groups.lines(&mut told);
        groups.tell_anew();
        assert_eq!(groups.lines(&mut HashSet::new()), format!("start {} 100 7\n", id(1)));
    }
}

//! When a wall time occurs in a zone: once, twice, or not at all, because the clocks are changed.

use super::error::LATEST;
use super::zone::Zone;
use super::{Disambiguation, TimeError, describe};
use crate::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};

/// The instants that a wall time may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrence {
    Once(Timestamp),
    /// The clocks are moved forward over it: the instants as far before and behind the gap.
    Never {
        earlier: Timestamp,
        later: Timestamp,
    },
    /// The clocks are moved back over it.
    Twice {
        earlier: Timestamp,
        later: Timestamp,
    },
}

impl Occurrence {
    /// The instant that is meant, unless a choice is needed and none was made.
    pub(super) fn choose(self, disambiguation: Disambiguation) -> Option<Timestamp> {
        match (self, disambiguation) {
            (Self::Once(instant), _) => Some(instant),
            (_, Disambiguation::Reject) => None,
            (Self::Never { earlier, .. } | Self::Twice { earlier, .. }, Disambiguation::Earlier) => {
                Some(earlier)
            }
            (Self::Never { later, .. } | Self::Twice { later, .. }, Disambiguation::Later) => Some(later),
        }
    }

    /// The last instant that could be meant.
    pub(super) fn latest(self) -> Timestamp {
        match self {
            Self::Once(instant) => instant,
            Self::Never { later, .. } | Self::Twice { later, .. } => later,
        }
    }

    /// Those instants at which the wall clock really shows the time.
    pub(super) fn real(self) -> Vec<Timestamp> {
        match self {
            Self::Once(instant) => vec![instant],
            Self::Never { .. } => Vec::new(),
            Self::Twice { earlier, later } => vec![earlier, later],
        }
    }

    /// The error that offers the choices.
    pub(super) fn unclear(self, wall: DateTime, zone: &Zone) -> TimeError {
        let (what, earlier, later) = match self {
            Self::Never { earlier, later } => ("does not exist", earlier, later),
            Self::Twice { earlier, later } => ("occurs twice", earlier, later),
            Self::Once(instant) => ("occurs once", instant, instant),
        };
        let shown = describe::wall(wall);
        let choice = |instant: Timestamp| format!("{} ({instant})", describe::without_name(instant, zone));
        TimeError::new(format!("{shown} {what} in {}, as the clocks are changed then", zone.name))
            .hint(format!("choose `earlier`, {}, or `later`, {}", choice(earlier), choice(later)))
    }
}

/// When `wall` occurs in `zone`.
pub(super) fn of(wall: DateTime, zone: &Zone) -> Result<Occurrence, TimeError> {
    let at = |offset: Offset| instant_at(wall, offset);
    Ok(match zone.rules.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => Occurrence::Once(at(offset)?),
        AmbiguousOffset::Gap { before, after } => {
            Occurrence::Never { earlier: at(after)?, later: at(before)? }
        }
        AmbiguousOffset::Fold { before, after } => {
            Occurrence::Twice { earlier: at(before)?, later: at(after)? }
        }
    })
}

/// The instant of `wall` at an offset from UTC.
pub(super) fn instant_at(wall: DateTime, offset: Offset) -> Result<Timestamp, TimeError> {
    offset.to_timestamp(wall).map(Timestamp::from_jiff).map_err(|_range| too_late())
}

/// The error for what lies outside of the instants there are.
pub(super) fn too_late() -> TimeError {
    TimeError::new("that lies outside of the times that can be scheduled")
        .hint(format!("the latest time is {LATEST}"))
}

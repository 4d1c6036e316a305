//! A kill at every point. A program of its own, so that nothing else takes its time.

#[cfg(test)]
mod chains;
#[cfg(test)]
mod side_by_side;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod webhooks;

//! Retention, killed.

#[cfg(test)]
mod removal;

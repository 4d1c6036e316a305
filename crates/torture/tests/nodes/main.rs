//! Several nodes on one PostgreSQL server, in short. A program of its own, so that nothing else takes its time.

#[cfg(test)]
mod troubled;

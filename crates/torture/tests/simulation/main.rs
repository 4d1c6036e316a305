//! Simulated histories find every broken promise, and nothing where none is broken.

#[cfg(test)]
mod sabotage;

//! Each rule of the oracle, shown to fail on a history that breaks it, and a good history, which passes.

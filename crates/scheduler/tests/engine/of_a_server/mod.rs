//! What only a database on a server has: several nodes, each with a clock of its own. These tests have a server whatever
//! [`crate::harness::STORE`] says.

mod clocks;

//! Tests of the store on real files: what every database must do (`conformance`), and what is SQLite's own.

mod concurrency;
mod conformance;
mod counting;
mod fixture;
mod kill;
mod migrating;
mod opening;

//! What only a database in a file has: its disk is full, its commits fail as disks do, its backup is restored. These tests
//! have files whatever [`crate::harness::STORE`] says, and are left out by name where the others run on a server.

mod full_disk;
mod restored;
mod unknown_outcome;

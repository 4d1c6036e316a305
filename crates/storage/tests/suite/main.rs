//! Tests of the store on real files: what every database must do (`conformance`), and what is SQLite's own.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod condition;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod damaged_rows;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod hearing_nodes;
#[cfg(test)]
mod idempotency_keys;
#[cfg(test)]
mod keys_of_nodes;
mod kill;
#[cfg(test)]
mod log_size;
#[cfg(test)]
mod looking_through;
#[cfg(test)]
mod migrating;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod one_server;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod postgres_schema;
#[cfg(test)]
mod restarted_server;
#[cfg(test)]
mod search_after_restart;
#[cfg(test)]
mod space;

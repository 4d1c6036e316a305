//! The built binary as people use it: settings, commands, the database it refuses, and how it stops.

#[cfg(test)]
mod access;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod check_config;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod database;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod disk_again;
#[cfg(test)]
mod effects;
#[cfg(test)]
mod failing_disk;
#[cfg(test)]
mod hung_cluster;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod log;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod migrate_data;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod nodes_in_trouble;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod process;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod records;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod v1;
#[cfg(test)]
mod webhooks;

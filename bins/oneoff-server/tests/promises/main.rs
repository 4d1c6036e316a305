//! The promises, kept by the built binary: killed, stopped, loaded, restarted.

#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod kill_rounds;
#[cfg(test)]
mod server;
#[cfg(test)]
mod stopped;

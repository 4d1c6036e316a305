//! The promises, kept by the built binary: stopped, loaded, restarted. Kills are the business of `oneoff-torture`.

#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod server;
#[cfg(test)]
mod slow_readers;
#[cfg(test)]
mod stopped;

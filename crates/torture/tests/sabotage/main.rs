//! Servers that break a promise.

#[cfg(test)]
mod found_out;

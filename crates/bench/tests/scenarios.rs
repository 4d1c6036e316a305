//! Each scenario with tiny settings, as the command line runs it: that it runs at all and finds its figures.

#[cfg(test)]
mod smoke;

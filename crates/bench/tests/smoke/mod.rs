//! Each scenario with tiny settings. What it measures here means nothing.

mod commands;
mod in_process;
mod on_the_server;
mod program;

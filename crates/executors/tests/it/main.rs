//! Executors with real processes and real HTTP over loopback.

mod guardian;
mod processes;
mod shell;
mod shell_end;
mod support;

//! The scheduler over a real store: its service is asked, its executors are fakes.

mod cancel;
mod crash;
mod harness;
mod holds;
mod limits;
mod output;
mod retry;
mod run;
mod shutdown;
mod validation;

//! The OneOff server: settings, logging, wiring and signals around the library.
//!
//! [`start::start`] is the whole server as a function; the binary is a command line around it.

pub mod cli;
pub mod commands;
pub mod first_key;
pub mod flags;
pub mod listen;
mod log_request;
pub mod logging;
mod node_name;
mod open_files;
pub mod run;
pub mod settings;
pub mod signals;
pub mod start;
pub mod version;

pub use settings::{Settings, SettingsError, Sources};
pub use start::{Guardian, Server, ServerError, start};

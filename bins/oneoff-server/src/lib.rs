//! The OneOff server: settings, logging, wiring and signals around the library.
pub mod cli;
pub mod flags;
pub mod listen;
pub mod logging;
pub mod settings;
pub mod signals;
pub mod version;
pub use settings::{Settings, SettingsError, Sources};

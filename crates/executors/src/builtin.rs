//! The registry of the job types that come with OneOff. Each has one line here.

use crate::Registry;
use crate::http::HttpExecutor;
use crate::shell::{BaseEnvironment, ShellExecutor};
use oneoff_outbound::{BuildError, ClientSettings, EgressPolicy, OutboundClient};

/// The names of the built-in types, sorted: known without setting any of them up.
pub const BUILTIN_JOB_TYPES: &[&str] = &["http", "shell"];

impl Registry {
    /// A registry of all built-in types. Their requests obey `egress`; their processes start with this
    /// process's PATH, HOME, USER and LANG.
    ///
    /// # Errors
    /// [`BuildError`] when the HTTP client cannot be set up.
    pub fn builtin(egress: EgressPolicy) -> Result<Registry, BuildError> {
        let client = OutboundClient::new(ClientSettings::new(egress))?;
        let mut registry = Registry::new();
        registry.register(HttpExecutor::new(client));
        registry.register(ShellExecutor::new(BaseEnvironment::of_this_process()));
        Ok(registry)
    }
}

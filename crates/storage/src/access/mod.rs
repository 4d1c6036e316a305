//! Who may use the server: API keys, sessions of browsers, and the link by which the first key is made.

mod api_key;
mod beside;
mod change;
mod ledger;
mod projects;
mod rules;
mod session;
mod setup;
mod store;

pub use api_key::{ApiKey, NewApiKey};
pub use beside::ApiKeyStore;
pub use change::{ApiKeyPatch, Rotated, Rotation};
pub use rules::AccessRefusal;
pub use session::{NewSession, Session};
pub use setup::NewSetupLink;

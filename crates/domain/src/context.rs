//! Who asks for a change and under which conditions: travels with every call into the service.

/// Who does something, for the audit log and `created_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody on this machine, on a server without authentication.
    Local,
    /// The holder of an API key, by the key's name.
    ApiKey {
        /// The key's public id.
        id: String,
        /// The name that was given to the key.
        name: String,
    },
    /// Somebody at the command line of the server, beside its database.
    CommandLine,
    /// Somebody who used the link by which the first key is made.
    SetupLink,
    /// A program that embeds the library.
    Library,
    /// The server itself: recovery, retention, retries.
    System,
}

impl Actor {
    /// The text stored in audit rows: `local`, `key:NAME`, `command-line`, `setup-link`, `library` or `system`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Actor::Local => "local".to_owned(),
            Actor::ApiKey { name, .. } => format!("key:{name}"),
            Actor::CommandLine => "command-line".to_owned(),
            Actor::SetupLink => "setup-link".to_owned(),
            Actor::Library => "library".to_owned(),
            Actor::System => "system".to_owned(),
        }
    }

    /// The public id of the key, which stays the same when the key is renamed.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Actor::ApiKey { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// A client's promise that two requests with the same key are the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as given, at most 255 characters.
    pub key: String,
    /// A hash of the request, by which a different request under the same key is found out.
    pub fingerprint: String,
}

/// What every call that changes something carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Who asks.
    pub actor: Actor,
    /// The projects that this actor may touch; `None` is all of them.
    pub allowed_projects: Option<Vec<String>>,
    /// The id of the request, for logs and audit rows.
    pub request_id: Option<String>,
    /// The address from which the request came, for audit rows.
    pub client_address: Option<String>,
    /// Set when the request must take effect once, however often it is sent.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The version that the record must still have (HTTP `If-Match`).
    pub if_match: Option<i64>,
    /// Set when everything is to be checked and decided, and nothing changed.
    pub dry_run: bool,
}

impl Context {
    /// A context without conditions.
    #[must_use]
    pub fn new(actor: Actor) -> Self {
        Self {
            actor,
            allowed_projects: None,
            request_id: None,
            client_address: None,
            idempotency_key: None,
            if_match: None,
            dry_run: false,
        }
    }

    /// The project of what names none: the only one that the actor may touch, or the default one.
    #[must_use]
    pub fn default_project(&self) -> &str {
        match self.allowed_projects.as_deref() {
            Some([only]) => only,
            _ => crate::DEFAULT_PROJECT,
        }
    }

    /// Whether the actor may touch what belongs to a project.
    #[must_use]
    pub fn allows_project(&self, project: &str) -> bool {
        self.allowed_projects.as_ref().is_none_or(|allowed| allowed.iter().any(|name| name == project))
    }
}

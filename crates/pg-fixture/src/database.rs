//! A database of one test, which is gone when the test is.

use crate::binaries::psql;
use crate::process::run;
use crate::{FixtureError, HeldTransaction};
use std::fmt;
use url::Url;

/// A database of one test. It is removed when this is dropped, whoever is still connected to it.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: Url,
    admin: Url,
}

impl Database {
    /// Creates an empty one, or a copy of a template.
    pub(crate) fn create(
        admin: &Url,
        url: Url,
        name: String,
        template: Option<&str>,
    ) -> Result<Self, FixtureError> {
        let owner = if url.username() == admin.username() { String::new() } else { owner(&url) };
        let template = template.map(|name| format!(" TEMPLATE {name}")).unwrap_or_default();
        query(admin, &format!("CREATE DATABASE {name}{owner}{template}"))?;
        Ok(Self { name, url, admin: admin.clone() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, by TCP, for a user who owns the database and is no superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Its URL with a further parameter of the connection, such as `sslmode`.
    #[must_use]
    pub fn url_with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }

    /// Runs SQL in it as the superuser, past whatever a test is about, and answers rows as lines with `|` between columns.
    ///
    /// # Errors
    /// What the server says.
    pub fn query(&self, sql: &str) -> Result<String, FixtureError> {
        query(&with_name(&self.admin, &self.name), sql)
    }

    /// Begins a transaction as the superuser, runs SQL in it, and leaves it open until the answer is dropped.
    ///
    /// # Errors
    /// The SQL fails, or the server is not there.
    pub fn hold(&self, sql: &str) -> Result<HeldTransaction, FixtureError> {
        HeldTransaction::begin(&with_name(&self.admin, &self.name), sql)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.url.as_str())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is stopped keeps it, until it goes itself.
        drop(query(&self.admin, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
    }
}

fn owner(url: &Url) -> String {
    format!(" OWNER {}", url.username())
}

/// The URL of another database of the same server.
pub(crate) fn with_name(url: &Url, name: &str) -> Url {
    let mut url = url.clone();
    url.set_path(name);
    url
}

/// Runs SQL.
pub(crate) fn query(url: &Url, sql: &str) -> Result<String, FixtureError> {
    run(psql()?.arg("--dbname").arg(url.as_str()).arg("--command").arg(sql))
}

//! Job type `http`: one request, its response judged by status, the body kept as output.

mod attempt;
mod config;
mod expected;
mod headers;
mod record;
mod schema;
mod template;

use crate::fields::{accepted, one_line};
use crate::{Executor, RunContext, RunFuture};
use config::HttpConfig;
use oneoff_domain::FieldError;
use oneoff_outbound::OutboundClient;
use serde_json::{Map, Value};
use std::time::Duration;

/// Characters of a summary.
const SUMMARY_MAX_CHARS: usize = 120;

/// Sends requests.
#[derive(Debug, Clone)]
pub struct HttpExecutor {
    client: OutboundClient,
}

impl HttpExecutor {
    /// An executor that sends its requests through `client`.
    #[must_use]
    pub fn new(client: OutboundClient) -> Self {
        Self { client }
    }

    fn parse(&self, config: &Map<String, Value>) -> Result<HttpConfig, Vec<FieldError>> {
        template::check(config)?;
        let config = accepted(config, HttpConfig::parse(config))?;
        // An address in place of a name can be judged now; a name is judged when it is resolved.
        match self.client.policy().check_url(&config.url) {
            Ok(()) => Ok(config),
            Err(refused) => Err(vec![FieldError::new("/url", refused.to_string())]),
        }
    }
}

impl Executor for HttpExecutor {
    fn job_type(&self) -> &str {
        "http"
    }

    fn validate(&self, config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        self.parse(config).map(drop)
    }

    fn config_schema(&self) -> Value {
        crate::schema::of_type(
            "http",
            "The config of an HTTP job: one request, whose response is judged by its status.",
            schema::config(),
        )
    }

    fn summary(&self, config: &Map<String, Value>) -> String {
        HttpConfig::parse(config).map_or_else(|_errors| "http".to_owned(), |config| sum_up(&config))
    }

    fn validate_and_sum_up(&self, config: &Map<String, Value>) -> Result<String, Vec<FieldError>> {
        self.parse(config).map(|config| sum_up(&config))
    }

    fn run(&self, context: RunContext) -> RunFuture {
        let client = self.client.clone();
        Box::pin(async move {
            let mut stop = context.stop.clone();
            tokio::select! {
                biased;
                reason = stop.wait() => reason.outcome(),
                outcome = attempt::run(&client, &context) => outcome,
            }
        })
    }

    fn default_timeout(&self) -> Option<Duration> {
        Some(Duration::from_secs(30))
    }
}

fn sum_up(config: &HttpConfig) -> String {
    let HttpConfig { method, url, .. } = config;
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if url.path() == "/" { "" } else { url.path() };
    one_line(&format!("{method} {host}{port}{path}"), SUMMARY_MAX_CHARS)
}

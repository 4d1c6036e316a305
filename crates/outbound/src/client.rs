//! The client through which the server calls out.

use crate::request::host_of;
use crate::resolver::VettingResolver;
use crate::{BuildError, EgressPolicy, OutboundError, OutboundRequest, OutboundResponse, redirect, tls};
use std::time::Duration;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Which addresses it may call.
    pub policy: EgressPolicy,
    /// `User-Agent` of a request that names none.
    pub user_agent: String,
    /// How long name, connection and TLS may take together.
    pub connect_timeout: Duration,
    /// How long a connection is kept for the next request.
    pub idle_timeout: Duration,
}

impl ClientSettings {
    /// The settings for a policy.
    #[must_use]
    pub fn new(policy: EgressPolicy) -> Self {
        Self {
            policy,
            user_agent: concat!("OneOff/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// An HTTP client that obeys the address policy. Clones share its connections.
#[derive(Debug, Clone)]
pub struct OutboundClient {
    inner: reqwest::Client,
    policy: EgressPolicy,
}

impl OutboundClient {
    /// A client with these settings. It uses no proxy, keeps no cookies, and repeats no request by itself.
    ///
    /// # Errors
    /// [`BuildError`] when TLS cannot be set up.
    pub fn new(settings: ClientSettings) -> Result<Self, BuildError> {
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config()?)
            .dns_resolver(VettingResolver { policy: settings.policy })
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(32)
            .build()
            .map_err(|source| BuildError { what: "the client", source: Box::new(source) })?;
        Ok(Self { inner, policy: settings.policy })
    }

    /// The policy it obeys.
    #[must_use]
    pub fn policy(&self) -> EgressPolicy {
        self.policy
    }

    /// Sends a request and waits for the head of its response, through as many redirects as it allows.
    /// Dropping the future ends the request.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn send(&self, mut request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let mut redirects = 0;
        loop {
            // An address in place of a name is never resolved, so it is judged here.
            self.policy.check_url(&request.url)?;
            let inner = self.send_one(&request).await?;
            let next = match request.max_redirects {
                0 => None,
                _ => redirect::next(&request, inner.status(), inner.headers())?,
            };
            let Some(next) = next else {
                let mut url = request.url;
                let _always_possible = (url.set_username(""), url.set_password(None));
                return Ok(OutboundResponse { inner, url, redirects });
            };
            if redirects == next.max_redirects {
                return Err(OutboundError::TooManyRedirects(redirects));
            }
            redirects += 1;
            request = next;
        }
    }

    async fn send_one(&self, request: &OutboundRequest) -> Result<reqwest::Response, OutboundError> {
        let mut builder =
            self.inner.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        builder.send().await.map_err(|error| OutboundError::from_send(error, host_of(&request.url)))
    }
}

//! One request and its answer: headers, time limits, decoding, and the errors of all three.

use crate::{ClientError, ClientSettings};
use oneoff_api_types::{Data, Problem};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The longest answer that is read.
const ANSWER_MAX_BYTES: usize = 128 * 1024 * 1024;

/// A client of one server. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: ClientSettings,
    root: Url,
    http: reqwest::Client,
}

/// A request before it is sent; it can be sent more than once.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) extra_time: Duration,
}

impl Call {
    pub(crate) fn new(method: Method, path: &[&str]) -> Self {
        Self {
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            extra_time: Duration::ZERO,
        }
    }

    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query.extend(query);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(|error| ClientError::Settings {
            message: format!("the request cannot be written as JSON: {error}"),
        })?;
        self.body = Some(bytes);
        Ok(self)
    }

    /// Asks the server to hold its answer back for so long unless there is news.
    pub(crate) fn wait(mut self, wait: Option<Duration>) -> Self {
        if let Some(wait) = wait {
            self.query.push(("wait", wait.as_secs().to_string()));
            self.extra_time = wait;
        }
        self
    }
}

impl Client {
    /// A client with these settings. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Settings`] when the address or the key cannot be used.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let root = settings.api_root()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster; then its provider is as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(default_headers(&settings)?)
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.timeouts.connect)
            .redirect(reqwest::redirect::Policy::none());
        if settings.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ClientError::Settings {
            message: format!("the HTTP client cannot be set up: {}", innermost(&error)),
        })?;
        Ok(Self { inner: Arc::new(Inner { settings, root, http }) })
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &ClientSettings {
        &self.inner.settings
    }

    /// Sends a call and reads `{"data": ...}`.
    pub(crate) async fn data<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClientError> {
        Ok(self.json::<Data<T>>(call).await?.data)
    }

    /// Sends a call and reads its JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClientError> {
        let answer = self.send(call).await?;
        serde_json::from_slice(&answer.body).map_err(|error| ClientError::Protocol {
            url: answer.url,
            status: answer.status.as_u16(),
            message: format!("{error} ({})", excerpt(&answer.body)),
        })
    }

    /// Sends a call whose answer does not matter.
    pub(crate) async fn empty(&self, call: &Call) -> Result<(), ClientError> {
        self.send(call).await.map(drop)
    }

    async fn send(&self, call: &Call) -> Result<Answer, ClientError> {
        let url = self.url(call)?;
        let mut request = self
            .inner
            .http
            .request(call.method.clone(), url.clone())
            .timeout(self.inner.settings.timeouts.request.saturating_add(call.extra_time));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let response = request.send().await.map_err(|error| unreachable(&url, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(&url, response).await?;
        let answer = Answer { url, status, body };
        if status.is_success() { Ok(answer) } else { Err(answer.refusal(&headers)) }
    }

    fn url(&self, call: &Call) -> Result<Url, ClientError> {
        let mut url = self.inner.root.clone();
        url.path_segments_mut()
            .map_err(|()| ClientError::Settings { message: "the server's URL has no path".to_owned() })?
            .pop_if_empty()
            .extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }
}

/// What came back.
struct Answer {
    url: Url,
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    fn refusal(self, headers: &HeaderMap) -> ClientError {
        if let Ok(problem) = serde_json::from_slice::<Problem>(&self.body) {
            let seconds = header_text(headers, RETRY_AFTER).and_then(|text| text.parse().ok());
            return ClientError::Problem {
                problem: Box::new(problem),
                retry_after: seconds.map(Duration::from_secs),
            };
        }
        let message = match header_text(headers, LOCATION) {
            Some(location) if self.status.is_redirection() => format!("it redirects to {location}"),
            _ => format!("status {} with {}", self.status, excerpt(&self.body)),
        };
        ClientError::Protocol { url: self.url, status: self.status.as_u16(), message }
    }
}

fn default_headers(settings: &ClientSettings) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(key) = &settings.api_key {
        let text = format!("Bearer {}", key.reveal().trim());
        let mut value = HeaderValue::try_from(text).map_err(|_reveals_the_key| ClientError::Settings {
            message: "the API key has characters that no key has".to_owned(),
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

async fn read_body(url: &Url, mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, error))? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(ClientError::Protocol {
                url: url.clone(),
                status: response.status().as_u16(),
                message: format!("the answer is longer than {ANSWER_MAX_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(url: &Url, error: reqwest::Error) -> ClientError {
    let was_sent = !error.is_connect() && !error.is_builder();
    ClientError::Unreachable { url: url.clone(), source: Box::new(error.without_url()), was_sent }
}

fn header_text(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The beginning of a body for an error message, on one line and without control characters.
fn excerpt(body: &[u8]) -> String {
    if body.is_empty() {
        return "an empty body".to_owned();
    }
    let text = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).into_owned();
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("the body `{}`", line.trim())
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

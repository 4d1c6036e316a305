//! One attempt of an HTTP job. It stops by being dropped.

use super::config::HttpConfig;
use super::headers;
use super::record::{Body, record};
use super::template;
use crate::RunContext;
use oneoff_domain::{AttemptOutcome, OutputStream, Reason, ValidationErrors};
use oneoff_outbound::{OutboundClient, OutboundError, OutboundRequest, OutboundResponse};

/// Sends the request and judges the response.
pub(super) async fn run(client: &OutboundClient, context: &RunContext) -> AttemptOutcome {
    let rendered = context.chain.as_deref().map(|chain| template::render(&context.config, chain)).transpose();
    let parsed = rendered.and_then(|config| HttpConfig::parse(config.as_ref().unwrap_or(&context.config)));
    let config = match parsed {
        Ok(config) => config,
        Err(errors) => {
            return AttemptOutcome::failed(Reason::InvalidConfig, ValidationErrors(errors).to_string());
        }
    };
    let HttpConfig { url, method, mut headers, body, expected, max_response_bytes, max_redirects } = config;
    headers::identify(&mut headers, context);
    let request = OutboundRequest { method, url, headers, body: body.into(), max_redirects };
    let mut response = match client.send(request).await {
        Ok(response) => response,
        Err(error) => return failed(&error),
    };
    let mut body = Body::default();
    let read = read_body(&mut response, max_response_bytes, &mut body, context).await;
    let result = record(&response, body);
    if let Err(error) = read {
        return failed(&error).with_result(result);
    }
    let status = response.status();
    if expected.includes(status) {
        return AttemptOutcome::success().with_result(result);
    }
    AttemptOutcome::failed(Reason::HttpStatus, format!("unexpected status {status}; expected {expected}"))
        .with_result(result)
}

/// Writes the body to the output as it comes. What is beyond the limit is not read: the response is judged by
/// its status all the same.
async fn read_body(
    response: &mut OutboundResponse,
    max_bytes: u64,
    body: &mut Body,
    context: &RunContext,
) -> Result<(), OutboundError> {
    while let Some(mut chunk) = response.chunk().await? {
        let room = max_bytes.saturating_sub(body.kept_bytes);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        body.truncated = chunk.len() > room;
        chunk.truncate(room);
        body.kept_bytes += chunk.len() as u64;
        context.output.write(OutputStream::Stdout, chunk).await;
        if body.truncated {
            break;
        }
    }
    Ok(())
}

fn failed(error: &OutboundError) -> AttemptOutcome {
    let reason = match error {
        OutboundError::Refused(_) => Reason::AddressPolicy,
        _ => Reason::Transport,
    };
    AttemptOutcome::failed(reason, error.chain())
}

//! What the audit log tells of a chain: what of it was changed, and of the jobs that its links define what it tells of
//! jobs.

use crate::Catalog;
use crate::audit::changed;
use crate::audit_of_job::{TOLD_MAX_BYTES, definition, finished};
use oneoff_domain::{Chain, ChainLink, LinkSource};
use serde_json::{Value, json};

/// All of a chain.
pub(super) fn whole(chain: &Chain, catalog: &Catalog) -> Value {
    masked(content(chain, catalog))
}

/// What differs, before and after.
pub(super) fn of_change(before: &Chain, after: &Chain, catalog: &Catalog) -> (Value, Value) {
    // Told apart before secrets are masked: that one of them was changed is told.
    let (before, after) = changed(content(before, catalog), content(after, catalog));
    (masked(before), masked(after))
}

fn content(chain: &Chain, catalog: &Catalog) -> Value {
    let link = |link: &ChainLink| {
        let source = match &link.source {
            LinkSource::Job(id) => json!({ "job_id": id }),
            LinkSource::Definition(made) => definition(made, catalog),
        };
        json!({ "runs": source, "run_if": link.rule.run_if, "stop_on_failure": link.rule.stop_on_failure })
    };
    json!({
        "name": chain.name,
        "description": chain.description,
        "links": chain.links.iter().map(link).collect::<Vec<_>>(),
    })
}

/// With masked secrets; of links that are large together, without what makes them so.
fn masked(mut told: Value) -> Value {
    let Some(links) = told.get_mut("links").and_then(Value::as_array_mut) else { return told };
    for link in links.iter_mut() {
        if let Some(runs) = link.get_mut("runs") {
            *runs = finished(runs.take()).unwrap_or_default();
        }
    }
    let bytes: usize = links.iter().map(|link| link.to_string().len()).sum();
    if bytes <= TOLD_MAX_BYTES {
        return told;
    }
    for link in links.iter_mut() {
        if let Some(Value::Object(runs)) = link.get_mut("runs") {
            runs.retain(|name, _| matches!(name.as_str(), "job_id" | "name" | "type"));
        }
    }
    if let Value::Object(told) = &mut told {
        told.insert("links_too_large_bytes".to_owned(), json!(bytes));
    }
    told
}

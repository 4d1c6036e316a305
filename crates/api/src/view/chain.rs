//! Chains and their executions on the wire, with what they say to people.

use oneoff_api_types::{ChainExecutionView, ChainLinkView, ChainView, LinkExecutionView, LinkJobView};
use oneoff_domain::{
    Chain, ChainExecution, ChainLink, ChainStatus, JobDefinition, LinkExecution, LinkSource, LinkStatus,
    SkipReason,
};
use oneoff_storage::Catalog;

/// A chain as the API answers it.
pub(crate) fn chain(chain: Chain, catalog: &Catalog) -> ChainView {
    let id = chain.id.to_string();
    let links = (1..).zip(chain.links).map(|(order, of)| link(&id, order, of, catalog)).collect();
    ChainView {
        id,
        name: chain.name,
        description: chain.description,
        project_id: chain.project_id,
        links,
        created_by: chain.created_by,
        created_at: chain.created_at.to_string(),
        updated_at: chain.updated_at.to_string(),
        version: chain.version,
    }
}

fn link(chain_id: &str, sequence_order: u32, link: ChainLink, catalog: &Catalog) -> ChainLinkView {
    let (job_id, job) = match link.source {
        LinkSource::Job(id) => (Some(id.to_string()), None),
        LinkSource::Definition(definition) => (None, Some(link_job(*definition, catalog))),
    };
    ChainLinkView {
        id: link.id,
        chain_id: chain_id.to_owned(),
        job_id,
        job,
        sequence_order,
        stop_on_failure: link.rule.stop_on_failure,
        run_if: link.rule.run_if.to_string(),
        created_at: link.created_at.to_string(),
    }
}

fn link_job(definition: JobDefinition, catalog: &Catalog) -> LinkJobView {
    // As they are sent: a link may be sent back as it was read.
    let tags = catalog.tags_of(&definition.tags).into_iter().map(|tag| tag.name).collect();
    LinkJobView {
        name: definition.name,
        job_type: definition.job_type,
        config: definition.config,
        tags,
        priority: definition.priority,
        timezone: definition.timezone,
        timeout_seconds: definition.timeout_seconds,
        max_retries: definition.retry.max_retries,
        retry_delay_seconds: definition.retry.delay_seconds,
        retry_max_delay_seconds: definition.retry.max_delay_seconds,
        retry_exit_codes: definition.retry.exit_codes,
        max_lateness_seconds: definition.max_lateness_seconds,
        on_late: definition.on_late.to_string(),
        on_crash: definition.on_crash.to_string(),
        concurrency_key: definition.concurrency_key,
        metadata: definition.metadata,
    }
}

/// A chain execution as the API answers it.
pub(crate) fn execution(execution: ChainExecution) -> ChainExecutionView {
    let detail = detail_of_chain(&execution);
    ChainExecutionView {
        id: execution.id.to_string(),
        chain_id: execution.chain_id.to_string(),
        chain_name: execution.chain_name,
        project_id: execution.project_id,
        status: execution.status.to_string(),
        detail,
        cancel_requested: execution.cancel_requested,
        scheduled_at: execution.scheduled_at.to_string(),
        links: execution.links.into_iter().map(link_execution).collect(),
        created_by: execution.created_by,
        created_at: execution.created_at.to_string(),
        started_at: execution.started_at.map(|at| at.to_string()),
        ended_at: execution.ended_at.map(|at| at.to_string()),
        version: execution.version,
        message: None,
    }
}

fn link_execution(link: LinkExecution) -> LinkExecutionView {
    let detail = detail_of_link(&link);
    LinkExecutionView {
        sequence_order: link.index.saturating_add(1),
        job_id: link.job().map(|id| id.to_string()),
        name: link.name,
        job_type: link.job_type,
        source_job_id: link.source_job.map(|id| id.to_string()),
        stop_on_failure: link.rule.stop_on_failure,
        run_if: link.rule.run_if.to_string(),
        status: link.status.to_string(),
        reason: link.reason,
        detail,
        execution_id: link.execution_id.map(|id| id.to_string()),
        exit_code: link.exit_code,
        started_at: link.started_at.map(|at| at.to_string()),
        ended_at: link.ended_at.map(|at| at.to_string()),
    }
}

fn detail_of_chain(execution: &ChainExecution) -> Option<String> {
    match execution.status {
        ChainStatus::Failed => execution.failed_link().map(|link| {
            let (order, name, status) = (link.index.saturating_add(1), &link.name, link.status);
            format!("link {order} (`{name}`) is {status}, and it stops the chain")
        }),
        ChainStatus::Cancelled => Some("it was cancelled".to_owned()),
        _ if execution.cancel_requested => {
            Some("it was cancelled, and its running job is being ended".to_owned())
        }
        ChainStatus::Scheduled | ChainStatus::Running | ChainStatus::Completed => None,
    }
}

fn detail_of_link(link: &LinkExecution) -> Option<String> {
    let reason = link.reason.as_deref().unwrap_or("unknown");
    let skipped = || match reason.parse() {
        Ok(SkipReason::EarlierFailure) => {
            "a link before it failed and stops the chain, and this one runs only while none has"
        }
        Ok(SkipReason::NoFailure) => "no link before it failed, and this one runs only after a failure",
        Ok(SkipReason::ChainCancelled) => "the chain execution was cancelled before its turn came",
        Err(_) => "it was not run",
    };
    match (link.status, reason) {
        (LinkStatus::Waiting, _) => Some("the link before it is not over".to_owned()),
        (LinkStatus::Skipped, _) => Some(skipped().to_owned()),
        (LinkStatus::Failed, "missed") => {
            Some("its job was too late by its own policy and did not run".to_owned())
        }
        (LinkStatus::Failed, "unreadable") => Some("what it was to run cannot be read any more".to_owned()),
        (LinkStatus::Failed, _) => Some(format!("its job failed: {reason}")),
        (LinkStatus::Cancelled, "deleted") => Some("its job was deleted before it was over".to_owned()),
        (LinkStatus::Cancelled, _) => Some("its job was cancelled".to_owned()),
        (LinkStatus::Scheduled | LinkStatus::Running | LinkStatus::Completed, _) => None,
    }
}

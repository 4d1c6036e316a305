//! Chains as a caller asks for them, and what is checked of them.

use super::Service;
use super::plan::Plan;
use super::tags::NewTags;
use super::validate::Checks;
use crate::{JobDraft, Schedule, ServiceError};
use oneoff_domain::limits::{CHAIN_DESCRIPTION_MAX_CHARS, CHAIN_LINKS_MAX, CHAIN_LINKS_MAX_BYTES};
use oneoff_domain::{ChainId, ChainLink, Context, FieldError, JobId, LinkRule, LinkSource, Timestamp};
use oneoff_storage::{ChainEdit, NewChain};

/// What a link is to run.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkJob {
    /// A copy of what this job is when the chain is executed.
    CopyOf(JobId),
    /// This. It has no time, no project and no external id of its own.
    Inline(Box<JobDraft>),
}

/// A link of a new chain.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkDraft {
    /// What it is to run.
    pub job: LinkJob,
    /// Whether it runs, and what its failure means.
    pub rule: LinkRule,
}

impl LinkDraft {
    /// A link that runs while none has failed, and whose failure stops the chain.
    #[must_use]
    pub fn new(job: LinkJob) -> Self {
        Self { job, rule: LinkRule::default() }
    }
}

/// A new chain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainDraft {
    /// Its name.
    pub name: String,
    /// More of it.
    pub description: Option<String>,
    /// `default` if it is not given.
    pub project_id: Option<String>,
    /// What it runs, in order.
    pub links: Vec<LinkDraft>,
}

/// An edit of a chain: every `Some` replaces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainPatch {
    /// The name.
    pub name: Option<String>,
    /// The description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// All links.
    pub links: Option<Vec<LinkDraft>>,
}

impl Service {
    /// Checks a new chain. All that is wrong is reported at once.
    pub(super) fn plan_chain(
        &self,
        context: &Context,
        draft: ChainDraft,
        now: Timestamp,
    ) -> Result<(NewChain, NewTags), ServiceError> {
        let mut checks = Checks::default();
        let ChainDraft { name, description, project_id, links } = draft;
        check_name(&name, &mut checks);
        check_description(description.as_deref(), &mut checks);
        let project_id = project_id.unwrap_or_else(|| context.default_project().to_owned());
        self.check_project(context, &project_id, &mut checks);
        let (links, new_tags) = self.plan_links(context, links, &project_id, now, &mut checks)?;
        checks.into_result()?;
        let id = ChainId::generate(now, self.inner.random.as_ref());
        Ok((NewChain { id, name, description, project_id, links }, new_tags))
    }

    /// Checks an edit of a chain of this project.
    pub(super) fn plan_chain_edit(
        &self,
        context: &Context,
        patch: ChainPatch,
        project_id: &str,
        now: Timestamp,
    ) -> Result<(ChainEdit, NewTags), ServiceError> {
        let mut checks = Checks::default();
        let ChainPatch { name, description, links } = patch;
        if let Some(name) = &name {
            check_name(name, &mut checks);
        }
        check_description(description.as_ref().and_then(Option::as_deref), &mut checks);
        if links.is_some() {
            self.check_project(context, project_id, &mut checks);
        }
        let planned = links.map(|links| self.plan_links(context, links, project_id, now, &mut checks));
        let (links, new_tags) = planned.transpose()?.unzip();
        checks.into_result()?;
        Ok((ChainEdit { name, description, links }, new_tags.unwrap_or_default()))
    }

    fn plan_links(
        &self,
        context: &Context,
        drafts: Vec<LinkDraft>,
        project_id: &str,
        now: Timestamp,
        checks: &mut Checks,
    ) -> Result<(Vec<ChainLink>, NewTags), ServiceError> {
        let mut new_tags = NewTags::new();
        let count = drafts.len();
        if count == 0 || count > CHAIN_LINKS_MAX {
            let message = if count == 0 { "a chain needs at least one link" } else { "are too many links" };
            let error = FieldError::new("/links", message);
            checks.add(error.with_hint(format!("1 to {CHAIN_LINKS_MAX} links")));
            return Ok((Vec::new(), new_tags));
        }
        let mut links = Vec::with_capacity(count);
        for (index, LinkDraft { job, rule }) in drafts.into_iter().enumerate() {
            let source = match job {
                LinkJob::CopyOf(id) => LinkSource::Job(id),
                LinkJob::Inline(draft) => {
                    let at = format!("/links/{index}/job");
                    match self.plan_inline(context, *draft, project_id, now) {
                        Ok(Plan { definition, new_tags: of_link, .. }) => {
                            new_tags.extend(of_link);
                            LinkSource::Definition(Box::new(definition))
                        }
                        Err(ServiceError::Invalid(errors)) => {
                            errors.0.into_iter().for_each(|error| checks.add(error.below(&at)));
                            continue;
                        }
                        Err(other) => return Err(other),
                    }
                }
            };
            // The id of a link has the form of all others.
            let id = ChainId::generate(now, self.inner.random.as_ref()).to_string();
            links.push(ChainLink { id, source, rule, created_at: now });
        }
        let bytes = serde_json::to_string(&links).map_or(usize::MAX, |text| text.len());
        if bytes > CHAIN_LINKS_MAX_BYTES {
            let error = FieldError::new("/links", format!("take {bytes} bytes together"));
            checks.add(error.with_hint(format!("at most {CHAIN_LINKS_MAX_BYTES} bytes as JSON")));
        }
        Ok((links, new_tags))
    }

    fn plan_inline(
        &self,
        context: &Context,
        draft: JobDraft,
        project_id: &str,
        now: Timestamp,
    ) -> Result<Plan, ServiceError> {
        let mut checks = Checks::default();
        let refused = [
            (
                "/scheduled_at",
                draft.schedule.at.is_some() || draft.schedule.immediate,
                "its time comes with its turn",
            ),
            (
                "/external_id",
                draft.external_id.is_some(),
                "each execution of the chain makes a job of its own",
            ),
            ("/project_id", draft.project_id.is_some(), "its job is of the chain's project"),
            ("/held", draft.held, "hold its job when that is there"),
        ];
        for (pointer, _, why) in refused.into_iter().filter(|(_, is_given, _)| *is_given) {
            checks.add(FieldError::new(pointer, format!("a link has none of its own: {why}")));
        }
        checks.into_result()?;
        let schedule = Schedule { at: None, immediate: false, ..draft.schedule };
        // A job without a time is a held one.
        let project_id = Some(project_id.to_owned());
        let planned = self.plan(context, JobDraft { schedule, held: true, project_id, ..draft }, now);
        planned.map_err(|error| match error {
            // What is wrong with the chain's project is told of the chain.
            ServiceError::Invalid(mut errors) => {
                errors.0.retain(|error| error.pointer != "/project_id");
                ServiceError::Invalid(errors)
            }
            other => other,
        })
    }
}

fn check_name(name: &str, checks: &mut Checks) {
    if name.trim().is_empty() {
        checks.add(FieldError::new("/name", "a chain needs a name"));
    }
    checks.name("/name", name);
}

fn check_description(description: Option<&str>, checks: &mut Checks) {
    checks.long_text("/description", description.unwrap_or_default(), CHAIN_DESCRIPTION_MAX_CHARS);
}
